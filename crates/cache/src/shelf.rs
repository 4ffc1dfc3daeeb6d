//! The answers kept in this process, bounded in bytes altogether and for each clinic.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use kernel::{ClinicId, Timestamp};
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync;

use crate::counters::ClinicShare;
use crate::key::Slot;
use crate::sharded::lock;
use crate::{CacheConfig, CachedAnswer, Generation, Statistics, TimeToLive};

/// What the map and the queue need for an entry beside the entry itself: key, reference counts, list nodes, table cell.
/// An estimate from the sizes of moka's types, rounded up.
const BOOKKEEPING: usize = 320;

/// An answer that is kept.
pub(crate) struct Entry {
    slot: Slot,
    generation: Generation,
    expires_at: Timestamp,
    kind: TimeToLive,
    answer: CachedAnswer,
    /// Read since its last turn in the queue of arrivals.
    read: AtomicBool,
    /// Still in the map.
    present: AtomicBool,
    share: Arc<ClinicShare>,
}

impl Entry {
    fn weight(&self) -> u64 {
        let weight = size_of::<Self>() + BOOKKEEPING + self.answer.body.len() + self.answer.etag.as_bytes().len();
        u64::try_from(weight).unwrap_or(u64::MAX)
    }
}

/// All entries, and each clinic's part of them.
pub(crate) struct Shelf {
    entries: sync::Cache<Slot, Arc<Entry>>,
    /// Every clinic that ever asked: as many as there are in the database, since callers are authenticated.
    shares: RwLock<HashMap<ClinicId, Arc<ClinicShare>>>,
    clinic_bytes: u64,
    total_bytes: u64,
    /// The weight of all entries in the map.
    held: Arc<AtomicU64>,
}

impl Shelf {
    pub(crate) fn new(config: CacheConfig) -> Self {
        let held = Arc::new(AtomicU64::new(0));
        let held_by_map = Arc::clone(&held);
        let entries = sync::Cache::builder()
            .max_capacity(config.total_bytes)
            .weigher(|_, entry: &Arc<Entry>| u32::try_from(entry.weight()).unwrap_or(u32::MAX))
            // The default policy turns a newcomer away from a full cache while those inside are more popular: a clinic
            // with many readers would keep the others out.
            .eviction_policy(EvictionPolicy::lru())
            .eviction_listener(move |_, entry, cause| {
                held_by_map.fetch_sub(entry.weight(), Ordering::Relaxed);
                entry_left(&entry, cause);
            })
            .build();
        let CacheConfig {
            total_bytes,
            clinic_bytes,
            ..
        } = config;
        Self {
            entries,
            shares: RwLock::default(),
            clinic_bytes: clinic_bytes.min(total_bytes),
            total_bytes,
            held,
        }
    }

