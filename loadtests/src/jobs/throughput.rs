//! How many small jobs are done in a second: a backlog, worked off from the first claim to the last handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use db::{AuditRecord, Db};
use jobs::{Event, HandlerError, Handlers};
use kernel::{Lane, System};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{JobsError, PATIENCE, Stage};

const KIND: &str = "load.small";

/// What a handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    None,
    /// Writes one row, in a transaction.
    Write,
}

/// Jobs a second, of `count`.
pub(super) async fn measure(stage: &Stage, count: u32, work: Work) -> Result<f64, JobsError> {
    stage.fill(KIND, Lane::Routine, count).await?;
    let (done, last) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let last_is_done = Arc::clone(&last);
    let handlers = Handlers::new().on(KIND, async move |db: &Db, system: System, event: Event| {
        if work == Work::Write {
            db.write(&system, async |tx| {
                tx.audit(AuditRecord::new("load.small", "job", event.id().as_uuid()));
                Ok::<_, HandlerError>(())
            })
            .await?;
        }
        if done.fetch_add(1, Ordering::Relaxed) + 1 == count {
            last.notify_one();
        }
        Ok(())
    });
    let began = Instant::now();
    let worker = stage.start(handlers)?;
    timeout(PATIENCE, last_is_done.notified())
        .await
        .map_err(|_elapsed| JobsError::NotDone)?;
    let seconds = began.elapsed().as_secs_f64();
    worker.stop().await;
    Ok(f64::from(count) / seconds)
}
