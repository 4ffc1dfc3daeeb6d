//! Making series: what would come of one, and making it so; the rules and the writing of bookings, for many at once.

use db::{AuditRecord, DbError, TenantRead, TenantTx};
use futures_util::FutureExt;
use futures_util::future::{try_join_all, try_join3};
use kernel::{AppointmentId, ContactId, FieldErrors, RoomId, SeriesId, ServiceId, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::error::SeriesError;
use super::model::{Choice, Policy, Series, SeriesRequest};
use super::occurrences::{Occurrence, occurrences};
use super::plan::{Candidate, Checked, Decision, Situation};
use super::store::{self, NewSeries};
use super::views::OccurrenceView;
use crate::availability;
use crate::availability::spans::Span;
use crate::booking::context::{self, Context};
use crate::booking::plan::{Booking, Wish};
use crate::booking::service::{self as booking_service, BookingRequest, Place};
use crate::booking::{Appointment, OverbookPermit, Terms};
use crate::occupancy::{self, LockKeys, RoomNeed};
use crate::{holds, tags};

/// The event that tells of a series: ids only.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SeriesEvent {
    /// The series.
    pub series_id: SeriesId,
    /// Who comes.
    pub contact_id: ContactId,
    /// Who sees them.
    pub practitioner_id: kernel::PractitionerId,
}

impl From<&Series> for SeriesEvent {
    fn from(series: &Series) -> Self {
        Self {
            series_id: series.id,
            contact_id: series.contact_id,
            practitioner_id: series.practitioner_id,
        }
    }
}

/// A series that was made, and what became of each of its occurrences.
#[derive(Debug)]
pub struct Made {
    /// The series.
    pub series: Series,
    /// Each occurrence that the rule names.
    pub occurrences: Vec<OccurrenceView>,
}

/// What would become of each occurrence of `request`, were it made now. Nothing is locked and nothing written.
///
/// # Errors
/// [`SeriesError::Booking`] with every value that makes no sense.
pub async fn preview(tx: &TenantRead<'_>, request: &SeriesRequest) -> Result<Vec<OccurrenceView>, SeriesError> {
    let (context, candidates) = candidates(tx, request).await?;
    let checked = check(tx, candidates, &context, &[]).await?.0;
    Ok(checked.into_iter().map(OccurrenceView::from).collect())
}

/// Makes the series with all its appointments, or none of it.
///
/// # Errors
/// [`SeriesError::Conflicts`] with each occurrence that cannot be had and is neither left out nor squeezed in; those of
/// [`preview`]; [`SeriesError::Booking`] when the constraints find what the check could not see.
pub async fn create(tx: &mut TenantTx<'_>, request: &SeriesRequest) -> Result<Made, SeriesError> {
    let (context, candidates) = candidates(tx, request).await?;
    lock(tx, &candidates).await?;
    // Read under the locks, so that nothing is booked between the look and the writing.
    let (checked, lapsed) = check(tx, candidates, &context, &[]).boxed_local().await?;
    refuse_conflicts(&checked)?;
    holds::store::remove(tx, &lapsed).await?;
    let series = insert_series(tx, request, &context, &checked).await?;
    let free = free_follow_ups(tx, request.contact, request.service, &checked).await?;
    let writes = checked.iter().filter_map(|one| match one.decision {
        Decision::Book(claim) => Some((one, claim)),
        Decision::Skip | Decision::Refuse => None,
    });
    let requests: Vec<(BookingRequest, &Checked, occupancy::Claim)> = writes
        .map(|(one, claim)| (booking_request(request, one, &claim), one, claim))
        .collect();
    // Sent together: one answer is waited for, not one for each.
    let made: Vec<Appointment> = try_join_all(requests.iter().map(|(booking, one, claim)| {
        let place = Place {
            series: series.id,
            occurrence_at: one.candidate.occurrence_at,
            exception: one.candidate.booking.slot.starts_at() != one.candidate.occurrence_at,
        };
        let follow_up_of = follow_up_of(&free, one);
        booking_service::insert(
            tx,
            booking,
            request.service,
            &one.candidate.booking,
            claim,
            follow_up_of,
            Some(place),
        )
        .boxed_local()
    }))
    .await?;
    for (appointment, (booking, ..)) in made.iter().zip(&requests) {
        booking_service::announce_booking(tx, appointment, context.zone, booking);
    }
    tx.audit(
        AuditRecord::new("appointment_series.create", "appointment_series", series.id.as_uuid())
            .with_detail(json!({ "appointments": made.len() })),
    );
    announce(tx, "appointment_series.created", &series);
    let mut made = made.into_iter().map(|appointment| appointment.id);
    let occurrences = checked
        .into_iter()
        .map(|one| {
            let id = matches!(one.decision, Decision::Book(_)).then(|| made.next()).flatten();
            OccurrenceView::from(one).booked_as(id)
        })
        .collect();
    Ok(Made { series, occurrences })
}

