//! What can be wrong with a holiday.

use rest::Problem;

use crate::resource::error::{RowError, domain_error};

/// Why a holiday cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum HolidayError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The day is a holiday already.
    #[error("this day is a holiday already")]
    DateTaken,
}

domain_error!(HolidayError);

impl From<HolidayError> for Problem {
    fn from(error: HolidayError) -> Self {
        match error {
            HolidayError::Row(error) => error.into(),
            HolidayError::DateTaken => Self::conflict("holiday_exists", error.to_string()),
        }
    }
}
