//! The rules of conversations, callable from HTTP, jobs and tests alike.

use db::{AuditRecord, TenantTx};
use kernel::{ContactId, ConversationId, FieldErrors, Timestamp, Version};
use rest::Patch;
use serde_json::json;

use super::error::ConversationError;
use super::model::{Conversation, ConversationChanges, NewConversation, Status};
use super::store::{self, Change, NewRow};
use super::wake;
use crate::channels::ChannelKind;
use crate::error::RowError;
use crate::events::{self, ConversationEvent};
use crate::identities::{self, Identity};
use crate::inboxes::{self, Inbox};
use crate::{locks, messages, tags};

/// Says what is stale, and tells what happened to a conversation.
pub(crate) fn tell(tx: &mut TenantTx<'_>, kind: &'static str, conversation: &Conversation) {
    tx.emit(
        kind,
        &ConversationEvent {
            conversation_id: conversation.id,
            inbox_id: conversation.inbox_id,
            contact_id: conversation.contact_id,
        },
    );
    stale(tx, conversation.id);
}

/// Says that what was read of a conversation is stale.
pub(crate) fn stale(tx: &mut TenantTx<'_>, id: ConversationId) {
    tx.touch(tags::conversation(id));
    tx.touch(tags::conversations());
}

/// Begins a conversation from the clinic's side.
///
/// # Errors
/// [`ConversationError::Exists`] when one with this person in this inbox is not resolved; [`ConversationError::NoAddress`] and
/// [`ConversationError::VisitorBegins`] when the channel cannot reach them.
pub async fn create(tx: &mut TenantTx<'_>, new: NewConversation) -> Result<Conversation, ConversationError> {
    let inbox = match inboxes::find(tx, new.inbox).await {
        Ok(inbox) if inbox.archived_at.is_none() => inbox,
        Ok(_) | Err(RowError::NotFound(_)) => return Err(ConversationError::UnknownInbox),
        Err(error) => return Err(error.into()),
    };
    let identity = reached_by(tx, &inbox, new.contact).await?;
    locks::contacts(tx, &[new.contact]).await?;
    if new.status != Status::Resolved
        && let Some(other) = store::lock_unresolved(tx, inbox.id, new.contact).await?
    {
        return Err(ConversationError::Exists {
            conversation: Some(other.id),
        });
    }
    let row = NewRow {
        clinic_id: tx.clinic(),
        id: ConversationId::new_at(tx.now()),
        inbox_id: inbox.id,
        contact_id: new.contact,
        address: identity.address(),
        subject: new.subject,
        status: new.status,
        resolved_at: (new.status == Status::Resolved).then(|| tx.now()),
        assignee_id: new.assignee,
        priority: new.priority,
        labels: new.labels,
        last_message_at: tx.now(),
    };
    let conversation = store::insert(tx, row).await?;
    // So that the answer is known to be theirs, even where others share the number.
    identities::note(tx, inbox.id, &identity, new.contact).await?;
    tx.audit(AuditRecord::new(
        "conversations.create",
        "conversation",
        conversation.id.as_uuid(),
    ));
    tell(tx, events::CONVERSATION_CREATED, &conversation);
    Ok(conversation)
}

/// By what the inbox can reach a person.
pub(crate) async fn reached_by(
    tx: &TenantTx<'_>,
    inbox: &Inbox,
    contact: ContactId,
) -> Result<Identity, ConversationError> {
    let (phones, email) = store::reach(tx, contact)
        .await?
        .ok_or(ConversationError::UnknownContact)?;
    match inbox.channel {
        ChannelKind::Whatsapp | ChannelKind::Sms => phones
            .into_iter()
            .find(kernel::phone::PhoneNumber::is_mobile)
            .map(|number| Identity::Phone {
                address: number.digits().to_owned(),
                number,
            })
            .ok_or(ConversationError::NoAddress),
        ChannelKind::Email => email.map(Identity::Email).ok_or(ConversationError::NoAddress),
        ChannelKind::Webchat => Err(ConversationError::VisitorBegins),
    }
}

/// The conversation `id`, locked, after nobody else writes to conversations of its person.
pub(crate) async fn lock_alone(
    tx: &TenantTx<'_>,
    id: ConversationId,
    expected: Option<Version>,
) -> Result<Conversation, RowError> {
    let contact = store::find(tx, id).await?.contact_id;
    locks::contacts(tx, &[contact]).await?;
    store::lock(tx, id, expected).await
}

/// Changes a conversation: whose it is, how much it presses, where it stands. What is set to what it is already is no change.
///
/// # Errors
/// [`ConversationError::Exists`] when it would be open beside another one with the same person, [`ConversationError::Continued`]
/// when it was joined with another one.
pub async fn change(
    tx: &mut TenantTx<'_>,
    id: ConversationId,
    changes: &ConversationChanges,
    expected: Option<Version>,
) -> Result<Conversation, ConversationError> {
    let current = lock_alone(tx, id, expected).await?;
    let plan = Plan::of(&current, changes, tx.now())?;
    if plan.changed.is_empty() {
        return Ok(current);
    }
    if plan.reopens {
        refuse_a_second(tx, &current).await?;
    }
    let conversation = store::update(tx, id, plan.change).await?;
    let record = AuditRecord::new("conversations.update", "conversation", id.as_uuid());
    tx.audit(record.with_detail(json!({ "changed": plan.changed })));
    if let (Status::Snoozed, Some(until)) = (conversation.status, conversation.snoozed_until) {
        wake::plan(tx, id, until);
    }
    for kind in plan.told {
        tell(tx, kind, &conversation);
    }
    Ok(conversation)
}

