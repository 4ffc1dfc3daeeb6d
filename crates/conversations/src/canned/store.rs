//! The SQL of canned responses.

use db::schema::functions::oldest_open_transaction;
use db::schema::{canned_responses, clinics, contacts, conversations, users};
use db::{DbError, QueryResultExt, TenantRead, named_by};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{CannedResponseId, ConversationId, Timestamp, UserId, Version};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::CannedError;
use super::model::{CannedBody, CannedResponse, Shortcut};
use crate::error::{RowError, check_version, kind};

/// The canned response `id`, archived or not.
pub(super) async fn find(tx: &TenantRead<'_>, id: CannedResponseId) -> Result<CannedResponse, RowError> {
    canned_responses::table
        .filter(
            canned_responses::clinic_id
                .eq(tx.clinic())
                .and(canned_responses::id.eq(id)),
        )
        .select(CannedResponse::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::CANNED_RESPONSE))
}

/// The canned response, of the expected version, kept from other writers until the transaction ends.
pub(super) async fn lock(
    tx: &TenantRead<'_>,
    id: CannedResponseId,
    expected: Option<Version>,
) -> Result<CannedResponse, RowError> {
    let found = canned_responses::table
        .filter(
            canned_responses::clinic_id
                .eq(tx.clinic())
                .and(canned_responses::id.eq(id)),
        )
        .select(CannedResponse::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::CANNED_RESPONSE))?;
    check_version(expected, found.version)?;
    Ok(found)
}

pub(super) async fn insert(
    tx: &TenantRead<'_>,
    shortcut: &Shortcut,
    body: &CannedBody,
) -> Result<CannedResponse, CannedError> {
    diesel::insert_into(canned_responses::table)
        .values((
            canned_responses::clinic_id.eq(tx.clinic()),
            canned_responses::id.eq(CannedResponseId::new_at(tx.now())),
            canned_responses::shortcut.eq(shortcut),
            canned_responses::body.eq(body),
        ))
        .returning(CannedResponse::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("canned_responses_shortcut_once", || CannedError::ShortcutTaken)
        .or_database()
}

/// What becomes of a canned response; `None` keeps.
#[derive(Default, AsChangeset)]
#[diesel(table_name = canned_responses)]
pub(super) struct Change {
    pub(super) shortcut: Option<Shortcut>,
    pub(super) body: Option<CannedBody>,
    pub(super) archived_at: Option<Timestamp>,
}

/// Writes a change, of which there is something.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: CannedResponseId,
    change: Change,
) -> Result<CannedResponse, CannedError> {
    diesel::update(canned_responses::table)
        .filter(
            canned_responses::clinic_id
                .eq(tx.clinic())
                .and(canned_responses::id.eq(id)),
        )
        .set(change)
        .returning(CannedResponse::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("canned_responses_shortcut_once", || CannedError::ShortcutTaken)
        .or_database()
}

/// Where a page ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) shortcut: Shortcut,
    pub(super) id: CannedResponseId,
}

/// One page by shortcut, those in use or those put away.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    archived: bool,
    updated_since: Option<Timestamp>,
    paging: &Paging<Position>,
) -> Result<Vec<CannedResponse>, RowError> {
    use canned_responses::{id, shortcut};
    let mut query = canned_responses::table
        .filter(canned_responses::clinic_id.eq(tx.clinic()))
        .into_boxed::<Pg>();
    query = match (archived, updated_since) {
        (_, Some(since)) => query
            .filter(canned_responses::updated_at.ge(since))
            .filter(canned_responses::changed_in.lt(oldest_open_transaction())),
        (true, None) => query.filter(canned_responses::archived_at.is_not_null()),
        (false, None) => query.filter(canned_responses::archived_at.is_null()),
    };
    if let Some(after) = paging.after().cloned() {
        query = query
            .filter(shortcut.ge(after.shortcut.clone()))
            .filter(shortcut.gt(after.shortcut).or(id.gt(after.id)));
    }
    query
        .order((shortcut, id))
        .limit(paging.fetch())
        .select(CannedResponse::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// What the person of a conversation is called, and the clinic.
pub(super) async fn names(tx: &TenantRead<'_>, conversation: ConversationId) -> Result<(String, String), RowError> {
    let found: Option<(String, Option<String>, String)> = conversations::table
        .inner_join(named_by!(contacts, conversations::contact_id))
        .inner_join(clinics::table.on(clinics::id.eq(conversations::clinic_id)))
        .filter(
            conversations::clinic_id
                .eq(tx.clinic())
                .and(conversations::id.eq(conversation)),
        )
        .select((contacts::name, contacts::social_name, clinics::trade_name))
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?;
    found
        .map(|(name, social_name, clinic)| (social_name.unwrap_or(name), clinic))
        .ok_or(RowError::NotFound(kind::CONVERSATION))
}

/// What a member is called.
pub(super) async fn member_name(tx: &TenantRead<'_>, user: UserId) -> Result<Option<String>, DbError> {
    users::table
        .filter(users::id.eq(user))
        .select(users::name)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}
