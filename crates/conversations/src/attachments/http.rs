//! Files over HTTP: streamed in, streamed out.

use actix_web::http::header::{
    self, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue, HeaderValue,
};
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use db::DbError;
use files::{Files, FilesError, KeepError};
use kernel::{ConversationId, FieldErrors, MessageAttachmentId, MessageId, Timestamp, Version};
use rest::permissions::{ConversationsRead, ConversationsWrite};
use rest::{
    AuditRecord, Authorized, ListParams, ListQuery, NoFilter, Page, PathId, Problem, Query, ReadPlan, Reply, Upload,
    UploadError, View,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::kind::{content_type_of, file_name};
use super::store::{self, Position};
use super::{Attachment, FileStatus, MOST_BYTES, Uploaded, key_of, note};
use crate::error::RowError;
use crate::{tags, threads};

/// A file.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AttachmentView {
    /// Its id: `/v1/message-attachments/{id}` gives the file itself.
    id: MessageAttachmentId,
    /// The message it goes with; null for one that was uploaded and not sent yet.
    message_id: Option<MessageId>,
    /// What it was called.
    file_name: String,
    /// What it is, as found by looking at it; null where it is not there.
    #[schema(example = "application/pdf")]
    content_type: Option<String>,
    /// How many bytes it has; null where it is not there.
    size_bytes: Option<i64>,
    /// Its SHA-256 (FIPS 180-4), in hexadecimal digits; null where it is not there.
    sha256: Option<String>,
    /// Whether it is there: a file that somebody sent is fetched after their message.
    status: FileStatus,
    /// Why it will not come: `file_gone` (the channel has it no more), `file_not_taken` (too large), `file_type_not_taken`,
    /// `file_not_fetched` (it was tried in vain).
    unavailable_reason: Option<String>,
    /// When it was noted.
    created_at: Timestamp,
}

impl View for AttachmentView {
    fn version(&self) -> Option<Version> {
        None
    }
}

impl From<Attachment> for AttachmentView {
    fn from(attachment: Attachment) -> Self {
        let Attachment {
            id,
            conversation_id: _,
            message_id,
            file_name,
            content_type,
            size_bytes,
            sha256,
            status,
            unavailable_reason,
            created_at,
        } = attachment;
        Self {
            id,
            message_id,
            file_name,
            content_type,
            size_bytes,
            sha256: sha256.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()),
            status,
            unavailable_reason,
            created_at,
        }
    }
}

/// What an uploaded file is called.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadParams {
    /// The file's name; `file` when not given.
    #[param(max_length = 150, example = "exame.pdf")]
    file_name: Option<String>,
}

fn too_large() -> Problem {
    Problem::payload_too_large(usize::try_from(MOST_BYTES).unwrap_or(usize::MAX))
}

/// What became of a file that could not be kept.
fn refused(error: KeepError<UploadError>) -> Problem {
    match error {
        KeepError::TooLarge { .. } => too_large(),
        KeepError::Source(error) => error.into(),
        KeepError::Files(error) => unavailable(&error),
    }
}

/// The store of files does not work just now; nothing is lost by it.
fn unavailable(error: &FilesError) -> Problem {
    tracing::error!(%error, "a file of a conversation cannot be had");
    Problem::unavailable()
}

/// Uploads a file to a conversation, to be sent with a message.
///
/// The body is the file itself, up to 25 MiB. What it is, is found by looking at it: pictures, PDF, office documents, sound, video
/// and plain text are taken.
#[utoipa::path(tag = "conversations", summary = "Uploads a file", operation_id = "upload_message_attachment",
    security(("bearer" = ["conversations:write"])), params(("id" = ConversationId, Path), UploadParams),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = AttachmentView),
        (status = 408, body = Problem, description = "`upload_too_slow`"),
        (status = 413, body = Problem, description = "The file has more than 25 MiB.")))]
