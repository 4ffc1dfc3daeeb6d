//! Writing into the appointments of a series what was decided on them.

use db::{AuditRecord, TenantTx};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use kernel::{AppointmentId, Timestamp, Zone};

use super::alteration::Alteration;
use super::error::SeriesError;
use super::follow_ups::{follow_up_of, free_follow_ups};
use super::model::Series;
use super::plan::{Checked, Decision};
use super::store;
use crate::booking::service::{AppointmentEvent, price_of, touch};
use crate::booking::store::{Busy, Changes, Locked, Move};
use crate::booking::transitions::{announce, changes_for, step_of, time_of};
use crate::booking::{Action, Appointment, store as booking_store};
use crate::freed;
use crate::occupancy::Claim;

/// Writes every appointment that was decided on.
pub(super) async fn occurrences(
    tx: &mut TenantTx<'_>,
    zone: Zone,
    alteration: &Alteration<'_>,
    checked: &[Checked],
    series: &Series,
) -> Result<(), SeriesError> {
    let Alteration { change, affected, .. } = alteration;
    if change.replaces() {
        let booked: Vec<AppointmentId> = checked
            .iter()
            .filter(|one| matches!(one.decision, Decision::Book(_)))
            .filter_map(|one| one.candidate.appointment)
            .collect();
        // All at once, so that none stands in the way of another that moves.
        store::free(tx, &booked).await?;
    }
    let paid = match change.service {
        Some(service) => free_follow_ups(tx, series.contact_id, service, checked).await?,
        None => Vec::new(),
    };
    let rewriting = Rewriting {
        alteration,
        series,
        paid,
    };
    let written = try_join_all(affected.iter().zip(checked).map(|(before, one)| {
        let Written { changes, step, busy } = rewriting.of(before, one);
        booking_store::update(tx, before.id, changes, step, busy).boxed_local()
    }))
    .await?;
    for ((before, one), after) in affected.iter().zip(checked).zip(&written) {
        if time_of(before) != time_of(after) {
            freed::tell(tx, time_of(before));
        }
        if change.reschedules() && matches!(one.decision, Decision::Book(_)) {
            let before = Locked {
                appointment: (*before).clone(),
                zone,
            };
            announce(tx, Action::Reschedule, &before, after, change.reason.as_ref());
        } else {
            tx.audit(AuditRecord::new(
                "appointments.update",
                "appointment",
                after.id.as_uuid(),
            ));
            tx.emit("appointment.updated", &AppointmentEvent::from(after));
            touch(tx, after, zone, Some(before.starts_at));
        }
    }
    Ok(())
}

/// What one appointment becomes.
struct Written<'a> {
    changes: Changes,
    /// The move that it is, if it is one.
    step: Option<Move<'a>>,
    busy: Busy<'a>,
}

/// What all appointments that are written have in common.
struct Rewriting<'a> {
    alteration: &'a Alteration<'a>,
    /// To which they belong from now on.
    series: &'a Series,
    /// What may make them free, when their service changes.
    paid: Vec<(Timestamp, AppointmentId)>,
}

impl<'a> Rewriting<'a> {
    fn of(&self, before: &Appointment, one: &'a Checked) -> Written<'a> {
        let mut written = match &one.decision {
            Decision::Book(claim) => self.booked(before, one, claim),
            // Left where it is.
            Decision::Skip | Decision::Refuse => Written {
                changes: Changes::default(),
                step: None,
                busy: Busy::Keeps,
            },
        };
        let is_apart = self.alteration.is_of_one() || !matches!(one.decision, Decision::Book(_));
        written.changes.series_id = Some(self.series.id);
        written.changes.occurrence_at = Some(one.candidate.occurrence_at);
        written.changes.series_exception = Some(is_apart);
        written
    }

    /// What becomes of an appointment that gets what it asks for.
    fn booked(&self, before: &Appointment, one: &Checked, claim: &'a Claim) -> Written<'a> {
        let change = self.alteration.change;
        let booking = &one.candidate.booking;
        let slot = booking.slot;
        let mut written = Written {
            changes: Changes::default(),
            step: None,
            busy: Busy::Keeps,
        };
        let action = Action::Reschedule;
        if change.reschedules()
            && let Some(status) = action.leads_from(before.status)
        {
            let to = (status, slot.starts_at());
            written.changes = changes_for(before, action, status);
            written.step = Some(step_of(before, action, to, change.reason.as_ref()));
        } else if change.replaces() {
            written.changes.sequence = Some(before.sequence.saturating_add(1));
        }
        let changes = &mut written.changes;
        if change.replaces() {
            changes.practitioner_id = Some(claim.practitioner);
            changes.room_id = Some(claim.room);
            changes.starts_at = Some(slot.starts_at());
            changes.ends_at = Some(slot.ends_at());
            changes.overbooked = Some(!claim.exclusive);
            written.busy = Busy::Takes(claim);
        }
        if let Some(service) = change.service {
            let follow_up = follow_up_of(&self.paid, one);
            changes.service_id = Some(service);
            written.changes = written.changes.price(price_of(booking, follow_up), follow_up);
        }
        written.changes.notes.clone_from(&change.notes);
        written
    }
}

/// Moves the places in the rule of occurrences that stay where they were agreed, so that they know where they would be.
pub(super) async fn places(tx: &mut TenantTx<'_>, alteration: &Alteration<'_>) -> Result<(), SeriesError> {
    let kept = alteration.moved_places(tx.now());
    let written = try_join_all(kept.into_iter().map(|(id, occurrence_at)| {
        let changes = Changes {
            occurrence_at: Some(occurrence_at),
            ..Changes::default()
        };
        booking_store::update(tx, id, changes, None, Busy::Keeps).boxed_local()
    }))
    .await?;
    for appointment in &written {
        touch(tx, appointment, alteration.aim.held.series.zone, None);
    }
    Ok(())
}
