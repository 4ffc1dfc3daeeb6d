//! Lists of messages: of a conversation, of what a visitor may see, and found by their words.

use db::schema::functions::{messages_by_text, oldest_open_transaction};
use db::schema::{contacts, conversations, messages};
use db::{DbError, QueryResultExt, TenantRead, named_by};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::text::PersonName;
use kernel::{ContactId, ConversationId, InboxId, MessageId, Timestamp};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::model::{Message, MessageKind};
use super::store::bounds;
use crate::attachments::{self, Attachment};

/// A message with its files.
#[derive(Debug, Clone)]
pub struct Said {
    /// The message.
    pub message: Message,
    /// Its files.
    pub attachments: Vec<Attachment>,
}

/// Where a page of a conversation ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) sent_at: Timestamp,
    pub(super) number: i64,
}

/// The messages with their files: one statement more, however many they are.
async fn with_files(tx: &TenantRead<'_>, rows: Vec<Message>) -> Result<Vec<Said>, DbError> {
    let ids: Vec<MessageId> = rows.iter().map(|message| message.id).collect();
    let mut files = attachments::of_messages(tx, &ids).await?;
    let said = |message: Message| {
        let (own, others) = std::mem::take(&mut files)
            .into_iter()
            .partition(|file: &Attachment| file.message_id == Some(message.id));
        files = others;
        Said {
            message,
            attachments: own,
        }
    };
    Ok(rows.into_iter().map(said).collect())
}

/// One message with its files.
pub(super) async fn said(tx: &TenantRead<'_>, message: Message) -> Result<Said, DbError> {
    let attachments = attachments::of_messages(tx, &[message.id]).await?;
    Ok(Said { message, attachments })
}

/// One page of a conversation, the newest first: in the order in which the channel says they were written, and within one instant
/// in that of their arrival.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    conversation: ConversationId,
    updated_since: Option<Timestamp>,
    paging: &Paging<Position>,
) -> Result<Vec<Said>, DbError> {
    let (lowest, highest) = bounds(conversation, tx.now());
    let mut query = messages::table
        .filter(messages::clinic_id.eq(tx.clinic()))
        .filter(messages::conversation_id.eq(conversation))
        .filter(messages::id.between(lowest, highest))
        .into_boxed::<Pg>();
    if let Some(Position { sent_at, number }) = paging.after().copied() {
        query = query
            .filter(messages::sent_at.le(sent_at))
            .filter(messages::sent_at.lt(sent_at).or(messages::number.lt(number)));
    }
    if let Some(since) = updated_since {
        query = query
            .filter(messages::updated_at.ge(since))
            .filter(messages::changed_in.lt(oldest_open_transaction()));
    }
    let rows = query
        .order((messages::sent_at.desc(), messages::number.desc()))
        .limit(paging.fetch())
        .select(Message::as_select())
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    with_files(tx, rows).await
}

/// Whether there is such a conversation: an empty page and none at all are not the same.
pub(super) async fn exists(tx: &TenantRead<'_>, conversation: ConversationId) -> Result<bool, DbError> {
    let found: Option<ConversationId> = conversations::table
        .filter(
            conversations::clinic_id
                .eq(tx.clinic())
                .and(conversations::id.eq(conversation)),
        )
        .select(conversations::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(found.is_some())
}

/// What a visitor of the web chat may see: what was said with them in this inbox, without notes, oldest first; what came after the
/// message `after` where it is given, else the latest.
///
/// # Errors
/// The database's failure.
pub async fn visible_to_visitor(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    contact: ContactId,
    after: Option<MessageId>,
    most: i64,
) -> Result<Vec<Said>, DbError> {
    let own = conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .filter(conversations::inbox_id.eq(inbox))
        .filter(conversations::contact_id.eq(contact))
        .select(conversations::id);
    let query = messages::table
        .filter(messages::clinic_id.eq(tx.clinic()))
        .filter(messages::conversation_id.eq_any(own))
        .filter(messages::kind.ne(MessageKind::Note))
        .into_boxed::<Pg>();
    let mark: Option<(Timestamp, i64)> = match after {
        Some(after) => messages::table
            .filter(messages::clinic_id.eq(tx.clinic()).and(messages::id.eq(after)))
            .filter(messages::conversation_id.eq_any(own))
            .select((messages::sent_at, messages::number))
            .first(&mut tx.conn())
            .await
            .optional()?,
        None => None,
    };
    let rows: Vec<Message> = match mark {
        Some((sent_at, number)) => query
            .filter(messages::sent_at.ge(sent_at))
            .filter(messages::sent_at.gt(sent_at).or(messages::number.gt(number)))
            .order((messages::sent_at, messages::number))
            .limit(most)
            .select(Message::as_select())
            .load(&mut tx.conn())
            .await
            .or_database::<DbError>()?,
        None => {
            let mut rows = query
                .order((messages::sent_at.desc(), messages::number.desc()))
                .limit(most)
                .select(Message::as_select())
                .load(&mut tx.conn())
                .await
                .or_database::<DbError>()?;
            rows.reverse();
            rows
        }
    };
    with_files(tx, rows).await
}

/// Where a page of what was found ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct FoundPosition {
    pub(super) sent_at: Timestamp,
    pub(super) id: MessageId,
}

/// A message that was found, and whom it is with.
#[derive(Debug, Clone)]
pub(super) struct FoundMessage {
    pub(super) said: Said,
    pub(super) contact_id: ContactId,
    pub(super) contact_name: PersonName,
}

/// One page of the messages with every word of `query` in them, the newest first. The words are looked for by a function of the
/// database, since row-level security lets no LIKE reach an index (docs/adr/0012).
pub(super) async fn search(
    tx: &TenantRead<'_>,
    query: &str,
    conversation: Option<ConversationId>,
    paging: &Paging<FoundPosition>,
) -> Result<Vec<FoundMessage>, DbError> {
    let after = paging.after().copied();
    let ids: Vec<MessageId> = diesel::select(messages_by_text(
        query,
        conversation,
        after.map(|after| after.sent_at),
        after.map(|after| after.id),
        i32::try_from(paging.fetch()).ok(),
    ))
    .load(&mut tx.conn())
    .await?;
    let rows: Vec<(Message, ContactId, PersonName, Option<PersonName>)> = messages::table
        .inner_join(named_by!(conversations, messages::conversation_id))
        .inner_join(named_by!(contacts, conversations::contact_id))
        .filter(messages::clinic_id.eq(tx.clinic()))
        .filter(messages::id.eq_any(ids))
        .order((messages::sent_at.desc(), messages::id.desc()))
        .select((
            Message::as_select(),
            contacts::id,
            contacts::name,
            contacts::social_name,
        ))
        .load(&mut tx.conn())
        .await?;
    let (rows, people): (Vec<Message>, Vec<_>) = rows
        .into_iter()
        .map(|(message, id, name, social_name)| (message, (id, social_name.unwrap_or(name))))
        .unzip();
    let said = with_files(tx, rows).await?;
    let found = said.into_iter().zip(people);
    Ok(found
        .map(|(said, (contact_id, contact_name))| FoundMessage {
            said,
            contact_id,
            contact_name,
        })
        .collect())
}