/// Refuses to open `conversation` beside another one with the same person, or one that was joined with another.
pub(crate) async fn refuse_a_second(tx: &TenantTx<'_>, conversation: &Conversation) -> Result<(), ConversationError> {
    if let Some(other) = conversation.continued_in_id {
        return Err(ConversationError::Continued { conversation: other });
    }
    match store::lock_unresolved(tx, conversation.inbox_id, conversation.contact_id).await? {
        Some(other) => Err(ConversationError::Exists {
            conversation: Some(other.id),
        }),
        None => Ok(()),
    }
}

/// What is to be written, and told of it.
struct Plan {
    change: Change,
    changed: Vec<&'static str>,
    told: Vec<&'static str>,
    reopens: bool,
}

impl Plan {
    /// What `changes` make of `current` at `now`.
    fn of(current: &Conversation, changes: &ConversationChanges, now: Timestamp) -> Result<Self, FieldErrors> {
        let mut plan = Self {
            change: Change::default(),
            changed: Vec::new(),
            told: Vec::new(),
            reopens: false,
        };
        let assignee = match changes.assignee {
            Patch::Absent => current.assignee_id,
            Patch::Null => None,
            Patch::Value(member) => Some(member),
        };
        if assignee != current.assignee_id {
            plan.change.assignee_id = Some(assignee);
            plan.changed.push("assignee_id");
            plan.told.push(events::CONVERSATION_ASSIGNED);
        }
        plan.change.priority = changes.priority.filter(|priority| *priority != current.priority);
        plan.change.labels = changes.labels.clone().filter(|labels| *labels != current.labels);
        for (name, is_changed) in [
            ("priority", plan.change.priority.is_some()),
            ("labels", plan.change.labels.is_some()),
        ] {
            if is_changed {
                plan.changed.push(name);
                if !plan.told.contains(&events::CONVERSATION_UPDATED) {
                    plan.told.push(events::CONVERSATION_UPDATED);
                }
            }
        }
        plan.status(current, changes, now)?;
        Ok(plan)
    }

    /// Where the conversation will stand.
    fn status(
        &mut self,
        current: &Conversation,
        changes: &ConversationChanges,
        now: Timestamp,
    ) -> Result<(), FieldErrors> {
        let status = match (changes.status, changes.snoozed_until) {
            (Some(status), _) => status,
            (None, Some(_)) => Status::Snoozed,
            (None, None) => return Ok(()),
        };
        let until = match (status, changes.snoozed_until) {
            (Status::Snoozed, Some(until)) if until > now => Some(until),
            (Status::Snoozed, Some(_)) => {
                return Err(FieldErrors::one("/snoozed_until", "in_past", "must lie in the future"));
            }
            (Status::Snoozed, None) => {
                return Err(FieldErrors::one(
                    "/snoozed_until",
                    "required",
                    "says until when the conversation is put off",
                ));
            }
            (_, Some(_)) => {
                return Err(FieldErrors::one(
                    "/snoozed_until",
                    "not_snoozed",
                    "goes with the status snoozed only",
                ));
            }
            (_, None) => None,
        };
        if (status, until) == (current.status, current.snoozed_until) {
            return Ok(());
        }
        self.change.status = Some(status);
        self.change.snoozed_until = Some(until);
        let resolves = status == Status::Resolved;
        self.change.resolved_at = Some(resolves.then_some(now));
        if resolves {
            self.change.waiting_since = Some(None);
        }
        self.reopens = current.status == Status::Resolved;
        self.changed.push("status");
        self.told.push(match status {
            Status::Resolved => events::CONVERSATION_RESOLVED,
            Status::Snoozed => events::CONVERSATION_SNOOZED,
            Status::Open if matches!(current.status, Status::Resolved | Status::Snoozed) => {
                events::CONVERSATION_REOPENED
            }
            Status::Open | Status::Pending => events::CONVERSATION_UPDATED,
        });
        Ok(())
    }
}

/// Notes that somebody of the clinic has seen what was written so far. One count for all who work with the conversation: what one
/// has seen, the clinic has.
///
/// # Errors
/// [`RowError::NotFound`].
pub async fn mark_read(
    tx: &mut TenantTx<'_>,
    id: ConversationId,
    expected: Option<Version>,
) -> Result<Conversation, ConversationError> {
    let current = store::lock(tx, id, expected).await?;
    if current.unread_count == 0 {
        return Ok(current);
    }
    let change = Change {
        unread_count: Some(0),
        ..Change::default()
    };
    let inbox = inboxes::find(tx, current.inbox_id).await?;
    messages::show_read(tx, &inbox, &current);
    let conversation = store::update(tx, id, change).await?;
    tx.audit(AuditRecord::new(
        "conversations.mark_read",
        "conversation",
        id.as_uuid(),
    ));
    tell(tx, events::CONVERSATION_UPDATED, &conversation);
    Ok(conversation)
}