#[post("/conversations/{id}/attachments")]
async fn upload_attachment(
    caller: Authorized<ConversationsWrite>,
    id: PathId<ConversationId>,
    query: Query<UploadParams>,
    body: Upload,
    files: Data<Files>,
) -> Result<HttpResponse, Problem> {
    let conversation = id.into_inner();
    let mut errors = FieldErrors::new();
    let name = errors.read("file_name", file_name(query.file_name.as_deref().unwrap_or("file")));
    let file_name = errors.finish(name)?;
    // Before anything is kept.
    caller
        .db()
        .read(&*caller, async |tx| threads::find(tx, conversation).await)
        .await?;
    let id = MessageAttachmentId::new_at(caller.now());
    let key = key_of(kernel::Caller::clinic(&*caller), id);
    let kept = files.keep(&key, body.chunks(), MOST_BYTES).await.map_err(refused)?;
    let noted = match content_type_of(&kept.head) {
        Ok(content_type) => {
            let uploaded = Uploaded {
                id,
                file_name,
                content_type,
                size_bytes: i64::try_from(kept.bytes).unwrap_or(i64::MAX),
                sha256: kept.sha256,
            };
            caller
                .write_unrecorded(async |tx| {
                    let attachment = note(tx, conversation, &uploaded).await?;
                    let location = format!("/v1/message-attachments/{}", attachment.id);
                    Ok::<_, RowError>(Reply::created(location, AttachmentView::from(attachment)))
                })
                .await
        }
        Err(error) => Err(FieldErrors::one("", error.code(), error).into()),
    };
    if noted.is_err()
        && let Err(error) = files.remove(&key).await
    {
        tracing::warn!(%error, "a file that was not taken could not be removed");
    }
    noted
}

/// Lists the files of a conversation, the newest first.
#[utoipa::path(tag = "conversations", summary = "Lists files", operation_id = "list_message_attachments",
    security(("bearer" = ["conversations:read"])), params(("id" = ConversationId, Path), ListParams),
    responses((status = 200, body = Page<AttachmentView>)))]
#[get("/conversations/{id}/attachments")]
async fn list_attachments(
    caller: Authorized<ConversationsRead>,
    id: PathId<ConversationId>,
    list: ListQuery<NoFilter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let list = list.of(id);
    if list.updated_since.is_some() {
        return Err(FieldErrors::one("updated_since", "unknown_parameter", "files are not listed by changes").into());
    }
    let paging = caller.paging::<Position, _>("message_attachments.list", &list, &["-created_at"])?;
    let plan = ReadPlan::new("message_attachments.list")
        .tag(tags::conversation(id))
        .audit(AuditRecord::new(
            "message_attachments.list",
            "conversation",
            id.as_uuid(),
        ));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, id, &paging).await?;
            if rows.is_empty() {
                threads::find(tx, id).await?;
            }
            let position = |row: &Attachment| Position {
                created_at: row.created_at,
                id: row.id,
            };
            Ok::<_, RowError>(paging.page(rows, position, AttachmentView::from))
        })
        .await
}

/// Gives a file, to be saved: never shown by the browser itself.
#[utoipa::path(tag = "conversations", summary = "Downloads a file", operation_id = "download_message_attachment",
    security(("bearer" = ["conversations:read"])), params(("id" = MessageAttachmentId, Path)),
    responses((status = 200, description = "The file.", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 409, body = Problem, description = "`attachment_not_available`, with its `attachment_status` and `unavailable_reason`")))]
#[get("/message-attachments/{id}")]
async fn download_attachment(
    caller: Authorized<ConversationsRead>,
    id: PathId<MessageAttachmentId>,
    _nothing: Query<NoFilter>,
    files: Data<Files>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let attachment = caller.db().read(&*caller, async |tx| store::find(tx, id).await).await?;
    let (Some(content_type), FileStatus::Available) = (&attachment.content_type, attachment.status) else {
        let problem = Problem::conflict("attachment_not_available", "the file is not there");
        return Err(problem
            .with("attachment_status", attachment.status.as_str())
            .with("unavailable_reason", attachment.unavailable_reason));
    };
    // Written before the first byte goes out.
    caller
        .db()
        .write(&*caller, async |tx| {
            tx.audit(AuditRecord::new(
                "message_attachments.read",
                "message_attachment",
                id.as_uuid(),
            ));
            Ok::<_, DbError>(())
        })
        .await?;
    let key = key_of(kernel::Caller::clinic(&*caller), id);
    let content = match files.read(&key).await {
        Ok(content) => content,
        Err(FilesError::Missing) => {
            tracing::error!(attachment = %id, "a file that was kept is not in the store any more");
            return Err(Problem::not_found("attachment_not_found"));
        }
        Err(error) => return Err(unavailable(&error)),
    };
    Ok(served(&attachment.file_name, content_type, content))
}

/// The file as an answer that a browser saves and never runs.
fn served(file_name: &str, content_type: &str, content: files::FileContent) -> HttpResponse {
    let name = DispositionParam::FilenameExt(ExtendedValue {
        charset: Charset::Ext("UTF-8".to_owned()),
        language_tag: None,
        value: file_name.as_bytes().to_vec(),
    });
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![name],
    };
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header(disposition)
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .no_chunking(content.bytes)
        .streaming(content.chunks)
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(upload_attachment)
        .service(list_attachments)
        .service(download_attachment);
}
