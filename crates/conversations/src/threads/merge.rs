//! What a merge of two contacts does to their conversations.
//!
//! Nothing that was said moves: a conversation goes over to the contact that stays, whole. Where both have one in the same inbox
//! that is not resolved, the one with the older last word is resolved and points to the other, which takes over what was unread.

use db::schema::conversations;
use db::{DbError, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ChannelIdentityId, ContactId, ConversationId};

use super::error::ConversationError;
use super::model::{Conversation, Status};
use super::service::{stale, tell};
use super::store::{self, Change};
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
    let mut resolved = Vec::new();
    let is_open = |one: &&Conversation| one.status != Status::Resolved;
    for going in all.iter().filter(|one| one.contact_id == from).filter(is_open) {
        let same_inbox = |one: &&Conversation| one.contact_id == into && one.inbox_id == going.inbox_id;
        if let Some(staying) = all.iter().filter(is_open).find(same_inbox) {
            let (older, newer) = if going.last_message_at > staying.last_message_at {
                (staying, going)
            } else {
                (going, staying)
            };
            join(tx, older, newer).await?;
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
    })
}

/// Resolves `older`, whose talk goes on in `newer`.
async fn join(tx: &mut TenantTx<'_>, older: &Conversation, newer: &Conversation) -> Result<(), ConversationError> {
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
    let waiting_since = match (older.waiting_since, newer.waiting_since) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    let takes_over = Change {
        unread_count: Some(newer.unread_count.saturating_add(older.unread_count)),
        waiting_since: Some(waiting_since),
        ..Change::default()
    };
    let newer_after = store::update(tx, newer.id, takes_over).await?;
    tell(tx, events::CONVERSATION_UPDATED, &newer_after);
    Ok(())
}

/// Takes back what [`move_contact`] did, as far as it can be, and says what that was: conversations and identities that are still
/// `survivor`'s are `back_to`'s again, and what was resolved for the other one's sake is open again, unless its person has begun
/// another one since. What was unread stays with the conversation that took it over.
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
        let conversation = store::lock(tx, *id, None).await?;
        if conversation.continued_in_id.is_none()
            || store::lock_unresolved(tx, conversation.inbox_id, conversation.contact_id)
                .await?
                .is_some()
        {
            continue;
        }
        let opened = Change {
            status: Some(Status::Open),
            resolved_at: Some(None),
            continued_in_id: Some(None),
            ..Change::default()
        };
        let conversation = store::update(tx, *id, opened).await?;
        tell(tx, events::CONVERSATION_REOPENED, &conversation);
        resolved.push(*id);
    }
    Ok(Moved {
        conversations,
        identities,
        resolved,
    })
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
