//! Why a calendar kept elsewhere is not subscribed to, shown or changed.

use auth::SealingError;
use db::{DbError, TxError};
use kernel::FieldErrors;
use rest::Problem;

/// Why a subscription is not made, shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// No such subscription in this clinic.
    #[error("there is no such calendar")]
    NotFound,
    /// It is not the version that the caller read.
    #[error("the calendar was changed since")]
    Stale,
    /// It was given up.
    #[error("the subscription was given up")]
    Archived,
    /// There are as many of one practitioner as there may be.
    #[error("a practitioner has at most {0} calendars elsewhere")]
    TooMany(i64),
    /// Values that make no sense.
    #[error("invalid values: {0}")]
    Invalid(FieldErrors),
    /// The address cannot be kept secret.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<FieldErrors> for ExternalError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl TxError for ExternalError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Sealing(error) => error.db_error(),
            _ => None,
        }
    }
}

impl From<ExternalError> for Problem {
    fn from(error: ExternalError) -> Self {
        let detail = error.to_string();
        match error {
            ExternalError::NotFound => Self::not_found("external_calendar_not_found"),
            ExternalError::Stale => Self::precondition_failed(),
            ExternalError::Archived => Self::conflict("external_calendar_archived", detail),
            ExternalError::TooMany(_) => Self::conflict("too_many_external_calendars", detail),
            ExternalError::Invalid(errors) => errors.into(),
            ExternalError::Sealing(error) => Self::internal(&error),
            ExternalError::Database(error) => error.into(),
        }
    }
}
