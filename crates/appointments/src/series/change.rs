//! Changing and calling off: one occurrence, it and those after it, or all that lie ahead.

use chrono::{NaiveDateTime, TimeDelta};
use db::{AuditRecord, TenantTx};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use kernel::{AppointmentId, FieldErrors, SeriesId, Timestamp, Version, Zone};
use serde_json::json;

use super::error::SeriesError;
use super::model::{Cancellation, Change, Exceptions, Series, SeriesScope, SeriesStatus};
use super::occurrences::local_in;
use super::plan::{Candidate, Checked, Decision};
use super::service::{self, Made, follow_up_of, free_follow_ups};
use super::store::{self, NewSeries, SeriesChanges};
use super::views::OccurrenceView;
use crate::booking::context::{self, Context};
use crate::booking::plan::{Booking, Wish};
use crate::booking::service::{AppointmentEvent, price_of, touch};
use crate::booking::store::{Busy, Changes, Locked};
use crate::booking::transitions::{announce as announce_move, changes_for, step_of};
use crate::booking::{Action, Appointment, BookingError, Terms, store as booking_store};
use crate::holds;
use crate::recurrence::{InvalidRule, Rule, Window, instant_of};

/// A series that is being changed, with all its appointments.
struct Held {
    series: Series,
    rule: Rule,
    appointments: Vec<Appointment>,
}

impl Held {
    async fn take(tx: &TenantTx<'_>, id: SeriesId, expected: Option<Version>) -> Result<Self, SeriesError> {
        let series = store::lock(tx, id).await?.ok_or(SeriesError::NotFound)?;
        if expected.is_some_and(|version| version != series.version) {
            return Err(SeriesError::Stale);
        }
        let appointments = store::lock_occurrences(tx, id).await?;
        let rule = Rule::parse(&series.rule).map_err(|error| rule_fault(&error))?;
        Ok(Self {
            series,
            rule,
            appointments,
        })
    }

    /// The appointment from which `scope` is meant.
    fn anchor(&self, scope: SeriesScope, named: Option<AppointmentId>) -> Result<Option<&Appointment>, FieldErrors> {
        match named {
            None if scope == SeriesScope::All => Ok(None),
            None => Err(FieldErrors::one(
                "/appointment_id",
                "required",
                "say which occurrence is meant",
            )),
            Some(id) => {
                let found = self.appointments.iter().find(|appointment| appointment.id == id);
                let unknown = || FieldErrors::one("/appointment_id", "unknown", "the series has no such appointment");
                found.map(Some).ok_or_else(unknown)
            }
        }
    }

    /// Whether `appointment` is meant by `scope` from `anchor` on.
    fn means(scope: SeriesScope, anchor: Option<&Appointment>, appointment: &Appointment) -> bool {
        match (scope, anchor) {
            (SeriesScope::This, Some(anchor)) => appointment.id == anchor.id,
            (SeriesScope::Following, Some(anchor)) => appointment.occurrence_at >= anchor.occurrence_at,
            _ => true,
        }
    }

    /// Where the series is cut so that `anchor` begins what follows; none when nothing would be left before it.
    fn cut(&self, scope: SeriesScope, anchor: Option<&Appointment>) -> Option<Timestamp> {
        let at = anchor.filter(|_| scope == SeriesScope::Following)?.occurrence_at?;
        let earlier = |appointment: &Appointment| appointment.occurrence_at.is_some_and(|other| other < at);
        self.appointments.iter().any(earlier).then_some(at)
    }

    /// How many occurrences the rule names before `at`.
    fn named_before(&self, at: Timestamp) -> Result<u32, SeriesError> {
        let zone = self.series.zone;
        let first = self.series.starts_at.local_in(zone);
        let window = Window {
            from: first,
            until: at.local_in(zone).max(first),
            most: super::occurrences::MOST,
        };
        let expansion = self
            .rule
            .expand(first, local_in(zone), window)
            .map_err(|error| rule_fault(&error))?;
        Ok(u32::try_from(expansion.starts.len()).unwrap_or(u32::MAX))
    }

    /// The rule of what comes before `at`.
    fn rule_before(&self, at: Timestamp) -> Rule {
        let last = at.saturating_add(-TimeDelta::seconds(1));
        self.rule.clone().ended_at(last.as_datetime())
    }
}

fn rule_fault(error: &InvalidRule) -> SeriesError {
    FieldErrors::one("/rule", error.code(), error).into()
}

/// Whether an appointment may still be changed with others: it has not begun and is not called off.
fn lies_ahead(appointment: &Appointment, scope: SeriesScope, now: Timestamp) -> bool {
    Action::Reschedule.leads_from(appointment.status).is_some()
        && (scope == SeriesScope::This || appointment.starts_at >= now)
}

