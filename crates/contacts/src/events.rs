//! What this domain tells to the outside: ids and states, never what people wrote.

use kernel::{ContactId, ContactMergeId, Permission, PublicEvent};
use serde::Serialize;

use crate::people::{Contact, ContactStatus};

/// A person was made.
pub const CREATED: &str = "contact.created";
/// A person was changed.
pub const UPDATED: &str = "contact.updated";
/// A person was put away.
pub const ARCHIVED: &str = "contact.archived";
/// A person who had been put away was brought back.
pub const RESTORED: &str = "contact.restored";
/// Two turned out to be one.
pub const MERGED: &str = "contact.merged";
/// What had become one is two again.
pub const UNMERGED: &str = "contact.unmerged";
/// A person answered about a purpose.
pub const CONSENT_RECORDED: &str = "contact.consent_recorded";

/// An event of people, which whoever may read contacts may hear.
const fn event(kind: &'static str, summary: &'static str) -> PublicEvent {
    PublicEvent {
        kind,
        permission: Permission::ContactsRead,
        summary,
    }
}

/// Every kind of event that integrations and live screens may hear of.
pub const EVENTS: &[PublicEvent] = &[
    event(CREATED, "A contact was made, by hand or by an import."),
    event(UPDATED, "A contact was changed."),
    event(ARCHIVED, "A contact was archived."),
    event(RESTORED, "An archived contact was brought back."),
    event(
        MERGED,
        "Another contact turned out to be this one; its address leads here from now on.",
    ),
    event(UNMERGED, "A merge was undone: both contacts are there again."),
    event(CONSENT_RECORDED, "A contact's answer about a purpose was recorded."),
];

/// What is told of a person.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ContactEvent {
    /// The person.
    pub contact_id: ContactId,
    /// How they stand now.
    pub status: ContactStatus,
}

impl ContactEvent {
    /// What is told of `contact`.
    pub(crate) const fn of(contact: &Contact) -> Self {
        Self {
            contact_id: contact.columns.id,
            status: contact.columns.status,
        }
    }
}

/// What is told of a merge.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MergeEvent {
    /// The contact that stays.
    pub contact_id: ContactId,
    /// The contact that went.
    pub from_id: ContactId,
    /// The merge.
    pub merge_id: ContactMergeId,
}

/// What is told of an answer about a purpose.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ConsentEvent {
    /// Who answered.
    pub contact_id: ContactId,
    /// Yes, no, or taken back without an answer.
    pub granted: Option<bool>,
}

/// What a change of the status from `before` to `after` is called.
pub(crate) fn of_change(before: ContactStatus, after: ContactStatus) -> &'static str {
    match (before == ContactStatus::Archived, after == ContactStatus::Archived) {
        (false, true) => ARCHIVED,
        (true, false) => RESTORED,
        _ => UPDATED,
    }
}
