//! Which conversations a list is about: its filter, checked.

use kernel::phone::digits_of;
use kernel::text::{InvalidText, Label, bounded};
use kernel::{ContactId, FieldErrors, InboxId, MembershipId, Timestamp, text_enum};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::model::{Priority, Status};

text_enum! {
    /// Which conversations a list shows, by where they stand.
    pub enum StatusFilter {
        /// Those that somebody is to look at.
        Open = "open",
        /// Those that wait for the person.
        Pending = "pending",
        /// Those that are put off.
        Snoozed = "snoozed",
        /// Those that are done with.
        Resolved = "resolved",
        /// All.
        Any = "any",
    }
    error = InvalidStatusFilter, code = "unknown_status";
}

/// Which conversations to list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationFilter {
    /// Where they stand; `open` when not given, any of one contact and with `updated_since`.
    #[param(value_type = Option<StatusFilter>)]
    status: Option<String>,
    /// In this inbox.
    inbox_id: Option<InboxId>,
    /// Looked after by this member, by the caller (`me`), or by nobody (`none`).
    #[param(example = "me")]
    assignee: Option<String>,
    /// With this label.
    #[param(value_type = Option<Label>)]
    label: Option<String>,
    /// So pressing.
    #[param(value_type = Option<Priority>)]
    priority: Option<String>,
    /// With messages that nobody has seen (`true`), or without.
    unread: Option<bool>,
    /// With this contact.
    contact_id: Option<ContactId>,
    /// Words of the contact's name in any spelling, or three and more digits of a phone number.
    #[param(max_length = 100, example = "maria")]
    q: Option<String>,
}

/// By whom conversations are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assignee {
    /// By nobody.
    Nobody,
    /// By this member.
    Member(MembershipId),
    /// By the caller, who is no member.
    NoMember,
}

/// What is looked for in a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Search {
    /// Words of the name.
    Name(String),
    /// Digits of a phone number.
    Digits(String),
}

/// A checked filter.
#[derive(Debug, Clone)]
pub(super) struct Criteria {
    pub(super) status: Option<Status>,
    pub(super) inbox: Option<InboxId>,
    pub(super) assignee: Option<Assignee>,
    pub(super) label: Option<Label>,
    pub(super) priority: Option<Priority>,
    pub(super) unread: Option<bool>,
    pub(super) contact: Option<ContactId>,
    pub(super) search: Option<Search>,
    pub(super) updated_since: Option<Timestamp>,
}

impl ConversationFilter {
    /// Whether the answer hangs on who asks.
    pub(super) fn is_personal(&self) -> bool {
        self.assignee.as_deref() == Some("me")
    }

    /// What the filter asks for, of the member `me`.
    pub(super) fn checked(
        &self,
        me: Option<MembershipId>,
        updated_since: Option<Timestamp>,
    ) -> Result<Criteria, FieldErrors> {
        let mut errors = FieldErrors::new();
        let found = &mut errors;
        let status = found.read_if_given("status", self.status.as_deref(), StatusFilter::parse);
        let criteria = Criteria {
            status: match status {
                Some(StatusFilter::Any) => None,
                Some(StatusFilter::Open) => Some(Status::Open),
                Some(StatusFilter::Pending) => Some(Status::Pending),
                Some(StatusFilter::Snoozed) => Some(Status::Snoozed),
                Some(StatusFilter::Resolved) => Some(Status::Resolved),
                None => (self.contact_id.is_none() && updated_since.is_none()).then_some(Status::Open),
            },
            inbox: self.inbox_id,
            assignee: self.assignee.as_deref().and_then(|text| assignee(text, me, found)),
            label: found.read_if_given("label", self.label.as_deref(), Label::parse),
            priority: found.read_if_given("priority", self.priority.as_deref(), Priority::parse),
            unread: self.unread,
            contact: self.contact_id,
            search: found.read_if_given("q", self.q.as_deref(), search),
            updated_since,
        };
        errors.finish(Some(criteria))
    }
}

fn assignee(text: &str, me: Option<MembershipId>, errors: &mut FieldErrors) -> Option<Assignee> {
    match text {
        "none" => Some(Assignee::Nobody),
        "me" => Some(me.map_or(Assignee::NoMember, Assignee::Member)),
        id => match id.parse() {
            Ok(member) => Some(Assignee::Member(member)),
            Err(_not_an_id) => {
                errors.push("assignee", "invalid_id", "must be a member's id, me or none");
                None
            }
        },
    }
}

fn search(text: &str) -> Result<Search, InvalidText> {
    let text = bounded(text, 1, 100)?;
    let is_number = text
        .chars()
        .all(|character| character.is_ascii_digit() || " +()-./".contains(character));
    let digits = digits_of(&text);
    if is_number && digits.len() < 3 {
        return Err(InvalidText::TooShort(3));
    }
    Ok(if is_number {
        Search::Digits(digits)
    } else {
        Search::Name(text)
    })
}
