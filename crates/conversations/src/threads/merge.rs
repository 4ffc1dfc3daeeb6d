//! What a merge of two contacts does to their conversations.
//!
//! Nothing that was said moves: a conversation goes over to the contact that stays, whole. Where both have one in the same inbox
//! that is not resolved, the one with the older last word is resolved and points to the other, which takes over what was unread.
//! How both stood goes into the record of the merge, so that undoing it puts that back.

use db::schema::conversations;
use db::{DbError, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ChannelIdentityId, ContactId, ConversationId, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::ConversationError;
use super::model::{Conversation, Status};
use super::service::{stale, tell};
use super::store::{self, Change};
use super::wake;
use crate::{events, identities, locks};

/// What [`move_contact`] moved, for the record of the merge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// The conversations that were the other contact's.
    pub conversations: Vec<ConversationId>,
    /// By what the other contact was known.
    pub identities: Vec<ChannelIdentityId>,
    /// The conversations that were resolved because another one goes on.
    pub resolved: Vec<ConversationId>,
    /// How these and the others stood; nothing of a merge that did not write it down.
    pub stood: Vec<Stood>,
}

/// How a conversation stood that was resolved because another one goes on, and what that one took over. Kept as JSON with the merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    resolved: ConversationId,
    status: Status,
    snoozed_until: Option<Timestamp>,
    waiting_since: Option<Timestamp>,
    unread_count: i32,
    goes_on: GoesOn,
}

/// The conversation that goes on, as it stood before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct GoesOn {
    id: ConversationId,
    waiting_since: Option<Timestamp>,
    unread_count: i32,
}

impl Stood {
    fn of(older: &Conversation, newer: &Conversation) -> Self {
        Self {
            resolved: older.id,
            status: older.status,
            snoozed_until: older.snoozed_until,
            waiting_since: older.waiting_since,
            unread_count: older.unread_count,
            goes_on: GoesOn {
                id: newer.id,
                waiting_since: newer.waiting_since,
                unread_count: newer.unread_count,
            },
        }
    }

