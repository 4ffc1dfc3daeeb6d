//! What follows an event of the outbox, handled at least once after its commit.

use appointments::holds;
use db::{Db, PoolConfig};
use jobs::{Event, HandlerError, Handlers, JobsHandle, Worker, WorkerConfig};
use kernel::{HoldId, System};
use serde::Deserialize;

use super::conversations;
use crate::shared::Shared;

/// The pool of the jobs: one connection for each that is handled at a time.
const POOL: PoolConfig = PoolConfig {
    max_connections: 8,
    wait: std::time::Duration::from_secs(10),
};

/// What the event of a hold tells.
#[derive(Debug, Deserialize)]
struct HoldEvent {
    hold_id: HoldId,
}

/// Starts the worker of the outbox on a thread of its own.
///
/// # Errors
/// The system's, when there can be no thread.
pub(crate) fn start(shared: &Shared) -> Result<JobsHandle, std::io::Error> {
    let shared = shared.clone();
    jobs::spawn(move || {
        let db = shared.database(shared.config().database.clone(), POOL);
        Worker::new(
            WorkerConfig::default(),
            shared.config().worker_database.clone(),
            db,
            handlers(&shared),
            shared.wake().clone(),
        )
    })
}

/// Which event is followed by what.
fn handlers(shared: &Shared) -> Handlers {
    let handlers = Handlers::new().on(holds::service::EXPIRED, remove_lapsed_hold);
    conversations::handlers(handlers, shared.channels().clone(), shared.clinic_keys().clone())
}

/// A hold whose time is over takes nobody's time any more; its row goes too.
async fn remove_lapsed_hold(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let HoldEvent { hold_id } = event.payload()?;
    db.write(&system, async |tx| holds::service::expire(tx, hold_id).await)
        .await?;
    Ok(())
}
