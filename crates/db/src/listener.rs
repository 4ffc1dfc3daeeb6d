//! What hears of a commit before the writer is answered.

use futures_util::future::BoxFuture;
use kernel::{ClinicId, EventId, Tag, Timestamp};
use serde_json::Value;

/// An event that has just committed.
#[derive(Debug, Clone, PartialEq)]
pub struct CommittedEvent {
    /// Its id in the outbox.
    pub id: EventId,
    /// What happened.
    pub kind: &'static str,
    /// What is told of it.
    pub payload: Value,
    /// When its unit of work began.
    pub occurred_at: Timestamp,
}

/// What a commit changed.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// In which clinic.
    pub clinic: ClinicId,
    /// What is stale now.
    pub tags: &'a [Tag],
    /// What is told of it.
    pub events: &'a [CommittedEvent],
    /// Whether work was put into the queue.
    pub enqueued: bool,
}

/// Hears of every commit that made something stale or told something, after it is durable and before the writer's caller is answered, so that
/// a client always reads its own writes through the process that made them. Through another process it may read what that one still
/// holds, until the news is there.
pub trait CommitListener: Send + Sync {
    /// `commit` is durable now.
    fn committed<'a>(&'a self, commit: Commit<'a>) -> BoxFuture<'a, ()>;
}
