//! Making, releasing and expiring holds.

use chrono::TimeDelta;
use db::{AuditRecord, DbError, Job, TenantTx};
use kernel::{ContactId, HoldId, PractitionerId, RoomId, ServiceId, Timestamp};
use serde::{Deserialize, Serialize};

use super::model::Hold;
use super::store::{self, NewHold};
use crate::booking::BookingError;
use crate::booking::Terms;
use crate::booking::context;
use crate::booking::plan::{Booking, Wish};
use crate::booking::service::{admit, claim};
use crate::freed;
use crate::occupancy::Taken;

/// The job that is due when a hold lapses; its handler calls [`expire`].
pub const EXPIRED: &str = "hold.expired";

/// The event of a hold: its id.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct HoldEvent {
    /// The hold.
    pub hold_id: HoldId,
}

/// A slot that somebody wants kept.
#[derive(Debug, Clone, Copy)]
pub struct HoldRequest {
    /// Whose time.
    pub practitioner: PractitionerId,
    /// For which service.
    pub service: Option<ServiceId>,
    /// In which room; a free one is chosen when none is named and the service needs one.
    pub room: Option<RoomId>,
    /// For whom, when that is known.
    pub contact: Option<ContactId>,
    /// When the slot begins.
    pub starts_at: Timestamp,
    /// When it is over; else the service's duration counts.
    pub ends_at: Option<Timestamp>,
    /// How long to keep it; else as long as the clinic does.
    pub keep_for: Option<TimeDelta>,
}

/// Keeps a slot, or says what stands in the way.
///
/// # Errors
/// Those of [`crate::booking::book`].
pub async fn create(tx: &mut TenantTx<'_>, request: &HoldRequest) -> Result<Hold, BookingError> {
    let wish = Wish {
        practitioner: request.practitioner,
        service: request.service,
        service_is_new: true,
        contact: request.contact,
        room: request.room,
        preferred_room: None,
        starts_at: request.starts_at,
        ends_at: request.ends_at,
        terms: Terms::Regular,
    };
    let context = context::load(tx, &wish.references_of_new()).await?;
    let booking = Booking::plan(&wish, &context, tx.now())?;
    if context.start_taken {
        return Err(BookingError::Conflict(Taken::Practitioner));
    }
    admit(tx, &wish, &context, &booking, None).await?;
    let claim = claim(tx, &wish, &booking, None).await?;
    let keep_for = request
        .keep_for
        .unwrap_or_else(|| TimeDelta::minutes(i64::from(context.hold_minutes)));
    let new = NewHold {
        clinic_id: tx.clinic(),
        id: HoldId::new_at(tx.now()),
        practitioner_id: request.practitioner,
        room_id: claim.room,
        service_id: request.service,
        contact_id: request.contact,
        starts_at: booking.slot.starts_at(),
        ends_at: booking.slot.ends_at(),
        expires_at: tx.now().saturating_add(keep_for),
    };
    let hold = store::insert(tx, new, &claim).await?;
    tx.audit(AuditRecord::new("holds.create", "hold", hold.id.as_uuid()));
    tx.enqueue(Job::new(EXPIRED, &HoldEvent { hold_id: hold.id }).due(hold.expires_at));
    Ok(hold)
}

/// Gives a held slot back; says whether there was such a hold.
///
/// # Errors
/// The database's failure.
pub async fn release(tx: &mut TenantTx<'_>, id: HoldId) -> Result<bool, DbError> {
    let Some(freed) = store::release(tx, id).await? else {
        return Ok(false);
    };
    tx.audit(AuditRecord::new("holds.release", "hold", id.as_uuid()));
    freed::tell(tx, freed);
    Ok(true)
}

/// Removes the hold `id` if it has lapsed; says whether it did. For the job that [`EXPIRED`] starts.
///
/// # Errors
/// The database's failure.
pub async fn expire(tx: &mut TenantTx<'_>, id: HoldId) -> Result<bool, DbError> {
    let Some(freed) = store::remove_lapsed(tx, id).await? else {
        return Ok(false);
    };
    freed::tell(tx, freed);
    Ok(true)
}
