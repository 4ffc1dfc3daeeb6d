//! The rules of rooms.

use db::{AuditRecord, TenantTx};
use kernel::{RoomId, Version};
use serde_json::json;

use super::error::RoomError;
use super::model::{NewRoom, Room, RoomChanges};
use super::store;
use crate::resource::error::ArchiveError;
use crate::tags;

/// Makes a room.
///
/// # Errors
/// [`RoomError::NameTaken`], or that the chosen id is in use.
pub async fn create(tx: &mut TenantTx<'_>, new: &NewRoom) -> Result<Room, RoomError> {
    let room = store::insert(tx, new).await?;
    tx.audit(AuditRecord::new("rooms.create", "room", room.id.as_uuid()));
    tx.touch(tags::rooms());
    Ok(room)
}

/// Changes a room in use; `expected` is the version that the caller read, when it matters to them.
///
/// # Errors
/// [`RoomError`]: no such room, archived, changed in the meantime, or the name taken.
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: RoomId,
    changes: &RoomChanges,
    expected: Option<Version>,
) -> Result<Room, RoomError> {
    let current = store::lock_active(tx, id, expected).await?;
    let fields = changes.fields();
    if fields.is_empty() {
        return Ok(current);
    }
    let room = store::update(tx, id, changes).await?;
    tx.audit(AuditRecord::new("rooms.update", "room", id.as_uuid()).with_detail(json!({ "changed": fields })));
    tx.touch(tags::rooms());
    Ok(room)
}

/// Puts a room away: it stays readable and is offered nowhere. Doing it twice is doing it once.
///
/// # Errors
/// [`ArchiveError::HasUpcomingAppointments`] while there are some in it.
pub async fn archive(tx: &mut TenantTx<'_>, id: RoomId, expected: Option<Version>) -> Result<(), ArchiveError> {
    if store::archive(tx, id, expected).await? {
        tx.audit(AuditRecord::new("rooms.archive", "room", id.as_uuid()));
        tx.touch(tags::rooms());
        tx.touch(tags::services());
    }
    Ok(())
}
