//! The SQL of messages and of the channels' ids of them.

use chrono::TimeDelta;
use db::schema::{conversations, message_provider_ids, messages};
use db::{DbError, QueryResultExt, TenantRead, named_by};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ClinicId, ConversationId, InboxId, MessageId, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::model::{AuthorKind, Delivery, Direction, Message, MessageKind};
use crate::error::{RowError, kind};

/// The ids between which the messages of `conversation` lie: none is older than its conversation, none is from tomorrow. So only
/// those months are looked into. A day on both sides, since the clocks of two nodes differ.
pub(crate) fn bounds(conversation: ConversationId, now: Timestamp) -> (MessageId, MessageId) {
    /// The milliseconds in a UUIDv7 (RFC 9562, 5.7) stand before the other 80 bits.
    const REST: u32 = 80;
    let day = u128::from(TimeDelta::days(1).num_milliseconds().unsigned_abs());
    let begun = conversation.as_uuid().as_u128() >> REST;
    let now = MessageId::new_at(now).as_uuid().as_u128() >> REST;
    let at = |milliseconds: u128| MessageId::from_uuid(Uuid::from_u128(milliseconds << REST));
    (at(begun.saturating_sub(day)), at(now.saturating_add(day)))
}

/// The message `id`.
///
/// # Errors
/// [`RowError::NotFound`].
pub async fn find(tx: &TenantRead<'_>, id: MessageId) -> Result<Message, RowError> {
    messages::table
        .filter(messages::clinic_id.eq(tx.clinic()).and(messages::id.eq(id)))
        .select(Message::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::MESSAGE))
}

/// The message `id`, kept from other writers until the transaction ends.
pub(super) async fn lock(tx: &TenantRead<'_>, id: MessageId) -> Result<Message, RowError> {
    messages::table
        .filter(messages::clinic_id.eq(tx.clinic()).and(messages::id.eq(id)))
        .select(Message::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::MESSAGE))
}

/// A message to be inserted.
#[derive(Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub(super) struct NewRow {
    pub(super) clinic_id: ClinicId,
    pub(super) id: MessageId,
    pub(super) conversation_id: ConversationId,
    pub(super) number: i64,
    pub(super) direction: Direction,
    pub(super) kind: MessageKind,
    pub(super) body: String,
    pub(super) author_kind: AuthorKind,
    pub(super) author_id: Option<Uuid>,
    pub(super) delivery: Option<Delivery>,
    pub(super) template: Option<Value>,
    pub(super) reply_to_id: Option<MessageId>,
    pub(super) sent_at: Timestamp,
    pub(super) queued_at: Option<Timestamp>,
}

