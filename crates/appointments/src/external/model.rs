//! What a subscription to a calendar kept elsewhere is.

use db::schema::external_calendars;
use diesel::prelude::*;
use fetch::Target;
use kernel::text::Label;
use kernel::{ExternalCalendarId, PractitionerId, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// A subscription, as stored, without its address.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = external_calendars, check_for_backend(diesel::pg::Pg))]
pub(super) struct ExternalCalendar {
    pub(super) id: ExternalCalendarId,
    pub(super) practitioner_id: PractitionerId,
    pub(super) name: Label,
    pub(super) url_host: String,
    pub(super) refresh_minutes: i32,
    /// Counts the fetches begun.
    pub(super) turn: i64,
    pub(super) attempted_at: Option<Timestamp>,
    pub(super) fetched_at: Option<Timestamp>,
    pub(super) next_attempt_at: Option<Timestamp>,
    pub(super) failures: i32,
    pub(super) last_error: Option<String>,
    pub(super) busy_blocks: i32,
    pub(super) skipped_events: i32,
    pub(super) archived_at: Option<Timestamp>,
    pub(super) version: Version,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl ExternalCalendar {
    pub(super) const fn position(&self) -> ExternalPosition {
        ExternalPosition {
            created_at: self.created_at,
            id: self.id,
        }
    }
}

/// What is needed to fetch one.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = external_calendars, check_for_backend(diesel::pg::Pg))]
pub(super) struct Fetchable {
    pub(super) practitioner_id: PractitionerId,
    pub(super) url_sealed: Vec<u8>,
    pub(super) refresh_minutes: i32,
    pub(super) turn: i64,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) expanded_at: Option<Timestamp>,
    pub(super) failures: i32,
    pub(super) archived_at: Option<Timestamp>,
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct ExternalPosition {
    pub(super) created_at: Timestamp,
    pub(super) id: ExternalCalendarId,
}

/// A subscription that is wanted.
#[derive(Debug, Clone)]
pub(super) struct NewSubscription {
    pub(super) practitioner: PractitionerId,
    pub(super) name: Label,
    pub(super) target: Target,
    pub(super) refresh_minutes: i32,
}

/// What changes of one; `None` keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct SubscriptionEdit {
    pub(super) name: Option<Label>,
    pub(super) target: Option<Target>,
    pub(super) refresh_minutes: Option<i32>,
}
