//! What the cache has done since the process began, and what it holds now.

use kernel::ClinicId;

use crate::TimeToLive;

/// The whole cache, read without stopping it: counts taken while others change them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Every clinic that ever asked, in the order of their ids.
    pub clinics: Vec<ClinicStatistics>,
}

impl Statistics {
    /// The bytes held for all clinics, bookkeeping included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.clinics.iter().map(ClinicStatistics::bytes).sum()
    }
}

/// One clinic's part of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicStatistics {
    /// Whose.
    pub clinic: ClinicId,
    /// By kind, each kind once, in the order of [`TimeToLive::ALL`].
    pub kinds: Vec<KindStatistics>,
}

impl ClinicStatistics {
    /// The bytes held for this clinic, bookkeeping included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.bytes).sum()
    }
}

/// One kind of answers of one clinic. Lookups that ended in an answer or began a fill: `hits + shared + misses`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindStatistics {
    /// Which kind.
    pub kind: TimeToLive,
    /// Answers that were there.
    pub hits: u64,
    /// Answers taken over from another caller's fill.
    pub shared: u64,
    /// Fills begun.
    pub misses: u64,
    /// Fills that ended well.
    pub fills: u64,
    /// Entries pushed out to make room; those replaced by a newer answer are not counted.
    pub evictions: u64,
    /// Entries held now, those included that are stale or expired and not yet replaced.
    pub entries: u64,
    /// Bytes held now, bookkeeping included.
    pub bytes: u64,
}
