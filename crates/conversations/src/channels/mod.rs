//! Channels: what carries a message to a person. One trait, one implementation for each kind, put together by the gateway.
//!
//! The web chat is not here: its visitors fetch what is written to them from our own tables.

mod email;
mod whatsapp;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use files::FileKey;
use futures_util::future::BoxFuture;
use kernel::{ClinicId, ConversationId, InboxId, MessageId, text_enum};

pub(crate) use self::email::MOST_BYTES_BY_MAIL;
pub use self::email::{EmailChannel, imap};
pub use self::whatsapp::{NoNumber, WhatsappApi, WhatsappChannel, failure_of_code};
use crate::inboxes::{InboxSecrets, InboxSettings};
use crate::messages::{MOST_ATTACHMENTS, MOST_CHARS};

text_enum! {
    /// By what means people write to an inbox.
    pub enum ChannelKind {
        /// The WhatsApp Cloud API.
        Whatsapp = "whatsapp",
        /// E-mail.
        Email = "email",
        /// Short messages; not carried by anything yet.
        Sms = "sms",
        /// The chat in the clinic's own web pages.
        Webchat = "webchat",
    }
    error = InvalidChannelKind, code = "unknown_channel";
}

/// What a channel takes in one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most characters of words alone.
    pub(crate) text: usize,
    /// The most characters of words that go with a file.
    pub(crate) caption: usize,
    /// The most files.
    pub(crate) files: usize,
    /// The most files that go with a template.
    pub(crate) files_with_template: usize,
}

impl ChannelKind {
    /// What it takes in one message: what is more is refused when it is written, not when it is sent.
    pub(crate) const fn limits(self) -> Limits {
        match self {
            // Of several messages with one id of ours none could be told from the others, so a message has one file.
            Self::Whatsapp => Limits {
                text: ::whatsapp::MAX_TEXT,
                caption: ::whatsapp::MAX_CAPTION,
                files: 1,
                files_with_template: 0,
            },
            Self::Email | Self::Sms | Self::Webchat => Limits {
                text: MOST_CHARS,
                caption: MOST_CHARS,
                files: MOST_ATTACHMENTS,
                files_with_template: MOST_ATTACHMENTS,
            },
        }
    }
}

/// A message on its way out, with all that a channel needs to know.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Whose message.
    pub clinic: ClinicId,
    /// From which inbox.
    pub inbox: InboxId,
    /// The inbox's settings.
    pub settings: InboxSettings,
    /// The inbox's secrets.
    pub secrets: InboxSecrets,
    /// Our own id of the message: to be sent along where the channel has a place for it, so that the message can be asked for or
    /// recognised later.
    pub reference: MessageId,
    /// The conversation it is part of.
    pub conversation: ConversationId,
    /// To whom, in the channel's own form.
    pub to: String,
    /// The subject, where the channel has such a thing.
    pub subject: Option<String>,
    /// What to send.
    pub content: Content,
    /// Whether the system wrote it, and nobody in person.
    pub is_automatic: bool,
    /// The channel's id of the message that this one answers.
    pub reply_to: Option<String>,
    /// The channel's ids of the latest messages of the conversation, oldest first: what mail programs thread by.
    pub references: Vec<String>,
    /// Files that go with it.
    pub attachments: Vec<OutgoingFile>,
}

/// What a message says.
#[derive(Clone)]
pub enum Content {
    /// Free text; may be empty where files go with it.
    Text(String),
    /// A template that the channel has approved, with its values.
    Template {
        /// Its name at the channel.
        name: String,
        /// Its language, such as `pt_BR`.
        language: String,
        /// What stands for `{{1}}`, `{{2}}` and so on.
        parameters: Vec<String>,
        /// The text with the values in it, for channels that know no templates.
        text: String,
    },
}

impl fmt::Debug for Content {
    /// Without what somebody wrote.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => formatter.write_str("Text(…)"),
            Self::Template { name, language, .. } => write!(formatter, "Template({name}, {language}, …)"),
        }
    }
}

/// A file that goes with a message.
#[derive(Debug, Clone)]
pub struct OutgoingFile {
    /// Where it lies.
    pub key: FileKey,
    /// What it is called.
    pub file_name: String,
    /// What it is, as found by looking at it.
    pub content_type: String,
    /// How many bytes it has.
    pub size_bytes: i64,
}

/// The channel has taken a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The channel's id of it.
    pub provider_id: String,
}

/// Why a channel did not take a message, or may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It never will.
    #[error("the channel refused the message: {reason}")]
    Rejected {
        /// Why, as a short word for programs or the channel's own words; no personal data.
        reason: String,
    },
    /// It did not, and may later.
    #[error("the channel cannot take the message now")]
    RetryLater {
        /// How long it asked to be left alone.
        after: Option<Duration>,
    },
    /// The answer was lost: it may have taken it.
    #[error("whether the channel took the message is not known")]
    Unknown,
}

/// What a channel knows of a message whose sending ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It has it.
    Accepted(Accepted),
    /// It certainly has not.
    Nothing,
    /// It cannot be asked.
    CannotTell,
}

/// A message of a person that the clinic has read.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The inbox's settings.
    pub settings: InboxSettings,
    /// The inbox's secrets.
    pub secrets: InboxSecrets,
    /// The channel's id of the message.
    pub provider_id: String,
}

/// The rest of sending a message that was prepared: its content leaves.
pub type HandOver<'a> = BoxFuture<'a, Result<Accepted, SendError>>;

/// Carries messages of one kind.
pub trait Channel: Send + Sync {
    /// Hands a message over.
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Accepted, SendError>>;

    /// Does whatever can be done before the message's content leaves: reads files, connects, names the recipient. Until the future
    /// that comes out is polled the channel certainly has not taken the message, so that whoever is cut off may begin anew. Fails
    /// with [`SendError::Rejected`] or [`SendError::RetryLater`].
    fn prepare<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<HandOver<'a>, SendError>> {
        Box::pin(async move {
            let hand_over: HandOver<'a> = Box::pin(async move { self.send(outgoing).await });
            Ok(hand_over)
        })
    }

    /// Asks whether the channel has the message, after an attempt whose end is not known.
    fn find<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Found, SendError>> {
        let _it_cannot_be_asked = outgoing;
        Box::pin(async { Ok(Found::CannotTell) })
    }

    /// Shows the person that a message of theirs was read, with those before it. Doing it again does no harm. Nothing, where the
    /// channel knows no such thing.
    fn show_read<'a>(&'a self, seen: &'a Seen) -> BoxFuture<'a, Result<(), SendError>> {
        let _it_cannot_be_shown = seen;
        Box::pin(async { Ok(()) })
    }
}

/// The channels that there are. Cheap to clone.
#[derive(Clone, Default)]
pub struct Channels(HashMap<ChannelKind, Arc<dyn Channel>>);

impl Channels {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With `channel` for messages of `kind`.
    #[must_use]
    pub fn with(mut self, kind: ChannelKind, channel: impl Channel + 'static) -> Self {
        self.0.insert(kind, Arc::new(channel));
        self
    }

    /// The channel for `kind`.
    #[must_use]
    pub fn get(&self, kind: ChannelKind) -> Option<&Arc<dyn Channel>> {
        self.0.get(&kind)
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