    /// The part of `clinic`.
    pub(crate) fn share(&self, clinic: ClinicId) -> Arc<ClinicShare> {
        if let Some(share) = self.shares.read().unwrap_or_else(PoisonError::into_inner).get(&clinic) {
            return Arc::clone(share);
        }
        let mut shares = self.shares.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            shares
                .entry(clinic)
                .or_insert_with(|| Arc::new(ClinicShare::new(clinic))),
        )
    }

    /// The answer in `slot`, if it is of `generation` and not expired at `now`.
    pub(crate) fn get(&self, slot: &Slot, generation: Generation, now: Timestamp) -> Option<CachedAnswer> {
        let entry = self.entries.get(slot)?;
        (entry.generation == generation && now < entry.expires_at).then(|| {
            // Only the first reader writes: the others would fight over the cache line.
            if !entry.read.load(Ordering::Relaxed) {
                entry.read.store(true, Ordering::Relaxed);
            }
            entry.answer.clone()
        })
    }

    /// Keeps `answer`, which was asked for at `asked_at`, unless it is heavier than a clinic's whole share.
    pub(crate) fn put(
        &self,
        share: Arc<ClinicShare>,
        slot: Slot,
        generation: Generation,
        kind: TimeToLive,
        asked_at: Timestamp,
        answer: CachedAnswer,
    ) {
        let expires_at = asked_at.saturating_add(kind.jittered());
        let (read, present) = (AtomicBool::new(false), AtomicBool::new(true));
        let entry = Arc::new(Entry {
            slot,
            generation,
            expires_at,
            kind,
            answer,
            read,
            present,
            share,
        });
        if entry.weight() > self.clinic_bytes {
            return;
        }
        let mut arrivals = lock(&entry.share.arrivals);
        // Taken out and put in anew, under the clinic's lock, and never replaced: the map loses count of its weight when
        // an entry is replaced and removed in quick succession, which the bound on all clinics depends on.
        self.entries.invalidate(&slot);
        entry.share.of(kind).arrived(entry.weight());
        let held = self
            .held
            .fetch_add(entry.weight(), Ordering::Relaxed)
            .saturating_add(entry.weight());
        self.entries.insert(slot, Arc::clone(&entry));
        arrivals.push_back(Arc::downgrade(&entry));
        self.keep_share(&entry.share, &mut arrivals);
        if held > self.total_bytes {
            // The map makes room in batches, some dozens of insertions late, unless it is told to.
            self.entries.run_pending_tasks();
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        let mut clinics: Vec<_> = shares.values().map(|share| share.statistics()).collect();
        clinics.sort_unstable_by_key(|statistics| statistics.clinic);
        Statistics { clinics }
    }

    /// Takes from the front of a clinic's queue what exceeds the clinic's share.
    fn keep_share(&self, share: &ClinicShare, arrivals: &mut VecDeque<Weak<Entry>>) {
        // Each entry is passed over at most once per call: readers that keep coming cannot keep this from ending.
        let mut passes = arrivals.len();
        while share.bytes() > self.clinic_bytes {
            let Some(oldest) = arrivals.pop_front() else { break };
            let Some(entry) = present(&oldest) else { continue };
            if passes > 0 && entry.read.swap(false, Ordering::Relaxed) {
                passes -= 1;
                arrivals.push_back(oldest);
            } else {
                share.of(entry.kind).evicted();
                self.entries.invalidate(&entry.slot);
            }
        }
        drop_gone(arrivals, share.entries());
    }
}

/// Counts an entry that has left the map, for whatever reason; called by the map, once per entry.
fn entry_left(entry: &Entry, cause: RemovalCause) {
    entry.present.store(false, Ordering::Relaxed);
    let counters = entry.share.of(entry.kind);
    counters.left(entry.weight());
    if cause == RemovalCause::Size {
        counters.evicted();
    }
}

fn present(entry: &Weak<Entry>) -> Option<Arc<Entry>> {
    entry.upgrade().filter(|entry| entry.present.load(Ordering::Relaxed))
}

/// Drops from the queue what is no longer in the map, once that is more than half of it.
fn drop_gone(arrivals: &mut VecDeque<Weak<Entry>>, entries: u64) {
    let entries = usize::try_from(entries).unwrap_or(usize::MAX);
    if arrivals.len() / 2 > entries.saturating_add(16) {
        arrivals.retain(|entry| present(entry).is_some());
        arrivals.shrink_to(entries.saturating_mul(2));
    }
}

#[cfg(test)]
mod tests {
    use kernel::{PermissionSet, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::{CacheKey, EntityTag};

    proptest! {
        /// The map's own sum of weights, by which it makes room, stays true over months: it never drifts from ours.
        #[test]
        fn the_map_never_loses_count(puts in prop::collection::vec((0_u8..3, 0_u8..9, 0_usize..4_000), 1..300)) {
            let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
            let shelf = Shelf::new(CacheConfig { total_bytes: 30_000, clinic_bytes: 14_000, tags: 0 });
            for (of, query, size) in puts {
                let clinic: ClinicId = format!("0192f0c1-2a3b-7c4d-8e5f-6071829300{of:02x}").parse().unwrap();
                let slot = CacheKey::new(clinic, "rows", PermissionSet::NONE, &[query], Vec::new()).slot();
                let answer = CachedAnswer { body: vec![0; size].into(), etag: EntityTag::strong("1").unwrap() };
                shelf.put(shelf.share(clinic), slot, Generation::NEVER_BUMPED, TimeToLive::Search, now, answer);
            }
            shelf.entries.run_pending_tasks();
            let held = shelf.held.load(Ordering::Relaxed);
            prop_assert_eq!(shelf.entries.weighted_size(), held);
            prop_assert_eq!(shelf.statistics().bytes(), held);
            let summed: u64 = shelf.entries.iter().map(|(_, entry)| entry.weight()).sum();
            prop_assert_eq!(summed, held);
        }
    }
}
