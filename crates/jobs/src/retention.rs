//! The removal of what is done with: handled events, and answers kept for repeated requests.

use db::DbError;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::Timestamp;

/// How many rows went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Handled events.
    pub events: usize,
    /// Answers kept for repeated requests.
    pub idempotency_keys: usize,
}

/// Removes up to `most` events that were handled before `before`.
pub(crate) async fn remove_events(
    connection: &AsyncPgConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, DbError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a deletion of so many rows and no more cannot be said in the typed language; run once for many rows"
    )]
    let statement = diesel::sql_query(
        "WITH old AS MATERIALIZED (
             SELECT clinic_id, id FROM outbox WHERE handled_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
         )
         DELETE FROM outbox USING old WHERE outbox.clinic_id = old.clinic_id AND outbox.id = old.id",
    );
    Ok(statement
        .bind::<Timestamptz, _>(before)
        .bind::<BigInt, _>(most)
        .execute(&mut &*connection)
        .await?)
}

/// Removes up to `most` kept answers that expired before `now`.
pub(crate) async fn remove_idempotency_keys(
    connection: &AsyncPgConnection,
    now: Timestamp,
    most: i64,
) -> Result<usize, DbError> {
    // The expiry is asked for twice: a key may be used anew between the look and the deletion.
    #[expect(
        clippy::disallowed_methods,
        reason = "a deletion of so many rows and no more cannot be said in the typed language; run once for many rows"
    )]
    let statement = diesel::sql_query(
        "WITH old AS MATERIALIZED (
             SELECT clinic_id, actor_id, key FROM idempotency_keys WHERE expires_at < $1 LIMIT $2
         )
         DELETE FROM idempotency_keys k USING old
         WHERE k.clinic_id = old.clinic_id AND k.actor_id = old.actor_id AND k.key = old.key AND k.expires_at < $1",
    );
    Ok(statement
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(most)
        .execute(&mut &*connection)
        .await?)
}
