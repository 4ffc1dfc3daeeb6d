//! The SQL of single conversations; lists are in `list`.

use db::schema::{contact_phones, contacts, conversations};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::Label;
use kernel::{ClinicId, ContactId, ConversationId, InboxId, MembershipId, Timestamp, Version};

use super::error::ConversationError;
use super::model::{Conversation, Direction, Priority, Status};
use crate::error::{RowError, check_version, kind};

/// The conversation `id`.
///
/// # Errors
/// [`RowError::NotFound`].
pub async fn find(tx: &TenantRead<'_>, id: ConversationId) -> Result<Conversation, RowError> {
    conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()).and(conversations::id.eq(id)))
        .select(Conversation::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::CONVERSATION))
}

/// The conversation, of the expected version, kept from other writers until the transaction ends.
pub(crate) async fn lock(
    tx: &TenantRead<'_>,
    id: ConversationId,
    expected: Option<Version>,
) -> Result<Conversation, RowError> {
    let row = conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()).and(conversations::id.eq(id)))
        .select(Conversation::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::CONVERSATION))?;
    check_version(expected, row.version)?;
    Ok(row)
}

/// The conversations with `contact` in `inbox` that are not resolved, locked: one at most.
pub(crate) async fn lock_unresolved(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    contact: ContactId,
) -> Result<Option<Conversation>, DbError> {
    conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .filter(conversations::inbox_id.eq(inbox))
        .filter(conversations::contact_id.eq(contact))
        .filter(conversations::status.ne(Status::Resolved))
        .select(Conversation::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The latest conversation with `contact` in `inbox` that was resolved after `since`, locked.
pub(crate) async fn lock_latest_resolved(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    contact: ContactId,
    since: Timestamp,
) -> Result<Option<Conversation>, DbError> {
    conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .filter(conversations::contact_id.eq(contact))
        .filter(conversations::inbox_id.eq(inbox))
        .filter(conversations::resolved_at.gt(since))
        .filter(conversations::continued_in_id.is_null())
        .order((conversations::last_message_at.desc(), conversations::id.desc()))
        .select(Conversation::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// A conversation to be inserted.
#[derive(Insertable)]
#[diesel(table_name = conversations, treat_none_as_default_value = false)]
pub(crate) struct NewRow {
    pub(crate) clinic_id: ClinicId,
    pub(crate) id: ConversationId,
    pub(crate) inbox_id: InboxId,
    pub(crate) contact_id: ContactId,
    pub(crate) address: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) status: Status,
    pub(crate) resolved_at: Option<Timestamp>,
    pub(crate) assignee_id: Option<MembershipId>,
    pub(crate) priority: Priority,
    pub(crate) labels: Vec<Label>,
    pub(crate) last_message_at: Timestamp,
}

/// Inserts a conversation; the constraint, not a look before, says that there is one.
pub(crate) async fn insert(tx: &TenantRead<'_>, row: NewRow) -> Result<Conversation, ConversationError> {
    diesel::insert_into(conversations::table)
        .values(row)
        .returning(Conversation::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("conversations_one_unresolved", || ConversationError::Exists {
            conversation: None,
        })
        .on_constraint("conversations_clinic_id_inbox_id_fkey", || {
            ConversationError::UnknownInbox
        })
        .on_constraint("conversations_clinic_id_contact_id_fkey", || {
            ConversationError::UnknownContact
        })
        .on_constraint("conversations_clinic_id_assignee_id_fkey", || {
            ConversationError::UnknownAssignee
        })
        .or_database()
}

/// What becomes of a conversation; `None` keeps, `Some(None)` clears.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = conversations)]
pub(crate) struct Change {
    pub(crate) contact_id: Option<ContactId>,
    pub(crate) address: Option<Option<String>>,
    pub(crate) status: Option<Status>,
    pub(crate) snoozed_until: Option<Option<Timestamp>>,
    pub(crate) assignee_id: Option<Option<MembershipId>>,
    pub(crate) priority: Option<Priority>,
    pub(crate) labels: Option<Vec<Label>>,
    pub(crate) waiting_since: Option<Option<Timestamp>>,
    pub(crate) last_message_at: Option<Timestamp>,
    pub(crate) last_message_preview: Option<Option<String>>,
    pub(crate) last_message_direction: Option<Option<Direction>>,
    pub(crate) last_inbound_at: Option<Option<Timestamp>>,
    pub(crate) unread_count: Option<i32>,
    pub(crate) message_count: Option<i64>,
    pub(crate) resolved_at: Option<Option<Timestamp>>,
    pub(crate) continued_in_id: Option<Option<ConversationId>>,
}

/// Writes a change, of which there is something, to a row that the transaction has locked.
pub(crate) async fn update(
    tx: &TenantRead<'_>,
    id: ConversationId,
    change: Change,
) -> Result<Conversation, ConversationError> {
    diesel::update(conversations::table)
        .filter(conversations::clinic_id.eq(tx.clinic()).and(conversations::id.eq(id)))
        .set(change)
        .returning(Conversation::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("conversations_one_unresolved", || ConversationError::Exists {
            conversation: None,
        })
        .on_constraint("conversations_clinic_id_assignee_id_fkey", || {
            ConversationError::UnknownAssignee
        })
        .or_database()
}

/// By what a person can be written to: their phones in order, the primary one first, and their e-mail address. `None` when they
/// are not there, or are somebody else.
pub(crate) async fn reach(
    tx: &TenantRead<'_>,
    contact: ContactId,
) -> Result<Option<(Vec<PhoneNumber>, Option<EmailAddress>)>, DbError> {
    let email: Option<Option<EmailAddress>> = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()).and(contacts::id.eq(contact)))
        .filter(contacts::merged_into_id.is_null())
        .select(contacts::email)
        .first(&mut tx.conn())
        .await
        .optional()?;
    let Some(email) = email else { return Ok(None) };
    let phones = contact_phones::table
        .filter(contact_phones::clinic_id.eq(tx.clinic()))
        .filter(contact_phones::contact_id.eq(contact))
        .order((contact_phones::is_primary.desc(), contact_phones::position))
        .select(contact_phones::number)
        .load(&mut tx.conn())
        .await?;
    Ok(Some((phones, email)))
}
