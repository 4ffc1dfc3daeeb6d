//! Why a feed is not made, shown or revoked.

use auth::secrets::RandomnessError;
use db::{DbError, tx_error};
use kernel::FieldErrors;
use rest::Problem;

/// Why a feed is not made, shown or revoked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// No such feed in this clinic, or none under this secret any more.
    #[error("there is no such feed")]
    NotFound,
    /// It is not the version that the caller read.
    #[error("the feed was changed since")]
    Stale,
    /// The practitioner does not exist in this clinic.
    #[error("no practitioner has this id")]
    UnknownPractitioner,
    /// The room does not exist in this clinic.
    #[error("no room has this id")]
    UnknownRoom,
    /// No secret could be made.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(FeedError);

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::NotFound => Self::not_found("calendar_feed_not_found"),
            FeedError::Stale => Self::precondition_failed(),
            FeedError::UnknownPractitioner => FieldErrors::one("/practitioner_id", "not_found", error).into(),
            FeedError::UnknownRoom => FieldErrors::one("/room_id", "not_found", error).into(),
            FeedError::Randomness(_) => Self::internal(&error),
            FeedError::Database(error) => error.into(),
        }
    }
}
