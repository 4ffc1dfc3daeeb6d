//! What a merge of two contacts does to series.

use db::{DbError, TenantTx};
use kernel::{ContactId, SeriesId};

use super::store;
use crate::tags;

/// Gives every series of the contact `from` to the contact `into`; says which, for the record of the merge. Their appointments
/// are moved with all others.
///
/// # Errors
/// The database's failure.
pub async fn move_contact(tx: &mut TenantTx<'_>, from: ContactId, into: ContactId) -> Result<Vec<SeriesId>, DbError> {
    let moved = store::move_contact(tx, from, into).await?;
    tx.touch(tags::series());
    Ok(moved)
}

/// Gives back to the contact `back_to` those of the series `moved` by a merge that are still `from`'s, and what was split off from
/// them since; says which.
///
/// # Errors
/// The database's failure.
pub async fn restore_contact(
    tx: &mut TenantTx<'_>,
    moved: &[SeriesId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<SeriesId>, DbError> {
    let mut restored = store::restore_contact(tx, moved, from, back_to).await?;
    let mut split = restored.clone();
    while !split.is_empty() {
        split = store::restore_split_off(tx, &split, from, back_to).await?;
        restored.extend(&split);
    }
    tx.touch(tags::series());
    Ok(restored)
}
