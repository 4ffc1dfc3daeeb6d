//! Files that come after their message: a channel names them with it, and they are fetched by themselves. Until then they are noted
//! with the message, so that whoever reads it knows that there is one, and whether it will come.

use db::{AuditRecord, TenantTx};
use kernel::{MessageAttachmentId, MessageId};

use super::error::MessageError;
use super::receive::{InboundFile, Received};
use super::store;
use crate::threads::{self, tell};
use crate::{attachments, events};

/// A file that a channel has named.
#[derive(Debug, Clone)]
pub struct AnnouncedFile {
    /// Its id from now on.
    pub id: MessageAttachmentId,
    /// What it is called.
    pub file_name: String,
}

/// A file of a message that came in is to be fetched: in the transaction that takes the message in.
///
/// # Errors
/// The database's failure.
pub async fn file_announced(tx: &TenantTx<'_>, received: &Received, file: &AnnouncedFile) -> Result<(), MessageError> {
    let named = (file.id, file.file_name.as_str());
    Ok(attachments::announce(tx, received.conversation, received.message, named).await?)
}

/// A file of a message that came in is there. Told again it changes nothing.
///
/// # Errors
/// The database's failure.
pub async fn file_arrived(tx: &mut TenantTx<'_>, id: MessageId, file: &InboundFile) -> Result<(), MessageError> {
    let message = store::lock(tx, id).await?;
    if !attachments::arrive(tx, file).await? {
        let known = attachments::of_messages(tx, &[id]).await?;
        if known.iter().any(|attachment| attachment.id == file.id) {
            return Ok(());
        }
        // Its message came in before files were announced.
        attachments::attach_received(tx, message.conversation_id, id, std::slice::from_ref(file)).await?;
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

/// A file of a message that came in will not come; `reason` is a short word for programs. A file that is there stays.
///
/// # Errors
/// The database's failure.
pub async fn file_unavailable(
    tx: &mut TenantTx<'_>,
    id: MessageId,
    file: MessageAttachmentId,
    reason: &str,
) -> Result<(), MessageError> {
    if !attachments::not_coming(tx, file, reason).await? {
        return Ok(());
    }
    let message = store::find(tx, id).await?;
    tx.audit(AuditRecord::new(
        "message_attachments.unavailable",
        "message_attachment",
        file.as_uuid(),
    ));
    let conversation = threads::find(tx, message.conversation_id).await?;
    tell(tx, events::CONVERSATION_UPDATED, &conversation);
    Ok(())
}
