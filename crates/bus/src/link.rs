//! Whether the link to the other processes can be trusted just now, and since when without a break.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::LEASE;

/// A time without a break in what was heard. What is remembered in one epoch says nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// A number that no other epoch of this process has.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The state of the link. Cheap to clone, and to ask: two loads and a look at the clock.
#[derive(Debug, Clone)]
pub struct Link(Arc<State>);

#[derive(Debug)]
struct State {
    /// Whether trust runs out by itself; not where there is nobody to hear.
    leased: bool,
    began: Instant,
    epoch: AtomicU64,
    /// Until when there is trust, in nanoseconds since the beginning.
    good_until: AtomicU64,
}

impl Link {
    fn new(leased: bool) -> Self {
        Self(Arc::new(State {
            leased,
            began: Instant::now(),
            epoch: AtomicU64::new(0),
            good_until: AtomicU64::new(0),
        }))
    }

    /// The link of a process that is alone: there is always trust.
    #[must_use]
    pub fn alone() -> Self {
        Self::new(false)
    }

    pub(crate) fn leased() -> Self {
        Self::new(true)
    }

    /// The present epoch; `None` while what changes elsewhere may not be heard.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        let epoch = self.0.epoch.load(Ordering::SeqCst);
        if !self.0.leased {
            return Some(Epoch(epoch));
        }
        let good = self.since_beginning(Instant::now()) < self.0.good_until.load(Ordering::SeqCst);
        // A break between the two loads would pass an end of trust for the beginning of the next.
        (good && epoch == self.0.epoch.load(Ordering::SeqCst)).then_some(Epoch(epoch))
    }

    /// Whether there is trust.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.epoch().is_some()
    }

    /// Ends the present epoch, and trust until it is renewed.
    pub(crate) fn interrupt(&self) {
        self.0.good_until.store(0, Ordering::SeqCst);
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends the present epoch, and goes on with the next.
    pub(crate) fn begin_epoch(&self) {
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// All that was told before `heard_until` was heard. Whether trust begins anew by it.
    pub(crate) fn renew(&self, heard_until: Instant) -> bool {
        let good_until = self.since_beginning(heard_until + LEASE);
        let lapsed = self.since_beginning(Instant::now()) >= self.0.good_until.load(Ordering::SeqCst);
        if lapsed {
            self.begin_epoch();
        }
        self.0.good_until.fetch_max(good_until, Ordering::SeqCst);
        lapsed
    }

    fn since_beginning(&self, moment: Instant) -> u64 {
        let since: Duration = moment.saturating_duration_since(self.0.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_there_is_always_trust() {
        let link = Link::alone();
        assert!(link.is_up());
        assert_eq!(link.epoch(), link.epoch());
    }

    #[test]
    fn trust_lapses_by_itself_and_comes_back_as_another_epoch() {
        let link = Link::leased();
        assert!(!link.is_up());
        let now = Instant::now();
        assert!(link.renew(now));
        let first = link.epoch().unwrap();
        assert!(!link.renew(now), "nothing was interrupted");
        assert_eq!(link.epoch(), Some(first));
        link.interrupt();
        assert!(!link.is_up());
        assert!(link.renew(Instant::now()));
        assert_ne!(link.epoch().unwrap(), first);
    }

    #[test]
    fn what_was_heard_long_ago_gives_no_trust() {
        let link = Link::leased();
        let Some(long_ago) = Instant::now().checked_sub(LEASE) else {
            return;
        };
        link.renew(long_ago);
        assert!(!link.is_up());
    }
}
