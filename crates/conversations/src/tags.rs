//! What cached answers about conversations depend on, and what each write makes stale.

use kernel::{ConversationId, Tag};

/// Every conversation of the clinic: lists and counts.
#[must_use]
pub const fn conversations() -> Tag {
    Tag::collection("conversations")
}

/// One conversation, and its messages.
#[must_use]
pub fn conversation(id: ConversationId) -> Tag {
    Tag::part("conversation", id)
}

/// The inboxes.
#[must_use]
pub const fn inboxes() -> Tag {
    Tag::collection("inboxes")
}

/// The canned responses.
#[must_use]
pub const fn canned_responses() -> Tag {
    Tag::collection("canned_responses")
}

/// The message templates.
#[must_use]
pub const fn message_templates() -> Tag {
    Tag::collection("message_templates")
}

/// All people, as the domain of people names them: lists show names.
pub(crate) const fn contacts() -> Tag {
    Tag::collection("contacts")
}
