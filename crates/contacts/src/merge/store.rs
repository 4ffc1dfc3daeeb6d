//! Every line of SQL about merges.

use db::schema::{contact_consents, contact_merges, contacts};
use db::{DbError, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Actor, ClinicId, ContactConsentId, ContactId, ContactMergeId, UserId};
use serde_json::Value;

use crate::people::Contact;
use crate::people::model::ContactColumns;
use crate::people::store::{ContactRow, consents_of_contact, phones_of_contact, whole};

/// Those of the two who exist, locked in the order of their ids, so that two merges of the same pair wait for each other.
/// The lock is one that a booking's reference to the row waits for.
///
/// Read by a statement of its own: one that waits for a lock reads the locked rows anew, but not the phones beside them.
pub(super) async fn lock_both(tx: &TenantTx<'_>, one: ContactId, other: ContactId) -> Result<Vec<Contact>, DbError> {
    let both = || {
        contacts::table
            .filter(contacts::clinic_id.eq(tx.clinic()))
            .filter(contacts::id.eq_any([one, other]))
            .order(contacts::id)
    };
    both().select(contacts::id).for_update().execute(&mut tx.conn()).await?;
    let rows: Vec<ContactRow> = both()
        .select((ContactColumns::as_select(), phones_of_contact(), consents_of_contact()))
        .load(&mut tx.conn())
        .await?;
    Ok(rows.into_iter().map(whole).collect())
}

/// Gives the answers of one person to another.
pub(super) async fn move_consents(
    tx: &TenantTx<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<ContactConsentId>, DbError> {
    let moved = diesel::update(
        contact_consents::table
            .filter(contact_consents::clinic_id.eq(tx.clinic()))
            .filter(contact_consents::contact_id.eq(from)),
    )
    .set(contact_consents::contact_id.eq(into))
    .returning(contact_consents::id)
    .get_results(&mut tx.conn())
    .await?;
    Ok(moved)
}

/// Those whose guardian one was are now the other's to answer for; but for the other itself.
pub(super) async fn move_guarded(
    tx: &TenantTx<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<ContactId>, DbError> {
    let moved = diesel::update(
        contacts::table
            .filter(contacts::clinic_id.eq(tx.clinic()))
            .filter(contacts::guardian_id.eq(from))
            .filter(contacts::id.ne(into)),
    )
    .set(contacts::guardian_id.eq(into))
    .returning(contacts::id)
    .get_results(&mut tx.conn())
    .await?;
    Ok(moved)
}

/// Whoever led to one now leads to the other, so that no address leads on and on.
pub(super) async fn move_redirects(
    tx: &TenantTx<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<ContactId>, DbError> {
    let moved = diesel::update(
        contacts::table
            .filter(contacts::clinic_id.eq(tx.clinic()))
            .filter(contacts::merged_into_id.eq(from)),
    )
    .set(contacts::merged_into_id.eq(into))
    .returning(contacts::id)
    .get_results(&mut tx.conn())
    .await?;
    Ok(moved)
}

#[derive(diesel::Insertable)]
#[diesel(table_name = contact_merges, treat_none_as_default_value = false)]
struct MergeRow {
    clinic_id: ClinicId,
    id: ContactMergeId,
    from_id: ContactId,
    into_id: ContactId,
    moved: Value,
    merged_by: Option<UserId>,
}

/// Keeps what a merge moved.
pub(super) async fn insert_merge(
    tx: &TenantTx<'_>,
    id: ContactMergeId,
    (from_id, into_id): (ContactId, ContactId),
    moved: Value,
) -> Result<(), DbError> {
    let merged_by = match tx.actor() {
        Actor::User { user, .. } => Some(user),
        Actor::ApiKey { .. } | Actor::System { .. } => None,
    };
    let row = MergeRow {
        clinic_id: tx.clinic(),
        id,
        from_id,
        into_id,
        moved,
        merged_by,
    };
    diesel::insert_into(contact_merges::table)
        .values(row)
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}
