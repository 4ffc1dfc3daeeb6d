//! The random value each tag of each clinic has until it is bumped.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::mem;

use bus::Epoch;
use kernel::{ClinicId, Tag};

use crate::CacheKey;
use crate::sharded::Sharded;

/// What an answer is kept under beside its question: the generations of its tags, combined.
///
/// Two values are only ever compared. None is derived from an earlier one, so none can come back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The generation of an answer without tags, which nothing makes stale but time.
    pub const NEVER_BUMPED: Self = Self(0);

    /// Combined with the generation of one more tag. The factor is odd, so a change of any one part changes the whole.
    const fn with(self, tag: u64) -> Self {
        Self(self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(tag))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The present generations of all tags that were asked for lately.
pub(crate) struct Generations {
    /// Keyed at random per process. Should two tags ever meet in 64 bits, a bump of one is a bump of both: a miss more.
    hasher: RandomState,
    parts: Sharded<Recent>,
}

impl Generations {
    pub(crate) fn new(capacity: usize) -> Self {
        let half = (capacity / Sharded::<Recent>::PARTS / 2).max(1);
        Self {
            hasher: RandomState::new(),
            parts: Sharded::new(|| Recent::new(half)),
        }
    }

    /// The present generation of `key` in `epoch`: answers of another epoch are never found.
    pub(crate) fn of(&self, key: &CacheKey, epoch: Epoch) -> Generation {
        let beginning = Generation::NEVER_BUMPED.with(epoch.number());
        key.tags().iter().fold(beginning, |generation, tag| {
            let hash = self.hash(key.clinic(), tag);
            generation.with(self.parts.part(hash).get_or_draw(hash))
        })
    }

    /// Ends the present generation of `tag`; the next reader draws the new one.
    pub(crate) fn bump(&self, clinic: ClinicId, tag: &Tag) {
        let hash = self.hash(clinic, tag);
        self.parts.part(hash).forget(hash);
    }

    fn hash(&self, clinic: ClinicId, tag: &Tag) -> u64 {
        self.hasher.hash_one((clinic, tag.as_str()))
    }
}

type Drawn = HashMap<u64, u64, BuildHasherDefault<Hashed>>;

/// Generations by the tags' hashes in two halves. A full young half becomes the old one and the old one is dropped;
/// what is read in the old half moves to the young one. So what is used stays, and nothing is kept in order.
struct Recent {
    young: Drawn,
    old: Drawn,
    half: usize,
}

impl Recent {
    fn new(half: usize) -> Self {
        Self {
            young: Drawn::default(),
            old: Drawn::default(),
            half,
        }
    }

    fn get_or_draw(&mut self, tag: u64) -> u64 {
        if let Some(generation) = self.young.get(&tag) {
            return *generation;
        }
        let generation = self.old.remove(&tag).unwrap_or_else(rand::random);
        if self.young.len() >= self.half {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(tag, generation);
        generation
    }

    fn forget(&mut self, tag: u64) {
        self.young.remove(&tag);
        self.old.remove(&tag);
    }
}

/// Passes on a hash that was already made.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use kernel::PermissionSet;

    use super::*;

    fn clinic() -> ClinicId {
        "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5".parse().unwrap()
    }

    fn epoch() -> Epoch {
        bus::Link::alone().epoch().unwrap()
    }

    fn key(tags: &[usize]) -> CacheKey {
        let tags = tags.iter().map(|tag| Tag::part("row", tag)).collect();
        CacheKey::new(clinic(), "rows", PermissionSet::NONE, b"", tags)
    }

    #[test]
    fn a_bump_of_any_tag_changes_the_generation_and_of_others_does_not() {
        let generations = Generations::new(1 << 12);
        for bumped in [1, 2, 3] {
            let before = generations.of(&key(&[1, 2, 3]), epoch());
            generations.bump(clinic(), &Tag::part("row", 4));
            assert_eq!(generations.of(&key(&[3, 2, 1]), epoch()), before);
            generations.bump(clinic(), &Tag::part("row", bumped));
            assert_ne!(generations.of(&key(&[1, 2, 3]), epoch()), before);
        }
    }

    #[test]
    fn another_clinics_bump_of_the_same_tag_changes_nothing() {
        let generations = Generations::new(1 << 12);
        let before = generations.of(&key(&[1]), epoch());
        generations.bump(
            "0192f0c1-2a3b-7c4d-8e5f-60718293a4b6".parse().unwrap(),
            &Tag::part("row", 1),
        );
        assert_eq!(generations.of(&key(&[1]), epoch()), before);
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let mut recent = Recent::new(8);
        let kept = recent.get_or_draw(0);
        let lost = recent.get_or_draw(1);
        for tag in 2..200 {
            recent.get_or_draw(tag);
            assert_eq!(recent.get_or_draw(0), kept);
            assert!(recent.young.len() + recent.old.len() <= 16);
        }
        assert_ne!(recent.get_or_draw(1), lost);
    }

    #[test]
    fn a_forgotten_generation_never_comes_back() {
        let generations = Generations::new(0);
        let first = generations.of(&key(&[0]), epoch());
        // Enough for every shard to drop its halves.
        for tag in 1..20_000 {
            generations.of(&key(&[tag]), epoch());
        }
        assert_ne!(generations.of(&key(&[0]), epoch()), first);
    }
}
