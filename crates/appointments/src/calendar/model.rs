//! Feeds, and what one shows.

use db::schema::calendar_feeds;
use diesel::prelude::*;
use kernel::text::Label;
use kernel::{AppointmentId, CalendarFeedId, PractitionerId, RoomId, Timestamp, UserId, Version, Zone};
use serde::{Deserialize, Serialize};

/// Whose agenda a feed shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The whole clinic's.
    Clinic,
    /// One practitioner's.
    Practitioner(PractitionerId),
    /// One room's.
    Room(RoomId),
}

impl Scope {
    pub(super) const fn practitioner(self) -> Option<PractitionerId> {
        match self {
            Self::Practitioner(practitioner) => Some(practitioner),
            Self::Clinic | Self::Room(_) => None,
        }
    }

    pub(super) const fn room(self) -> Option<RoomId> {
        match self {
            Self::Room(room) => Some(room),
            Self::Clinic | Self::Practitioner(_) => None,
        }
    }

    /// What the two columns say, of which a constraint lets only one be set.
    pub(super) const fn of(practitioner: Option<PractitionerId>, room: Option<RoomId>) -> Self {
        match (practitioner, room) {
            (Some(practitioner), _) => Self::Practitioner(practitioner),
            (None, Some(room)) => Self::Room(room),
            (None, None) => Self::Clinic,
        }
    }
}

/// A feed to be made.
#[derive(Debug, Clone)]
pub(super) struct NewFeed {
    pub(super) name: Label,
    pub(super) scope: Scope,
    pub(super) show_contact_names: bool,
}

/// A feed, without its secret, which is not kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = calendar_feeds, check_for_backend(diesel::pg::Pg))]
pub(super) struct Feed {
    pub(super) id: CalendarFeedId,
    pub(super) name: Label,
    pub(super) practitioner_id: Option<PractitionerId>,
    pub(super) room_id: Option<RoomId>,
    pub(super) show_contact_names: bool,
    pub(super) created_by: Option<UserId>,
    pub(super) last_read_at: Option<Timestamp>,
    pub(super) archived_at: Option<Timestamp>,
    pub(super) version: Version,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// Where a page of feeds ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct FeedPosition {
    pub(super) created_at: Timestamp,
    pub(super) id: CalendarFeedId,
}

impl Feed {
    pub(super) const fn position(&self) -> FeedPosition {
        FeedPosition {
            created_at: self.created_at,
            id: self.id,
        }
    }
}

/// A feed as its secret opens it, with what its clinic says about language and time.
#[derive(Debug, Clone, Queryable)]
pub(super) struct OpenFeed {
    pub(super) id: CalendarFeedId,
    pub(super) name: Label,
    pub(super) practitioner_id: Option<PractitionerId>,
    pub(super) room_id: Option<RoomId>,
    pub(super) show_contact_names: bool,
    pub(super) last_read_at: Option<Timestamp>,
    pub(super) zone: Zone,
    pub(super) locale: String,
}

/// An appointment as a feed may show it. Notes and reasons are not even read.
#[derive(Debug, Clone, Queryable)]
pub(super) struct FeedRow {
    pub(super) id: AppointmentId,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) status: String,
    pub(super) sequence: i32,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) contact_name: String,
    pub(super) contact_social_name: Option<String>,
    pub(super) practitioner_name: String,
    pub(super) room_name: Option<String>,
    pub(super) service_name: Option<String>,
}
