//! What stands in one cell: dates as people write them, and text that a spreadsheet must not run.

use chrono::{DateTime, NaiveDate};

/// Text that is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a date is written as 31/12/1990 or 1990-12-31")]
pub struct InvalidDate;

impl InvalidDate {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_date"
    }
}

/// The date that `text` is: day before month as Brazil writes it, with `/`, `-` or `.`; ISO 8601, its time cut off where it
/// has one. A year has four digits, since two would have to be guessed.
///
/// # Errors
/// [`InvalidDate`] when it is none of these, or no day of the calendar.
pub fn parse_date(text: &str) -> Result<NaiveDate, InvalidDate> {
    let text = text.trim();
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.date_naive());
    }
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let number = |part: &str| {
        let is_plain = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_plain {
            part.parse::<u32>().or(Err(InvalidDate))
        } else {
            Err(InvalidDate)
        }
    };
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] if year.len() == 4 => (number(year)?, number(month)?, number(day)?),
        [day, month, year] if year.len() == 4 => (number(year)?, number(month)?, number(day)?),
        _ => return Err(InvalidDate),
    };
    i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .ok_or(InvalidDate)
}

/// What makes a spreadsheet take a cell for a formula, at the cell's beginning.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// `text` as a cell that a spreadsheet shows and does not run: an apostrophe goes before what begins like a formula
/// (CSV injection, CWE-1236).
#[must_use]
pub fn guarded(text: &str) -> String {
    if text.starts_with(FORMULA_STARTS) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// `text` without the apostrophe that [`guarded`] put there.
#[must_use]
pub fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(bare) if bare.starts_with(FORMULA_STARTS) => bare,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_as_brazil_and_iso_write_them() {
        let date = NaiveDate::from_ymd_opt(1990, 12, 31).unwrap();
        for text in [
            "31/12/1990",
            "31-12-1990",
            "31.12.1990",
            "1990-12-31",
            "1990/12/31",
            " 1990-12-31T10:00:00Z ",
        ] {
            assert_eq!(parse_date(text), Ok(date), "{text}");
        }
        for text in [
            "",
            "12/31/1990",
            "31/12/90",
            "1990",
            "31/12",
            "31/12/1990/1",
            "+1/12/1990",
            "29/02/2023",
            "a/b/cccc",
        ] {
            assert_eq!(parse_date(text), Err(InvalidDate), "{text}");
        }
    }

    #[test]
    fn formulas_are_disarmed() {
        for text in ["=1+1", "+5511987654321", "-3", "@SUM(A1)", "\t=1"] {
            assert_eq!(guarded(text), format!("'{text}"));
        }
        assert_eq!(guarded("Maria"), "Maria");
        assert_eq!(unguarded("'tis"), "'tis");
    }

    proptest! {
        #[test]
        fn what_was_guarded_comes_back(text in "\\PC{0,20}") {
            prop_assume!(unguarded(&text) == text);
            let cell = guarded(&text);
            prop_assert_eq!(unguarded(&cell), text);
        }

        #[test]
        fn no_text_makes_the_date_panic(text in "\\PC{0,20}") {
            let _ = parse_date(&text);
        }
    }
}
