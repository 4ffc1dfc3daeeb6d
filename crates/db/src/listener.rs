//! What hears of a commit before the writer is answered.

use futures_util::future::BoxFuture;
use kernel::{ClinicId, Tag};

/// Hears of every commit that made something stale, after it is durable and before the writer's caller is answered, so that
/// a client always reads its own writes.
pub trait CommitListener: Send + Sync {
    /// `tags` of `clinic` are stale now.
    fn committed<'a>(&'a self, clinic: ClinicId, tags: &'a [Tag]) -> BoxFuture<'a, ()>;
}
