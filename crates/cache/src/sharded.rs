//! A value cut into parts with a lock each, so that threads seldom wait for one another.

use std::array;
use std::sync::{Mutex, MutexGuard, PoisonError};

const PARTS: usize = 64;

/// 64 values of which a hash chooses one.
pub(crate) struct Sharded<T>([Mutex<T>; PARTS]);

impl<T> Sharded<T> {
    pub(crate) const PARTS: usize = PARTS;

    pub(crate) fn new(mut part: impl FnMut() -> T) -> Self {
        Self(array::from_fn(|_| Mutex::new(part())))
    }

    /// The part that `hash` falls into, locked.
    #[expect(clippy::indexing_slicing, reason = "the remainder is always within the array")]
    pub(crate) fn part(&self, hash: u64) -> MutexGuard<'_, T> {
        // Hash tables inside the parts use the lowest and the highest bits: the choice of the part uses those between.
        let middle = usize::try_from(hash >> 32 & 0xffff).unwrap_or(0);
        lock(&self.0[middle % PARTS])
    }
}

/// Locks `mutex` even after a panic under it: what our locks guard is valid between any two steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
