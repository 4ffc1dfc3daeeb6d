//! When a failed delivery is tried again: growing pauses over three days, as the Standard Webhooks specification proposes.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::TimeDelta;
use kernel::WebhookDeliveryId;

/// The pause after each failed attempt, in seconds; after the last there is one more attempt. Together 75 hours.
const PAUSES: [i64; 9] = [
    5,
    5 * 60,
    30 * 60,
    2 * 3600,
    5 * 3600,
    10 * 3600,
    14 * 3600,
    20 * 3600,
    24 * 3600,
];

/// The longest that a target may ask to be left alone.
const LONGEST_ASKED: TimeDelta = TimeDelta::hours(24);

/// How long to wait after the failed attempt number `attempt` (the first is 1), up to a tenth more or less so that what failed
/// together does not come together; no shorter than the target `asked`. `None` after the last attempt.
pub(super) fn pause_after(attempt: i32, delivery: WebhookDeliveryId, asked: Option<TimeDelta>) -> Option<TimeDelta> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let milliseconds = PAUSES.get(index)?.saturating_mul(1000);
    let pause = TimeDelta::milliseconds(milliseconds / 10 * 9 + share(attempt, delivery, milliseconds / 5));
    let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
    Some(pause.max(asked))
}

/// A number from 0 to `most` that hangs on the delivery and the attempt alone.
fn share(attempt: i32, delivery: WebhookDeliveryId, most: i64) -> i64 {
    let mut hasher = DefaultHasher::new();
    (attempt, delivery).hash(&mut hasher);
    i64::try_from(hasher.finish() >> 1).unwrap_or(0) % most.saturating_add(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Clock, SystemClock};
    use proptest::prelude::*;

    fn delivery() -> WebhookDeliveryId {
        WebhookDeliveryId::new_at(SystemClock.now())
    }

    #[test]
    fn the_pauses_grow_and_last_three_days() {
        let delivery = delivery();
        let pauses: Vec<_> = (1..=9)
            .map(|attempt| pause_after(attempt, delivery, None).unwrap())
            .collect();
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert!(pauses[0] <= TimeDelta::seconds(6));
        let total: TimeDelta = pauses.iter().sum();
        assert!(total > TimeDelta::hours(67) && total < TimeDelta::hours(84), "{total}");
        assert_eq!(pause_after(10, delivery, Some(TimeDelta::hours(1))), None);
        for nonsense in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(pause_after(nonsense, delivery, None), None);
        }
    }

    proptest! {
        #[test]
        fn what_a_target_asks_for_lengthens_a_pause_within_a_day(attempt in 1..10_i32, asked in 0..10_000_000_i64) {
            let delivery = delivery();
            let asked = TimeDelta::seconds(asked);
            let usual = pause_after(attempt, delivery, None).unwrap();
            let pause = pause_after(attempt, delivery, Some(asked)).unwrap();
            prop_assert_eq!(pause, usual.max(asked.min(TimeDelta::hours(24))));
        }
    }
}