    /// Since when somebody waits in the conversation that goes on, for it and the other.
    fn waiting_together(&self) -> Option<Timestamp> {
        match (self.waiting_since, self.goes_on.waiting_since) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    fn unread_together(&self) -> i32 {
        self.goes_on.unread_count.saturating_add(self.unread_count)
    }

    /// What becomes of the conversation that was resolved. One that was put off until a time that has come meanwhile is open, as it
    /// would be.
    fn put_back(&self, now: Timestamp) -> Change {
        let asleep_until = self
            .snoozed_until
            .filter(|until| self.status == Status::Snoozed && *until > now);
        let status = match self.status {
            Status::Snoozed if asleep_until.is_none() => Status::Open,
            status => status,
        };
        Change {
            status: Some(status),
            snoozed_until: Some(asleep_until),
            waiting_since: Some(self.waiting_since),
            unread_count: Some(self.unread_count),
            resolved_at: Some(None),
            continued_in_id: Some(None),
            ..Change::default()
        }
    }

    /// What the conversation that goes on gives back, as it stands in `now`. Where somebody has seen it since, what is unread came
    /// after that and is its own; where the clinic has answered since, nobody waits for the other's sake.
    fn given_back(&self, now: &Conversation) -> Option<Change> {
        let unread = (self.unread_count > 0 && now.unread_count >= self.unread_together())
            .then(|| now.unread_count.saturating_sub(self.unread_count));
        let waits_for_both = now.waiting_since.is_some() && now.waiting_since == self.waiting_together();
        let waiting =
            (waits_for_both && now.waiting_since != self.goes_on.waiting_since).then_some(self.goes_on.waiting_since);
        (unread.is_some() || waiting.is_some()).then(|| Change {
            unread_count: unread,
            waiting_since: waiting,
            ..Change::default()
        })
    }
}

/// The conversations of `contact`, locked in the order of their ids.
async fn lock_all(tx: &TenantTx<'_>, contacts: [ContactId; 2]) -> Result<Vec<Conversation>, DbError> {
    let rows = conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .filter(conversations::contact_id.eq_any(contacts))
        .order(conversations::id)
        .select(Conversation::as_select())
        .for_no_key_update()
        .load(&mut tx.conn())
        .await?;
    Ok(rows)
}

/// Gives every conversation and identity of the contact `from` to the contact `into`.
///
/// # Errors
/// The database's failure.
pub async fn move_contact(tx: &mut TenantTx<'_>, from: ContactId, into: ContactId) -> Result<Moved, ConversationError> {
    locks::contacts(tx, &[from, into]).await?;
    let identities = identities::move_contact(tx, from, into).await?;
    let all = lock_all(tx, [from, into]).await?;
    let (mut resolved, mut stood) = (Vec::new(), Vec::new());
    let is_open = |one: &&Conversation| one.status != Status::Resolved;
    for going in all.iter().filter(|one| one.contact_id == from).filter(is_open) {
        let same_inbox = |one: &&Conversation| one.contact_id == into && one.inbox_id == going.inbox_id;
        if let Some(staying) = all.iter().filter(is_open).find(same_inbox) {
            let (older, newer) = if going.last_message_at > staying.last_message_at {
                (staying, going)
            } else {
                (going, staying)
            };
            stood.push(join(tx, older, newer).await?);
            resolved.push(older.id);
        }
    }
    let moved: Vec<ConversationId> = diesel::update(conversations::table)
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .filter(conversations::contact_id.eq(from))
        .set(conversations::contact_id.eq(into))
        .returning(conversations::id)
        .get_results(&mut tx.conn())
        .await
        .map_err(DbError::from)?;
    for id in &moved {
        stale(tx, *id);
    }
    Ok(Moved {
        conversations: moved,
        identities,
        resolved,
        stood,
    })
}

/// Resolves `older`, whose talk goes on in `newer`; says how both stood.
async fn join(tx: &mut TenantTx<'_>, older: &Conversation, newer: &Conversation) -> Result<Stood, ConversationError> {
    let stood = Stood::of(older, newer);
    let gone = Change {
        status: Some(Status::Resolved),
        resolved_at: Some(Some(tx.now())),
        snoozed_until: Some(None),
        waiting_since: Some(None),
        unread_count: Some(0),
        continued_in_id: Some(Some(newer.id)),
        ..Change::default()
    };
    let older_after = store::update(tx, older.id, gone).await?;
    tell(tx, events::CONVERSATION_RESOLVED, &older_after);
    let takes_over = Change {
        unread_count: Some(stood.unread_together()),
        waiting_since: Some(stood.waiting_together()),
        ..Change::default()
    };
    let newer_after = store::update(tx, newer.id, takes_over).await?;
    tell(tx, events::CONVERSATION_UPDATED, &newer_after);
    Ok(stood)
}

/// Takes back what [`move_contact`] did, as far as it can be, and says what that was: conversations and identities that are still
/// `survivor`'s are `back_to`'s again, and what was resolved for the other one's sake stands again as it stood, with what was unread
/// in it, unless its person has begun another one since.
///
/// # Errors
/// The database's failure.
pub async fn undo_move(
    tx: &mut TenantTx<'_>,
    moved: &Moved,
    survivor: ContactId,
    back_to: ContactId,
) -> Result<Moved, ConversationError> {
    locks::contacts(tx, &[survivor, back_to]).await?;
    let identities = identities::give_back(tx, &moved.identities, survivor, back_to).await?;
    let conversations: Vec<ConversationId> = diesel::update(conversations::table)
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .filter(conversations::id.eq_any(&moved.conversations))
        .filter(conversations::contact_id.eq(survivor))
        .set(conversations::contact_id.eq(back_to))
        .returning(conversations::id)
        .get_results(&mut tx.conn())
        .await
        .map_err(DbError::from)?;
    for id in &conversations {
        stale(tx, *id);
    }
    let mut resolved = Vec::new();
    for id in &moved.resolved {
        let stood = moved.stood.iter().find(|stood| stood.resolved == *id);
        if part(tx, *id, stood).await? {
            resolved.push(*id);
        }
    }
    Ok(Moved {
        conversations,
        identities,
        resolved,
        stood: Vec::new(),
    })
}

/// Has the conversation `id` stand as it `stood` before it was resolved for another one's sake, if it may; says whether it does. Of
/// one whose merge did not write that down, somebody is to look at it.
async fn part(tx: &mut TenantTx<'_>, id: ConversationId, stood: Option<&Stood>) -> Result<bool, ConversationError> {
    let current = store::lock(tx, id, None).await?;
    if current.continued_in_id.is_none()
        || store::lock_unresolved(tx, current.inbox_id, current.contact_id)
            .await?
            .is_some()
    {
        return Ok(false);
    }
    let change = stood.map_or_else(
        || Change {
            status: Some(Status::Open),
            resolved_at: Some(None),
            continued_in_id: Some(None),
            ..Change::default()
        },
        |stood| stood.put_back(tx.now()),
    );
    let conversation = store::update(tx, id, change).await?;
    if let (Status::Snoozed, Some(until)) = (conversation.status, conversation.snoozed_until) {
        // What was planned may have come and found it resolved.
        wake::plan(tx, id, until);
        tell(tx, events::CONVERSATION_SNOOZED, &conversation);
    } else {
        tell(tx, events::CONVERSATION_REOPENED, &conversation);
    }
    if let Some(stood) = stood {
        let goes_on = store::lock(tx, stood.goes_on.id, None).await?;
        if let Some(change) = stood.given_back(&goes_on) {
            let goes_on = store::update(tx, goes_on.id, change).await?;
            tell(tx, events::CONVERSATION_UPDATED, &goes_on);
        }
    }
    Ok(true)
}

/// Whether there ever was a conversation with `contact`.
///
/// # Errors
/// The database's failure.
pub async fn has_any(tx: &TenantRead<'_>, contact: ContactId) -> Result<bool, DbError> {
    let spoken = conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .filter(conversations::contact_id.eq(contact));
    let found = diesel::select(diesel::dsl::exists(spoken))
        .get_result(&mut tx.conn())
        .await?;
    Ok(found)
}
