//! The other processes: when each was last heard, and whether anything it told was missed.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::LEASE;

/// A process that was silent for so long, and is not said to be there, is taken for dead. Until then it may be alive and cut off
/// from Redis, committing what nobody hears of.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

struct Peer {
    heard_at: Instant,
    number: u64,
}

/// Every process that was heard lately.
#[derive(Default)]
pub(crate) struct Peers(HashMap<Uuid, Peer>);

/// Whether a message is the one that follows the sender's last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuity {
    Unbroken,
    Broken,
}

impl Peers {
    /// Notes message `number` of `node`.
    pub(crate) fn heard(&mut self, node: Uuid, number: u64, now: Instant) -> Continuity {
        let before = self.0.insert(node, Peer { heard_at: now, number });
        match before {
            Some(before) if before.number + 1 == number => Continuity::Unbroken,
            _ => Continuity::Broken,
        }
    }

    /// `node` has said good-bye.
    pub(crate) fn left(&mut self, node: Uuid) {
        self.0.remove(&node);
    }

    /// Whether all are heard, those of the `roll` among them; those who are silent for very long are forgotten.
    pub(crate) fn all_speak(&mut self, roll: &HashSet<Uuid>, now: Instant) -> bool {
        self.0
            .retain(|_, peer| now.saturating_duration_since(peer.heard_at) < FORGOTTEN_AFTER);
        let are_known = roll.iter().all(|node| self.0.contains_key(node));
        are_known
            && self
                .0
                .values()
                .all(|peer| now.saturating_duration_since(peer.heard_at) < LEASE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_passed_over_is_noticed() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        let node = Uuid::from_u128(1);
        assert_eq!(
            peers.heard(node, 4, now),
            Continuity::Broken,
            "heard for the first time"
        );
        assert_eq!(peers.heard(node, 5, now), Continuity::Unbroken);
        assert_eq!(peers.heard(node, 7, now), Continuity::Broken);
        assert_eq!(peers.heard(node, 8, now), Continuity::Unbroken);
    }

    #[test]
    fn silence_is_noticed_until_it_is_forgotten_and_leaving_is_no_silence() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let nobody = HashSet::new();
        peers.heard(one, 1, now);
        peers.heard(two, 1, now);
        assert!(peers.all_speak(&nobody, now));
        peers.heard(two, 2, now + LEASE);
        assert!(!peers.all_speak(&nobody, now + LEASE));
        peers.left(one);
        assert!(peers.all_speak(&nobody, now + LEASE));
        assert!(!peers.all_speak(&nobody, now + LEASE * 3));
        assert!(peers.all_speak(&nobody, now + LEASE + FORGOTTEN_AFTER));
    }

    #[test]
    fn who_is_there_without_being_heard_is_never_forgotten() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let roll = HashSet::from([one, two]);
        peers.heard(one, 1, now);
        assert!(!peers.all_speak(&roll, now), "the second was never heard");
        peers.heard(two, 1, now);
        assert!(peers.all_speak(&roll, now));
        let later = now + LEASE + FORGOTTEN_AFTER;
        peers.heard(one, 2, later);
        assert!(!peers.all_speak(&roll, later), "the second is there and silent");
        assert!(peers.all_speak(&HashSet::from([one]), later), "it has gone");
    }
}
