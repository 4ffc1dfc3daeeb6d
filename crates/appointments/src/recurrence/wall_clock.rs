//! Local times as instants, and what clocks do to them. Pure.

use chrono::{MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone};
use kernel::{Timestamp, Zone, text_enum};

text_enum! {
    /// How often a wall clock shows a time on its day.
    pub enum WallClock {
        /// Once, as usual.
        Once = "once",
        /// Twice, since clocks are set back; the first time counts.
        Twice = "twice",
        /// Never, since clocks are set forward over it; it counts by the offset from before the jump.
        Never = "never",
    }
    error = UnknownWallClock, code = "unknown_wall_clock";
}

/// The instant of `local` in `zone`, as RFC 5545, 3.3.5 has it: the first of two, and by the offset before a gap in the gap.
/// None outside the years that are known.
#[must_use]
pub fn instant_of(zone: Zone, local: NaiveDateTime) -> Option<(Timestamp, WallClock)> {
    let instant = zone.instant_of(local)?;
    match zone.as_tz().from_local_datetime(&local) {
        MappedLocalTime::Single(_) => Some((instant, WallClock::Once)),
        MappedLocalTime::Ambiguous(..) => Some((instant, WallClock::Twice)),
        MappedLocalTime::None => {
            let second = TimeDelta::seconds(1);
            let gap_begins = instant.saturating_add(-second).local_in(zone) + second;
            Some((instant.saturating_add(local - gap_begins), WallClock::Never))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(zone: &str, local: &str) -> (String, WallClock) {
        let (instant, clock) = instant_of(zone.parse().unwrap(), local.parse().unwrap()).unwrap();
        (instant.to_string(), clock)
    }

    #[test]
    fn the_examples_of_the_standard() {
        assert_eq!(
            instant("America/New_York", "2007-11-04T01:30:00"),
            ("2007-11-04T05:30:00Z".to_owned(), WallClock::Twice)
        );
        assert_eq!(
            instant("America/New_York", "2007-03-11T02:30:00"),
            ("2007-03-11T07:30:00Z".to_owned(), WallClock::Never)
        );
    }

    #[test]
    fn midnight_that_sao_paulo_jumped_over() {
        assert_eq!(
            instant("America/Sao_Paulo", "2018-11-04T00:00:00"),
            ("2018-11-04T03:00:00Z".to_owned(), WallClock::Never)
        );
        assert_eq!(
            instant("America/Sao_Paulo", "2018-11-04T01:00:00"),
            ("2018-11-04T03:00:00Z".to_owned(), WallClock::Once)
        );
    }
}
