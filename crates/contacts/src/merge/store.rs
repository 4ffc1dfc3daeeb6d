//! Every line of SQL about merges.

use db::schema::functions::oldest_open_transaction;
use db::schema::{contact_consents, contact_merges, contacts};
use db::{DbError, TenantRead, TenantTx};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Actor, ClinicId, ContactConsentId, ContactId, ContactMergeId, Timestamp, UserId};
use rest::Paging;
use serde::{Deserialize, Serialize};
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
    created_at: Timestamp,
}

/// The person who acts, where it is one.
fn person(tx: &TenantRead<'_>) -> Option<UserId> {
    match tx.actor() {
        Actor::User { user, .. } => Some(user),
        Actor::ApiKey { .. } | Actor::System { .. } => None,
    }
}

/// Keeps what a merge moved.
pub(super) async fn insert_merge(
    tx: &TenantTx<'_>,
    id: ContactMergeId,
    (from_id, into_id): (ContactId, ContactId),
    moved: Value,
) -> Result<(), DbError> {
    let row = MergeRow {
        clinic_id: tx.clinic(),
        id,
        from_id,
        into_id,
        moved,
        merged_by: person(tx),
        created_at: tx.now(),
    };
    diesel::insert_into(contact_merges::table)
        .values(row)
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// A merge as it was written down.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = contact_merges, check_for_backend(Pg))]
pub(crate) struct MergeRecord {
    pub(super) id: ContactMergeId,
    #[diesel(column_name = from_id)]
    pub(super) from: ContactId,
    #[diesel(column_name = into_id)]
    pub(super) into: ContactId,
    pub(super) moved: Value,
    pub(super) merged_by: Option<UserId>,
    pub(super) created_at: Timestamp,
    position: i64,
    pub(super) undone_at: Option<Timestamp>,
    pub(super) undone_by: Option<UserId>,
    pub(super) kept: Vec<String>,
}

/// The merge with this id.
pub(super) async fn find_merge(tx: &TenantRead<'_>, id: ContactMergeId) -> Result<Option<MergeRecord>, DbError> {
    let found = contact_merges::table
        .filter(contact_merges::clinic_id.eq(tx.clinic()))
        .filter(contact_merges::id.eq(id))
        .select(MergeRecord::as_select())
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(found)
}

/// The newest merge after `merge`, of one of its two contacts, that still holds.
pub(super) async fn latest_after(tx: &TenantRead<'_>, merge: &MergeRecord) -> Result<Option<ContactMergeId>, DbError> {
    let both = [merge.from, merge.into];
    let found = contact_merges::table
        .filter(contact_merges::clinic_id.eq(tx.clinic()))
        .filter(
            contact_merges::from_id
                .eq_any(both)
                .or(contact_merges::into_id.eq_any(both)),
        )
        .filter(contact_merges::position.gt(merge.position))
        .filter(contact_merges::undone_at.is_null())
        .order(contact_merges::position.desc())
        .select(contact_merges::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(found)
}

/// Notes that a merge was undone.
pub(super) async fn mark_undone(tx: &TenantTx<'_>, id: ContactMergeId, kept: &[String]) -> Result<(), DbError> {
    diesel::update(
        contact_merges::table
            .filter(contact_merges::clinic_id.eq(tx.clinic()))
            .filter(contact_merges::id.eq(id)),
    )
    .set((
        contact_merges::undone_at.eq(tx.now()),
        contact_merges::undone_by.eq(person(tx)),
        contact_merges::kept.eq(kept),
    ))
    .execute(&mut tx.conn())
    .await?;
    Ok(())
}

/// Gives answers that were moved back, those that are still there; says how many.
pub(super) async fn return_consents(
    tx: &TenantTx<'_>,
    moved: &[ContactConsentId],
    from: ContactId,
    back_to: ContactId,
) -> Result<usize, DbError> {
    let returned = diesel::update(
        contact_consents::table
            .filter(contact_consents::clinic_id.eq(tx.clinic()))
            .filter(contact_consents::id.eq_any(moved))
            .filter(contact_consents::contact_id.eq(from)),
    )
    .set(contact_consents::contact_id.eq(back_to))
    .execute(&mut tx.conn())
    .await?;
    Ok(returned)
}

/// Those whose guardian one became by a merge, and still is, are the other's to answer for again.
pub(super) async fn return_guarded(
    tx: &TenantTx<'_>,
    moved: &[ContactId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<ContactId>, DbError> {
    let returned = diesel::update(
        contacts::table
            .filter(contacts::clinic_id.eq(tx.clinic()))
            .filter(contacts::id.eq_any(moved))
            .filter(contacts::guardian_id.eq(from)),
    )
    .set(contacts::guardian_id.eq(back_to))
    .returning(contacts::id)
    .get_results(&mut tx.conn())
    .await?;
    Ok(returned)
}

/// Whoever came to lead to one by a merge leads to the other again.
pub(super) async fn return_redirects(
    tx: &TenantTx<'_>,
    moved: &[ContactId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<ContactId>, DbError> {
    let returned = diesel::update(
        contacts::table
            .filter(contacts::clinic_id.eq(tx.clinic()))
            .filter(contacts::id.eq_any(moved))
            .filter(contacts::merged_into_id.eq(from)),
    )
    .set(contacts::merged_into_id.eq(back_to))
    .returning(contacts::id)
    .get_results(&mut tx.conn())
    .await?;
    Ok(returned)
}

/// Where a page of merges ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct MergePosition(i64);

impl MergePosition {
    pub(super) const fn of(merge: &MergeRecord) -> Self {
        Self(merge.position)
    }
}

/// The merges in which `contact` stayed or went, made or undone since `since`, the newest first.
pub(super) async fn merges_of(
    tx: &TenantRead<'_>,
    contact: ContactId,
    since: Option<Timestamp>,
    paging: &Paging<MergePosition>,
) -> Result<Vec<MergeRecord>, DbError> {
    let mut query = contact_merges::table
        .filter(contact_merges::clinic_id.eq(tx.clinic()))
        .filter(
            contact_merges::from_id
                .eq(contact)
                .or(contact_merges::into_id.eq(contact)),
        )
        .order(contact_merges::position.desc())
        .limit(paging.fetch())
        .select(MergeRecord::as_select())
        .into_boxed::<Pg>();
    if let Some(since) = since {
        query = query
            .filter(
                contact_merges::created_at
                    .ge(since)
                    .or(contact_merges::undone_at.ge(since).assume_not_null()),
            )
            .filter(contact_merges::changed_in.lt(oldest_open_transaction()));
    }
    if let Some(MergePosition(after)) = paging.after() {
        query = query.filter(contact_merges::position.lt(*after));
    }
    Ok(query.load(&mut tx.conn()).await?)
}
