//! The SQL of inboxes.

use auth::secrets::SecretHash;
use db::schema::functions::{oldest_open_transaction, search_form};
use db::schema::inboxes;
use db::{QueryResultExt, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::text::Label;
use kernel::{InboxId, Timestamp, Version};
use rest::Paging;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::InboxError;
use super::model::Inbox;
use crate::channels::ChannelKind;
use crate::error::{RowError, check_version, kind};

/// The inbox `id`, archived or not.
///
/// # Errors
/// [`RowError::NotFound`].
pub async fn find(tx: &TenantRead<'_>, id: InboxId) -> Result<Inbox, RowError> {
    inboxes::table
        .filter(inboxes::clinic_id.eq(tx.clinic()).and(inboxes::id.eq(id)))
        .select(Inbox::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::INBOX))
}

/// The inbox, of the expected version, kept from other writers until the transaction ends.
pub(super) async fn lock(tx: &TenantRead<'_>, id: InboxId, expected: Option<Version>) -> Result<Inbox, RowError> {
    let inbox = inboxes::table
        .filter(inboxes::clinic_id.eq(tx.clinic()).and(inboxes::id.eq(id)))
        .select(Inbox::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::INBOX))?;
    check_version(expected, inbox.version)?;
    Ok(inbox)
}

/// The inbox in use that the token with this hash opens.
pub(super) async fn open(tx: &TenantRead<'_>, hash: &SecretHash) -> Result<Inbox, RowError> {
    inboxes::table
        .filter(inboxes::clinic_id.eq(tx.clinic()))
        .filter(inboxes::token_hash.eq(hash.as_bytes()))
        .filter(inboxes::archived_at.is_null())
        .select(Inbox::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::INBOX))
}

/// What is sealed of an inbox's secrets.
pub(super) async fn sealed_secrets(tx: &TenantRead<'_>, id: InboxId) -> Result<Option<Vec<u8>>, RowError> {
    inboxes::table
        .filter(inboxes::clinic_id.eq(tx.clinic()).and(inboxes::id.eq(id)))
        .select(inboxes::sealed_secrets)
        .first(&mut tx.conn())
        .await
        .or_database()
}

/// The columns of an inbox to be inserted.
#[derive(Insertable)]
#[diesel(table_name = inboxes, treat_none_as_default_value = false)]
pub(super) struct NewRow<'r> {
    pub(super) clinic_id: kernel::ClinicId,
    pub(super) id: InboxId,
    pub(super) channel: ChannelKind,
    pub(super) name: &'r Label,
    pub(super) settings: Value,
    pub(super) sealed_secrets: Option<Vec<u8>>,
    pub(super) secret_names: Vec<String>,
    pub(super) token_hash: &'r [u8],
    pub(super) reopen_days: i16,
}

pub(super) async fn insert(tx: &TenantRead<'_>, row: NewRow<'_>) -> Result<Inbox, InboxError> {
    diesel::insert_into(inboxes::table)
        .values(row)
        .returning(Inbox::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("inboxes_name_once", || InboxError::NameTaken)
        .or_database()
}

/// What becomes of an inbox; `None` keeps.
#[derive(Default, AsChangeset)]
#[diesel(table_name = inboxes)]
pub(super) struct Change {
    pub(super) name: Option<Label>,
    pub(super) settings: Option<Value>,
    pub(super) sealed_secrets: Option<Vec<u8>>,
    pub(super) secret_names: Option<Vec<String>>,
    pub(super) reopen_days: Option<i16>,
    pub(super) token_hash: Option<Vec<u8>>,
    pub(super) archived_at: Option<Timestamp>,
}

/// Writes a change, of which there is something.
pub(super) async fn update(tx: &TenantRead<'_>, id: InboxId, change: Change) -> Result<Inbox, InboxError> {
    diesel::update(inboxes::table)
        .filter(inboxes::clinic_id.eq(tx.clinic()).and(inboxes::id.eq(id)))
        .set(change)
        .returning(Inbox::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("inboxes_name_once", || InboxError::NameTaken)
        .or_database()
}

/// Where a page of inboxes ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct InboxPosition {
    pub(super) name: String,
    pub(super) id: InboxId,
}

/// One page of inboxes by name, those in use or those put away.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    archived: bool,
    updated_since: Option<Timestamp>,
    paging: &Paging<InboxPosition>,
) -> Result<Vec<Inbox>, RowError> {
    let mut query = inboxes::table
        .filter(inboxes::clinic_id.eq(tx.clinic()))
        .into_boxed::<Pg>();
    query = match (archived, updated_since) {
        (_, Some(since)) => query
            .filter(inboxes::updated_at.ge(since))
            .filter(inboxes::changed_in.lt(oldest_open_transaction())),
        (true, None) => query.filter(inboxes::archived_at.is_not_null()),
        (false, None) => query.filter(inboxes::archived_at.is_null()),
    };
    if let Some(InboxPosition { name, id }) = paging.after() {
        query = query.filter(
            search_form(inboxes::name)
                .gt(search_form(name.clone()))
                .or(search_form(inboxes::name)
                    .eq(search_form(name.clone()))
                    .and(inboxes::id.gt(*id))),
        );
    }
    query
        .order((search_form(inboxes::name), inboxes::id))
        .limit(paging.fetch())
        .select(Inbox::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}