/// Changes occurrences of the series `id` as `change` says, all or none; says what became of each that was meant.
///
/// # Errors
/// [`SeriesError::NotFound`], [`SeriesError::Stale`], [`SeriesError::Over`] when nothing of it lies ahead,
/// [`SeriesError::Conflicts`] with each whose new time cannot be had, and what bookings are refused for.
pub async fn change(
    tx: &mut TenantTx<'_>,
    id: SeriesId,
    expected: Option<Version>,
    change: &Change,
) -> Result<Made, SeriesError> {
    let held = Held::take(tx, id, expected).boxed_local().await?;
    let anchor = held.anchor(change.scope, change.occurrence)?;
    let meant = |appointment: &&Appointment| Held::means(change.scope, anchor, appointment);
    let changes_exceptions = change.scope == SeriesScope::This || change.exceptions == Exceptions::Overwrite;
    let affected: Vec<&Appointment> = held
        .appointments
        .iter()
        .filter(meant)
        .filter(|appointment| lies_ahead(appointment, change.scope, tx.now()))
        .filter(|appointment| changes_exceptions || !appointment.series_exception)
        .collect();
    let (Some(first), shift) = (affected.first(), shift_of(&held, anchor, &affected, change)?) else {
        return Err(SeriesError::Over);
    };
    let rule = held.rule.clone().shifted(shift.days).ok_or_else(|| {
        let message = "the days of this rule hang on the calendar, so it cannot move to other days: call off what follows \
                       and make a new series";
        FieldErrors::one("/starts_at", "rule_cannot_move", message)
    });
    let rule = if change.scope == SeriesScope::This {
        held.rule.clone()
    } else {
        rule?
    };
    let wish_of_first = wish(change, first, first.starts_at, first.ends_at);
    let context = context::load(tx, &wish_of_first.references()).boxed_local().await?;
    let candidates = candidates(tx, &held, &affected, &context, change, shift)?;
    service::lock(tx, &candidates).await?;
    let own: Vec<AppointmentId> = affected.iter().map(|appointment| appointment.id).collect();
    let (checked, lapsed) = service::check(tx, candidates, &context, &own).boxed_local().await?;
    service::refuse_conflicts(&checked)?;
    holds::store::remove(tx, &lapsed).await?;
    let series = move_series(tx, &held, anchor, change, rule, shift)
        .boxed_local()
        .await?;
    write(tx, context.zone, &affected, &checked, change, &series)
        .boxed_local()
        .await?;
    move_places(tx, &held, anchor, change, shift).boxed_local().await?;
    note(tx, "appointment_series.update", &series, change.scope);
    let event = if series.id == held.series.id {
        "appointment_series.updated"
    } else {
        service::announce(tx, "appointment_series.updated", &held.series);
        "appointment_series.created"
    };
    service::announce(tx, event, &series);
    let view = |one: Checked| {
        let appointment = one.candidate.appointment;
        OccurrenceView::from(one).booked_as(appointment)
    };
    Ok(Made {
        series,
        occurrences: checked.into_iter().map(view).collect(),
    })
}

/// By how much the wall-clock times move.
#[derive(Debug, Clone, Copy)]
struct Shift {
    by: TimeDelta,
    /// How many calendar days of that.
    days: i64,
    /// How long each is from now on, when that is said.
    duration: Option<TimeDelta>,
}

/// The shift that `change` asks for.
fn shift_of(
    held: &Held,
    anchor: Option<&Appointment>,
    affected: &[&Appointment],
    change: &Change,
) -> Result<Shift, FieldErrors> {
    let zone = held.series.zone;
    let Some(from) = anchor.or(affected.first().copied()) else {
        return Ok(Shift {
            by: TimeDelta::zero(),
            days: 0,
            duration: None,
        });
    };
    let base = base_of(from, change);
    let to = change.starts_at.unwrap_or(base);
    let (base, to_local): (NaiveDateTime, NaiveDateTime) = (base.local_in(zone), to.local_in(zone));
    let duration = change.ends_at.map(|ends_at| ends_at.since(to));
    if duration.is_some_and(|duration| duration <= TimeDelta::zero()) {
        return Err(FieldErrors::one(
            "/ends_at",
            "invalid_slot",
            "the end must come after the start",
        ));
    }
    Ok(Shift {
        by: to_local - base,
        days: (to_local.date() - base.date()).num_days(),
        duration,
    })
}

