//! How long to wait after failures in a row.

use chrono::TimeDelta;

/// `first`, doubled `times` times (a negative number counts as none), but no longer than `longest`.
#[must_use]
pub fn doubled(first: TimeDelta, times: i32, longest: TimeDelta) -> TimeDelta {
    let factor = 1_i32 << times.clamp(0, 30);
    first.checked_mul(factor).unwrap_or(longest).min(longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_pause_is_twice_the_one_before_up_to_the_longest() {
        let pause = |times| doubled(TimeDelta::seconds(5), times, TimeDelta::minutes(10)).num_seconds();
        assert_eq!([-1, 0, 1, 2, 6, 7].map(pause), [5, 5, 10, 20, 320, 600]);
    }

    proptest! {
        #[test]
        fn no_number_of_failures_makes_it_overflow(times: i32, first in 0..i64::from(u32::MAX), longest in 0..i64::from(u32::MAX)) {
            let (first, longest) = (TimeDelta::milliseconds(first), TimeDelta::milliseconds(longest));
            let pause = doubled(first, times, longest);
            prop_assert!(pause <= longest && pause >= first.min(longest));
        }
    }
}