/// Tells of `series`, and what is stale by it.
pub(super) fn announce(tx: &mut TenantTx<'_>, event: &'static str, series: &Series) {
    tx.emit(event, &SeriesEvent::from(series));
    tx.touch(tags::series());
}

/// Refuses when an occurrence cannot be had, or none is left.
pub(super) fn refuse_conflicts(checked: &[Checked]) -> Result<(), SeriesError> {
    let refused = |one: &&Checked| one.decision == Decision::Refuse;
    let books = |one: &Checked| matches!(one.decision, Decision::Book(_));
    let is_conflict = |one: &&Checked| one.obstacle.is_some();
    let views = |wanted: Vec<&Checked>| wanted.into_iter().cloned().map(OccurrenceView::from).collect();
    let conflicts: Vec<&Checked> = if checked.iter().any(books) {
        checked.iter().filter(refused).collect()
    } else {
        // What all was left out for.
        checked.iter().filter(is_conflict).collect()
    };
    if conflicts.is_empty() {
        return if checked.iter().any(books) {
            Ok(())
        } else {
            Err(FieldErrors::one("/choices", "nothing_left", "leaves nothing of the series").into())
        };
    }
    Err(SeriesError::Conflicts {
        total: checked.len(),
        conflicts: views(conflicts),
    })
}

/// What `request` comes to before anybody looks at the agenda.
async fn candidates(tx: &TenantRead<'_>, request: &SeriesRequest) -> Result<(Context, Vec<Candidate>), SeriesError> {
    let wish_at = |starts_at: Timestamp, ends_at: Option<Timestamp>| Wish {
        practitioner: request.practitioner,
        service: request.service,
        service_is_new: true,
        contact: Some(request.contact),
        room: request.room,
        preferred_room: None,
        starts_at,
        ends_at,
        terms: Terms::Regular,
    };
    let first = wish_at(request.starts_at, request.ends_at);
    let context = context::load(tx, &first.references()).boxed_local().await?;
    // The first stands for all: what is wrong with it is wrong with the request.
    let planned = Booking::plan(&first, &context, tx.now());
    let found = occurrences(&request.rule, request.starts_at, context.zone, &request.excluded);
    let (planned, found) = match (planned, found) {
        (Ok(planned), Ok(found)) => (planned, found),
        (planned, found) => {
            let mut errors = FieldErrors::new();
            for fault in [planned.err(), found.err()].into_iter().flatten() {
                errors.nest("", fault);
            }
            return Err(errors.into());
        }
    };
    let duration = planned.slot.duration();
    let mut errors = FieldErrors::new();
    for (index, (at, _)) in request.choices.iter().enumerate() {
        if !found.iter().any(|occurrence| occurrence.starts_at == *at) {
            let pointer = format!("/choices/{index}/occurrence_at");
            errors.push(pointer, "no_occurrence", "there is no occurrence then");
        }
    }
    let mut candidates = Vec::with_capacity(found.len());
    for Occurrence { starts_at, clock } in found {
        let choice = request.choices.iter().position(|(at, _)| *at == starts_at);
        let chosen = choice
            .and_then(|index| request.choices.get(index))
            .map(|(_, choice)| *choice);
        let begins = match chosen {
            Some(Choice::Move(other)) => other,
            _ => starts_at,
        };
        let wish = wish_at(begins, Some(begins.saturating_add(duration)));
        match Booking::plan(&wish, &context, tx.now()) {
            Ok(booking) => candidates.push(Candidate {
                appointment: None,
                occurrence_at: starts_at,
                clock,
                wish,
                booking,
                policy: match chosen {
                    Some(Choice::Overbook(permit)) => Policy::Overbook(permit),
                    _ => request.policy,
                },
                skipped: chosen == Some(Choice::Skip),
            }),
            Err(faults) => match choice {
                Some(index) => errors.nest(&format!("/choices/{index}"), faults),
                None => {
                    let message = format!("{starts_at}: {faults}");
                    errors.push("/rule", "out_of_range", message);
                    break;
                }
            },
        }
    }
    let candidates = errors.finish(Some(candidates))?;
    Ok((context, candidates))
}

/// Takes the locks of every candidate at once, in the order in which everybody takes them.
pub(super) async fn lock(tx: &TenantRead<'_>, candidates: &[Candidate]) -> Result<(), DbError> {
    let keys = candidates
        .iter()
        .filter(|one| !one.skipped)
        .fold(LockKeys::new(tx.clinic()), |keys, one| {
            let keys = keys.practitioner(one.wish.practitioner, &one.booking.busy);
            if one.booking.room == RoomNeed::None {
                keys
            } else {
                keys.rooms(&one.booking.busy)
            }
        });
    occupancy::store::lock(tx, &keys).await
}

