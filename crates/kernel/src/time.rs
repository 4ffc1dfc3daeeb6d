//! Time: instants in UTC with microsecond precision, spans between them, IANA zones, and the clock they come from.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, SubsecRound, TimeDelta, TimeZone, Utc};
use diesel::deserialize::{self, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::{serialize, sql_types};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

/// An instant in UTC, cut to the microseconds that PostgreSQL keeps, between the years 1900 and 2200.
///
/// Reads any RFC 3339 offset, writes UTC with `Z`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = sql_types::Timestamptz)]
#[schema(value_type = String, format = DateTime, example = "2026-11-23T17:00:00Z")]
pub struct Timestamp(DateTime<Utc>);

/// Text that is no instant this system accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimestamp {
    /// Not in RFC 3339 form.
    #[error("a time is written as RFC 3339 with an offset, such as 2026-11-23T14:00:00-03:00")]
    Malformed,
    /// Outside 1900–2200, where no clinic's business lies.
    #[error("a time lies between the years 1900 and 2200")]
    OutOfRange,
}

const EARLIEST_SECONDS: i64 = -2_208_988_800; // 1900-01-01T00:00:00Z
const LATEST_SECONDS: i64 = 7_258_118_400; // 2200-01-01T00:00:00Z

impl Timestamp {
    /// The instant `moment`.
    ///
    /// # Errors
    /// [`InvalidTimestamp::OutOfRange`] outside 1900–2200.
    pub fn new(moment: DateTime<Utc>) -> Result<Self, InvalidTimestamp> {
        if (EARLIEST_SECONDS..LATEST_SECONDS).contains(&moment.timestamp()) {
            Ok(Self(moment.trunc_subsecs(6)))
        } else {
            Err(InvalidTimestamp::OutOfRange)
        }
    }

    /// The instant as chrono knows it.
    #[must_use]
    pub const fn as_datetime(&self) -> DateTime<Utc> {
        self.0
    }

    /// The instant `delta` later (earlier when negative), held within the years 1900–2200.
    #[must_use]
    pub fn saturating_add(self, delta: TimeDelta) -> Self {
        let edge = if delta < TimeDelta::zero() {
            EARLIEST_SECONDS
        } else {
            LATEST_SECONDS - 1
        };
        self.0
            .checked_add_signed(delta)
            .and_then(|moment| Self::new(moment).ok())
            .or_else(|| DateTime::from_timestamp(edge, 0).map(Self))
            .unwrap_or(self)
    }

    /// The span from `earlier` to this instant; negative when this one is the earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> TimeDelta {
        self.0.signed_duration_since(earlier.0)
    }

    /// The calendar day of this instant in `zone`.
    #[must_use]
    pub fn date_in(self, zone: Zone) -> NaiveDate {
        self.local_in(zone).date()
    }

    /// What a wall clock in `zone` shows at this instant.
    #[must_use]
    pub fn local_in(self, zone: Zone) -> NaiveDateTime {
        self.0.with_timezone(&zone.0).naive_local()
    }

    /// A UUIDv7 (RFC 9562) with this time and random low bits.
    pub(crate) fn to_uuid_v7(self) -> Uuid {
        let seconds = u64::try_from(self.0.timestamp()).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(
            uuid::NoContext,
            seconds,
            self.0.timestamp_subsec_nanos(),
        ))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment = DateTime::parse_from_rfc3339(text).or(Err(InvalidTimestamp::Malformed))?;
        Self::new(moment.with_timezone(&Utc))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serialize::ToSql<sql_types::Timestamptz, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        serialize::ToSql::<sql_types::Timestamptz, Pg>::to_sql(&self.0, &mut out.reborrow())
    }
}

impl deserialize::FromSql<sql_types::Timestamptz, Pg> for Timestamp {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        deserialize::FromSql::<sql_types::Timestamptz, Pg>::from_sql(value).map(Self)
    }
}

/// A span of time: start before end, at most 24 hours long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeSlot {
    starts_at: Timestamp,
    ends_at: Timestamp,
}

/// Two instants that make no slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlot {
    /// The end is not after the start.
    #[error("the end must come after the start")]
    EndNotAfterStart,
    /// Longer than 24 hours.
    #[error("a slot lasts at most 24 hours")]
    TooLong,
}

impl TimeSlot {
    /// The longest slot there may be.
    pub const LONGEST: TimeDelta = TimeDelta::hours(24);

    /// The span from `starts_at` (included) to `ends_at` (excluded).
    ///
    /// # Errors
    /// [`InvalidSlot`] when it would be empty, backwards, or longer than [`Self::LONGEST`].
    pub fn new(starts_at: Timestamp, ends_at: Timestamp) -> Result<Self, InvalidSlot> {
        if ends_at <= starts_at {
            Err(InvalidSlot::EndNotAfterStart)
        } else if ends_at.since(starts_at) > Self::LONGEST {
            Err(InvalidSlot::TooLong)
        } else {
            Ok(Self { starts_at, ends_at })
        }
    }

    /// The first instant inside.
    #[must_use]
    pub const fn starts_at(&self) -> Timestamp {
        self.starts_at
    }

    /// The first instant after.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// How long it is; always positive.
    #[must_use]
    pub fn duration(&self) -> TimeDelta {
        self.ends_at.since(self.starts_at)
    }

    /// Whether the two share an instant; slots that only touch do not.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.starts_at < other.ends_at && other.starts_at < self.ends_at
    }
}

