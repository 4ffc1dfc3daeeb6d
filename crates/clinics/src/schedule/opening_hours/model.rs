//! What an entry of the weekly hours is.

use chrono::{Datelike, NaiveDate};
use db::schema::opening_hours;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::{IsoWeekday, OpeningHoursId, PractitionerId, Timestamp, Version, WallTime};

/// One stretch of work in a week, whoever's it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = opening_hours, check_for_backend(Pg), treat_none_as_null = true)]
pub struct HoursEntry {
    /// On which day it begins.
    pub weekday: IsoWeekday,
    /// When it begins.
    pub opens_at: WallTime,
    /// When it ends: on the next day, when this is not after the beginning.
    pub closes_at: WallTime,
    /// The first day on which it may begin; ever, when none.
    pub valid_from: Option<NaiveDate>,
    /// The last day on which it may begin; for ever, when none.
    pub valid_until: Option<NaiveDate>,
}

impl HoursEntry {
    /// How long it lasts, in minutes: more than 0, at most a day.
    #[must_use]
    pub fn minutes(&self) -> i64 {
        match self.closes_at.minute_of_day() - self.opens_at.minute_of_day() {
            length if length > 0 => length,
            over_midnight => over_midnight + MINUTES_OF_DAY,
        }
    }

    /// Whether it begins on `date`.
    #[must_use]
    pub fn begins_on(&self, date: NaiveDate) -> bool {
        date.weekday() == self.weekday.as_weekday()
            && self.valid_from.is_none_or(|first| first <= date)
            && self.valid_until.is_none_or(|last| date <= last)
    }
}

/// 24 hours on the wall clock.
pub(super) const MINUTES_OF_DAY: i64 = 24 * 60;

/// An entry of the weekly hours as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = opening_hours, check_for_backend(Pg))]
pub struct OpeningHours {
    /// Its id.
    pub id: OpeningHoursId,
    /// Whose it is; the clinic's, for all without hours of their own, when nobody's.
    pub practitioner_id: Option<PractitionerId>,
    /// When it is.
    #[diesel(embed)]
    pub entry: HoursEntry,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// An entry to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewHours {
    /// Its id, when the caller chose one.
    pub id: Option<OpeningHoursId>,
    /// Whose it is; the clinic's when nobody's.
    pub practitioner_id: Option<PractitionerId>,
    /// When it is.
    pub entry: HoursEntry,
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;

    #[test]
    fn an_entry_that_closes_no_later_than_it_opens_goes_past_midnight() {
        let entry = |opens: &str, closes: &str| HoursEntry {
            weekday: Weekday::Fri.into(),
            opens_at: opens.parse().unwrap(),
            closes_at: closes.parse().unwrap(),
            valid_from: None,
            valid_until: None,
        };
        assert_eq!(entry("08:00", "12:00").minutes(), 240);
        assert_eq!(entry("22:00", "02:00").minutes(), 240);
        assert_eq!(entry("18:00", "00:00").minutes(), 360);
        assert_eq!(entry("08:00", "08:00").minutes(), MINUTES_OF_DAY);
    }
}
