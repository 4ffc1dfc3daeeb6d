//! Conversations as clients ask for them; every fault of a body is told at once.

use kernel::text::{Label, bounded};
use kernel::{ContactId, FieldErrors, InboxId, MembershipId, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{ConversationChanges, NewConversation, Priority, Status};
use rest::{Patch, ReadPatch};

/// The most labels of a conversation.
const MOST_LABELS: usize = 20;

fn labels(errors: &mut FieldErrors, texts: &[String]) -> Option<Vec<Label>> {
    if texts.len() > MOST_LABELS {
        errors.push(
            "/labels",
            "too_many",
            format!("a conversation has at most {MOST_LABELS} labels"),
        );
        return None;
    }
    let mut labels = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        if let Some(label) = errors.read(&format!("/labels/{index}"), Label::parse(text))
            && !labels.contains(&label)
        {
            labels.push(label);
        }
    }
    Some(labels)
}

/// A conversation that the clinic begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateConversation {
    /// In which inbox.
    inbox_id: InboxId,
    /// With whom: they need a mobile phone for WhatsApp, or an e-mail address for e-mail.
    contact_id: ContactId,
    /// What it is about, for e-mail.
    #[schema(max_length = 200)]
    subject: Option<String>,
    /// Who looks after it.
    assignee_id: Option<MembershipId>,
    /// How much it presses; `normal` when not given.
    #[schema(value_type = Option<Priority>)]
    priority: Option<String>,
    /// The clinic's labels.
    #[serde(default)]
    #[schema(max_items = 20, value_type = Vec<Label>)]
    labels: Vec<String>,
}

impl TryFrom<CreateConversation> for NewConversation {
    type Error = FieldErrors;

    fn try_from(body: CreateConversation) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let subject = errors.read_if_given("/subject", body.subject.as_deref(), |text| bounded(text, 1, 200));
        let priority = errors.read_if_given("/priority", body.priority.as_deref(), Priority::parse);
        let labels = labels(&mut errors, &body.labels);
        errors.finish(labels.map(|labels| Self {
            inbox: body.inbox_id,
            contact: body.contact_id,
            subject,
            assignee: body.assignee_id,
            priority: priority.unwrap_or(Priority::Normal),
            labels,
            status: Status::Open,
        }))
    }
}

/// What changes about a conversation; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchConversation {
    /// Where it stands; `snoozed` goes with `snoozed_until`.
    #[serde(default)]
    #[schema(value_type = Option<Status>)]
    status: Patch<String>,
    /// Until when it is put off.
    snoozed_until: Option<Timestamp>,
    /// Who looks after it; null for nobody.
    #[serde(default)]
    #[schema(value_type = Option<MembershipId>)]
    assignee_id: Patch<MembershipId>,
    /// How much it presses.
    #[serde(default)]
    #[schema(value_type = Option<Priority>)]
    priority: Patch<String>,
    /// The labels, in place of those before.
    #[schema(max_items = 20, value_type = Option<Vec<Label>>)]
    labels: Option<Vec<String>>,
}

impl TryFrom<PatchConversation> for ConversationChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchConversation) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let status = errors.read_change("/status", body.status, |text| Status::parse(&text));
        let priority = errors.read_change("/priority", body.priority, |text| Priority::parse(&text));
        let labels = body.labels.and_then(|texts| labels(&mut errors, &texts));
        errors.finish(Some(Self {
            status,
            snoozed_until: body.snoozed_until,
            assignee: body.assignee_id,
            priority,
            labels,
        }))
    }
}

/// Who looks after a conversation from now on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignConversation {
    /// The member; null for nobody, the caller when not given.
    #[serde(default)]
    #[schema(value_type = Option<MembershipId>)]
    pub(super) assignee_id: Patch<MembershipId>,
}

/// Until when a conversation is put off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"until": "2026-11-30T12:00:00Z"}))]
pub(crate) struct SnoozeConversation {
    /// When it comes back; a message of the person brings it back before.
    pub(super) until: Timestamp,
}
