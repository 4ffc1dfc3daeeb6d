//! Conversations as clients see them.

use chrono::TimeDelta;
use kernel::text::{Label, PersonName};
use kernel::{ContactId, ConversationId, InboxId, MembershipId, Timestamp, Version};
use rest::View;
use serde::Serialize;
use utoipa::ToSchema;

use super::list::Listed;
use super::model::{Conversation, Direction, Priority, Status};
use crate::channels::ChannelKind;

/// For how long after the person's last message WhatsApp takes free text.
pub(crate) const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Until when free text may be sent, where the channel has such a rule; `None` where it never could or has none.
pub(crate) fn free_text_until(channel: ChannelKind, last_inbound_at: Option<Timestamp>) -> Option<Timestamp> {
    match channel {
        ChannelKind::Whatsapp => last_inbound_at.map(|at| at.saturating_add(WINDOW)),
        ChannelKind::Email | ChannelKind::Sms | ChannelKind::Webchat => None,
    }
}

/// A conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ConversationView {
    /// Its id.
    id: ConversationId,
    /// In which inbox.
    inbox_id: InboxId,
    /// The inbox's name.
    inbox_name: Label,
    /// The inbox's channel.
    channel: ChannelKind,
    /// With whom.
    contact_id: ContactId,
    /// What they are called.
    contact_name: PersonName,
    /// Where answers go, in the channel's own form; null in the web chat, whose visitor fetches them.
    address: Option<String>,
    /// What it is about, where the channel has such a thing.
    subject: Option<String>,
    /// Where it stands.
    status: Status,
    /// Until when it is put off.
    snoozed_until: Option<Timestamp>,
    /// Who looks after it.
    assignee_id: Option<MembershipId>,
    /// How much it presses.
    priority: Priority,
    /// The clinic's labels.
    labels: Vec<Label>,
    /// Since when the person waits for somebody of the clinic.
    waiting_since: Option<Timestamp>,
    /// When something was last said.
    last_message_at: Timestamp,
    /// The beginning of what was last said; notes do not count.
    last_message_preview: Option<String>,
    /// By whom it was said.
    last_message_direction: Option<Direction>,
    /// When the person last wrote.
    last_inbound_at: Option<Timestamp>,
    /// Until when free text may be sent by WhatsApp (24 hours after the person's last message); null where they never wrote, and
    /// for other channels, which have no such rule.
    free_text_until: Option<Timestamp>,
    /// How many messages of the person nobody of the clinic has seen.
    unread_count: i32,
    /// When it was resolved.
    resolved_at: Option<Timestamp>,
    /// Where the talk goes on, when it was joined with another conversation of the same person.
    continued_in_id: Option<ConversationId>,
    /// How often it was written.
    #[schema(inline)]
    version: Version,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last written.
    updated_at: Timestamp,
}

impl View for ConversationView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Listed> for ConversationView {
    fn from(listed: Listed) -> Self {
        let Listed {
            conversation,
            contact_name,
            inbox_name,
            channel,
        } = listed;
        let Conversation {
            id,
            inbox_id,
            contact_id,
            address,
            subject,
            status,
            snoozed_until,
            assignee_id,
            priority,
            labels,
            waiting_since,
            last_message_at,
            last_message_preview,
            last_message_direction,
            last_inbound_at,
            unread_count,
            message_count: _,
            resolved_at,
            continued_in_id,
            version,
            created_at,
            updated_at,
        } = conversation;
        Self {
            id,
            inbox_id,
            inbox_name,
            channel,
            contact_id,
            contact_name,
            address,
            subject,
            status,
            snoozed_until,
            assignee_id,
            priority,
            labels,
            waiting_since,
            last_message_at,
            last_message_preview,
            last_message_direction,
            last_inbound_at,
            free_text_until: free_text_until(channel, last_inbound_at),
            unread_count,
            resolved_at,
            continued_in_id,
            version,
            created_at,
            updated_at,
        }
    }
}
