//! What can be wrong with hours, spans and holidays.

use kernel::FieldErrors;
use rest::Problem;

use crate::resource::error::{RowError, domain_error};

/// Why an entry of the schedule cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Values that contradict each other or what is there, or ids that the clinic does not have.
    #[error("{0}")]
    Invalid(FieldErrors),
}

domain_error!(ScheduleError);

impl From<FieldErrors> for ScheduleError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Row(error) => error.into(),
            ScheduleError::Invalid(errors) => errors.into(),
        }
    }
}
