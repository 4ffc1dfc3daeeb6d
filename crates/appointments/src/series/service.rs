//! Making series: what would come of one, and making it so; the rules and the writing of bookings, for many at once.

use chrono::TimeDelta;
use db::{AuditRecord, TenantRead, TenantTx};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use kernel::{ContactId, FieldErrors, PractitionerId, SeriesId, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::check::{check, lock, refuse_conflicts};
use super::error::SeriesError;
use super::follow_ups::{follow_up_of, free_follow_ups};
use super::model::{Choice, Policy, Series, SeriesRequest};
use super::occurrence_view::OccurrenceView;
use super::occurrences::{Occurrence, occurrences};
use super::plan::{Candidate, Checked, Decision};
use super::store::{self, NewSeries};
use crate::booking::context::{self, Context};
use crate::booking::plan::{Booking, Wish};
use crate::booking::service::{self as booking_service, BookingRequest, Place};
use crate::booking::{Appointment, Terms};
use crate::occupancy::Claim;
use crate::{holds, tags};

/// The event that tells of a series: ids only.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct SeriesEvent {
    /// The series.
    pub(super) series_id: SeriesId,
    /// Who comes.
    pub(super) contact_id: ContactId,
    /// Who sees them.
    pub(super) practitioner_id: PractitionerId,
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
pub(super) struct Made {
    /// The series.
    pub(super) series: Series,
    /// Each occurrence that the rule names.
    pub(super) occurrences: Vec<OccurrenceView>,
}

/// What would become of each occurrence of `request`, were it made now. Nothing is locked and nothing written.
///
/// # Errors
/// [`SeriesError::Booking`] with every value that makes no sense.
pub(super) async fn preview(tx: &TenantRead<'_>, request: &SeriesRequest) -> Result<Vec<OccurrenceView>, SeriesError> {
    let (context, candidates) = candidates(tx, request).await?;
    let checked = check(tx, candidates, &context, &[]).await?.0;
    Ok(checked.into_iter().map(OccurrenceView::from).collect())
}

/// Makes the series with all its appointments, or none of it.
///
/// # Errors
/// [`SeriesError::Conflicts`] with each occurrence that cannot be had and is neither left out nor squeezed in; those of
/// [`preview`]; [`SeriesError::Booking`] when the constraints find what the check could not see.
pub(super) async fn create(tx: &mut TenantTx<'_>, request: &SeriesRequest) -> Result<Made, SeriesError> {
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
    let requests: Vec<(BookingRequest, &Checked, Claim)> = writes
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

/// What `request` asks for at one time.
const fn wish_at(request: &SeriesRequest, starts_at: Timestamp, ends_at: Option<Timestamp>) -> Wish {
    Wish {
        practitioner: request.practitioner,
        service: request.service,
        service_is_new: true,
        contact: Some(request.contact),
        room: request.room,
        preferred_room: None,
        starts_at,
        ends_at,
        terms: Terms::Regular,
    }
}

/// What `request` comes to before anybody looks at the agenda.
async fn candidates(tx: &TenantRead<'_>, request: &SeriesRequest) -> Result<(Context, Vec<Candidate>), SeriesError> {
    let first = wish_at(request, request.starts_at, request.ends_at);
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
    for occurrence in found {
        let choice = request.choices.iter().position(|(at, _)| *at == occurrence.starts_at);
        match candidate(request, occurrence, duration, &context, tx.now()) {
            Ok(candidate) => candidates.push(candidate),
            Err(faults) => match choice {
                Some(index) => errors.nest(&format!("/choices/{index}"), faults),
                None => {
                    let message = format!("{}: {faults}", occurrence.starts_at);
                    errors.push("/rule", "out_of_range", message);
                    break;
                }
            },
        }
    }
    let candidates = errors.finish(Some(candidates))?;
    Ok((context, candidates))
}

/// What becomes of `occurrence` by what was chosen for it, planned for `duration`.
fn candidate(
    request: &SeriesRequest,
    occurrence: Occurrence,
    duration: TimeDelta,
    context: &Context,
    now: Timestamp,
) -> Result<Candidate, FieldErrors> {
    let Occurrence { starts_at, clock } = occurrence;
    let chosen = request.choices.iter().find(|(at, _)| *at == starts_at);
    let chosen = chosen.map(|(_, choice)| *choice);
    let begins = match chosen {
        Some(Choice::Move(other)) => other,
        _ => starts_at,
    };
    let wish = wish_at(request, begins, Some(begins.saturating_add(duration)));
    Ok(Candidate {
        appointment: None,
        occurrence_at: starts_at,
        clock,
        booking: Booking::plan(&wish, context, now)?,
        wish,
        policy: match chosen {
            Some(Choice::Overbook(permit)) => Policy::Overbook(permit),
            _ => request.policy,
        },
        skipped: chosen == Some(Choice::Skip),
    })
}

async fn insert_series(
    tx: &TenantRead<'_>,
    request: &SeriesRequest,
    context: &Context,
    checked: &[Checked],
) -> Result<Series, SeriesError> {
    let duration = checked
        .first()
        .map_or(TimeDelta::minutes(1), |one| one.candidate.booking.slot.duration());
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

fn booking_request(request: &SeriesRequest, one: &Checked, claim: &Claim) -> BookingRequest {
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
const fn terms_of(policy: Policy, claim: &Claim) -> Terms {
    match policy {
        Policy::Overbook(permit) if !claim.exclusive => Terms::Overbooked(permit),
        Policy::Overbook(_) | Policy::Refuse | Policy::Skip => Terms::Regular,
    }
}
