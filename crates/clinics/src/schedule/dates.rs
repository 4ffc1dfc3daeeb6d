//! Calendar days that a clinic may name.

use chrono::{Datelike, NaiveDate};

use kernel::Coded;

/// A day on which no clinic does business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a date lies between the years 1900 and 2199")]
pub(super) struct DateOutOfRange;

impl Coded for DateOutOfRange {
    fn code(&self) -> &'static str {
        "out_of_range"
    }
}

/// The day `date`, when it is one of the years 1900 to 2199, as for instants.
pub(super) fn near(date: NaiveDate) -> Result<NaiveDate, DateOutOfRange> {
    if (1900..2200).contains(&date.year()) {
        Ok(date)
    } else {
        Err(DateOutOfRange)
    }
}
