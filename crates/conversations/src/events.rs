//! What this domain tells to the outside. Payloads hold ids and states, never what people wrote.

use kernel::{ContactId, ConversationId, InboxId, MessageId, Permission, PublicEvent};
use serde::{Deserialize, Serialize};

/// An event of conversations, which whoever may read them may hear.
const fn event(kind: &'static str, summary: &'static str) -> PublicEvent {
    PublicEvent {
        kind,
        permission: Permission::ConversationsRead,
        summary,
    }
}

pub(crate) const CONVERSATION_CREATED: &str = "conversation.created";
pub(crate) const CONVERSATION_UPDATED: &str = "conversation.updated";
pub(crate) const CONVERSATION_ASSIGNED: &str = "conversation.assigned";
pub(crate) const CONVERSATION_RESOLVED: &str = "conversation.resolved";
pub(crate) const CONVERSATION_REOPENED: &str = "conversation.reopened";
pub(crate) const CONVERSATION_SNOOZED: &str = "conversation.snoozed";
pub(crate) const MESSAGE_RECEIVED: &str = "message.received";
pub(crate) const MESSAGE_QUEUED: &str = "message.queued";
pub(crate) const MESSAGE_SENT: &str = "message.sent";
pub(crate) const MESSAGE_DELIVERED: &str = "message.delivered";
pub(crate) const MESSAGE_READ: &str = "message.read";
pub(crate) const MESSAGE_FAILED: &str = "message.failed";
pub(crate) const MESSAGE_UNCONFIRMED: &str = "message.unconfirmed";
pub(crate) const MESSAGE_NOTE_ADDED: &str = "message.note_added";

/// Every kind of event that integrations and live screens may hear of.
pub const EVENTS: &[PublicEvent] = &[
    event(CONVERSATION_CREATED, "A conversation was begun."),
    event(
        CONVERSATION_UPDATED,
        "Labels, priority or another trait of a conversation was changed, or it was read.",
    ),
    event(
        CONVERSATION_ASSIGNED,
        "A conversation was given to somebody, or taken from them.",
    ),
    event(CONVERSATION_RESOLVED, "A conversation was resolved."),
    event(
        CONVERSATION_REOPENED,
        "A conversation is open again, by hand, by a message or at its time.",
    ),
    event(CONVERSATION_SNOOZED, "A conversation was put off until later."),
    event(MESSAGE_RECEIVED, "A message came in."),
    event(MESSAGE_QUEUED, "A message was written and waits to be sent."),
    event(MESSAGE_SENT, "The channel took a message."),
    event(MESSAGE_DELIVERED, "A message reached the person."),
    event(MESSAGE_READ, "The person read a message."),
    event(MESSAGE_FAILED, "A message could not be delivered."),
    event(MESSAGE_UNCONFIRMED, "Whether the channel took a message is not known."),
    event(MESSAGE_NOTE_ADDED, "A note for colleagues was added."),
];

/// What an event of a conversation tells.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ConversationEvent {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its inbox.
    pub inbox_id: InboxId,
    /// With whom.
    pub contact_id: ContactId,
}

/// What an event of a message tells.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct MessageEvent {
    /// The message.
    pub message_id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// The conversation's inbox.
    pub inbox_id: InboxId,
    /// With whom.
    pub contact_id: ContactId,
}
