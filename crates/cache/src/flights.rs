//! The fills that are under way: one per question and generation, however many wait for it.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;

use tokio::sync::watch;

use crate::key::Slot;
use crate::sharded::Sharded;
use crate::{CachedAnswer, Generation};

/// What a fill is for. The generation is part of it: whoever comes after a bump does not join a fill from before.
type Purpose = (Slot, Generation);

/// All fills under way in this process, on whatever runtimes.
pub(crate) struct Flights {
    hasher: RandomState,
    parts: Sharded<HashMap<Purpose, Follower>>,
}

/// A caller's part in a fill.
pub(crate) enum Part<'flights> {
    /// It is the one that fills.
    Leader(Leader<'flights>),
    /// It waits.
    Follower(Follower),
}

/// The duty to fill. Dropped without [`Leader::land`], the followers are told to find another leader.
pub(crate) struct Leader<'flights> {
    flights: &'flights Flights,
    purpose: Purpose,
    landing: watch::Sender<Option<CachedAnswer>>,
}

/// A place in the queue for a leader's answer.
#[derive(Clone)]
pub(crate) struct Follower(watch::Receiver<Option<CachedAnswer>>);

impl Flights {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            parts: Sharded::new(HashMap::new),
        }
    }

    /// Joins the fill for `slot` in `generation`, as its leader if there is none.
    pub(crate) fn join(&self, slot: Slot, generation: Generation) -> Part<'_> {
        let purpose = (slot, generation);
        match self.parts.part(self.hasher.hash_one(purpose)).entry(purpose) {
            Entry::Occupied(flight) => Part::Follower(flight.get().clone()),
            Entry::Vacant(free) => {
                let (landing, follower) = watch::channel(None);
                free.insert(Follower(follower));
                Part::Leader(Leader {
                    flights: self,
                    purpose,
                    landing,
                })
            }
        }
    }
}

impl Leader<'_> {
    /// Gives `answer` to all followers.
    pub(crate) fn land(self, answer: CachedAnswer) {
        self.landing.send_replace(Some(answer));
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        // First out of the table, then (with the field's drop) the followers wake: none of them can meet this fill again.
        let hash = self.flights.hasher.hash_one(self.purpose);
        self.flights.parts.part(hash).remove(&self.purpose);
    }
}

impl Follower {
    /// The leader's answer; `None` when it failed or went away.
    pub(crate) async fn landed(mut self) -> Option<CachedAnswer> {
        // An error means that the leader is gone without an answer.
        self.0
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|answer| answer.clone())
    }
}
