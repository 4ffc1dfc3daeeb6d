//! What an entry of the weekly hours is.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike, Weekday};
use db::schema::opening_hours;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::serialize::{self, ToSql};
use diesel::sql_types;
use kernel::{OpeningHoursId, PractitionerId, Timestamp, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A day of the week as ISO 8601 numbers it: Monday is 1, Sunday 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = sql_types::SmallInt)]
#[serde(try_from = "i16", into = "i16")]
#[schema(value_type = i32, minimum = 1, maximum = 7, example = 1)]
pub struct IsoWeekday(Weekday);

/// A number that is no day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a weekday is a number from 1 (Monday) to 7 (Sunday)")]
pub struct InvalidWeekday;

impl IsoWeekday {
    /// The day as chrono knows it.
    #[must_use]
    pub const fn as_weekday(self) -> Weekday {
        self.0
    }

    /// The day's number.
    #[must_use]
    pub fn number(self) -> i16 {
        i16::try_from(self.0.number_from_monday()).unwrap_or(i16::MAX)
    }
}

impl From<Weekday> for IsoWeekday {
    fn from(weekday: Weekday) -> Self {
        Self(weekday)
    }
}

impl From<IsoWeekday> for i16 {
    fn from(weekday: IsoWeekday) -> Self {
        weekday.number()
    }
}

impl TryFrom<i16> for IsoWeekday {
    type Error = InvalidWeekday;

    fn try_from(number: i16) -> Result<Self, InvalidWeekday> {
        let from_monday = u8::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1))
            .ok_or(InvalidWeekday)?;
        Weekday::try_from(from_monday).map(Self).or(Err(InvalidWeekday))
    }
}

impl ToSql<sql_types::SmallInt, Pg> for IsoWeekday {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::SmallInt, Pg>::to_sql(&self.number(), &mut out.reborrow())
    }
}

impl FromSql<sql_types::SmallInt, Pg> for IsoWeekday {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(<i16 as FromSql<sql_types::SmallInt, Pg>>::from_sql(value)?.try_into()?)
    }
}

/// A time on the wall clock, to the minute: `08:00`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = sql_types::Time)]
#[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "08:00")]
pub struct WallTime(NaiveTime);

/// Text that is no time of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as hours and minutes, such as 08:00")]
pub struct InvalidWallTime;

impl WallTime {
    /// The time as chrono knows it.
    #[must_use]
    pub const fn as_time(self) -> NaiveTime {
        self.0
    }

    /// Minutes since midnight.
    #[must_use]
    pub fn minute_of_day(self) -> i64 {
        i64::from(self.0.num_seconds_from_midnight() / 60)
    }
}

impl FromStr for WallTime {
    type Err = InvalidWallTime;

    fn from_str(text: &str) -> Result<Self, InvalidWallTime> {
        // chrono takes signs and spaces for part of a number.
        if text.len() != 5 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
            return Err(InvalidWallTime);
        }
        NaiveTime::parse_from_str(text, "%H:%M")
            .map(Self)
            .or(Err(InvalidWallTime))
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.format("%H:%M"))
    }
}

impl fmt::Debug for WallTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl ToSql<sql_types::Time, Pg> for WallTime {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Time, Pg>::to_sql(&self.0, &mut out.reborrow())
    }
}

impl FromSql<sql_types::Time, Pg> for WallTime {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <NaiveTime as FromSql<sql_types::Time, Pg>>::from_sql(value).map(Self)
    }
}

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
    use super::*;

    #[test]
    fn weekdays_are_numbered_from_monday() {
        assert_eq!(IsoWeekday::try_from(1), Ok(Weekday::Mon.into()));
        assert_eq!(IsoWeekday::try_from(7), Ok(Weekday::Sun.into()));
        assert_eq!(IsoWeekday::from(Weekday::Sat).number(), 6);
        for wrong in [0, 8, -1, i16::MAX] {
            assert_eq!(IsoWeekday::try_from(wrong), Err(InvalidWeekday));
        }
    }

    #[test]
    fn times_are_hours_and_minutes() {
        assert_eq!("08:05".parse::<WallTime>().unwrap().to_string(), "08:05");
        assert_eq!("23:59".parse::<WallTime>().unwrap().minute_of_day(), 1439);
        for wrong in ["8:00", "24:00", "08:60", "08:00:00", "aa:bb", "", " 8:00", "+8:00"] {
            assert_eq!(wrong.parse::<WallTime>(), Err(InvalidWallTime), "{wrong}");
        }
    }

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
