//! Files that WhatsApp names with a message, fetched after it: the message waits for nothing.

use auth::ClinicKeys;
use conversations::attachments::{MOST_BYTES, content_type_of, file_name, key_of};
use conversations::channels::WhatsappApi;
use conversations::inboxes::{self, InboxError};
use conversations::messages::{self, InboundFile, MessageError};
use db::Db;
use fetch::Fetcher;
use files::{Files, KeepError, Kept};
use jobs::{Event, HandlerError, Handlers};
use kernel::{InboxId, MessageAttachmentId, MessageId, System};
use serde::{Deserialize, Serialize};
use whatsapp::{Media, SendError};

use crate::shared::Shared;

/// The job that fetches a file.
pub(super) const FETCH: &str = "message.fetch_media";

/// Which file of which message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FetchJob {
    pub(super) inbox_id: InboxId,
    pub(super) message_id: MessageId,
    /// WhatsApp's id of the file.
    pub(super) media_id: String,
    /// `image`, `audio`, `video`, `document` or `sticker`.
    pub(super) kind: String,
    /// Whether the message's words are the file's name.
    pub(super) named_by_words: bool,
}

/// Adds what fetches files.
pub(crate) fn handlers(handlers: Handlers, shared: &Shared, fetcher: Fetcher) -> Handlers {
    let (api, files, keys) = (
        shared.config().whatsapp.clone(),
        shared.files().clone(),
        shared.clinic_keys().clone(),
    );
    handlers
        .on(FETCH, async move |db: &Db, system: System, event: Event| {
            fetch(db, (&api, &fetcher), &files, &keys, &system, &event).await
        })
        .waits_outside()
}

fn failed(error: impl std::fmt::Display) -> HandlerError {
    HandlerError::Retry(error.to_string())
}

/// Fetches, keeps and notes a file. Each attempt writes under the same key, so that none is left over.
async fn fetch(
    db: &Db,
    (api, fetcher): (&WhatsappApi, &Fetcher),
    files: &Files,
    keys: &ClinicKeys,
    system: &System,
    event: &Event,
) -> Result<(), HandlerError> {
    let job: FetchJob = event.payload()?;
    let (inbox, secrets, message) = db
        .read(system, async |tx| {
            let inbox = inboxes::find(tx, job.inbox_id).await?;
            let secrets = inboxes::open_secrets(tx, keys, inbox.id).await?;
            let message = messages::find(tx, job.message_id).await?;
            Ok::<_, InboxError>((inbox, secrets, message))
        })
        .await
        .map_err(failed)?;
    let client = api.of_inbox(&inbox.settings(), &secrets).map_err(failed)?;
    let media = match client.download(&job.media_id, MOST_BYTES, fetcher).await {
        Ok(media) => media,
        Err(SendError::Rejected { reason }) => {
            let word = reason.code().map_or("file_not_taken", |_code| "file_gone");
            return unavailable(db, system, job.message_id, word).await;
        }
        Err(SendError::RetryLater { reason, after }) => {
            return Err(match after {
                Some(pause) => HandlerError::RetryAfter {
                    pause,
                    reason: reason.to_string(),
                },
                None => failed(reason),
            });
        }
        Err(SendError::Unknown { reason }) => return Err(failed(reason)),
    };
    let id = MessageAttachmentId::from_uuid(*event.id().as_uuid());
    let (kept, content_type) = match keep(files, system, id, media).await? {
        Came::Kept(kept, content_type) => (kept, content_type),
        Came::NotTaken(word) => return unavailable(db, system, job.message_id, word).await,
    };
    let named = Some(message.body.as_str()).filter(|_| job.named_by_words);
    let file = InboundFile {
        id,
        file_name: named
            .and_then(|name| file_name(name).ok())
            .unwrap_or_else(|| name_of(&job.kind, content_type)),
        content_type: content_type.to_owned(),
        size_bytes: i64::try_from(kept.bytes).unwrap_or(i64::MAX),
        sha256: kept.sha256,
    };
    db.write(system, async |tx| {
        messages::file_arrived(tx, job.message_id, &file).await
    })
    .await
    .map_err(failed)
}

/// What became of a file that came.
enum Came {
    /// It is kept, and is of this type.
    Kept(Kept, &'static str),
    /// It is not, and will not be; a short word for programs says why.
    NotTaken(&'static str),
}

/// Keeps a file while it comes, and looks at what it is.
async fn keep(files: &Files, system: &System, id: MessageAttachmentId, mut media: Media) -> Result<Came, HandlerError> {
    let key = key_of(kernel::Caller::clinic(system), id);
    let kept = match files.keep(&key, media.chunks(), MOST_BYTES).await {
        Ok(kept) => kept,
        // It was said to be smaller.
        Err(KeepError::TooLarge { .. }) => return Ok(Came::NotTaken("file_not_taken")),
        Err(error) => return Err(failed(error)),
    };
    let looked_at = if media.is_whole(&kept.sha256) {
        content_type_of(&kept.head).map_err(|_kind| Ok(Came::NotTaken("file_type_not_taken")))
    } else {
        Err(Err(failed("the file came incomplete")))
    };
    match looked_at {
        Ok(content_type) => Ok(Came::Kept(kept, content_type)),
        Err(ended) => {
            files.remove(&key).await.map_err(failed)?;
            ended
        }
    }
}

/// It will not come: whoever reads the message is told.
async fn unavailable(db: &Db, system: &System, message: MessageId, reason: &str) -> Result<(), HandlerError> {
    db.write(system, async |tx| {
        messages::file_unavailable(tx, message, reason).await?;
        Ok::<_, MessageError>(())
    })
    .await
    .map_err(failed)
}

/// What a file without a name is called.
fn name_of(kind: &str, content_type: &str) -> String {
    let noun = match kind {
        "image" => "imagem",
        "audio" => "audio",
        "video" => "video",
        "sticker" => "figurinha",
        _ => "documento",
    };
    let ending = match content_type {
        "image/jpeg" => "jpg",
        "text/plain" => "txt",
        "audio/mpeg" => "mp3",
        other => other.rsplit('/').next().unwrap_or("bin"),
    };
    format!("{noun}.{ending}")
}
