//! The counters of calls behind one quota: when each key has paid for its calls, and how many of them the other gateways have
//! not been told of.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

/// In how many parts the counters are kept, so that workers seldom wait for one another.
const PARTS: usize = 64;

/// One key's counter.
#[derive(Debug, Default)]
struct Counter {
    /// The theoretical arrival time of the generic cell rate algorithm; `None` before the first call.
    arrival: Option<u64>,
    /// Calls that were let through and not told of.
    untold: u32,
}

/// Counters by key. Cloning shares them.
pub(super) struct Counters<K>(Arc<Parts<K>>);

struct Parts<K> {
    hasher: RandomState,
    parts: [Mutex<HashMap<K, Counter>>; PARTS],
}

impl<K> Clone for Counters<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Clone> Counters<K> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Parts {
            hasher: RandomState::new(),
            parts: std::array::from_fn(|_| Mutex::default()),
        }))
    }

    fn part(&self, key: &K) -> MutexGuard<'_, HashMap<K, Counter>> {
        let Parts { hasher, parts } = &*self.0;
        let hash = usize::try_from(hasher.hash_one(key) % 64).unwrap_or_default();
        let [first, ..] = parts;
        parts
            .get(hash)
            .unwrap_or(first)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<K, Counter>>> {
        self.0
            .parts
            .iter()
            .map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Up to `most` keys with the calls that were not told of, which count as told from now on.
    pub(super) fn take_untold(&self, most: usize) -> Vec<(K, u32)> {
        let mut taken = Vec::new();
        for mut part in self.all() {
            for (key, counter) in part.iter_mut().filter(|(_, counter)| counter.untold > 0) {
                if taken.len() >= most {
                    return taken;
                }
                taken.push((key.clone(), std::mem::take(&mut counter.untold)));
            }
        }
        taken
    }

    /// What was taken to be told, and was not, is to be told the next time; of what is not counted here any more nobody asks.
    pub(super) fn give_back(&self, untold: &[(K, u32)]) {
        for (key, calls) in untold {
            if let Some(counter) = self.part(key).get_mut(key) {
                counter.untold = counter.untold.saturating_add(*calls);
            }
        }
    }

    /// All gateways together have used up the quota of `key` until `arrival`, without what is not told of yet, at `interval`
    /// each.
    pub(super) fn learn(&self, key: &K, arrival: u64, interval: u64) {
        if let Some(counter) = self.part(key).get_mut(key) {
            let own = u64::from(counter.untold).saturating_mul(interval);
            counter.arrival = counter.arrival.max(Some(arrival.saturating_add(own)));
        }
    }
}

impl<K: Hash + Eq + Clone> StateStore for Counters<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut part = self.part(key);
        if let Some(counter) = part.get_mut(key) {
            let (outcome, arrival) = decide(counter.arrival.map(Nanos::new))?;
            counter.arrival = Some(arrival.as_u64());
            counter.untold = counter.untold.saturating_add(1);
            return Ok(outcome);
        }
        let (outcome, arrival) = decide(None)?;
        let counter = Counter {
            arrival: Some(arrival.as_u64()),
            untold: 1,
        };
        part.insert(key.clone(), counter);
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Counters<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        for mut part in self.all() {
            part.retain(|_, counter| counter.arrival.is_some_and(|arrival| arrival >= drop_below.as_u64()));
        }
    }

    fn shrink_to_fit(&self) {
        for mut part in self.all() {
            part.shrink_to_fit();
        }
    }

    fn len(&self) -> usize {
        self.all().map(|part| part.len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