/// Checks `candidates`, all of one practitioner, against the agenda, in which `own` does not count. Six statements, however many
/// there are; says also which holds have lapsed where they go.
pub(super) async fn check(
    tx: &TenantRead<'_>,
    candidates: Vec<Candidate>,
    context: &Context,
    own: &[AppointmentId],
) -> Result<(Vec<Checked>, Vec<kernel::HoldId>), SeriesError> {
    let busy: Vec<_> = candidates.iter().map(|one| one.booking.busy).collect();
    let from = busy.iter().map(occupancy::BusySpan::from).min();
    let until = busy.iter().map(occupancy::BusySpan::until).max();
    let span = from.zip(until).and_then(|(from, until)| Span::new(from, until));
    let (Some(span), Some(first)) = (span, candidates.first()) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let practitioner = first.wish.practitioner;
    let mut choice: Vec<RoomId> = Vec::new();
    if candidates
        .iter()
        .any(|one| matches!(one.booking.room, RoomNeed::Any { .. }))
    {
        let rooms = occupancy::store::rooms_for(tx, first.wish.service, &first.booking.busy, None).await?;
        choice.extend(rooms.into_iter().map(|room| room.id));
    }
    let mut rooms = choice.clone();
    rooms.extend(candidates.iter().filter_map(|one| match one.booking.room {
        RoomNeed::Exactly(room) => Some(room),
        RoomNeed::None | RoomNeed::Any { .. } => None,
    }));
    rooms.sort_unstable();
    rooms.dedup();
    // Days around it are read along, where free slots may be named instead.
    let around = Span::new(
        span.starts_at().saturating_add(-chrono::TimeDelta::days(4)),
        span.ends_at().saturating_add(chrono::TimeDelta::days(4)),
    )
    .unwrap_or(span);
    let hours = availability::service::hours(tx, context.zone, practitioner, around);
    let taken = store::busy(tx, practitioner, &rooms, around, own);
    let (hours, taken, ()) = try_join3(hours.boxed_local(), taken.boxed_local(), async { Ok(()) }).await?;
    let situation = Situation {
        hours,
        practitioners: taken.practitioners,
        rooms: taken.rooms,
        choice,
        now: tx.now(),
    };
    Ok((situation.check(candidates, context), taken.lapsed))
}

async fn insert_series(
    tx: &TenantRead<'_>,
    request: &SeriesRequest,
    context: &Context,
    checked: &[Checked],
) -> Result<Series, SeriesError> {
    let duration = checked.first().map_or(chrono::TimeDelta::minutes(1), |one| {
        one.candidate.booking.slot.duration()
    });
    let new = NewSeries {
        clinic_id: tx.clinic(),
        id: SeriesId::new_at(tx.now()),
        contact_id: request.contact,
        practitioner_id: request.practitioner,
        room_id: request.room,
        service_id: request.service,
        rule: request.rule.to_string(),
        zone: context.zone,
        starts_at: request.starts_at,
        ends_at: request.starts_at.saturating_add(duration),
        notes: request.notes.as_ref(),
        previous_id: None,
    };
    Ok(store::insert(tx, new).await?)
}

/// The paid appointments that may make occurrences free, by their time.
pub(super) async fn free_follow_ups(
    tx: &TenantRead<'_>,
    contact: ContactId,
    service: Option<ServiceId>,
    checked: &[Checked],
) -> Result<Vec<(Timestamp, AppointmentId)>, DbError> {
    let bookings = || checked.iter().map(|one| one.candidate.booking);
    let since = bookings().filter_map(|booking| booking.free_since).min();
    let until = bookings().map(|booking| booking.slot.starts_at()).max();
    let window = since.zip(until).and_then(|(since, until)| Span::new(since, until));
    match (service, window) {
        (Some(service), Some(window)) => store::paid_in(tx, contact, service, window).await,
        _ => Ok(Vec::new()),
    }
}

/// The last of `paid` that makes `one` free.
pub(super) fn follow_up_of(paid: &[(Timestamp, AppointmentId)], one: &Checked) -> Option<AppointmentId> {
    let since = one.candidate.booking.free_since?;
    let starts_at = one.candidate.booking.slot.starts_at();
    paid.iter()
        .rev()
        .find(|(at, _)| since <= *at && *at < starts_at)
        .map(|(_, id)| *id)
}

fn booking_request(request: &SeriesRequest, one: &Checked, claim: &occupancy::Claim) -> BookingRequest {
    BookingRequest {
        id: None,
        contact: request.contact,
        practitioner: request.practitioner,
        service: request.service,
        room: request.room,
        starts_at: one.candidate.booking.slot.starts_at(),
        ends_at: Some(one.candidate.booking.slot.ends_at()),
        notes: request.notes.clone(),
        hold: None,
        terms: terms_of(one.candidate.policy, claim),
    }
}

/// The terms of what was decided: an occurrence is overbooked only where it had to be.
fn terms_of(policy: Policy, claim: &occupancy::Claim) -> Terms {
    match overbook_permit(policy) {
        Some(permit) if !claim.exclusive => Terms::Overbooked(permit),
        _ => Terms::Regular,
    }
}

const fn overbook_permit(policy: Policy) -> Option<OverbookPermit> {
    match policy {
        Policy::Overbook(permit) => Some(permit),
        Policy::Refuse | Policy::Skip => None,
    }
}
