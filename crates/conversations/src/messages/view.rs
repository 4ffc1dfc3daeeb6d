//! Messages as clients see them.

use kernel::{ConversationId, MessageId, Timestamp, Version};
use rest::View;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::list::Said;
use super::model::{AuthorKind, Delivery, Direction, Message, MessageKind};
use crate::attachments::AttachmentView;

/// A message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MessageView {
    /// Its id.
    id: MessageId,
    /// Its conversation.
    conversation_id: ConversationId,
    /// Which way it goes.
    direction: Direction,
    /// What kind it is.
    kind: MessageKind,
    /// What it says; empty where there are files only.
    body: String,
    /// Who wrote it.
    author_kind: AuthorKind,
    /// The member's user, or the key of the integration.
    author_id: Option<Uuid>,
    /// How far it has come; null for notes, and for what came in.
    delivery: Option<Delivery>,
    /// Why it could not be delivered.
    failure_reason: Option<String>,
    /// The template that was used: its id, name, language and parameters.
    #[schema(value_type = Option<Object>)]
    template: Option<Value>,
    /// Which message it answers.
    reply_to_id: Option<MessageId>,
    /// Its files.
    attachments: Vec<AttachmentView>,
    /// When it was written, by the channel's clock where it came in.
    sent_at: Timestamp,
    /// When it reached the person.
    delivered_at: Option<Timestamp>,
    /// When the person read it.
    read_at: Option<Timestamp>,
    /// How often it was written.
    #[schema(inline)]
    version: Version,
    /// When it was stored.
    created_at: Timestamp,
    /// When it was last written.
    updated_at: Timestamp,
}

impl View for MessageView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Said> for MessageView {
    fn from(Said { message, attachments }: Said) -> Self {
        let Message {
            id,
            conversation_id,
            number: _,
            direction,
            kind,
            body,
            author_kind,
            author_id,
            delivery,
            failure_reason,
            template,
            reply_to_id,
            sent_at,
            delivered_at,
            read_at,
            attempts: _,
            attempted_at: _,
            next_attempt_at: _,
            queued_at: _,
            handed_over_at: _,
            version,
            created_at,
            updated_at,
        } = message;
        Self {
            id,
            conversation_id,
            direction,
            kind,
            body,
            author_kind,
            author_id,
            delivery,
            failure_reason,
            template,
            reply_to_id,
            attachments: attachments.into_iter().map(AttachmentView::from).collect(),
            sent_at,
            delivered_at,
            read_at,
            version,
            created_at,
            updated_at,
        }
    }
}
