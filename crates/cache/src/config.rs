//! How much the cache may hold.

/// The cache's bounds, per process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheConfig {
    /// Bytes held for all clinics together, bookkeeping included. Zero keeps nothing: misses are still shared while
    /// they last.
    pub total_bytes: u64,
    /// Bytes held for one clinic; an answer heavier than this is passed on and not kept.
    pub clinic_bytes: u64,
    /// Tags whose generations are remembered, for all clinics together: at about 20 bytes each. Beyond it those that
    /// were not asked for longest are forgotten, and what was tagged with them is filled anew.
    pub tags: usize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            total_bytes: 32 << 20,
            clinic_bytes: 8 << 20,
            tags: 1 << 18,
        }
    }
}
