//! Files that WhatsApp names with a message, fetched after it: the message waits for nothing.

use auth::ClinicKeys;
use conversations::attachments::{MOST_BYTES, content_type_of, file_name, key_of};
use conversations::channels::WhatsappApi;
use conversations::inboxes::{self, InboxError};
use conversations::messages::{self, AnnouncedFile, InboundFile, MessageError, Received};
use db::{Db, Job, TenantTx};
use fetch::Fetcher;
use files::{Files, KeepError, Kept};
use jobs::{Event, HandlerError, Handlers};
use kernel::{InboxId, Lane, MessageAttachmentId, MessageId, System};
use serde::{Deserialize, Serialize};
use whatsapp::{Media, MediaFile, SendError};

use crate::shared::Shared;

/// The job that fetches a file.
const FETCH: &str = "message.fetch_media";

/// Which file of which message.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FetchJob {
    inbox_id: InboxId,
    message_id: MessageId,
    /// WhatsApp's id of the file.
    media_id: String,
    /// `image`, `audio`, `video`, `document` or `sticker`.
    kind: String,
    /// Whether the message's words are the file's name.
    named_by_words: bool,
    /// The file's id; jobs that an earlier version left have none, and give it their own.
    #[serde(default)]
    attachment_id: Option<MessageAttachmentId>,
}

impl FetchJob {
    fn attachment(&self, event: &Event) -> MessageAttachmentId {
        self.attachment_id
            .unwrap_or_else(|| MessageAttachmentId::from_uuid(*event.id().as_uuid()))
    }
}

/// Notes with its message that there is a file, and has it fetched.
pub(super) async fn announce(
    tx: &mut TenantTx<'_>,
    inbox: InboxId,
    received: &Received,
    file: &MediaFile,
) -> Result<(), MessageError> {
    let id = MessageAttachmentId::new_at(tx.now());
    let announced = AnnouncedFile {
        id,
        file_name: named(file.file_name.as_deref(), &file.kind, &file.content_type),
    };
    messages::file_announced(tx, received, &announced).await?;
    let job = FetchJob {
        inbox_id: inbox,
        message_id: received.message,
        media_id: file.id.clone(),
        kind: file.kind.clone(),
        named_by_words: file.caption.is_none() && file.file_name.is_some(),
        attachment_id: Some(id),
    };
    // Not urgent: whoever sends large files must not keep what people type.
    tx.enqueue(Job::new(FETCH, &job).lane(Lane::Routine));
    Ok(())
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
        .given_up(give_up)
}

/// It was tried as often as it may be: whoever reads the message is told. Tried again over the API, it may still come.
async fn give_up(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let job: FetchJob = event.payload()?;
    let Some(file) = job.attachment_id else { return Ok(()) };
    unavailable(db, &system, (job.message_id, file), "file_not_fetched").await
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
    let id = job.attachment(event);
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
            return unavailable(db, system, (job.message_id, id), word).await;
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
    let (kept, content_type) = match keep(files, system, id, media).await? {
        Came::Kept(kept, content_type) => (kept, content_type),
        Came::NotTaken(word) => return unavailable(db, system, (job.message_id, id), word).await,
    };
    let words = Some(message.body.as_str()).filter(|_| job.named_by_words);
    let file = InboundFile {
        id,
        file_name: named(words, &job.kind, content_type),
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
async fn unavailable(
    db: &Db,
    system: &System,
    (message, file): (MessageId, MessageAttachmentId),
    reason: &str,
) -> Result<(), HandlerError> {
    db.write(system, async |tx| {
        messages::file_unavailable(tx, message, file, reason).await?;
        Ok::<_, MessageError>(())
    })
    .await
    .map_err(failed)
}

/// What a file is called: as whoever sent it named it, else by what it is.
fn named(name: Option<&str>, kind: &str, content_type: &str) -> String {
    name.and_then(|name| file_name(name).ok())
        .unwrap_or_else(|| name_of(kind, content_type))
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
    // A phone may add how it is encoded.
    let plain = content_type.split(';').next().unwrap_or(content_type).trim();
    let ending = match plain {
        "image/jpeg" => "jpg",
        "text/plain" => "txt",
        "audio/mpeg" => "mp3",
        other => other.rsplit('/').next().unwrap_or("bin"),
    };
    format!("{noun}.{ending}")
}
