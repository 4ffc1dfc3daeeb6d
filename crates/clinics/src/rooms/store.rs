//! The SQL of rooms.

use db::schema::rooms;
use db::{QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::RoomId;

use super::error::RoomError;
use super::model::{NewRoom, Room, RoomChanges};
use crate::resource::catalogue::catalogue_store;
use crate::resource::error::{ArchiveError, RowError, kind};

catalogue_store!(rooms, Room, RoomId, kind::ROOM, appointments::room_id);

/// Inserts a room.
pub(super) async fn insert(tx: &TenantRead<'_>, new: &NewRoom) -> Result<Room, RoomError> {
    let id = new.id.unwrap_or_else(|| RoomId::new_at(tx.now()));
    diesel::insert_into(rooms::table)
        .values((
            rooms::clinic_id.eq(tx.clinic()),
            rooms::id.eq(id),
            rooms::name.eq(&new.name),
        ))
        .returning(Room::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("rooms_name_once", || RoomError::NameTaken)
        .on_constraint("rooms_pkey", || RowError::IdTaken.into())
        .or_database()
}

/// Writes `changes`, of which there is at least one.
pub(super) async fn update(tx: &TenantRead<'_>, id: RoomId, changes: &RoomChanges) -> Result<Room, RoomError> {
    diesel::update(rooms::table)
        .filter(rooms::clinic_id.eq(tx.clinic()).and(rooms::id.eq(id)))
        .set(changes)
        .returning(Room::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("rooms_name_once", || RoomError::NameTaken)
        .or_database()
}