/// From where an appointment moves: from its own time when it alone is meant, else from where the rule puts it.
fn base_of(appointment: &Appointment, change: &Change) -> Timestamp {
    match appointment.occurrence_at {
        Some(at) if change.scope != SeriesScope::This => at,
        _ => appointment.starts_at,
    }
}

/// Whether `change` asks for other time or another practitioner, which is a rescheduling.
fn reschedules(change: &Change) -> bool {
    change.starts_at.is_some() || change.ends_at.is_some() || change.practitioner.is_some()
}

/// Whether `change` touches what keeps time or place busy.
fn replaces(change: &Change) -> bool {
    reschedules(change)
        || change.room.is_some()
        || change.service.is_some()
        || change.exceptions == Exceptions::Overwrite
}

fn wish(change: &Change, appointment: &Appointment, starts_at: Timestamp, ends_at: Timestamp) -> Wish {
    let terms = if reschedules(change) || change.exceptions == Exceptions::Overwrite {
        Terms::Regular
    } else {
        Terms::Kept {
            overbooked: appointment.overbooked,
        }
    };
    Wish {
        practitioner: change.practitioner.unwrap_or(appointment.practitioner_id),
        service: change.service.unwrap_or(appointment.service_id),
        service_is_new: change.service.is_some() || change.practitioner.is_some(),
        contact: None,
        room: change.room.flatten(),
        preferred_room: if change.room.is_some() {
            None
        } else {
            appointment.room_id
        },
        starts_at,
        ends_at: Some(ends_at),
        terms,
    }
}

fn candidates(
    tx: &TenantTx<'_>,
    held: &Held,
    affected: &[&Appointment],
    context: &Context,
    change: &Change,
    shift: Shift,
) -> Result<Vec<Candidate>, SeriesError> {
    let zone = held.series.zone;
    let pattern = held.series.ends_at.since(held.series.starts_at);
    let mut candidates = Vec::with_capacity(affected.len());
    for appointment in affected {
        let base = base_of(appointment, change);
        let moved = instant_of(zone, base.local_in(zone) + shift.by);
        let Some((moved, clock)) = moved else {
            let message = "a time lies between the years 1900 and 2200";
            return Err(FieldErrors::one("/starts_at", "out_of_range", message).into());
        };
        let moves = shift.by != TimeDelta::zero() || base != appointment.starts_at;
        // The time that the client named for the occurrence is that time; what stays where it is stays to the second.
        let starts_at = match change.starts_at {
            Some(named) if change.occurrence == Some(appointment.id) => named,
            _ if moves => moved,
            _ => appointment.starts_at,
        };
        let own = appointment.ends_at.since(appointment.starts_at);
        let kept = if appointment.series_exception && change.scope != SeriesScope::This {
            pattern
        } else {
            own
        };
        let duration = shift.duration.unwrap_or(kept);
        let wish = wish(change, appointment, starts_at, starts_at.saturating_add(duration));
        let booking = Booking::plan(&wish, context, tx.now())?;
        candidates.push(Candidate {
            appointment: Some(appointment.id),
            occurrence_at: if change.scope == SeriesScope::This {
                base_occurrence(appointment)
            } else {
                moved
            },
            clock,
            wish,
            booking,
            policy: change.policy,
            skipped: false,
        });
    }
    Ok(candidates)
}

fn base_occurrence(appointment: &Appointment) -> Timestamp {
    appointment.occurrence_at.unwrap_or(appointment.starts_at)
}

