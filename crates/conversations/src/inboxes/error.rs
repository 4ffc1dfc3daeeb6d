//! What can be wrong with an inbox.

use auth::SealingError;
use auth::secrets::RandomnessError;
use rest::Problem;

use crate::error::{RowError, domain_error};

/// Why an inbox cannot be written or opened.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Another inbox in use is called the same, accents and case aside.
    #[error("another inbox has this name")]
    NameTaken,
    /// Its secrets cannot be sealed or opened.
    #[error(transparent)]
    Sealing(SealingError),
    /// No token can be made.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

domain_error!(InboxError);

impl From<SealingError> for InboxError {
    fn from(error: SealingError) -> Self {
        match error {
            SealingError::Database(error) => error.into(),
            other => Self::Sealing(other),
        }
    }
}

impl From<InboxError> for Problem {
    fn from(error: InboxError) -> Self {
        match error {
            InboxError::Row(error) => error.into(),
            InboxError::NameTaken => Self::conflict("inbox_exists", error.to_string()),
            InboxError::Sealing(_) | InboxError::Randomness(_) => Self::internal(&error),
        }
    }
}
