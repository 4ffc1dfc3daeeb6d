//! A moment as clients name it: an instant, or a whole day on the clinic's wall clock.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};
use kernel::{Timestamp, Zone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant (RFC 3339) or a local date (`2026-11-20`), which is a day in the clinic's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// This very instant.
    At(Timestamp),
    /// This day: its first instant where a span starts, its last where one ends.
    On(NaiveDate),
}

/// Text that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time such as 2026-11-23T14:00:00-03:00 or a day such as 2026-11-23, between 1900 and 2200")]
pub struct InvalidMoment;

impl Moment {
    /// The first instant of a span that starts with this moment.
    #[must_use]
    pub fn as_start(self, zone: Zone) -> Option<Timestamp> {
        match self {
            Self::At(instant) => Some(instant),
            Self::On(day) => zone.start_of_day(day),
        }
    }

    /// The first instant after a span that ends with this moment: an instant is not in it any more, a day is to its end.
    #[must_use]
    pub fn as_end(self, zone: Zone) -> Option<Timestamp> {
        match self {
            Self::At(instant) => Some(instant),
            Self::On(day) => zone.start_of_day(day.checked_add_days(Days::new(1))?),
        }
    }

    /// The days that this moment may lie on, whatever the zone: an instant has up to three.
    #[must_use]
    pub fn possible_days(self) -> (NaiveDate, NaiveDate) {
        match self {
            Self::At(instant) => {
                let day = instant.date_in(Zone::UTC);
                (day.pred_opt().unwrap_or(day), day.succ_opt().unwrap_or(day))
            }
            Self::On(day) => (day, day),
        }
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(instant) = text.parse() {
            return Ok(Self::At(instant));
        }
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").or(Err(InvalidMoment))?;
        // The years of `Timestamp`, less a day at each end for the zones.
        let sensible = Zone::UTC.start_of_day(day).is_some() && text.len() == 10;
        if sensible {
            Ok(Self::On(day))
        } else {
            Err(InvalidMoment)
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(instant) => instant.fmt(formatter),
            Self::On(day) => day.fmt(formatter),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_whole_in_the_clinics_zone() {
        let zone: Zone = "America/Sao_Paulo".parse().unwrap();
        let day: Moment = "2026-11-20".parse().unwrap();
        assert_eq!(day.as_start(zone).unwrap().to_string(), "2026-11-20T03:00:00Z");
        assert_eq!(day.as_end(zone).unwrap().to_string(), "2026-11-21T03:00:00Z");
    }

    #[test]
    fn an_instant_is_itself() {
        let instant: Moment = "2026-11-20T14:00:00-03:00".parse().unwrap();
        assert_eq!(instant.as_start(Zone::UTC), instant.as_end(Zone::UTC));
        assert_eq!(instant.to_string(), "2026-11-20T17:00:00Z");
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-13-01",
            "20261120",
            "2026-11-20T14:00",
            "9999-01-01",
            "0001-01-01",
            "2026-1-2",
        ] {
            assert_eq!(text.parse::<Moment>(), Err(InvalidMoment), "{text}");
        }
    }
}