/// Writes the series itself: in place, or as a new one that begins where the old one is cut.
async fn move_series(
    tx: &TenantTx<'_>,
    held: &Held,
    anchor: Option<&Appointment>,
    change: &Change,
    rule: Rule,
    shift: Shift,
) -> Result<Series, SeriesError> {
    let old = &held.series;
    if change.scope == SeriesScope::This {
        return Ok(store::update(tx, old.id, SeriesChanges::default()).await?);
    }
    let shifted = |at: Timestamp| instant_of(old.zone, at.local_in(old.zone) + shift.by).map_or(at, |(at, _)| at);
    let duration = shift.duration.unwrap_or_else(|| old.ends_at.since(old.starts_at));
    let cut = held.cut(change.scope, anchor);
    let Some(at) = cut else {
        let starts_at = shifted(old.starts_at);
        let changes = SeriesChanges {
            practitioner_id: change.practitioner,
            room_id: change.room,
            service_id: change.service,
            rule: Some(rule.to_string()),
            starts_at: Some(starts_at),
            ends_at: Some(starts_at.saturating_add(duration)),
            notes: change.notes.clone(),
            status: None,
        };
        return Ok(store::update(tx, old.id, changes).await?);
    };
    let before = held.named_before(at)?;
    let rule = match rule.count() {
        Some(count) => rule.ended_after(count.saturating_sub(before).max(1)),
        None => rule,
    };
    let ended = SeriesChanges {
        rule: Some(held.rule_before(at).to_string()),
        ..SeriesChanges::default()
    };
    store::update(tx, old.id, ended).await?;
    let starts_at = shifted(at);
    let notes = change.notes.clone().unwrap_or_else(|| old.notes.clone());
    let new = NewSeries {
        clinic_id: tx.clinic(),
        id: SeriesId::new_at(tx.now()),
        contact_id: old.contact_id,
        practitioner_id: change.practitioner.unwrap_or(old.practitioner_id),
        room_id: change.room.unwrap_or(old.room_id),
        service_id: change.service.unwrap_or(old.service_id),
        rule: rule.to_string(),
        zone: old.zone,
        starts_at,
        ends_at: starts_at.saturating_add(duration),
        notes: notes.as_ref(),
        previous_id: Some(old.id),
    };
    let series = store::insert(tx, new).await?;
    let written = |appointment: &&Appointment| {
        lies_ahead(appointment, change.scope, tx.now())
            && (change.exceptions == Exceptions::Overwrite || !appointment.series_exception)
    };
    let unwritten: Vec<AppointmentId> = held
        .appointments
        .iter()
        .filter(|appointment| Held::means(change.scope, anchor, appointment))
        .filter(|appointment| !written(appointment))
        .map(|appointment| appointment.id)
        .collect();
    // What is written anyhow goes over then.
    store::give(tx, &unwritten, series.id).await?;
    Ok(series)
}

/// Moves the places in the rule of occurrences that stay where they were agreed, so that they know where they would be.
async fn move_places(
    tx: &mut TenantTx<'_>,
    held: &Held,
    anchor: Option<&Appointment>,
    change: &Change,
    shift: Shift,
) -> Result<(), SeriesError> {
    if change.scope == SeriesScope::This || change.exceptions == Exceptions::Overwrite || shift.by == TimeDelta::zero()
    {
        return Ok(());
    }
    let zone = held.series.zone;
    let kept: Vec<(AppointmentId, Timestamp)> = held
        .appointments
        .iter()
        .filter(|appointment| appointment.series_exception && Held::means(change.scope, anchor, appointment))
        .filter(|appointment| lies_ahead(appointment, change.scope, tx.now()))
        .filter_map(|appointment| {
            let (moved, _) = instant_of(zone, base_occurrence(appointment).local_in(zone) + shift.by)?;
            Some((appointment.id, moved))
        })
        .collect();
    let written = try_join_all(kept.into_iter().map(|(id, occurrence_at)| {
        let changes = Changes {
            occurrence_at: Some(occurrence_at),
            ..Changes::default()
        };
        booking_store::update(tx, id, changes, None, Busy::Keeps).boxed_local()
    }))
    .await?;
    for appointment in &written {
        touch(tx, appointment, zone, None);
    }
    Ok(())
}