pub(super) async fn insert(tx: &TenantRead<'_>, row: NewRow) -> Result<Message, DbError> {
    diesel::insert_into(messages::table)
        .values(row)
        .returning(Message::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// What becomes of a message; `None` keeps, `Some(None)` clears.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = messages)]
pub(super) struct Change {
    pub(super) delivery: Option<Delivery>,
    pub(super) failure_reason: Option<Option<String>>,
    pub(super) delivered_at: Option<Option<Timestamp>>,
    pub(super) read_at: Option<Option<Timestamp>>,
    pub(super) attempts: Option<i32>,
    pub(super) attempted_at: Option<Option<Timestamp>>,
    pub(super) next_attempt_at: Option<Option<Timestamp>>,
    pub(super) queued_at: Option<Option<Timestamp>>,
    pub(super) handed_over_at: Option<Option<Timestamp>>,
}

/// Writes a change, of which there is something, to a row that the transaction has locked.
pub(super) async fn update(tx: &TenantRead<'_>, id: MessageId, change: Change) -> Result<Message, DbError> {
    diesel::update(messages::table)
        .filter(messages::clinic_id.eq(tx.clinic()).and(messages::id.eq(id)))
        .set(change)
        .returning(Message::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// The first message of the conversation that waits to be sent, locked.
pub(super) async fn lock_first_queued(
    tx: &TenantRead<'_>,
    conversation: ConversationId,
) -> Result<Option<Message>, DbError> {
    let (lowest, highest) = bounds(conversation, tx.now());
    messages::table
        .filter(messages::clinic_id.eq(tx.clinic()))
        .filter(messages::conversation_id.eq(conversation))
        .filter(messages::id.between(lowest, highest))
        .filter(messages::delivery.eq(Delivery::Queued))
        .order(messages::number)
        .select(Message::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// What is known of a message by the channel's id.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = message_provider_ids, check_for_backend(diesel::pg::Pg))]
pub(super) struct Known {
    pub(super) conversation_id: Option<ConversationId>,
    pub(super) message_id: Option<MessageId>,
    pub(super) early_delivery: Option<Delivery>,
    pub(super) early_at: Option<Timestamp>,
    pub(super) early_reason: Option<String>,
}

/// What is known by the channel's id `provider_id`, locked.
pub(super) async fn lock_known(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    provider_id: &str,
) -> Result<Option<Known>, DbError> {
    message_provider_ids::table
        .filter(message_provider_ids::clinic_id.eq(tx.clinic()))
        .filter(message_provider_ids::inbox_id.eq(inbox))
        .filter(message_provider_ids::provider_id.eq(provider_id))
        .select(Known::as_select())
        .for_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Keeps the channel's id of a message; gives what the channel told of it before.
pub(super) async fn note_provider_id(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    provider_id: &str,
    (conversation, message): (ConversationId, MessageId),
) -> Result<Known, DbError> {
    diesel::insert_into(message_provider_ids::table)
        .values((
            message_provider_ids::clinic_id.eq(tx.clinic()),
            message_provider_ids::inbox_id.eq(inbox),
            message_provider_ids::provider_id.eq(provider_id),
            message_provider_ids::conversation_id.eq(conversation),
            message_provider_ids::message_id.eq(message),
        ))
        .on_conflict((
            message_provider_ids::clinic_id,
            message_provider_ids::inbox_id,
            message_provider_ids::provider_id,
        ))
        .do_update()
        .set((
            message_provider_ids::conversation_id.eq(conversation),
            message_provider_ids::message_id.eq(message),
        ))
        .returning(Known::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Keeps what the channel told of a message that is not known by this id yet. Says whether it was kept: not where somebody stored
/// the id at this very moment.
pub(super) async fn note_early(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    provider_id: &str,
    (delivery, at, reason): (Delivery, Timestamp, Option<&str>),
) -> Result<bool, DbError> {
    let values = (
        message_provider_ids::early_delivery.eq(delivery),
        message_provider_ids::early_at.eq(at),
        message_provider_ids::early_reason.eq(reason),
    );
    let before: Vec<Delivery> = delivery.reached_from().to_vec();
    let kept = diesel::insert_into(message_provider_ids::table)
        .values((
            message_provider_ids::clinic_id.eq(tx.clinic()),
            message_provider_ids::inbox_id.eq(inbox),
            message_provider_ids::provider_id.eq(provider_id),
            values,
        ))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn())
        .await?;
    if kept > 0 {
        return Ok(true);
    }
    diesel::update(message_provider_ids::table)
        .filter(message_provider_ids::clinic_id.eq(tx.clinic()))
        .filter(message_provider_ids::inbox_id.eq(inbox))
        .filter(message_provider_ids::provider_id.eq(provider_id))
        .filter(message_provider_ids::message_id.is_null())
        .filter(message_provider_ids::early_delivery.eq_any(before))
        .set(values)
        .execute(&mut tx.conn())
        .await?;
    let known = lock_known(tx, inbox, provider_id).await?;
    Ok(known.is_some_and(|known| known.message_id.is_none()))
}

/// The conversation of the first of `provider_ids` that is known.
///
/// # Errors
/// The database's failure.
pub async fn conversation_of(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    provider_ids: &[String],
) -> Result<Option<ConversationId>, DbError> {
    let known: Vec<(String, Option<ConversationId>)> = message_provider_ids::table
        .filter(message_provider_ids::clinic_id.eq(tx.clinic()))
        .filter(message_provider_ids::inbox_id.eq(inbox))
        .filter(message_provider_ids::provider_id.eq_any(provider_ids))
        .select((message_provider_ids::provider_id, message_provider_ids::conversation_id))
        .load(&mut tx.conn())
        .await?;
    let of = |id: &String| {
        known
            .iter()
            .find(|(known, _)| known == id)
            .and_then(|(_, conversation)| *conversation)
    };
    Ok(provider_ids.iter().find_map(of))
}

/// The channel's id of a message, the newest where it was sent several times.
pub(super) async fn provider_id_of(tx: &TenantRead<'_>, message: MessageId) -> Result<Option<String>, DbError> {
    message_provider_ids::table
        .filter(message_provider_ids::clinic_id.eq(tx.clinic()))
        .filter(message_provider_ids::message_id.eq(message))
        .order(message_provider_ids::created_at.desc())
        .select(message_provider_ids::provider_id)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The channel's id of the last message that the person wrote, of those with numbers up to `up_to`.
pub(super) async fn last_received(
    tx: &TenantRead<'_>,
    conversation: ConversationId,
    up_to: i64,
) -> Result<Option<String>, DbError> {
    let (lowest, highest) = bounds(conversation, tx.now());
    messages::table
        .inner_join(
            message_provider_ids::table.on(message_provider_ids::clinic_id
                .eq(messages::clinic_id)
                .and(message_provider_ids::message_id.eq(messages::id.nullable()))),
        )
        .filter(messages::clinic_id.eq(tx.clinic()))
        .filter(messages::conversation_id.eq(conversation))
        .filter(messages::id.between(lowest, highest))
        .filter(messages::direction.eq(Direction::Inbound))
        .filter(messages::number.le(up_to))
        .order((messages::sent_at.desc(), messages::number.desc()))
        .select(message_provider_ids::provider_id)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The channel's ids of the latest messages of a conversation, oldest first.
pub(super) async fn latest_provider_ids(
    tx: &TenantRead<'_>,
    conversation: ConversationId,
    most: i64,
) -> Result<Vec<String>, DbError> {
    let (lowest, highest) = bounds(conversation, tx.now());
    let mut ids: Vec<String> = messages::table
        .inner_join(
            message_provider_ids::table.on(message_provider_ids::clinic_id
                .eq(messages::clinic_id)
                .and(message_provider_ids::message_id.eq(messages::id.nullable()))),
        )
        .filter(messages::clinic_id.eq(tx.clinic()))
        .filter(messages::conversation_id.eq(conversation))
        .filter(messages::id.between(lowest, highest))
        .order((messages::sent_at.desc(), messages::number.desc()))
        .limit(most)
        .select(message_provider_ids::provider_id)
        .load(&mut tx.conn())
        .await?;
    ids.reverse();
    Ok(ids)
}

/// The inbox and the contact of a conversation.
pub(super) async fn place_of(
    tx: &TenantRead<'_>,
    conversation: ConversationId,
) -> Result<(InboxId, kernel::ContactId), DbError> {
    conversations::table
        .filter(
            conversations::clinic_id
                .eq(tx.clinic())
                .and(conversations::id.eq(conversation)),
        )
        .select((conversations::inbox_id, conversations::contact_id))
        .first(&mut tx.conn())
        .await
        .or_database()
}

/// Those of `ids` that the clinic wrote to `contact` in `inbox`, notes aside, in their order.
pub(super) async fn written_to(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    contact: kernel::ContactId,
    ids: &[MessageId],
) -> Result<Vec<MessageId>, DbError> {
    messages::table
        .inner_join(named_by!(conversations, messages::conversation_id))
        .filter(messages::clinic_id.eq(tx.clinic()))
        .filter(messages::id.eq_any(ids))
        .filter(messages::delivery.is_not_null())
        .filter(conversations::inbox_id.eq(inbox))
        .filter(conversations::contact_id.eq(contact))
        .order(messages::id)
        .select(messages::id)
        .load(&mut tx.conn())
        .await
        .or_database()
}
