//! WhatsApp as a channel: words, approved templates and files, one to one with what the API takes.

use ::whatsapp::{
    BASE, Client, InvalidSettings, MediaKind, MediaSource, OutgoingMessage, Person, Reason, SendError as Refusal,
    Template, UserId, VERSION, WhatsAppSettings, phone_of_wa_id,
};
use bytes::Bytes;
use files::{Files, FilesError};
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;

use super::{Accepted, Channel, Content, HandOver, Outgoing, OutgoingFile, Seen, SendError};
use crate::inboxes::{InboxSecrets, InboxSettings};

/// WhatsApp's code of free text that comes after the 24 hours.
const WINDOW_CLOSED: i64 = 131_047;

/// The API of WhatsApp, for all inboxes. Cheap to clone; they share its connections.
#[derive(Debug, Clone)]
pub struct WhatsappApi(Client);

/// An inbox that lacks what WhatsApp needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoNumber {
    /// It has no access token.
    #[error("access_token_missing")]
    Token,
    /// It has no id of a number.
    #[error("phone_number_id_missing")]
    Number,
}

impl WhatsappApi {
    /// Where it is, unless said otherwise.
    pub const USUAL_URL: &'static str = BASE;

    /// Its version, unless said otherwise.
    pub const USUAL_VERSION: &'static str = VERSION;

    /// The API at `url`, which is https, or http on a loopback address.
    ///
    /// # Errors
    /// [`InvalidSettings`].
    pub fn at(url: &str, version: &str) -> Result<Self, InvalidSettings> {
        // The number and its token come with each inbox.
        let settings = WhatsAppSettings::new("0", String::new().into())?.at(url, version)?;
        Ok(Self(Client::new(settings)?))
    }

    /// Speaks for an inbox.
    ///
    /// # Errors
    /// [`NoNumber`].
    pub fn of_inbox(&self, settings: &InboxSettings, secrets: &InboxSecrets) -> Result<Client, NoNumber> {
        let InboxSettings::Whatsapp(settings) = settings else {
            return Err(NoNumber::Number);
        };
        let token = secrets.get("access_token").ok_or(NoNumber::Token)?;
        self.0
            .speaking_for(&settings.phone_number_id, token.clone())
            .or(Err(NoNumber::Number))
    }
}

/// Why a message failed, by WhatsApp's code: a word for programs.
#[must_use]
pub fn failure_of_code(code: i64) -> String {
    if code == WINDOW_CLOSED {
        "messaging_window_closed".to_owned()
    } else {
        format!("whatsapp_{code}")
    }
}

/// Carries messages by WhatsApp.
#[derive(Debug, Clone)]
pub struct WhatsappChannel {
    api: WhatsappApi,
    files: Files,
}

impl WhatsappChannel {
    /// The channel over `api`, with the files that go along in `files`.
    #[must_use]
    pub const fn new(api: WhatsappApi, files: Files) -> Self {
        Self { api, files }
    }

    /// Uploads what there is to upload, and has the message ready.
    async fn message(&self, outgoing: &Outgoing) -> Result<HandOver<'static>, SendError> {
        let client = self
            .api
            .of_inbox(&outgoing.settings, &outgoing.secrets)
            .map_err(|error| rejected(error.to_string()))?;
        let content = match (&outgoing.content, outgoing.attachments.as_slice()) {
            (Content::Text(text), []) => ::whatsapp::Outgoing::Text(text.clone()),
            (Content::Text(text), [file]) => self.with_file(&client, text, file).await?,
            (
                Content::Template {
                    name,
                    language,
                    parameters,
                    ..
                },
                [],
            ) => ::whatsapp::Outgoing::Template(Template::with_texts(name, language, parameters)),
            // Both are refused where they are written.
            (Content::Text(_), _) => return Err(rejected("one_file_at_a_time")),
            (Content::Template { .. }, _) => return Err(rejected("template_with_files")),
        };
        let message = OutgoingMessage {
            to: person(&outgoing.to).ok_or_else(|| rejected("invalid_address"))?,
            reference: outgoing.reference.to_string(),
            answers: outgoing.reply_to.clone(),
            content,
        };
        Ok(Box::pin(async move {
            match client.send(&message).await {
                Ok(accepted) => Ok(Accepted {
                    provider_id: accepted.id,
                }),
                Err(refusal) => Err(told(&refusal)),
            }
        }))
    }

    /// A file with `words` below it, uploaded first.
    async fn with_file(
        &self,
        client: &Client,
        words: &str,
        file: &OutgoingFile,
    ) -> Result<::whatsapp::Outgoing, SendError> {
        let content_type = media_type(&file.content_type);
        let bytes = read(&self.files, file).await?;
        let media = match client.upload(&file.file_name, content_type, bytes).await {
            Ok(media) => media,
            // Nothing was sent to anybody: uploading again does no harm.
            Err(Refusal::Unknown { .. }) => return Err(SendError::RetryLater { after: None }),
            Err(refusal) => return Err(told(&refusal)),
        };
        // Sound takes no words; as a document it does, and none are lost.
        let kind = match MediaKind::of(content_type) {
            MediaKind::Audio if !words.is_empty() => MediaKind::Document,
            kind => kind,
        };
        Ok(::whatsapp::Outgoing::Media {
            kind,
            source: MediaSource::Uploaded(media),
            caption: Some(words.to_owned()).filter(|words| !words.is_empty()),
            file_name: Some(file.file_name.clone()),
        })
    }
}

