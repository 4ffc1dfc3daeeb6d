//! Moving an appointment: between statuses, to another time, and what may be edited in place.

use db::{AuditRecord, TenantTx};
use kernel::{AppointmentId, FieldErrors, PractitionerId, RoomId, ServiceId, Timestamp, Version};
use serde_json::json;

use super::context;
use super::error::BookingError;
use super::model::{Appointment, AppointmentStatus, CancelledBy, Notes, Reason};
use super::moves::Action;
use super::plan::{Booking, Wish, busy_around};
use super::service::{AppointmentEvent, admit, claim, price_of, slot_of, touch};
use super::store::{self, Busy, Changes, Locked, Move};
use super::terms::Terms;
use crate::freed::{self, FreedTime};
use crate::occupancy::{self, Claim, LockKeys};

/// A move that changes the status and nothing else.
#[derive(Debug, Clone)]
pub enum Step {
    /// The patient will come.
    Confirm,
    /// The patient is here.
    CheckIn,
    /// It begins.
    Start,
    /// It is over.
    Complete,
    /// The patient did not come.
    NoShow,
    /// It is called off.
    Cancel {
        /// By whom.
        by: CancelledBy,
        /// Why.
        reason: Option<Reason>,
    },
}

impl Step {
    const fn action(&self) -> Action {
        match self {
            Self::Confirm => Action::Confirm,
            Self::CheckIn => Action::CheckIn,
            Self::Start => Action::Start,
            Self::Complete => Action::Complete,
            Self::NoShow => Action::NoShow,
            Self::Cancel { .. } => Action::Cancel,
        }
    }
}

/// Another time for an appointment.
#[derive(Debug, Clone)]
pub struct Rescheduling {
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over; else it stays as long as it was.
    pub ends_at: Option<Timestamp>,
    /// Who sees the patient, when that changes.
    pub practitioner: Option<PractitionerId>,
    /// Where, when that changes.
    pub room: Option<RoomId>,
    /// Why.
    pub reason: Option<Reason>,
    /// Which rules it stands under.
    pub terms: Terms,
}

/// What may be edited in place; the outer `None` keeps.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// What staff wrote about it.
    pub notes: Option<Option<Notes>>,
    /// Where.
    pub room: Option<Option<RoomId>>,
    /// What for.
    pub service: Option<Option<ServiceId>>,
}

/// Locks the appointment and checks that it is the `expected` version.
async fn lock(tx: &TenantTx<'_>, id: AppointmentId, expected: Option<Version>) -> Result<Locked, BookingError> {
    let locked = store::lock(tx, id).await?.ok_or(BookingError::NotFound)?;
    if expected.is_some_and(|version| version != locked.appointment.version) {
        return Err(BookingError::Stale);
    }
    Ok(locked)
}

/// The status to which `action` leads, when it may be done.
fn target(action: Action, status: AppointmentStatus) -> Result<AppointmentStatus, BookingError> {
    action.leads_from(status).ok_or_else(|| BookingError::IllegalMove {
        status,
        legal: Action::legal_in(status).collect(),
    })
}

/// The move of `before` by `action` to `to`.
pub(crate) fn step_of<'a>(
    before: &Appointment,
    action: Action,
    to: (AppointmentStatus, Timestamp),
    reason: Option<&'a Reason>,
) -> Move<'a> {
    Move {
        appointment: before.id,
        version: Version::new(before.version.number() + 1),
        action: action.as_str(),
        from: Some((before.status, before.starts_at)),
        to,
        reason,
    }
}

/// The changes that every move to `status` makes.
pub(crate) fn changes_for(before: &Appointment, action: Action, status: AppointmentStatus) -> Changes {
    Changes {
        status: Some(status),
        sequence: action.counts_up_sequence().then(|| before.sequence.saturating_add(1)),
        ..Changes::default()
    }
}

/// Notes in the audit log, the outbox and the cache's tags that `action` made `before` into `after`.
pub(crate) fn announce(
    tx: &mut TenantTx<'_>,
    action: Action,
    before: &Locked,
    after: &Appointment,
    reason: Option<&Reason>,
) {
    let (event, audited) = action.names();
    let mut record = AuditRecord::new(audited, "appointment", after.id.as_uuid())
        .with_detail(json!({ "from": before.appointment.status, "to": after.status, "overbooked": after.overbooked }));
    if let Some(reason) = reason {
        record = record.with_reason(reason.as_str());
    }
    tx.audit(record);
    tx.emit(event, &AppointmentEvent::from(after));
    touch(tx, after, before.zone, Some(before.appointment.starts_at));
}

