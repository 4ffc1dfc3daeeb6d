//! What a conversation is.

use db::schema::conversations;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::text::Label;
use kernel::{ContactId, ConversationId, InboxId, MembershipId, Timestamp, Version, text_enum};
use rest::Patch;

text_enum! {
    /// Where a conversation stands.
    pub enum Status {
        /// Somebody of the clinic is to look at it.
        Open = "open",
        /// The clinic waits for the person.
        Pending = "pending",
        /// Put off until a time, or until the person writes.
        Snoozed = "snoozed",
        /// Done with.
        Resolved = "resolved",
    }
    error = InvalidStatus, code = "unknown_status";
}

text_enum! {
    /// How much a conversation presses.
    pub enum Priority {
        /// Now.
        Urgent = "urgent",
        /// Before others.
        High = "high",
        /// As it comes.
        Normal = "normal",
        /// After others.
        Low = "low",
    }
    error = InvalidPriority, code = "unknown_priority";
}

text_enum! {
    /// Which way a message goes.
    pub enum Direction {
        /// From the person.
        Inbound = "inbound",
        /// From the clinic.
        Outbound = "outbound",
    }
    error = InvalidDirection, code = "unknown_direction";
}

/// A conversation, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = conversations, check_for_backend(Pg))]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// In which inbox.
    pub inbox_id: InboxId,
    /// With whom.
    pub contact_id: ContactId,
    /// Where an answer goes, in the channel's own form.
    pub address: Option<String>,
    /// What it is about, where the channel has such a thing.
    pub subject: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Until when it is put off.
    pub snoozed_until: Option<Timestamp>,
    /// Who looks after it.
    pub assignee_id: Option<MembershipId>,
    /// How much it presses.
    pub priority: Priority,
    /// The clinic's labels.
    pub labels: Vec<Label>,
    /// Since when the person waits for somebody of the clinic.
    pub waiting_since: Option<Timestamp>,
    /// When something was last said.
    pub last_message_at: Timestamp,
    /// The beginning of what was last said.
    pub last_message_preview: Option<String>,
    /// By whom it was said.
    pub last_message_direction: Option<Direction>,
    /// When the person last wrote.
    pub last_inbound_at: Option<Timestamp>,
    /// How many messages of the person nobody has seen.
    pub unread_count: i32,
    /// How many messages there are.
    pub message_count: i64,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// Where the talk goes on.
    pub continued_in_id: Option<ConversationId>,
    /// How often it was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// A conversation that the clinic begins.
#[derive(Debug, Clone)]
pub struct NewConversation {
    /// In which inbox.
    pub inbox: InboxId,
    /// With whom.
    pub contact: ContactId,
    /// What it is about.
    pub subject: Option<String>,
    /// Who looks after it.
    pub assignee: Option<MembershipId>,
    /// How much it presses.
    pub priority: Priority,
    /// The clinic's labels.
    pub labels: Vec<Label>,
    /// Where it stands.
    pub status: Status,
}

/// What changes about a conversation.
#[derive(Debug, Clone, Default)]
pub struct ConversationChanges {
    /// Where it stands; with [`Status::Snoozed`] goes a time.
    pub status: Option<Status>,
    /// Until when it is put off.
    pub snoozed_until: Option<Timestamp>,
    /// Who looks after it.
    pub assignee: Patch<MembershipId>,
    /// How much it presses.
    pub priority: Option<Priority>,
    /// The labels, in place of those before.
    pub labels: Option<Vec<Label>>,
}
