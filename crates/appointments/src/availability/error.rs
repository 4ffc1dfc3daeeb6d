//! Why a question about free time has no answer.

use db::{DbError, tx_error};
use kernel::FieldErrors;
use rest::Problem;

/// Why a question about free time has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AvailabilityError {
    /// The question makes no sense.
    #[error("invalid values: {0}")]
    Invalid(FieldErrors),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<FieldErrors> for AvailabilityError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

tx_error!(AvailabilityError);

impl From<AvailabilityError> for Problem {
    fn from(error: AvailabilityError) -> Self {
        match error {
            AvailabilityError::Invalid(errors) => errors.into(),
            AvailabilityError::Database(error) => error.into(),
        }
    }
}
