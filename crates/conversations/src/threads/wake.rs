//! Conversations that were put off come back at their time.

use db::{Job, TenantTx};
use kernel::{ConversationId, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::ConversationError;
use super::model::Status;
use super::service::tell;
use super::store::{self, Change};
use crate::error::RowError;
use crate::events;

/// The job that is due when a conversation comes back; its handler calls [`wake`].
pub const WAKE: &str = "conversation.wake";

/// Which conversation comes back.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct WakeJob {
    /// The conversation.
    pub conversation_id: ConversationId,
}

/// Has the conversation come back at `until`.
pub(super) fn plan(tx: &mut TenantTx<'_>, id: ConversationId, until: Timestamp) {
    tx.enqueue(Job::new(WAKE, &WakeJob { conversation_id: id }).due(until));
}

/// Opens a conversation whose time has come; one that was put off further, opened or resolved meanwhile stays as it is. Says
/// whether it was opened.
///
/// # Errors
/// The database's failure.
pub async fn wake(tx: &mut TenantTx<'_>, id: ConversationId) -> Result<bool, ConversationError> {
    let current = match store::lock(tx, id, None).await {
        Ok(current) => current,
        Err(RowError::NotFound(_)) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let is_due = current.status == Status::Snoozed && current.snoozed_until.is_some_and(|until| until <= tx.now());
    if !is_due {
        return Ok(false);
    }
    let change = Change {
        status: Some(Status::Open),
        snoozed_until: Some(None),
        ..Change::default()
    };
    let conversation = store::update(tx, id, change).await?;
    tell(tx, events::CONVERSATION_REOPENED, &conversation);
    Ok(true)
}
