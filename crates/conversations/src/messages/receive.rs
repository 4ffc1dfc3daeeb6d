//! What comes in: idempotent by the channel's id, one thing after the other for each person.

use chrono::TimeDelta;
use db::{AuditRecord, TenantTx};
use kernel::{ContactId, ConversationId, MessageAttachmentId, MessageId, Timestamp};

use super::error::MessageError;
use super::model::{AuthorKind, Direction, Message, MessageKind, MessageText, preview};
use super::store::{self, NewRow};
use crate::events::{self, MessageEvent};
use crate::inboxes::Inbox;
use crate::threads::store as threads;
use crate::threads::store::Change;
use crate::threads::{Conversation, Priority, Status};
use crate::threads::{lock_alone, stale, tell};
use crate::{attachments, locks};

/// A message as a channel brings it.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The channel's id of it.
    pub provider_id: String,
    /// When it was written, by the channel's clock.
    pub sent_at: Timestamp,
    /// What it says; may be empty where there are files.
    pub body: String,
    /// What it is about, where the channel has such a thing.
    pub subject: Option<String>,
    /// Where an answer goes, in the channel's own form.
    pub address: Option<String>,
    /// Its files, which lie in the store of files already.
    pub files: Vec<InboundFile>,
    /// The channel's id of the message that it answers.
    pub reply_to: Option<String>,
}

/// A file of a message that comes in, kept under the key of its id.
#[derive(Debug, Clone)]
pub struct InboundFile {
    /// Its id.
    pub id: MessageAttachmentId,
    /// What it was called.
    pub file_name: String,
    /// What it is, as found by looking at it.
    pub content_type: String,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// What became of a message that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
    /// Whether the conversation was begun by it.
    pub is_new: bool,
    /// Whether it had come before; then nothing was done.
    pub duplicate: bool,
}

/// Takes in a message of `contact`: into the conversation that is not resolved, else into one that was resolved not long ago, else
/// into a new one. A message that had come before changes nothing.
///
/// # Errors
/// The database's failure.
pub async fn receive(
    tx: &mut TenantTx<'_>,
    inbox: &Inbox,
    contact: ContactId,
    inbound: &Inbound,
) -> Result<Received, MessageError> {
    locks::contacts(tx, &[contact]).await?;
    if let Some(known) = store::lock_known(tx, inbox.id, &inbound.provider_id).await?
        && let (Some(conversation), Some(message)) = (known.conversation_id, known.message_id)
    {
        return Ok(Received {
            conversation,
            message,
            is_new: false,
            duplicate: true,
        });
    }
    let (conversation, is_new) = match present(tx, inbox, contact).await? {
        Some(conversation) => (conversation, false),
        None => (begin(tx, inbox, contact, inbound).await?, true),
    };
    let message = insert(tx, inbox, &conversation, inbound).await?;
    let after = threads::update(tx, conversation.id, after_inbound(&conversation, &message, inbound)).await?;
    tx.audit(AuditRecord::new("messages.receive", "message", message.id.as_uuid()));
    if is_new {
        tell(tx, events::CONVERSATION_CREATED, &after);
    } else if matches!(conversation.status, Status::Resolved | Status::Snoozed) {
        tell(tx, events::CONVERSATION_REOPENED, &after);
    } else {
        stale(tx, after.id);
    }
    received(tx, inbox, &after, message.id);
    Ok(Received {
        conversation: after.id,
        message: message.id,
        is_new,
        duplicate: false,
    })
}

/// The most merges that one conversation is followed through.
const MOST_JOINS: usize = 16;

/// Takes in, from the person of `conversation`, what a machine wrote for them or of them: it stands where the talk is, and nothing
/// waits for an answer to it. The conversation stays as it is, also where it is resolved, and who is addressed in it too. Says
/// whether it is new.
///
/// # Errors
/// The database's failure.
pub async fn receive_aside(
    tx: &mut TenantTx<'_>,
    inbox: &Inbox,
    conversation: ConversationId,
    inbound: &Inbound,
) -> Result<bool, MessageError> {
    let mut place = lock_alone(tx, conversation, None).await?;
    for _ in 0..MOST_JOINS {
        let Some(next) = place.continued_in_id else { break };
        place = lock_alone(tx, next, None).await?;
    }
    let known = store::lock_known(tx, inbox.id, &inbound.provider_id).await?;
    if known.is_some_and(|known| known.message_id.is_some()) {
        return Ok(false);
    }
    let message = insert(tx, inbox, &place, inbound).await?;
    let change = Change {
        message_count: Some(message.number),
        ..Change::default()
    };
    threads::update(tx, place.id, change).await?;
    tx.audit(AuditRecord::new("messages.receive", "message", message.id.as_uuid()));
    received(tx, inbox, &place, message.id);
    stale(tx, place.id);
    Ok(true)
}

