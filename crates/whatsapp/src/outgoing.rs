//! A message to be sent, and its form in the API.

use serde_json::{Value, json};

use crate::person::Person;

/// The most characters of a text.
pub const MAX_TEXT: usize = 4_096;
/// The most characters of the words below a file.
pub const MAX_CAPTION: usize = 1_024;
/// The most characters of a reference.
const MAX_REFERENCE: usize = 512;

/// A message to be sent.
#[derive(Clone, PartialEq)]
pub struct OutgoingMessage {
    /// To whom.
    pub to: Person,
    /// The sender's own id of the message: comes back with each status (`biz_opaque_callback_data`).
    pub reference: String,
    /// The message (WhatsApp's id) that it answers.
    pub answers: Option<String>,
    /// What it says.
    pub content: Outgoing,
}

/// What a message says.
#[derive(Clone, PartialEq)]
pub enum Outgoing {
    /// Words; only within 24 hours after the person wrote.
    Text(String),
    /// A message that WhatsApp has approved; at any time.
    Template(Template),
    /// A file; only within 24 hours after the person wrote.
    Media {
        /// What kind of file.
        kind: MediaKind,
        /// Where WhatsApp gets it.
        source: MediaSource,
        /// Words below it; not for audio and stickers.
        caption: Option<String>,
        /// The name of a document.
        file_name: Option<String>,
    },
}

/// An approved message with its blanks filled in.
#[derive(Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language, such as `pt_BR`.
    pub language: String,
    /// What goes into its blanks, in the API's form; an empty list for none.
    pub components: Vec<Value>,
}

impl Template {
    /// The template with `texts` in the blanks of its body, in order.
    #[must_use]
    pub fn with_texts(name: impl Into<String>, language: impl Into<String>, texts: &[String]) -> Self {
        let parameters: Vec<Value> = texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
        let components = if parameters.is_empty() {
            Vec::new()
        } else {
            vec![json!({"type": "body", "parameters": parameters})]
        };
        Self {
            name: name.into(),
            language: language.into(),
            components,
        }
    }
}

/// The kinds of files that WhatsApp tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A film.
    Video,
    /// Any file.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// The kind that a file of `content_type` is sent as.
    #[must_use]
    pub fn of(content_type: &str) -> Self {
        match content_type {
            "image/jpeg" | "image/png" => Self::Image,
            "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" => Self::Audio,
            "video/mp4" | "video/3gpp" => Self::Video,
            _ => Self::Document,
        }
    }
}

/// Where WhatsApp gets a file.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// One that was uploaded.
    Uploaded(String),
    /// One at a public address.
    Link(String),
}

/// Why a message cannot be sent at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// Neither a phone number nor an id.
    #[error("the message has no recipient")]
    NoRecipient,
    /// No text, or one of more than 4,096 characters.
    #[error("a message has 1 to 4,096 characters")]
    Text,
    /// More than 1,024 characters.
    #[error("the words below a file have at most 1,024 characters")]
    Caption,
    /// No reference, or one of more than 512 characters.
    #[error("the reference of a message has 1 to 512 characters")]
    Reference,
}

impl OutgoingMessage {
    /// The message in the API's form.
    pub(crate) fn body(&self) -> Result<Value, InvalidMessage> {
        if !(1..=MAX_REFERENCE).contains(&self.reference.chars().count()) {
            return Err(InvalidMessage::Reference);
        }
        let mut body = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "biz_opaque_callback_data": self.reference,
        });
        // With a phone number the person is found in any case; the id is for who keeps theirs to themselves.
        match (&self.to.phone, &self.to.user_id) {
            (Some(phone), _) => set(&mut body, "to", phone.digits().into()),
            (None, Some(user_id)) => set(&mut body, "recipient", user_id.as_str().into()),
            (None, None) => return Err(InvalidMessage::NoRecipient),
        }
        if let Some(answered) = &self.answers {
            set(&mut body, "context", json!({"message_id": answered}));
        }
        let (kind, content) = content(&self.content)?;
        set(&mut body, "type", kind.into());
        set(&mut body, kind, content);
        Ok(body)
    }
}

fn content(content: &Outgoing) -> Result<(&'static str, Value), InvalidMessage> {
    match content {
        Outgoing::Text(text) if (1..=MAX_TEXT).contains(&text.chars().count()) => {
            Ok(("text", json!({"body": text, "preview_url": false})))
        }
        Outgoing::Text(_) => Err(InvalidMessage::Text),
        Outgoing::Template(template) => Ok((
            "template",
            json!({
                "name": template.name,
                "language": {"code": template.language},
                "components": template.components,
            }),
        )),
        Outgoing::Media {
            kind,
            source,
            caption,
            file_name,
        } => {
            let mut media = match source {
                MediaSource::Uploaded(id) => json!({"id": id}),
                MediaSource::Link(link) => json!({"link": link}),
            };
            let takes_caption = !matches!(kind, MediaKind::Audio | MediaKind::Sticker);
            if let Some(caption) = caption.as_ref().filter(|caption| takes_caption && !caption.is_empty()) {
                if caption.chars().count() > MAX_CAPTION {
                    return Err(InvalidMessage::Caption);
                }
                set(&mut media, "caption", caption.as_str().into());
            }
            if let Some(name) = file_name.as_ref().filter(|_| *kind == MediaKind::Document) {
                set(&mut media, "filename", name.as_str().into());
            }
            Ok((kind.as_str(), media))
        }
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
