//! The hours of a day in which patients are written to. Pure.

use chrono::{Days, NaiveDateTime};
use kernel::{Timestamp, WallTime, Zone};

/// From when until when, both included, on the wall clock; never over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwakeHours {
    /// The first minute.
    pub from: WallTime,
    /// The last.
    pub until: WallTime,
}

impl AwakeHours {
    fn contain(&self, local: NaiveDateTime) -> bool {
        (self.from.as_time()..=self.until.as_time()).contains(&local.time())
    }

    /// The first instant at or after `at` at which patients may be written to.
    #[must_use]
    pub fn first_from(&self, at: Timestamp, zone: Zone) -> Timestamp {
        let local = at.local_in(zone);
        if self.contain(local) {
            return at;
        }
        let day = if local.time() < self.from.as_time() {
            Some(local.date())
        } else {
            local.date().checked_add_days(Days::new(1))
        };
        day.and_then(|day| zone.instant_of(day.and_time(self.from.as_time())))
            .map_or(at, |opens| opens.max(at))
    }

    /// The last instant at or before `at` at which patients may be written to.
    #[must_use]
    pub fn last_until(&self, at: Timestamp, zone: Zone) -> Timestamp {
        let local = at.local_in(zone);
        if self.contain(local) {
            return at;
        }
        let day = if local.time() > self.until.as_time() {
            Some(local.date())
        } else {
            local.date().checked_sub_days(Days::new(1))
        };
        day.and_then(|day| zone.instant_of(day.and_time(self.until.as_time())))
            .map_or(at, |closes| closes.min(at))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    const HOURS: AwakeHours = AwakeHours {
        from: WallTime::of::<8, 0>(),
        until: WallTime::of::<21, 0>(),
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_night_is_left_towards_the_morning_or_the_evening() {
        let zone: Zone = "America/Sao_Paulo".parse().unwrap();
        for (moment, next, last) in [
            (
                "2026-11-24T08:00:00-03:00",
                "2026-11-24T11:00:00Z",
                "2026-11-24T11:00:00Z",
            ),
            (
                "2026-11-24T21:00:00-03:00",
                "2026-11-25T00:00:00Z",
                "2026-11-25T00:00:00Z",
            ),
            (
                "2026-11-24T21:01:00-03:00",
                "2026-11-25T11:00:00Z",
                "2026-11-25T00:00:00Z",
            ),
            (
                "2026-11-24T06:00:00-03:00",
                "2026-11-24T11:00:00Z",
                "2026-11-24T00:00:00Z",
            ),
        ] {
            assert_eq!(HOURS.first_from(at(moment), zone), at(next), "{moment}");
            assert_eq!(HOURS.last_until(at(moment), zone), at(last), "{moment}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_is_awake_and_on_the_right_side(minutes in 0_i64..600_000, zone in prop::sample::select(vec![
            "America/Sao_Paulo", "America/New_York", "Europe/Lisbon", "Australia/Lord_Howe", "Pacific/Chatham",
        ])) {
            let zone: Zone = zone.parse().unwrap();
            let moment = at("2026-01-01T00:00:00Z").saturating_add(TimeDelta::minutes(minutes));
            let (next, last) = (HOURS.first_from(moment, zone), HOURS.last_until(moment, zone));
            prop_assert!(last <= moment && moment <= next);
            prop_assert!(HOURS.contain(next.local_in(zone)) && HOURS.contain(last.local_in(zone)));
            prop_assert!(next.since(last) <= TimeDelta::hours(12));
        }
    }
}