/// Writes every appointment that was decided on.
async fn write(
    tx: &mut TenantTx<'_>,
    zone: Zone,
    affected: &[&Appointment],
    checked: &[Checked],
    change: &Change,
    series: &Series,
) -> Result<(), SeriesError> {
    let replaced = replaces(change);
    let booked: Vec<AppointmentId> = checked
        .iter()
        .filter(|one| matches!(one.decision, Decision::Book(_)))
        .filter_map(|one| one.candidate.appointment)
        .collect();
    if replaced {
        // All at once, so that none stands in the way of another that moves.
        store::free(tx, &booked).await?;
    }
    let service = change.service.unwrap_or(series.service_id);
    let free = match change.service {
        Some(_) => free_follow_ups(tx, series.contact_id, service, checked).await?,
        None => Vec::new(),
    };
    let this = change.scope == SeriesScope::This;
    let action = Action::Reschedule;
    let written = try_join_all(affected.iter().zip(checked).map(|(before, one)| {
        let mut changes = Changes {
            series_id: Some(series.id),
            ..Changes::default()
        };
        let mut step = None;
        let mut busy = Busy::Keeps;
        match &one.decision {
            Decision::Book(claim) => {
                let booking = &one.candidate.booking;
                if reschedules(change)
                    && let Some(status) = action.leads_from(before.status)
                {
                    changes = Changes {
                        series_id: Some(series.id),
                        ..changes_for(before, action, status)
                    };
                    step = Some(step_of(
                        before,
                        action,
                        (status, booking.slot.starts_at()),
                        change.reason.as_ref(),
                    ));
                } else if replaced {
                    changes.sequence = Some(before.sequence.saturating_add(1));
                }
                if replaced {
                    changes.practitioner_id = Some(claim.practitioner);
                    changes.room_id = Some(claim.room);
                    changes.starts_at = Some(booking.slot.starts_at());
                    changes.ends_at = Some(booking.slot.ends_at());
                    changes.overbooked = Some(!claim.exclusive);
                    busy = Busy::Takes(claim);
                }
                if change.service.is_some() {
                    let follow_up = follow_up_of(&free, one);
                    changes.service_id = Some(service);
                    changes = changes.price(price_of(booking, follow_up), follow_up);
                }
                changes.notes = change.notes.clone();
                changes.occurrence_at = Some(one.candidate.occurrence_at);
                changes.series_exception = Some(this);
            }
            // Left where it is, and apart from the others from now on.
            Decision::Skip | Decision::Refuse => {
                changes.occurrence_at = Some(one.candidate.occurrence_at);
                changes.series_exception = Some(true);
            }
        }
        booking_store::update(tx, before.id, changes, step, busy).boxed_local()
    }))
    .await?;
    for ((before, one), after) in affected.iter().zip(checked).zip(&written) {
        let before = Locked {
            appointment: (*before).clone(),
            zone,
        };
        if reschedules(change) && matches!(one.decision, Decision::Book(_)) {
            announce_move(tx, action, &before, after, change.reason.as_ref());
        } else {
            tx.audit(AuditRecord::new(
                "appointments.update",
                "appointment",
                after.id.as_uuid(),
            ));
            tx.emit("appointment.updated", &AppointmentEvent::from(after));
            touch(tx, after, before.zone, Some(before.appointment.starts_at));
        }
    }
    Ok(())
}

fn note(tx: &mut TenantTx<'_>, action: &'static str, series: &Series, scope: SeriesScope) {
    let record = AuditRecord::new(action, "appointment_series", series.id.as_uuid());
    tx.audit(record.with_detail(json!({ "scope": scope })));
}

/// Calls occurrences of the series `id` off; says how many.
///
/// # Errors
/// [`SeriesError::NotFound`], [`SeriesError::Stale`], or [`SeriesError::Over`] when nothing of it lies ahead.
pub async fn cancel(
    tx: &mut TenantTx<'_>,
    id: SeriesId,
    expected: Option<Version>,
    request: &Cancellation,
) -> Result<(Series, usize), SeriesError> {
    let held = Held::take(tx, id, expected).boxed_local().await?;
    let anchor = held.anchor(request.scope, request.occurrence)?;
    let affected: Vec<&Appointment> = held
        .appointments
        .iter()
        .filter(|appointment| Held::means(request.scope, anchor, appointment))
        .filter(|appointment| lies_ahead(appointment, request.scope, tx.now()))
        .collect();
    if affected.is_empty() {
        return Err(SeriesError::Over);
    }
    let zone = booking_store::zone(tx).await?;
    let action = Action::Cancel;
    let reason = request.reason.as_ref();
    let written = try_join_all(affected.iter().map(|before| {
        async {
            let status = action
                .leads_from(before.status)
                .ok_or(BookingError::Closed(before.status))?;
            let mut changes = changes_for(before, action, status);
            changes.cancelled_by = Some(Some(request.by));
            changes.cancellation_reason = Some(request.reason.clone());
            changes.series_exception = (request.scope == SeriesScope::This).then_some(true);
            let step = step_of(before, action, (status, before.starts_at), reason);
            booking_store::update(tx, before.id, changes, Some(step), Busy::Frees).await
        }
        .boxed_local()
    }))
    .await?;
    let ended = match (request.scope, held.cut(request.scope, anchor)) {
        (SeriesScope::This, _) => SeriesChanges::default(),
        (_, Some(at)) => SeriesChanges {
            rule: Some(held.rule_before(at).to_string()),
            ..SeriesChanges::default()
        },
        (_, None) => SeriesChanges {
            status: Some(SeriesStatus::Cancelled),
            ..SeriesChanges::default()
        },
    };
    let series = store::update(tx, id, ended).await?;
    for (before, after) in affected.iter().zip(&written) {
        let before = Locked {
            appointment: (*before).clone(),
            zone,
        };
        announce_move(tx, action, &before, after, reason);
    }
    note(tx, "appointment_series.cancel", &series, request.scope);
    let event = if series.status == SeriesStatus::Cancelled {
        "appointment_series.cancelled"
    } else {
        "appointment_series.updated"
    };
    service::announce(tx, event, &series);
    Ok((series, written.len()))
}
