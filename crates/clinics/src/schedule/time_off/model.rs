//! What a span without work is.

use db::schema::time_off;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::{FieldErrors, PractitionerId, TimeOffId, Timestamp, Version};

use rest::changed;

/// A span in which a practitioner, or without one the whole clinic, does not work.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = time_off, check_for_backend(Pg))]
pub struct TimeOff {
    /// Its id.
    pub id: TimeOffId,
    /// Whose it is; the whole clinic's when nobody's.
    pub practitioner_id: Option<PractitionerId>,
    /// The first instant without work.
    pub starts_at: Timestamp,
    /// The first instant with work again.
    pub ends_at: Timestamp,
    /// Why, for the staff.
    pub reason: Option<String>,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// A span to be made; it starts before it ends.
#[derive(Debug, Clone)]
pub struct NewTimeOff {
    /// Its id, when the caller chose one.
    pub id: Option<TimeOffId>,
    /// Whose it is; the whole clinic's when nobody's.
    pub practitioner_id: Option<PractitionerId>,
    /// The first instant without work.
    pub starts_at: Timestamp,
    /// The first instant with work again.
    pub ends_at: Timestamp,
    /// Why, for the staff.
    pub reason: Option<String>,
}

/// What changes about a span; `None` keeps, an inner `None` clears.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = time_off)]
pub struct TimeOffChanges {
    /// The first instant without work.
    pub starts_at: Option<Timestamp>,
    /// The first instant with work again.
    pub ends_at: Option<Timestamp>,
    /// Why, for the staff.
    pub reason: Option<Option<String>>,
}

impl TimeOffChanges {
    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        changed([
            ("starts_at", self.starts_at.is_some()),
            ("ends_at", self.ends_at.is_some()),
            ("reason", self.reason.is_some()),
        ])
    }
}

/// A span ends after it starts.
///
/// # Errors
/// The field that contradicts.
pub(super) fn check_span(starts_at: Timestamp, ends_at: Timestamp) -> Result<(), FieldErrors> {
    if starts_at < ends_at {
        Ok(())
    } else {
        Err(FieldErrors::one(
            "/ends_at",
            "not_after_start",
            "the end must come after the start",
        ))
    }
}
