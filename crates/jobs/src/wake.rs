//! How a worker learns that there is something to do before it looks by itself.

use std::sync::Arc;

use db::{Commit, CommitListener};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

/// Wakes the worker of this process. Cheap to clone; however often it is told, one look follows.
///
/// As a [`CommitListener`] it wakes the worker after every commit that put something into the queue. It is a hint alone: what it misses, the worker's own look finds.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Wakes nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that there may be something to do.
    pub fn notify(&self) {
        self.0.notify_one();
    }

    /// Waits until it is said; returns at once when it was said since the last time.
    pub(crate) async fn notified(&self) {
        self.0.notified().await;
    }
}

impl CommitListener for Wake {
    fn committed<'a>(&'a self, commit: Commit<'a>) -> BoxFuture<'a, ()> {
        if commit.enqueued {
            self.notify();
        }
        Box::pin(std::future::ready(()))
    }
}
