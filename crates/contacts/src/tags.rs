//! What makes cached answers about people stale.

use kernel::{ContactId, Tag};

/// The collection: any list of people.
#[must_use]
pub const fn contacts() -> Tag {
    Tag::collection("contacts")
}

/// One person; also part of what other domains show of them, such as the name in an agenda.
#[must_use]
pub fn contact(id: ContactId) -> Tag {
    Tag::part("contact", id)
}
