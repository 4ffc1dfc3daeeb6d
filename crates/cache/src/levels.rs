//! The cache as its users see it: look up, fill, make stale.

use std::fmt;
use std::sync::Arc;

use bus::Link;
use kernel::{ClinicId, Clock, Tag};

use crate::flights::{Flights, Part};
use crate::generations::Generations;
use crate::shelf::Shelf;
use crate::{CacheConfig, CacheKey, CachedAnswer, Outcome, Statistics, TimeToLive};

/// The process-wide cache. Cloning shares it.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    shelf: Shelf,
    generations: Generations,
    flights: Flights,
    link: Link,
}

impl Cache {
    /// An empty cache of a process that is alone.
    #[must_use]
    pub fn new(config: CacheConfig, clock: Arc<dyn Clock>) -> Self {
        Self::linked(config, clock, Link::alone())
    }

    /// An empty cache of a process among others, whose bumps come over `link`: while they may not be heard, nothing is kept
    /// and nothing that is kept is given.
    #[must_use]
    pub fn linked(config: CacheConfig, clock: Arc<dyn Clock>, link: Link) -> Self {
        Self(Arc::new(Inner {
            link,
            clock,
            shelf: Shelf::new(config),
            generations: Generations::new(config.tags),
            flights: Flights::new(),
        }))
    }

    /// The answer to `key`: the one kept, the one that another caller is filling just now, or what `fill` gives, which is
    /// then kept for at most `ttl` and until one of the key's tags is bumped.
    ///
    /// `fill` runs at most once per call, on the caller's own task. It must read all that the answer depends on after it
    /// was called, and must not ask this cache for the same key, for which it would wait forever.
    ///
    /// Dropping the future is safe at any point: who waited for this call's `fill` goes on with another's.
    ///
    /// # Errors
    /// Those of this call's own `fill`; nothing is kept then, and those who waited for it try for themselves.
    pub async fn get_or_fill<E>(
        &self,
        key: &CacheKey,
        ttl: TimeToLive,
        fill: impl AsyncFnOnce() -> Result<CachedAnswer, E>,
    ) -> Result<(CachedAnswer, Outcome), E> {
        let Inner {
            clock,
            shelf,
            generations,
            flights,
            link,
        } = &*self.0;
        let slot = key.slot();
        let share = shelf.share(key.clinic());
        let counters = share.of(ttl);
        loop {
            // Before anything is read from the database: see the crate's documentation.
            let Some(epoch) = link.epoch() else {
                counters.answered(Outcome::Miss);
                let answer = fill().await?.trimmed();
                counters.filled();
                return Ok((answer, Outcome::Miss));
            };
            let generation = generations.of(key, epoch);
            let asked_at = clock.now();
            if let Some(answer) = shelf.get(&slot, generation, asked_at) {
                counters.answered(Outcome::Hit);
                return Ok((answer, Outcome::Hit));
            }
            match flights.join(slot, generation) {
                Part::Follower(follower) => {
                    if let Some(answer) = follower.landed().await {
                        counters.answered(Outcome::Shared);
                        return Ok((answer, Outcome::Shared));
                    }
                }
                Part::Leader(leader) => {
                    // Between the look and the lead another may have filled it and gone.
                    if let Some(answer) = shelf.get(&slot, generation, asked_at) {
                        leader.land(answer.clone());
                        counters.answered(Outcome::Hit);
                        return Ok((answer, Outcome::Hit));
                    }
                    counters.answered(Outcome::Miss);
                    let answer = fill().await?.trimmed();
                    counters.filled();
                    // What was made stale meanwhile nobody could find, and it might stand where a newer answer is.
                    if link.epoch() == Some(epoch) && generations.of(key, epoch) == generation {
                        shelf.put(Arc::clone(&share), slot, generation, ttl, asked_at, answer.clone());
                    }
                    leader.land(answer.clone());
                    return Ok((answer, Outcome::Miss));
                }
            }
        }
    }

    /// Makes stale every answer of `clinic` that carries one of `tags`.
    ///
    /// To be awaited after the commit that changed what the tags name and before its caller is answered: whoever asks
    /// after this returned sees the change.
    pub async fn bump(&self, clinic: ClinicId, tags: &[Tag]) {
        for tag in tags {
            self.0.generations.bump(clinic, tag);
        }
    }

    /// What the cache has done and what it holds, by clinic and kind.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.0.shelf.statistics()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cache").finish_non_exhaustive()
    }
}
