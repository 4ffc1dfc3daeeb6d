//! Locks that hold until the transaction ends: what concerns one person is done one thing after the other.

use aws_lc_rs::digest;
use db::schema::functions::pg_advisory_xact_lock;
use db::{DbError, TenantRead};
use diesel_async::RunQueryDsl;
use kernel::ContactId;

/// The key of the lock called `name` of the clinic: two names that share one only wait for each other needlessly.
pub(crate) fn key(tx: &TenantRead<'_>, name: &str) -> i64 {
    let hash = digest::digest(
        &digest::SHA256,
        format!("conversations/{}/{name}", tx.clinic()).as_bytes(),
    );
    hash.as_ref()
        .first_chunk::<8>()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

/// Waits for the locks `keys`, in their order of size, so that two that want the same ones cannot wait for each other.
pub(crate) async fn take(tx: &TenantRead<'_>, mut keys: Vec<i64>) -> Result<(), DbError> {
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        diesel::select(pg_advisory_xact_lock(key))
            .execute(&mut tx.conn())
            .await?;
    }
    Ok(())
}

/// Waits until nobody else writes to conversations of these people.
pub(crate) async fn contacts(tx: &TenantRead<'_>, contacts: &[ContactId]) -> Result<(), DbError> {
    let keys = contacts
        .iter()
        .map(|contact| key(tx, &format!("contact/{contact}")))
        .collect();
    take(tx, keys).await
}
