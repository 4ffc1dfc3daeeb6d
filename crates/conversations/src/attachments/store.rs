//! The SQL of files.

use std::collections::HashSet;

use db::schema::message_attachments;
use db::{DbError, QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ClinicId, ConversationId, MessageAttachmentId, MessageId, Timestamp};
use rest::Paging;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Attachment, FileStatus};
use crate::error::{RowError, kind};
use crate::messages::InboundFile;

/// A file to be noted.
#[derive(Insertable)]
#[diesel(table_name = message_attachments, treat_none_as_default_value = false)]
pub(super) struct NewRow<'r> {
    pub(super) clinic_id: ClinicId,
    pub(super) id: MessageAttachmentId,
    pub(super) conversation_id: ConversationId,
    pub(super) message_id: Option<MessageId>,
    pub(super) file_name: &'r str,
    pub(super) content_type: Option<&'r str>,
    pub(super) size_bytes: Option<i64>,
    pub(super) sha256: Option<&'r [u8]>,
    pub(super) status: FileStatus,
}

pub(super) async fn insert(tx: &TenantRead<'_>, row: NewRow<'_>) -> Result<Attachment, RowError> {
    diesel::insert_into(message_attachments::table)
        .values(row)
        .returning(Attachment::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Notes that a file that was announced is there; says whether it was not.
pub(crate) async fn arrive(tx: &TenantRead<'_>, file: &InboundFile) -> Result<bool, DbError> {
    let written = diesel::update(message_attachments::table)
        .filter(message_attachments::clinic_id.eq(tx.clinic()))
        .filter(message_attachments::id.eq(file.id))
        .filter(message_attachments::status.ne(FileStatus::Available))
        .set((
            message_attachments::file_name.eq(&file.file_name),
            message_attachments::content_type.eq(&file.content_type),
            message_attachments::size_bytes.eq(file.size_bytes),
            message_attachments::sha256.eq(file.sha256.as_slice()),
            message_attachments::status.eq(FileStatus::Available),
            message_attachments::unavailable_reason.eq(None::<String>),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(written > 0)
}

/// Notes that a file that was announced will not come, and why; says whether it was still waited for.
pub(crate) async fn not_coming(tx: &TenantRead<'_>, id: MessageAttachmentId, reason: &str) -> Result<bool, DbError> {
    let written = diesel::update(message_attachments::table)
        .filter(message_attachments::clinic_id.eq(tx.clinic()))
        .filter(message_attachments::id.eq(id))
        .filter(message_attachments::status.eq(FileStatus::Pending))
        .set((
            message_attachments::status.eq(FileStatus::Unavailable),
            message_attachments::unavailable_reason.eq(reason),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(written > 0)
}

/// The file `id`.
pub(super) async fn find(tx: &TenantRead<'_>, id: MessageAttachmentId) -> Result<Attachment, RowError> {
    message_attachments::table
        .filter(
            message_attachments::clinic_id
                .eq(tx.clinic())
                .and(message_attachments::id.eq(id)),
        )
        .select(Attachment::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::ATTACHMENT))
}

/// Lets those of `ids` that wait in the conversation go with a message; gives these, and how many bytes each has.
pub(super) async fn attach(
    tx: &TenantRead<'_>,
    conversation: ConversationId,
    message: MessageId,
    ids: &[MessageAttachmentId],
) -> Result<Vec<(MessageAttachmentId, i64)>, RowError> {
    diesel::update(message_attachments::table)
        .filter(message_attachments::clinic_id.eq(tx.clinic()))
        .filter(message_attachments::id.eq_any(ids))
        .filter(message_attachments::conversation_id.eq(conversation))
        .filter(message_attachments::message_id.is_null())
        // What is there has a size.
        .filter(message_attachments::size_bytes.is_not_null())
        .set(message_attachments::message_id.eq(message))
        .returning((
            message_attachments::id,
            message_attachments::size_bytes.assume_not_null(),
        ))
        .get_results(&mut tx.conn())
        .await
        .or_database()
}

/// The files of these messages, in the order in which they were stored.
pub(crate) async fn of_messages(tx: &TenantRead<'_>, messages: &[MessageId]) -> Result<Vec<Attachment>, DbError> {
    message_attachments::table
        .filter(message_attachments::clinic_id.eq(tx.clinic()))
        .filter(message_attachments::message_id.eq_any(messages))
        .order((message_attachments::created_at, message_attachments::id))
        .select(Attachment::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// Those of `ids` that are files of messages.
///
/// # Errors
/// The database's failure.
pub async fn among(tx: &TenantRead<'_>, ids: &[Uuid]) -> Result<HashSet<Uuid>, DbError> {
    let ids: Vec<MessageAttachmentId> = ids.iter().copied().map(MessageAttachmentId::from_uuid).collect();
    let found: Vec<MessageAttachmentId> = message_attachments::table
        .filter(message_attachments::clinic_id.eq(tx.clinic()))
        .filter(message_attachments::id.eq_any(ids))
        .select(message_attachments::id)
        .load(&mut tx.conn())
        .await?;
    Ok(found.into_iter().map(Uuid::from).collect())
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) created_at: Timestamp,
    pub(super) id: MessageAttachmentId,
}

/// One page of a conversation's files, the newest first.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    conversation: ConversationId,
    paging: &Paging<Position>,
) -> Result<Vec<Attachment>, RowError> {
    use message_attachments::{created_at, id};
    let mut query = message_attachments::table
        .filter(message_attachments::clinic_id.eq(tx.clinic()))
        .filter(message_attachments::conversation_id.eq(conversation))
        .into_boxed();
    if let Some(after) = paging.after().copied() {
        query = query
            .filter(created_at.le(after.created_at))
            .filter(created_at.lt(after.created_at).or(id.lt(after.id)));
    }
    query
        .order((created_at.desc(), id.desc()))
        .limit(paging.fetch())
        .select(Attachment::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}
