//! Why a series is not made or not changed.

use db::{DbError, TxError};
use kernel::FieldErrors;
use rest::Problem;

use super::occurrence_view::OccurrenceView;
use crate::booking::BookingError;

/// Why a series is not made or not changed.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// No such series in this clinic.
    #[error("there is no such series")]
    NotFound,
    /// It is not the version that the caller read.
    #[error("the series was changed since")]
    Stale,
    /// Some occurrences cannot be had.
    #[error("{} of {total} occurrences cannot be booked", .conflicts.len())]
    Conflicts {
        /// How many there would be.
        total: usize,
        /// Each of those that cannot be had.
        conflicts: Vec<OccurrenceView>,
    },
    /// Nothing of what was meant lies ahead.
    #[error("nothing of it lies ahead that could be changed")]
    Over,
    /// What bookings are refused for.
    #[error(transparent)]
    Booking(#[from] BookingError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<FieldErrors> for SeriesError {
    fn from(errors: FieldErrors) -> Self {
        Self::Booking(errors.into())
    }
}

impl TxError for SeriesError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Booking(error) => error.db_error(),
            Self::NotFound | Self::Stale | Self::Conflicts { .. } | Self::Over => None,
        }
    }
}

impl From<SeriesError> for Problem {
    fn from(error: SeriesError) -> Self {
        let detail = error.to_string();
        match error {
            SeriesError::NotFound => Self::not_found("series_not_found"),
            SeriesError::Stale => Self::precondition_failed(),
            SeriesError::Conflicts { total, conflicts } => Self::conflict("series_conflicts", detail)
                .with("occurrences", total)
                .with("conflicts", serde_json::json!(conflicts)),
            SeriesError::Over => Self::conflict("series_over", detail),
            SeriesError::Booking(error) => error.into(),
            SeriesError::Database(error) => error.into(),
        }
    }
}
