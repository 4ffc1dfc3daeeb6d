//! What every endpoint has in common, tried on those that show it best.

mod audit;
mod caching;
mod idempotency;
mod limits;
mod lists;
mod stopping;

use test_support::{Role, TestDatabase};
use tokio_postgres::Client;

use crate::app::until;

/// A session that holds `lock` on the table of rooms until it is dropped or ended.
async fn lock_rooms(database: &TestDatabase, mode: &str) -> Client {
    let owner = database.connect(Role::Owner).await;
    owner
        .batch_execute(&format!("BEGIN; LOCK TABLE rooms IN {mode} MODE"))
        .await
        .unwrap();
    owner
}

/// Waits until `waiters` statements of the server wait for a lock.
pub(crate) async fn until_waiting(database: &TestDatabase, waiters: i64) {
    let server = database.connect(Role::App).await;
    let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("a statement waits for the lock", async || {
        server.query_one(query, &[]).await.unwrap().get::<_, i64>(0) >= waiters
    })
    .await;
}
