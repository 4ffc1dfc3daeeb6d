//! Files that come after their message: a channel names them with it, and they are fetched by themselves.

use db::{AuditRecord, TenantTx};
use kernel::MessageId;

use super::error::MessageError;
use super::receive::InboundFile;
use super::store::{self, Change};
use crate::threads::{self, stale, tell};
use crate::{attachments, events};

/// A file of a message that came in is there. Told again it changes nothing.
///
/// # Errors
/// The database's failure.
pub async fn file_arrived(tx: &mut TenantTx<'_>, id: MessageId, file: &InboundFile) -> Result<(), MessageError> {
    let message = store::lock(tx, id).await?;
    let known = attachments::of_messages(tx, &[id]).await?;
    if known.iter().any(|attachment| attachment.id == file.id) {
        return Ok(());
    }
    attachments::attach_received(tx, message.conversation_id, id, std::slice::from_ref(file)).await?;
    if message.failure_reason.is_some() {
        let change = Change {
            failure_reason: Some(None),
            ..Change::default()
        };
        store::update(tx, id, change).await?;
    }
    tx.audit(AuditRecord::new(
        "message_attachments.create",
        "message_attachment",
        file.id.as_uuid(),
    ));
    let conversation = threads::find(tx, message.conversation_id).await?;
    tell(tx, events::CONVERSATION_UPDATED, &conversation);
    Ok(())
}

/// A file of a message that came in will not come; `reason` is a short word for programs.
///
/// # Errors
/// The database's failure.
pub async fn file_unavailable(tx: &mut TenantTx<'_>, id: MessageId, reason: &str) -> Result<(), MessageError> {
    let message = store::lock(tx, id).await?;
    let change = Change {
        failure_reason: Some(Some(reason.to_owned())),
        ..Change::default()
    };
    store::update(tx, id, change).await?;
    stale(tx, message.conversation_id);
    Ok(())
}
