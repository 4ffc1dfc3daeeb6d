//! That the clinic has read what somebody wrote is shown to them, where their channel can and the inbox wants it: a job, since
//! nobody waits for it.

use auth::ClinicKeys;
use db::{Job, TenantRead, TenantTx};
use kernel::{ConversationId, Lane};
use serde::{Deserialize, Serialize};

use super::error::MessageError;
use super::store;
use crate::channels::{ChannelKind, Seen};
use crate::inboxes::{self, Inbox, InboxSettings};
use crate::threads::{self, Conversation};

/// The job that shows that a conversation was read.
pub const SHOW_READ: &str = "conversation.show_read";

/// Which conversation, and how far it was read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ShowReadJob {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The number of the last message that was there.
    pub up_to: i64,
}

/// Has it shown that `conversation`, as it stood, was read, if there was anything to read in it.
pub(crate) fn show_read(tx: &mut TenantTx<'_>, inbox: &Inbox, conversation: &Conversation) {
    if conversation.unread_count == 0 || !is_shown(inbox) {
        return;
    }
    let job = ShowReadJob {
        conversation_id: conversation.id,
        up_to: conversation.message_count,
    };
    tx.enqueue(Job::new(SHOW_READ, &job).lane(Lane::Routine));
}

fn is_shown(inbox: &Inbox) -> bool {
    inbox.archived_at.is_none()
        && matches!(inbox.settings(), InboxSettings::Whatsapp(settings) if settings.read_receipts)
}

/// What is to be shown for `job`: the last message that the person wrote by then; `None` where there is nothing to show any more.
///
/// # Errors
/// The database's failure, or that the inbox's secrets cannot be opened.
pub async fn read_to_show(
    tx: &TenantRead<'_>,
    keys: &ClinicKeys,
    job: ShowReadJob,
) -> Result<Option<(ChannelKind, Seen)>, MessageError> {
    let conversation = threads::find(tx, job.conversation_id).await?;
    let inbox = inboxes::find(tx, conversation.inbox_id).await?;
    if !is_shown(&inbox) {
        return Ok(None);
    }
    let Some(provider_id) = store::last_received(tx, job.conversation_id, job.up_to).await? else {
        return Ok(None);
    };
    let seen = Seen {
        settings: inbox.settings(),
        secrets: inboxes::open_secrets(tx, keys, inbox.id).await?,
        provider_id,
    };
    Ok(Some((inbox.channel, seen)))
}