/// An IANA time zone such as `America/Sao_Paulo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = sql_types::Text)]
#[schema(value_type = String, example = "America/Sao_Paulo")]
pub struct Zone(chrono_tz::Tz);

/// Text that names no zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is a name of the IANA database, such as America/Sao_Paulo")]
pub struct InvalidZone;

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(chrono_tz::UTC);

    /// The zone's name in the IANA database.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The zone as chrono-tz knows it.
    #[must_use]
    pub const fn as_tz(self) -> chrono_tz::Tz {
        self.0
    }

    /// The instant at which a wall clock here shows `local`.
    ///
    /// When clocks go back and `local` comes twice, the first time it comes; when they go forward and it never comes,
    /// the instant of the jump. So every local time maps to one instant, and order is kept.
    #[must_use]
    pub fn instant_of(self, local: NaiveDateTime) -> Option<Timestamp> {
        match self.0.from_local_datetime(&local) {
            MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => {
                Timestamp::new(moment.with_timezone(&Utc)).ok()
            }
            MappedLocalTime::None => self.end_of_gap(local),
        }
    }

    /// The instant at which the gap around `local` is jumped over: found by bisection between a time before and after it.
    fn end_of_gap(self, local: NaiveDateTime) -> Option<Timestamp> {
        let as_utc = |naive: NaiveDateTime| naive.and_utc().timestamp();
        let shown = |seconds: i64| {
            DateTime::from_timestamp(seconds, 0).map(|moment| as_utc(moment.with_timezone(&self.0).naive_local()))
        };
        // No zone is more than 26 hours from UTC, and no gap is wider than a day.
        let mut before = as_utc(local) - 50 * 3600;
        let mut after = as_utc(local) + 50 * 3600;
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if shown(middle)? < as_utc(local) {
                before = middle;
            } else {
                after = middle;
            }
        }
        Timestamp::new(DateTime::from_timestamp(after, 0)?).ok()
    }

    /// The first instant of `date` here; usually midnight, later where midnight is jumped over.
    #[must_use]
    pub fn start_of_day(self, date: NaiveDate) -> Option<Timestamp> {
        self.instant_of(date.and_time(chrono::NaiveTime::MIN))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).or(Err(InvalidZone))
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serialize::ToSql<sql_types::Text, Pg> for Zone {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        serialize::ToSql::<sql_types::Text, Pg>::to_sql(self.name(), &mut out.reborrow())
    }
}

impl deserialize::FromSql<sql_types::Text, Pg> for Zone {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let text: String = deserialize::FromSql::<sql_types::Text, Pg>::from_sql(value)?;
        Ok(text.parse()?)
    }
}

/// Where the time comes from: the one source of "now".
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant, cut to microseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else takes the time from"
    )]
    fn now(&self) -> Timestamp {
        Timestamp(Utc::now().trunc_subsecs(6))
    }
}

/// A clock that stands still until it is told to move, for tests and replays.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `moment`.
    #[must_use]
    pub const fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.0.timestamp_micros()))
    }

    /// Moves the clock by `delta`.
    pub fn advance(&self, delta: TimeDelta) {
        self.0
            .fetch_add(delta.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }

    /// Sets the clock to `moment`.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.0.timestamp_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or(DateTime::UNIX_EPOCH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn any_offset_is_read_and_utc_is_written() {
        let moment: Timestamp = "2026-11-23T14:00:00.1234567-03:00".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-11-23T17:00:00.123456Z");
        assert_eq!(
            "2026-11-23T14:00:00".parse::<Timestamp>(),
            Err(InvalidTimestamp::Malformed)
        );
        assert_eq!(
            "9999-12-31T23:59:59Z".parse::<Timestamp>(),
            Err(InvalidTimestamp::OutOfRange)
        );
    }

    #[test]
    fn a_time_that_comes_twice_is_the_first() {
        // 2018-02-18 at midnight, clocks in São Paulo went back to 23:00 of the 17th.
        let first = zone("America/Sao_Paulo")
            .instant_of(local("2018-02-17T23:30:00"))
            .unwrap();
        assert_eq!(first.to_string(), "2018-02-18T01:30:00Z");
    }

    #[test]
    fn a_time_that_never_comes_is_the_jump() {
        // 2018-11-04 began at 01:00 in São Paulo.
        let zone_here = zone("America/Sao_Paulo");
        let start = zone_here
            .start_of_day(NaiveDate::from_ymd_opt(2018, 11, 4).unwrap())
            .unwrap();
        assert_eq!(start.to_string(), "2018-11-04T03:00:00Z");
        assert_eq!(
            zone("America/New_York")
                .instant_of(local("2026-03-08T02:30:00"))
                .unwrap()
                .to_string(),
            "2026-03-08T07:00:00Z"
        );
    }

    #[test]
    fn slots_that_touch_do_not_overlap() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let first = TimeSlot::new(at("2026-11-23T14:00:00Z"), at("2026-11-23T15:00:00Z")).unwrap();
        let second = TimeSlot::new(at("2026-11-23T15:00:00Z"), at("2026-11-23T16:00:00Z")).unwrap();
        assert!(!first.overlaps(&second));
        assert!(first.overlaps(&first));
        assert_eq!(
            TimeSlot::new(second.ends_at(), first.starts_at()),
            Err(InvalidSlot::EndNotAfterStart)
        );
        assert_eq!(
            TimeSlot::new(first.starts_at(), at("2026-11-24T14:00:01Z")),
            Err(InvalidSlot::TooLong)
        );
    }
}