impl Channel for WhatsappChannel {
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Accepted, SendError>> {
        Box::pin(async move { self.message(outgoing).await?.await })
    }

    fn prepare<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<HandOver<'a>, SendError>> {
        Box::pin(async move {
            let hand_over: HandOver<'a> = self.message(outgoing).await?;
            Ok(hand_over)
        })
    }

    fn show_read<'a>(&'a self, seen: &'a Seen) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let client = self
                .api
                .of_inbox(&seen.settings, &seen.secrets)
                .map_err(|error| rejected(error.to_string()))?;
            client
                .mark_read(&seen.provider_id)
                .await
                .map_err(|refusal| told(&refusal))
        })
    }
    // Nothing can be asked for by our id. A status that comes later brings it, and settles what is not confirmed.
}

fn rejected(reason: impl Into<String>) -> SendError {
    SendError::Rejected { reason: reason.into() }
}

/// Whom `address` reaches: a number, or somebody who keeps theirs to themselves.
fn person(address: &str) -> Option<Person> {
    match UserId::parse(address) {
        Ok(user_id) => Some(Person::by_user_id(user_id)),
        Err(_no_id) => phone_of_wa_id(address.trim_start_matches('+')).map(Person::by_phone),
    }
}

/// The types as WhatsApp spells them, where the two differ.
fn media_type(found: &str) -> &str {
    match found {
        "audio/m4a" => "audio/mp4",
        "audio/opus" => "audio/ogg",
        other => other,
    }
}

/// A refusal in the words of every channel.
fn told(refusal: &Refusal) -> SendError {
    match refusal {
        Refusal::Rejected { reason } => rejected(word_of(reason)),
        Refusal::RetryLater { after, .. } => SendError::RetryLater { after: *after },
        Refusal::Unknown { .. } => SendError::Unknown,
    }
}

fn word_of(reason: &Reason) -> String {
    reason.code().map_or_else(|| reason.to_string(), failure_of_code)
}

/// A file's bytes; each is bounded where it was taken in.
pub(super) async fn read(files: &Files, file: &OutgoingFile) -> Result<Bytes, SendError> {
    let content = match files.read(&file.key).await {
        Ok(content) => content,
        Err(FilesError::Missing) => return Err(rejected("file_missing")),
        Err(error) => {
            tracing::warn!(%error, "a file that should go out could not be read");
            return Err(SendError::RetryLater { after: None });
        }
    };
    let bytes: Result<Vec<u8>, FilesError> = content
        .chunks
        .try_fold(Vec::new(), async |mut all, chunk| {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await;
    bytes.map(Bytes::from).map_err(|error| {
        tracing::warn!(%error, "a file that should go out broke off");
        SendError::RetryLater { after: None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_number_or_an_id() {
        assert!(person("5571981234567").is_some_and(|person| person.phone.is_some()));
        assert!(person("BR.13491208655302741918").is_some_and(|person| person.user_id.is_some()));
        assert!(person("maria@example.com").is_none());
    }

    #[test]
    fn a_closed_window_has_a_word_of_its_own() {
        assert_eq!(failure_of_code(131_047), "messaging_window_closed");
        assert_eq!(failure_of_code(131_026), "whatsapp_131026");
    }
}
