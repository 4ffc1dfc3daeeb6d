//! Where slots may start: at whole steps on the wall clock, counted from an opening time.

use std::num::NonZeroU16;

use chrono::{NaiveDateTime, TimeDelta};
use kernel::{Timestamp, Zone};

/// The distance between two slots' starts, in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step(NonZeroU16);

impl Step {
    /// A step of `minutes`; none when that is not positive or beyond a `u16`.
    #[must_use]
    pub fn minutes(minutes: i32) -> Option<Self> {
        u16::try_from(minutes).ok().and_then(NonZeroU16::new).map(Self)
    }

    fn as_microseconds(self) -> i64 {
        i64::from(self.0.get()) * 60_000_000
    }
}

/// The instants at which a wall clock in `zone` shows `anchor` plus or minus a whole number of steps.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    zone: Zone,
    anchor: NaiveDateTime,
    step: Step,
}

impl Grid {
    /// The grid through the local time `anchor`.
    #[must_use]
    pub const fn new(zone: Zone, anchor: NaiveDateTime, step: Step) -> Self {
        Self { zone, anchor, step }
    }

    /// Whether `moment` is on the grid.
    #[must_use]
    pub fn holds(&self, moment: Timestamp) -> bool {
        self.past_grid(moment) == 0
    }

    /// The first instant of the grid at or after `moment`.
    #[must_use]
    pub fn first_from(&self, moment: Timestamp) -> Timestamp {
        let mut moment = moment;
        loop {
            let past = self.past_grid(moment);
            if past == 0 {
                return moment;
            }
            let candidate = moment.saturating_add(TimeDelta::microseconds(self.step.as_microseconds() - past));
            match self.clock_change(moment, candidate) {
                None => return candidate,
                Some(change) => moment = change,
            }
        }
    }

    /// The first instant of the grid after `moment`, which is on it.
    #[must_use]
    pub fn after(&self, moment: Timestamp) -> Timestamp {
        let candidate = moment.saturating_add(TimeDelta::microseconds(self.step.as_microseconds()));
        self.clock_change(moment, candidate)
            .map_or(candidate, |change| self.first_from(change))
    }

    /// By how many microseconds the wall clock is past the grid at `moment`.
    fn past_grid(&self, moment: Timestamp) -> i64 {
        let since_anchor = moment.local_in(self.zone).signed_duration_since(self.anchor);
        since_anchor
            .num_microseconds()
            .unwrap_or(0)
            .rem_euclid(self.step.as_microseconds())
    }

    /// The first instant after `before` and up to `after` at which the clock differs from UTC by something else than at
    /// `before`: found by bisection, and only looked for when the two ends differ. No zone changes twice within a step.
    fn clock_change(&self, before: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let offset_at = |moment: Timestamp| moment.local_in(self.zone) - moment.as_datetime().naive_utc();
        let offset = offset_at(before);
        if offset_at(after) == offset {
            return None;
        }
        let (mut same, mut changed) = (before, after);
        loop {
            let middle = same.saturating_add(changed.since(same) / 2);
            if middle == same {
                return Some(changed);
            }
            if offset_at(middle) == offset {
                same = middle;
            } else {
                changed = middle;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(zone: &str, anchor: &str, step: i32, from: &str, until: &str) -> Vec<String> {
        let grid = Grid::new(
            zone.parse().unwrap(),
            anchor.parse().unwrap(),
            Step::minutes(step).unwrap(),
        );
        let until: Timestamp = until.parse().unwrap();
        let first = grid.first_from(from.parse().unwrap());
        std::iter::successors(Some(first), |moment| Some(grid.after(*moment)))
            .take_while(|moment| *moment < until)
            .map(|moment| moment.to_string())
            .collect()
    }

    #[test]
    fn a_time_that_is_jumped_over_has_no_start() {
        // 02:00 to 03:00 does not exist; 03:00 is a whole number of steps of 45 minutes after midnight.
        assert_eq!(
            starts(
                "America/New_York",
                "2026-03-08T00:00:00",
                45,
                "2026-03-08T05:00:00Z",
                "2026-03-08T08:00:00Z"
            ),
            [
                "2026-03-08T05:00:00Z",
                "2026-03-08T05:45:00Z",
                "2026-03-08T06:30:00Z",
                "2026-03-08T07:00:00Z",
                "2026-03-08T07:45:00Z"
            ]
        );
    }

    #[test]
    fn a_time_that_comes_twice_has_two_starts() {
        // 01:00 to 02:00 in Lisbon was lived twice.
        assert_eq!(
            starts(
                "Europe/Lisbon",
                "2026-10-25T00:30:00",
                60,
                "2026-10-24T23:30:00Z",
                "2026-10-25T03:00:00Z"
            ),
            [
                "2026-10-24T23:30:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T02:30:00Z"
            ]
        );
    }

    #[test]
    fn an_anchor_that_never_was_still_counts() {
        // 2018-11-04 began at 01:00 in São Paulo: 00:00 + 90 minutes is the first start.
        assert_eq!(
            starts(
                "America/Sao_Paulo",
                "2018-11-04T00:00:00",
                90,
                "2018-11-04T03:00:00Z",
                "2018-11-04T06:00:00Z"
            ),
            ["2018-11-04T03:30:00Z", "2018-11-04T05:00:00Z"]
        );
    }
}
