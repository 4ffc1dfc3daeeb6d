//! What a room is.

use db::schema::rooms;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::text::Label;
use kernel::{RoomId, Timestamp, Version};

use rest::changed;

/// A room of the clinic.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = rooms, check_for_backend(Pg))]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Its name, unique among the rooms in use.
    pub name: Label,
    /// When it was put away.
    pub archived_at: Option<Timestamp>,
    /// How often it was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// A room to be made.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Its id, when the caller chose one.
    pub id: Option<RoomId>,
    /// Its name.
    pub name: Label,
}

/// What changes about a room; `None` keeps.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = rooms)]
pub struct RoomChanges {
    /// Its name.
    pub name: Option<Label>,
}

impl RoomChanges {
    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        changed([("name", self.name.is_some())])
    }
}