/// Moves the appointment by `step`.
///
/// # Errors
/// [`BookingError::NotFound`], [`BookingError::Stale`], or [`BookingError::IllegalMove`] with the moves that are legal: of two
/// who do the same at once, one gets the latter.
pub async fn step(
    tx: &mut TenantTx<'_>,
    id: AppointmentId,
    expected: Option<Version>,
    step: &Step,
) -> Result<Appointment, BookingError> {
    let locked = lock(tx, id, expected).await?;
    let before = &locked.appointment;
    let action = step.action();
    let status = target(action, before.status)?;
    let mut changes = changes_for(before, action, status);
    let mut reason = None;
    if let Step::Cancel { by, reason: why } = step {
        changes.cancelled_by = Some(Some(*by));
        changes.cancellation_reason = Some(why.clone());
        reason = why.as_ref();
    }
    let busy = if status.occupies() { Busy::Keeps } else { Busy::Frees };
    let movement = step_of(before, action, (status, before.starts_at), reason);
    let after = store::update(tx, id, changes, Some(movement), busy).await?;
    announce(tx, action, &locked, &after, reason);
    if !status.occupies() {
        freed::tell(tx, time_of(before));
    }
    Ok(after)
}

/// The time that `appointment` takes of its practitioner.
pub(crate) const fn time_of(appointment: &Appointment) -> FreedTime {
    FreedTime {
        practitioner_id: appointment.practitioner_id,
        from: appointment.starts_at,
        until: appointment.ends_at,
    }
}

/// Takes a completion, cancellation or no-show back, on the day on which it was made.
///
/// # Errors
/// [`BookingError::IllegalMove`] on any later day or from any other status, [`BookingError::Conflict`] when the time is no
/// longer free, and those of [`step`].
pub async fn reopen(
    tx: &mut TenantTx<'_>,
    id: AppointmentId,
    expected: Option<Version>,
) -> Result<Appointment, BookingError> {
    let locked = lock(tx, id, expected).await?;
    let before = &locked.appointment;
    let status = target(Action::Reopen, before.status)?;
    let moved_at = store::last_moved_at(tx, id).await?.unwrap_or(before.updated_at);
    if moved_at.date_in(locked.zone) != tx.now().date_in(locked.zone) {
        let legal = Action::legal_in(before.status)
            .filter(|action| *action != Action::Reopen)
            .collect();
        return Err(BookingError::IllegalMove {
            status: before.status,
            legal,
        });
    }
    let mut changes = changes_for(before, Action::Reopen, status);
    changes.cancelled_by = Some(None);
    changes.cancellation_reason = Some(None);
    let claim = if before.status.occupies() {
        None
    } else {
        Some(reclaim(tx, before).await?)
    };
    let busy = claim.as_ref().map_or(Busy::Keeps, Busy::Takes);
    let movement = step_of(before, Action::Reopen, (status, before.starts_at), None);
    let after = store::update(tx, id, changes, Some(movement), busy).await?;
    announce(tx, Action::Reopen, &locked, &after, None);
    Ok(after)
}

/// Claims again the time that `appointment` had.
async fn reclaim(tx: &TenantTx<'_>, appointment: &Appointment) -> Result<Claim, BookingError> {
    let references = context::References {
        practitioner: appointment.practitioner_id,
        service: appointment.service_id,
        contact: None,
        room: appointment.room_id,
        starts_at: None,
    };
    let context = context::load(tx, &references).await?;
    let mut errors = FieldErrors::new();
    context
        .practitioner
        .check(&mut errors, "/practitioner_id", "practitioner");
    if appointment.room_id.is_some() {
        context.room.check(&mut errors, "/room_id", "room");
    }
    errors.finish(Some(()))?;
    let claim = Claim {
        practitioner: appointment.practitioner_id,
        room: appointment.room_id,
        busy: busy_around(&slot_of(appointment)?, context.service.as_ref()),
        exclusive: !appointment.overbooked,
    };
    occupancy::store::lock(tx, &locks_of(tx, &claim)).await?;
    if claim.exclusive
        && let Some(taken) = occupancy::store::make_way(tx, &claim, Some(appointment.id)).await?
    {
        return Err(BookingError::Conflict(taken));
    }
    Ok(claim)
}

/// The locks under which `claim` is decided.
fn locks_of(tx: &TenantTx<'_>, claim: &Claim) -> LockKeys {
    let keys = LockKeys::new(tx.clinic()).practitioner(claim.practitioner, &claim.busy);
    if claim.room.is_some() {
        keys.rooms(&claim.busy)
    } else {
        keys
    }
}

