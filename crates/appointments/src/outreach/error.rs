//! Why settings are not taken.

use db::{DbError, tx_error};
use kernel::FieldErrors;
use rest::Problem;

/// Why settings are not taken.
#[derive(Debug, thiserror::Error)]
pub enum OutreachError {
    /// They were written since the version that the caller read.
    #[error("the settings were changed since")]
    Stale,
    /// The hours would end before they begin.
    #[error("the hours must end after they begin, on the same day")]
    NoHours,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(OutreachError);

impl From<OutreachError> for Problem {
    fn from(error: OutreachError) -> Self {
        match error {
            OutreachError::Stale => Self::precondition_failed(),
            OutreachError::NoHours => FieldErrors::one("/awake_until", "not_after_awake_from", error).into(),
            OutreachError::Database(error) => error.into(),
        }
    }
}
