//! What weekly plans are made of: days of the week, and times of day on a wall clock, without a date or a zone.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveTime, Timelike, Weekday};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, ToSql};
use diesel::sql_types;
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
    /// `HOUR` and `MINUTE`, which are one, checked when the program is compiled.
    #[must_use]
    pub const fn of<const HOUR: u32, const MINUTE: u32>() -> Self {
        const { assert!(HOUR < 24 && MINUTE < 60, "no time of a day") };
        match NaiveTime::from_hms_opt(HOUR, MINUTE, 0) {
            Some(time) => Self(time),
            None => Self(NaiveTime::MIN),
        }
    }

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
}
