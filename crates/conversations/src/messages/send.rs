//! What the clinic writes: stored and queued in one transaction, so that nothing is lost and nothing is sent that was not stored.

use db::{AuditRecord, DbError, TenantTx};
use kernel::{Actor, ConversationId, FieldErrors, Lane, MessageAttachmentId, MessageId, MessageTemplateId};
use serde_json::Value;

use super::delivery::told;
use super::error::MessageError;
use super::limits;
use super::model::{Delivery, Direction, Message, MessageKind, MessageText, author_of, preview};
use super::seen;
use super::sending::{SendJob, again};
use super::store::{self, NewRow};
use crate::attachments;
use crate::channels::{ChannelKind, MOST_BYTES_BY_MAIL};
use crate::error::{RowError, kind};
use crate::events;
use crate::inboxes::{self, Inbox};
use crate::templates::{self, UsedTemplate};
use crate::threads::store as threads;
use crate::threads::store::Change;
use crate::threads::{Conversation, ConversationError, Status};
use crate::threads::{free_text_until, lock_alone, refuse_a_second, stale, tell};

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it says.
    pub content: DraftContent,
    /// Which message of the conversation it answers.
    pub reply_to: Option<MessageId>,
    /// Files that were uploaded to the conversation.
    pub attachments: Vec<MessageAttachmentId>,
    /// How urgent it is.
    pub lane: Lane,
}

impl Draft {
    /// A text that somebody waits for.
    #[must_use]
    pub const fn text(text: MessageText) -> Self {
        Self::of(DraftContent::Text(text))
    }

    /// `content`, alone, which somebody waits for.
    #[must_use]
    pub const fn of(content: DraftContent) -> Self {
        Self {
            content,
            reply_to: None,
            attachments: Vec::new(),
            lane: Lane::Urgent,
        }
    }
}

/// What a message of the clinic says.
#[derive(Debug, Clone)]
pub enum DraftContent {
    /// Words.
    Text(MessageText),
    /// Files alone.
    Media,
    /// A note for colleagues, which never leaves.
    Note(MessageText),
    /// A template that the channel has approved.
    Template {
        /// Which.
        template: MessageTemplateId,
        /// What stands for `{{1}}`, `{{2}}` and so on.
        parameters: Vec<String>,
    },
}

/// What a draft comes to, once it is looked at in its inbox.
struct Content {
    kind: MessageKind,
    body: String,
    template: Option<Value>,
}

/// Writes a message into a conversation, and has it sent.
///
/// A resolved conversation is open again when somebody of the clinic writes; what the system writes leaves it as it is.
///
/// # Errors
/// [`MessageError::WindowClosed`] for free text that WhatsApp would not take; [`MessageError::TemplateNotApproved`];
/// [`MessageError::Invalid`] for values that do not fit, or more than the channel takes; what stands against the conversation being
/// open again.
pub async fn send(tx: &mut TenantTx<'_>, id: ConversationId, draft: &Draft) -> Result<Message, MessageError> {
    let conversation = lock_alone(tx, id, None).await?;
    if let Some(other) = conversation.continued_in_id {
        return Err(ConversationError::Continued { conversation: other }.into());
    }
    let inbox = inboxes::find(tx, conversation.inbox_id).await?;
    let leaves = !matches!(draft.content, DraftContent::Note(_));
    let by_system = matches!(tx.actor(), Actor::System { .. });
    limits::check(inbox.channel, draft)?;
    if leaves {
        let is_free = !matches!(draft.content, DraftContent::Template { .. });
        may_leave(tx, &inbox, &conversation, is_free).await?;
    }
    let reopens = leaves && !by_system && conversation.status == Status::Resolved;
    if reopens {
        refuse_a_second(tx, &conversation).await?;
    }
    let content = content(tx, &inbox, draft).await?;
    check_reply(tx, id, draft.reply_to).await?;
    let message = insert(tx, &inbox, &conversation, draft, content).await?;
    let most = (inbox.channel == ChannelKind::Email).then_some(MOST_BYTES_BY_MAIL);
    attachments::attach(tx, id, message.id, &draft.attachments, most).await?;
    let change = after_outbound(&conversation, &message, by_system, reopens);
    if change.unread_count.is_some() {
        seen::show_read(tx, &inbox, &conversation);
    }
    let after = threads::update(tx, id, change).await?;
    let record = AuditRecord::new("messages.send", "message", message.id.as_uuid());
    tx.audit(record.with_detail(serde_json::json!({ "kind": message.kind })));
    if reopens {
        tell(tx, events::CONVERSATION_REOPENED, &after);
    }
    told(tx, &message).await?;
    stale(tx, id);
    if message.delivery == Some(Delivery::Queued) {
        SendJob {
            message_id: message.id,
            conversation_id: id,
            since: tx.now(),
            lane: draft.lane.number(),
            inbox_id: Some(inbox.id),
        }
        .enqueue(tx, None);
    }
    Ok(message)
}

