//! When a failed attempt is made again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::TimeDelta;
use kernel::EventId;
use kernel::pause::doubled;

/// Pauses between the attempts at one event: each twice as long as the one before, up to a longest, and each shortened by up to
/// half, differently for each event, so that what failed together does not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After how many attempts an event is given up; at least 1.
    pub most_attempts: i32,
    /// The pause after the first attempt, at most.
    pub first_pause: TimeDelta,
    /// The longest pause.
    pub longest_pause: TimeDelta,
}

impl Default for RetryPolicy {
    /// Sixteen attempts in three to six hours: longer than most outages of those whom handlers call.
    fn default() -> Self {
        Self {
            most_attempts: 16,
            first_pause: TimeDelta::seconds(2),
            longest_pause: TimeDelta::hours(1),
        }
    }
}

/// When failed attempts at one kind of work are made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// After pauses that grow by doubling.
    Growing(RetryPolicy),
    /// After these pauses, the first after the first attempt; given up when the last one was in vain. Each is shortened by up to
    /// a tenth.
    Listed(&'static [Duration]),
}

impl From<RetryPolicy> for Retries {
    fn from(policy: RetryPolicy) -> Self {
        Self::Growing(policy)
    }
}

impl Retries {
    /// After how many attempts an event is given up.
    pub(crate) fn most_attempts(&self) -> i32 {
        match self {
            Self::Growing(policy) => policy.most_attempts,
            Self::Listed(pauses) => i32::try_from(pauses.len()).map_or(i32::MAX, |pauses| pauses.saturating_add(1)),
        }
    }

    /// How long to wait after the failed attempt number `attempt` (the first is 1) at the event `id`. The same for the same
    /// event and attempt.
    pub(crate) fn pause_after(&self, attempt: i32, id: EventId) -> TimeDelta {
        match self {
            Self::Growing(policy) => policy.pause_after(attempt, id),
            Self::Listed(pauses) => {
                let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or(0);
                let pause = pauses.get(place).or(pauses.last()).copied().unwrap_or_default();
                let milliseconds = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                TimeDelta::milliseconds(milliseconds - share(attempt, id, milliseconds / 10))
            }
        }
    }
}

impl RetryPolicy {
    /// How long to wait after the failed attempt number `attempt` (the first is 1) at the event `id`. The same for the same
    /// event and attempt.
    pub(crate) fn pause_after(&self, attempt: i32, id: EventId) -> TimeDelta {
        let longest = doubled(self.first_pause, attempt.saturating_sub(1), self.longest_pause).num_milliseconds();
        let half = longest / 2;
        TimeDelta::milliseconds(longest - share(attempt, id, half))
    }
}

/// A number from 0 to `most` that hangs on the event and the attempt alone.
fn share(attempt: i32, id: EventId, most: i64) -> i64 {
    let mut hasher = DefaultHasher::new();
    (attempt, id).hash(&mut hasher);
    i64::try_from(hasher.finish() >> 1).unwrap_or(0) % most.saturating_add(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Clock, SystemClock};
    use proptest::prelude::*;

    fn event() -> EventId {
        EventId::new_at(SystemClock.now())
    }

    proptest! {
        #[test]
        fn pauses_double_up_to_the_longest_and_lose_at_most_half(attempt in 1..200_i32) {
            let policy = RetryPolicy::default();
            let nominal = 2_000_i64.saturating_mul(2_i64.saturating_pow(u32::try_from(attempt - 1).unwrap()));
            let nominal = TimeDelta::milliseconds(nominal.min(3_600_000));
            let pause = policy.pause_after(attempt, event());
            prop_assert!(pause <= nominal, "{pause} > {nominal}");
            prop_assert!(pause >= nominal / 2, "{pause} < half of {nominal}");
        }

        #[test]
        fn no_policy_and_attempt_make_a_negative_pause(
            attempt in any::<i32>(), first in 0..i64::from(u32::MAX), longest in 0..i64::from(u32::MAX),
        ) {
            let policy = RetryPolicy {
                most_attempts: 1,
                first_pause: TimeDelta::milliseconds(first),
                longest_pause: TimeDelta::milliseconds(longest),
            };
            prop_assert!(policy.pause_after(attempt, event()) >= TimeDelta::zero());
        }
    }

    #[test]
    fn listed_pauses_are_kept_to_and_lose_at_most_a_tenth() {
        const PAUSES: &[Duration] = &[Duration::from_secs(5), Duration::from_secs(3_600)];
        let retries = Retries::Listed(PAUSES);
        assert_eq!(retries.most_attempts(), 3);
        for (attempt, seconds) in [(1, 5), (2, 3_600), (3, 3_600)] {
            let (pause, nominal) = (retries.pause_after(attempt, event()), TimeDelta::seconds(seconds));
            assert!(pause <= nominal && pause >= nominal * 9 / 10, "{pause}");
        }
        assert_eq!(Retries::Listed(&[]).most_attempts(), 1);
    }

    #[test]
    fn the_pause_is_the_same_each_time_it_is_asked_for_and_differs_between_events() {
        let policy = RetryPolicy::default();
        let ids: Vec<EventId> = (0..20).map(|_| event()).collect();
        let pauses: Vec<TimeDelta> = ids.iter().map(|id| policy.pause_after(8, *id)).collect();
        let again: Vec<TimeDelta> = ids.iter().map(|id| policy.pause_after(8, *id)).collect();
        assert_eq!(pauses, again);
        assert!(pauses.iter().any(|pause| Some(pause) != pauses.first()));
    }
}