/// Moves the appointment to another time, practitioner or room; it is then scheduled, to be confirmed anew.
///
/// # Errors
/// Those of [`step`], and those of [`super::service::book`] about the new time.
pub async fn reschedule(
    tx: &mut TenantTx<'_>,
    id: AppointmentId,
    expected: Option<Version>,
    request: &Rescheduling,
) -> Result<Appointment, BookingError> {
    let locked = lock(tx, id, expected).await?;
    let before = &locked.appointment;
    let status = target(Action::Reschedule, before.status)?;
    let practitioner = request.practitioner.unwrap_or(before.practitioner_id);
    let wish = Wish {
        practitioner,
        service: before.service_id,
        service_is_new: practitioner != before.practitioner_id,
        contact: None,
        room: request.room,
        preferred_room: before.room_id,
        starts_at: request.starts_at,
        ends_at: Some(
            request
                .ends_at
                .unwrap_or_else(|| request.starts_at.saturating_add(before.ends_at.since(before.starts_at))),
        ),
        terms: request.terms,
    };
    let context = context::load(tx, &wish.references()).await?;
    let booking = Booking::plan(&wish, &context, tx.now())?;
    admit(tx, &wish, &context, &booking, None).await?;
    let claim = claim(tx, &wish, &booking, Some(id)).await?;
    let mut changes = changes_for(before, Action::Reschedule, status);
    changes.practitioner_id = Some(claim.practitioner);
    changes.room_id = Some(claim.room);
    changes.starts_at = Some(booking.slot.starts_at());
    changes.ends_at = Some(booking.slot.ends_at());
    changes.overbooked = Some(!claim.exclusive);
    changes.series_exception = before.series_id.map(|_| true);
    let reason = request.reason.as_ref();
    let movement = step_of(before, Action::Reschedule, (status, booking.slot.starts_at()), reason);
    let after = store::update(tx, id, changes, Some(movement), Busy::Moves(&claim)).await?;
    announce(tx, Action::Reschedule, &locked, &after, reason);
    freed::tell(tx, time_of(&locked.appointment));
    Ok(after)
}

/// Changes notes, room or service in place.
///
/// # Errors
/// [`BookingError::Closed`] for a room or service of what is over or called off, [`BookingError::Conflict`] when the new room
/// or the new service's buffers run into another booking, and those of [`step`].
pub async fn edit(
    tx: &mut TenantTx<'_>,
    id: AppointmentId,
    expected: Option<Version>,
    edit: &Edit,
) -> Result<Appointment, BookingError> {
    let locked = lock(tx, id, expected).await?;
    let before = &locked.appointment;
    let mut names = Vec::new();
    let mut changes = Changes::default();
    if let Some(notes) = &edit.notes {
        changes.notes = Some(notes.clone());
        names.push("notes");
    }
    let new_room = edit.room.filter(|room| *room != before.room_id);
    let new_service = edit.service.filter(|service| *service != before.service_id);
    names.extend(new_room.map(|_| "room_id"));
    names.extend(new_service.map(|_| "service_id"));
    if names.is_empty() {
        // Nothing was written, but somebody was shown.
        tx.audit(AuditRecord::new("appointments.read", "appointment", id.as_uuid()));
        return Ok(locked.appointment);
    }
    let mut claimed = None;
    if new_room.is_some() || new_service.is_some() {
        if !before.status.is_open() {
            return Err(BookingError::Closed(before.status));
        }
        let (claim, edited) = place(tx, before, new_room, new_service, changes).await?;
        changes = edited;
        changes.sequence = Some(before.sequence.saturating_add(1));
        claimed = Some(claim);
    }
    changes.series_exception = before.series_id.map(|_| true);
    let busy = claimed.as_ref().map_or(Busy::Keeps, Busy::Moves);
    let after = store::update(tx, id, changes, None, busy).await?;
    tx.audit(
        AuditRecord::new("appointments.update", "appointment", id.as_uuid()).with_detail(json!({ "changed": names })),
    );
    tx.emit("appointment.updated", &AppointmentEvent::from(&after));
    touch(tx, &after, locked.zone, None);
    Ok(after)
}

/// Claims the appointment's own time for another room or service.
async fn place(
    tx: &TenantTx<'_>,
    before: &Appointment,
    new_room: Option<Option<RoomId>>,
    new_service: Option<Option<ServiceId>>,
    mut changes: Changes,
) -> Result<(Claim, Changes), BookingError> {
    let service = new_service.unwrap_or(before.service_id);
    let wish = Wish {
        practitioner: before.practitioner_id,
        service,
        service_is_new: new_service.is_some(),
        contact: None,
        room: new_room.flatten(),
        preferred_room: if new_room.is_some() { None } else { before.room_id },
        starts_at: before.starts_at,
        ends_at: Some(before.ends_at),
        terms: Terms::Kept {
            overbooked: before.overbooked,
        },
    };
    let context = context::load(tx, &wish.references()).await?;
    let booking = Booking::plan(&wish, &context, tx.now())?;
    let follow_up_of = admit(tx, &wish, &context, &booking, Some(before.contact_id)).await?;
    let claim = claim(tx, &wish, &booking, Some(before.id)).await?;
    changes.room_id = Some(claim.room);
    if new_service.is_some() {
        changes.service_id = Some(service);
        changes = changes.price(price_of(&booking, follow_up_of), follow_up_of);
    }
    Ok((claim, changes))
}