fn received(tx: &mut TenantTx<'_>, inbox: &Inbox, conversation: &Conversation, message: MessageId) {
    tx.emit(
        events::MESSAGE_RECEIVED,
        &MessageEvent {
            message_id: message,
            conversation_id: conversation.id,
            inbox_id: inbox.id,
            contact_id: conversation.contact_id,
        },
    );
}

/// The conversation that goes on, locked.
async fn present(tx: &TenantTx<'_>, inbox: &Inbox, contact: ContactId) -> Result<Option<Conversation>, MessageError> {
    if let Some(conversation) = threads::lock_unresolved(tx, inbox.id, contact).await? {
        return Ok(Some(conversation));
    }
    let since = tx.now().saturating_add(-TimeDelta::days(i64::from(inbox.reopen_days)));
    Ok(threads::lock_latest_resolved(tx, inbox.id, contact, since).await?)
}

async fn begin(
    tx: &TenantTx<'_>,
    inbox: &Inbox,
    contact: ContactId,
    inbound: &Inbound,
) -> Result<Conversation, MessageError> {
    let row = threads::NewRow {
        clinic_id: tx.clinic(),
        id: ConversationId::new_at(tx.now()),
        inbox_id: inbox.id,
        contact_id: contact,
        address: inbound.address.clone(),
        subject: inbound.subject.as_deref().and_then(preview),
        status: Status::Open,
        resolved_at: None,
        assignee_id: None,
        priority: Priority::Normal,
        labels: Vec::new(),
        last_message_at: inbound.sent_at,
    };
    Ok(threads::insert(tx, row).await?)
}

async fn insert(
    tx: &TenantTx<'_>,
    inbox: &Inbox,
    conversation: &Conversation,
    inbound: &Inbound,
) -> Result<Message, MessageError> {
    let body = MessageText::received(&inbound.body);
    let reply_to_id = match &inbound.reply_to {
        Some(provider_id) => store::lock_known(tx, inbox.id, provider_id)
            .await?
            .and_then(|known| known.message_id),
        None => None,
    };
    let id = MessageId::new_at(tx.now());
    let row = NewRow {
        clinic_id: tx.clinic(),
        id,
        conversation_id: conversation.id,
        number: conversation.message_count.saturating_add(1),
        direction: Direction::Inbound,
        kind: if body.is_empty() {
            MessageKind::Media
        } else {
            MessageKind::Text
        },
        body,
        author_kind: AuthorKind::Contact,
        author_id: None,
        delivery: None,
        template: None,
        reply_to_id,
        sent_at: inbound.sent_at,
        queued_at: None,
    };
    let message = store::insert(tx, row).await?;
    store::note_provider_id(tx, inbox.id, &inbound.provider_id, (conversation.id, id)).await?;
    attachments::attach_received(tx, conversation.id, id, &inbound.files).await?;
    Ok(message)
}

/// What a message that came in makes of its conversation.
fn after_inbound(conversation: &Conversation, message: &Message, inbound: &Inbound) -> Change {
    let mut change = Change {
        status: Some(Status::Open),
        snoozed_until: Some(None),
        resolved_at: Some(None),
        waiting_since: Some(conversation.waiting_since.or(Some(inbound.sent_at))),
        last_inbound_at: Some(conversation.last_inbound_at.max(Some(inbound.sent_at))),
        unread_count: Some(conversation.unread_count.saturating_add(1)),
        message_count: Some(message.number),
        ..Change::default()
    };
    // One that comes late stands where it was written, and the last word stays the last.
    if inbound.sent_at >= conversation.last_message_at || conversation.message_count == 0 {
        change.last_message_at = Some(inbound.sent_at);
        change.last_message_preview = Some(preview(&message.body));
        change.last_message_direction = Some(Some(Direction::Inbound));
        // They are answered where they wrote from last.
        if inbound.address.is_some() && inbound.address != conversation.address {
            change.address = Some(inbound.address.clone());
        }
    }
    change
}
