//! Files of messages: uploaded to a conversation, looked at, sent with a message, and given out as nothing but files.

mod http;
mod kind;
mod store;

use db::schema::message_attachments;
use db::{AuditRecord, TenantTx};
use diesel::pg::Pg;
use diesel::prelude::*;
use files::FileKey;
use kernel::{ClinicId, ConversationId, FieldErrors, MessageAttachmentId, MessageId, Timestamp, text_enum};

pub(crate) use self::http::{AttachmentView, routes};
pub use self::kind::{InvalidFile, content_type_of, file_name};
pub use self::store::among;
pub(crate) use self::store::{arrive, not_coming, of_messages};

use crate::channels::OutgoingFile;
use crate::error::RowError;
use crate::messages::{InboundFile, MessageError};
use crate::tags;

/// The kind of file that these are, as the store of files has it.
pub const AREA: &str = "message-attachments";

/// The most bytes of a file.
pub const MOST_BYTES: u64 = 25 * 1024 * 1024;

/// A file, as it is known; its bytes lie in the store of files.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = message_attachments, check_for_backend(Pg))]
pub struct Attachment {
    /// Its id.
    pub id: MessageAttachmentId,
    /// The conversation it was uploaded to, or came in with.
    pub conversation_id: ConversationId,
    /// The message it goes with; none yet for one that was just uploaded.
    pub message_id: Option<MessageId>,
    /// What it was called.
    pub file_name: String,
    /// What it is, as found by looking at it; none where it is not there.
    pub content_type: Option<String>,
    /// How many bytes it has; none where it is not there.
    pub size_bytes: Option<i64>,
    /// Its SHA-256; none where it is not there.
    pub sha256: Option<Vec<u8>>,
    /// Whether it is there.
    pub status: FileStatus,
    /// Why it will not come, as a short word for programs.
    pub unavailable_reason: Option<String>,
    /// When it was noted.
    pub created_at: Timestamp,
}

text_enum! {
    /// Whether a file is there.
    pub enum FileStatus {
        /// The channel has named it, and it is being fetched.
        Pending = "pending",
        /// It is there.
        Available = "available",
        /// It will not come, for the reason given.
        Unavailable = "unavailable",
    }
    error = InvalidFileStatus, code = "unknown_status";
}

/// Where the file `id` of `clinic` lies.
#[must_use]
pub fn key_of(clinic: ClinicId, id: MessageAttachmentId) -> FileKey {
    FileKey::new(clinic, AREA, id)
}

/// A file that was kept under its key already.
#[derive(Debug, Clone)]
struct Uploaded {
    id: MessageAttachmentId,
    file_name: String,
    content_type: &'static str,
    size_bytes: i64,
    sha256: [u8; 32],
}

/// Notes an uploaded file with its conversation.
async fn note(
    tx: &mut TenantTx<'_>,
    conversation: ConversationId,
    uploaded: &Uploaded,
) -> Result<Attachment, RowError> {
    crate::threads::find(tx, conversation).await?;
    let row = store::NewRow {
        clinic_id: tx.clinic(),
        id: uploaded.id,
        conversation_id: conversation,
        message_id: None,
        file_name: &uploaded.file_name,
        content_type: Some(uploaded.content_type),
        size_bytes: Some(uploaded.size_bytes),
        sha256: Some(&uploaded.sha256),
        status: FileStatus::Available,
    };
    let attachment = store::insert(tx, row).await?;
    tx.audit(AuditRecord::new(
        "message_attachments.create",
        "message_attachment",
        uploaded.id.as_uuid(),
    ));
    tx.touch(tags::conversation(conversation));
    Ok(attachment)
}

/// Lets uploaded files go with a message, of at most `most` bytes together where there is such a limit.
///
/// # Errors
/// [`MessageError::Invalid`] for one that is not in the conversation, or goes with another message already, and for too many bytes.
pub(crate) async fn attach(
    tx: &TenantTx<'_>,
    conversation: ConversationId,
    message: MessageId,
    ids: &[MessageAttachmentId],
    most: Option<u64>,
) -> Result<(), MessageError> {
    if ids.is_empty() {
        return Ok(());
    }
    let attached = store::attach(tx, conversation, message, ids).await?;
    let mut errors = FieldErrors::new();
    for (index, id) in ids.iter().enumerate() {
        if !attached.iter().any(|(found, _)| found == id) {
            errors.push(
                format!("/attachment_ids/{index}"),
                "unknown_attachment",
                "no such file waits in this conversation",
            );
        }
    }
    let sizes = attached.iter().map(|(_, bytes)| u64::try_from(*bytes).unwrap_or(0));
    let bytes = sizes.fold(0_u64, u64::saturating_add);
    if let Some(most) = most.filter(|most| bytes > *most) {
        let most = most / (1024 * 1024);
        errors.push(
            "/attachment_ids",
            "too_large",
            format!("a mail carries at most {most} MiB of files"),
        );
    }
    Ok(errors.finish(Some(()))?)
}

/// Notes a file of a message that came in before it is there.
pub(crate) async fn announce(
    tx: &TenantTx<'_>,
    conversation: ConversationId,
    message: MessageId,
    (id, file_name): (MessageAttachmentId, &str),
) -> Result<(), RowError> {
    let row = store::NewRow {
        clinic_id: tx.clinic(),
        id,
        conversation_id: conversation,
        message_id: Some(message),
        file_name,
        content_type: None,
        size_bytes: None,
        sha256: None,
        status: FileStatus::Pending,
    };
    store::insert(tx, row).await?;
    Ok(())
}

/// Notes the files of a message that came in.
pub(crate) async fn attach_received(
    tx: &TenantTx<'_>,
    conversation: ConversationId,
    message: MessageId,
    files: &[InboundFile],
) -> Result<(), RowError> {
    for file in files {
        let row = store::NewRow {
            clinic_id: tx.clinic(),
            id: file.id,
            conversation_id: conversation,
            message_id: Some(message),
            file_name: &file.file_name,
            content_type: Some(&file.content_type),
            size_bytes: Some(file.size_bytes),
            sha256: Some(&file.sha256),
            status: FileStatus::Available,
        };
        store::insert(tx, row).await?;
    }
    Ok(())
}

/// The files of a message, for its channel.
pub(crate) async fn outgoing(tx: &TenantTx<'_>, message: MessageId) -> Result<Vec<OutgoingFile>, RowError> {
    let files = of_messages(tx, &[message]).await?;
    // What the clinic sends was uploaded before: it is there.
    let known = files.into_iter().filter_map(|file| {
        Some(OutgoingFile {
            key: key_of(tx.clinic(), file.id),
            file_name: file.file_name,
            content_type: file.content_type?,
            size_bytes: file.size_bytes?,
        })
    });
    Ok(known.collect())
}
