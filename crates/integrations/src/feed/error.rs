//! What can be wrong with a reading of the feed.

use db::{DbError, TxError};
use rest::Problem;

/// Why the feed cannot be read from there.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The event is not kept any more, or never was: what came after it is not known to be whole.
    #[error(
        "the event that `after` names is not kept any more; read again from the beginning, and the rows themselves"
    )]
    EventGone,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for FeedError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::EventGone => None,
            Self::Database(error) => Some(error),
        }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::EventGone => Self::gone("event_gone", error.to_string()),
            FeedError::Database(error) => error.into(),
        }
    }
}