/// Refuses what the channel would refuse; free text and files may need an open window.
async fn may_leave(
    tx: &TenantTx<'_>,
    inbox: &Inbox,
    conversation: &Conversation,
    is_free: bool,
) -> Result<(), MessageError> {
    if inbox.archived_at.is_some() {
        return Err(RowError::Archived(kind::INBOX).into());
    }
    if inbox.channel != ChannelKind::Webchat && conversation.address.is_none() {
        return Err(ConversationError::NoAddress.into());
    }
    let is_open = free_text_until(inbox.channel, conversation.last_inbound_at).is_some_and(|until| tx.now() < until);
    if inbox.channel == ChannelKind::Whatsapp && is_free && !is_open {
        return Err(MessageError::WindowClosed {
            templates: templates::approved(tx, inbox.id).await?,
        });
    }
    Ok(())
}

async fn content(tx: &TenantTx<'_>, inbox: &Inbox, draft: &Draft) -> Result<Content, MessageError> {
    let plain = |kind, body: &str| Content {
        kind,
        body: body.to_owned(),
        template: None,
    };
    match &draft.content {
        DraftContent::Text(text) => Ok(plain(MessageKind::Text, text.as_str())),
        DraftContent::Note(text) => Ok(plain(MessageKind::Note, text.as_str())),
        DraftContent::Media if draft.attachments.is_empty() => {
            Err(FieldErrors::one("/body", "required", "a message has words or files").into())
        }
        DraftContent::Media => Ok(plain(MessageKind::Media, "")),
        DraftContent::Template { template, parameters } => {
            let found = match templates::find(tx, *template).await {
                Ok(found) if found.inbox_id == inbox.id && found.archived_at.is_none() => found,
                Ok(_) | Err(RowError::NotFound(_)) => {
                    let message = "there is no such template in the conversation's inbox";
                    return Err(FieldErrors::one("/template_id", "unknown_template", message).into());
                }
                Err(error) => return Err(error.into()),
            };
            if !found.is_approved() {
                return Err(MessageError::TemplateNotApproved);
            }
            let body = found.filled(parameters)?;
            let used = UsedTemplate {
                id: found.id,
                name: found.name,
                language: found.language,
                parameters: parameters.clone(),
            };
            Ok(Content {
                kind: MessageKind::Template,
                body,
                template: Some(serde_json::to_value(used).map_err(DbError::unwritable)?),
            })
        }
    }
}

async fn check_reply(
    tx: &TenantTx<'_>,
    conversation: ConversationId,
    reply_to: Option<MessageId>,
) -> Result<(), MessageError> {
    let Some(id) = reply_to else { return Ok(()) };
    match store::find(tx, id).await {
        Ok(message) if message.conversation_id == conversation => Ok(()),
        Ok(_) | Err(RowError::NotFound(_)) => {
            let message = "there is no such message in this conversation";
            Err(FieldErrors::one("/reply_to_id", "unknown_message", message).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn insert(
    tx: &TenantTx<'_>,
    inbox: &Inbox,
    conversation: &Conversation,
    draft: &Draft,
    content: Content,
) -> Result<Message, MessageError> {
    let (author_kind, author_id) = author_of(tx.actor());
    let delivery = match (content.kind, inbox.channel) {
        (MessageKind::Note, _) => None,
        // There for the visitor to fetch from this transaction on.
        (_, ChannelKind::Webchat) => Some(Delivery::Sent),
        _ => Some(Delivery::Queued),
    };
    let row = NewRow {
        clinic_id: tx.clinic(),
        id: MessageId::new_at(tx.now()),
        conversation_id: conversation.id,
        number: conversation.message_count.saturating_add(1),
        direction: Direction::Outbound,
        kind: content.kind,
        body: content.body,
        author_kind,
        author_id,
        delivery,
        template: content.template,
        reply_to_id: draft.reply_to,
        // Never before what it may be an answer to, whatever the channel's clock said.
        sent_at: tx.now().max(conversation.last_message_at),
        queued_at: (delivery == Some(Delivery::Queued)).then(|| tx.now()),
    };
    Ok(store::insert(tx, row).await?)
}

/// What a message of the clinic makes of its conversation.
fn after_outbound(conversation: &Conversation, message: &Message, by_system: bool, reopens: bool) -> Change {
    let mut change = Change {
        message_count: Some(message.number),
        ..Change::default()
    };
    if message.kind == MessageKind::Note {
        return change;
    }
    change.last_message_at = Some(message.sent_at);
    change.last_message_preview = Some(preview(&message.body));
    change.last_message_direction = Some(Some(Direction::Outbound));
    if !by_system {
        // Whoever answers has read.
        change.waiting_since = Some(None);
        change.unread_count = Some(0);
    }
    if reopens {
        change.status = Some(Status::Open);
        change.resolved_at = Some(None);
    } else if conversation.status == Status::Snoozed && !by_system {
        change.status = Some(Status::Open);
        change.snoozed_until = Some(None);
    }
    change
}

/// Sends a message again that failed, or of which nothing is known.
///
/// # Errors
/// [`MessageError::NotFailed`] for any other; [`MessageError::WindowClosed`] when WhatsApp would not take it any more.
pub async fn resend(tx: &mut TenantTx<'_>, id: MessageId) -> Result<Message, MessageError> {
    let message = store::find(tx, id).await?;
    let conversation = lock_alone(tx, message.conversation_id, None).await?;
    let inbox = inboxes::find(tx, conversation.inbox_id).await?;
    may_leave(tx, &inbox, &conversation, message.kind != MessageKind::Template).await?;
    let message = again(tx, inbox.id, id).await?;
    tx.audit(AuditRecord::new("messages.resend", "message", id.as_uuid()));
    Ok(message)
}
