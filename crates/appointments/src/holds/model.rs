//! What a hold is.

use db::schema::holds;
use diesel::prelude::*;
use kernel::{ContactId, HoldId, PractitionerId, RoomId, ServiceId, Timestamp, Version};

/// A hold, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = holds, check_for_backend(diesel::pg::Pg))]
pub struct Hold {
    /// The hold.
    pub id: HoldId,
    /// Whose time is held.
    pub practitioner_id: PractitionerId,
    /// Which room is held with it.
    pub room_id: Option<RoomId>,
    /// For which service.
    pub service_id: Option<ServiceId>,
    /// For whom, when that is known.
    pub contact_id: Option<ContactId>,
    /// When the slot begins.
    pub starts_at: Timestamp,
    /// When the slot is over.
    pub ends_at: Timestamp,
    /// When the hold lapses.
    pub expires_at: Timestamp,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}
