//! What commands of another process have changed becomes stale where answers are kept: here, and by the bus at the other servers.

use db::{Db, DbError, StaleJob};
use jobs::{Event, HandlerError, Handlers};
use kernel::System;

/// The job that says what a command has made stale.
pub(crate) const STALE: &str = "cache.stale";

/// Adds what makes answers stale.
pub(super) fn handlers(handlers: Handlers) -> Handlers {
    handlers.on(STALE, make_stale)
}

/// A commit that touches what the command touched: whoever hears of commits hears of it.
async fn make_stale(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let stale: StaleJob = event.payload()?;
    db.write(&system, async |tx| {
        for tag in stale.clone().into_tags() {
            tx.touch(tag);
        }
        Ok::<_, DbError>(())
    })
    .await?;
    Ok(())
}
