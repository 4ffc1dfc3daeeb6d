//! One clinic's counts and its entries in order of arrival.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Weak};

use kernel::ClinicId;

use crate::shelf::Entry;
use crate::statistics::{ClinicStatistics, KindStatistics};
use crate::{Outcome, TimeToLive};

/// What one clinic has in the cache.
pub(crate) struct ClinicShare {
    clinic: ClinicId,
    reference: Counters,
    session: Counters,
    search: Counters,
    changing: Counters,
    /// The clinic's entries, oldest first, with some that are gone already.
    pub(crate) arrivals: Mutex<VecDeque<Weak<Entry>>>,
}

/// The counts of one kind. Each stands for itself: nothing is concluded from two of them, so no order is asked for.
#[derive(Default)]
pub(crate) struct Counters {
    hits: AtomicU64,
    shared: AtomicU64,
    misses: AtomicU64,
    fills: AtomicU64,
    evictions: AtomicU64,
    entries: AtomicU64,
    bytes: AtomicU64,
}

impl ClinicShare {
    pub(crate) fn new(clinic: ClinicId) -> Self {
        Self {
            clinic,
            reference: Counters::default(),
            session: Counters::default(),
            search: Counters::default(),
            changing: Counters::default(),
            arrivals: Mutex::default(),
        }
    }

    /// The counts of `kind`.
    pub(crate) const fn of(&self, kind: TimeToLive) -> &Counters {
        match kind {
            TimeToLive::Reference => &self.reference,
            TimeToLive::Session => &self.session,
            TimeToLive::Search => &self.search,
            TimeToLive::Changing => &self.changing,
        }
    }

    /// The bytes the clinic holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.sum(|counters| &counters.bytes)
    }

    /// The entries the clinic holds.
    pub(crate) fn entries(&self) -> u64 {
        self.sum(|counters| &counters.entries)
    }

    pub(crate) fn statistics(&self) -> ClinicStatistics {
        let kinds = TimeToLive::ALL.iter().map(|kind| self.of(*kind).read(*kind)).collect();
        ClinicStatistics {
            clinic: self.clinic,
            kinds,
        }
    }

    fn sum(&self, count: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        TimeToLive::ALL
            .iter()
            .map(|kind| count(self.of(*kind)).load(Ordering::Relaxed))
            .sum()
    }
}

impl Counters {
    pub(crate) fn answered(&self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Hit => &self.hits,
            Outcome::Miss => &self.misses,
            Outcome::Shared => &self.shared,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn filled(&self) {
        self.fills.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn evicted(&self) {
        self.evictions.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn arrived(&self, bytes: u64) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn left(&self, bytes: u64) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn read(&self, kind: TimeToLive) -> KindStatistics {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        KindStatistics {
            kind,
            hits: read(&self.hits),
            shared: read(&self.shared),
            misses: read(&self.misses),
            fills: read(&self.fills),
            evictions: read(&self.evictions),
            entries: read(&self.entries),
            bytes: read(&self.bytes),
        }
    }
}
