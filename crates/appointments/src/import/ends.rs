//! How parts and lines of an import end.

use std::collections::HashMap;

use db::{DbError, tx_error};
use kernel::{ContactId, FieldErrors};
use tabular::RowReport;
use uuid::Uuid;

use super::layout::Layout;
use super::person::NewContactError;
use crate::booking::BookingError;
use crate::occupancy::Taken;

/// What a part of the run did.
pub struct Done {
    pub(super) rows: Vec<RowReport>,
    pub(super) layout: Layout,
    pub(super) made: HashMap<String, ContactId>,
}

impl Done {
    /// What became of each of its lines.
    #[must_use]
    pub fn rows(&self) -> &[RowReport] {
        &self.rows
    }
}

/// Why a part's transaction is not to be committed.
pub(super) enum PartEnd {
    /// It was a rehearsal; this is what would have come of it.
    Rehearsed(Box<Done>),
    /// The database failed.
    Database(DbError),
}

impl From<DbError> for PartEnd {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

tx_error!(PartEnd);

/// Why a line did not go in.
pub(super) enum LineEnd {
    Duplicate { of: Option<Uuid>, reason: &'static str },
    Rejected(FieldErrors),
    Taken(Taken),
    Database(DbError),
}

impl From<DbError> for LineEnd {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

tx_error!(LineEnd);

impl From<NewContactError> for LineEnd {
    fn from(error: NewContactError) -> Self {
        match error {
            NewContactError::Refused(errors) => Self::Rejected(errors),
            NewContactError::Database(error) => Self::Database(error),
        }
    }
}

impl From<BookingError> for LineEnd {
    fn from(error: BookingError) -> Self {
        match error {
            BookingError::Conflict(taken) => Self::Taken(taken),
            BookingError::Invalid(errors) => Self::Rejected(errors),
            BookingError::Database(error) => Self::Database(error),
            other => rejected("", "refused", &other.to_string()),
        }
    }
}

pub(super) fn rejected(field: &str, code: &str, message: &str) -> LineEnd {
    LineEnd::Rejected(FieldErrors::one(field, code, message))
}
