//! What WhatsApp tells: messages of people, what became of ours, and who changed.

use kernel::Timestamp;

use crate::person::{Person, UserId};

/// One thing that a webhook tells. Whoever stores it does so once: WhatsApp posts at least once, and in no promised order.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookEvent {
    /// A person wrote.
    Message(Box<IncomingMessage>),
    /// Something became of a message of ours.
    Status(Box<StatusUpdate>),
    /// A person has another number or id now.
    Changed(Box<Changed>),
    /// WhatsApp has trouble with the account, outside any message.
    AccountError(AccountError),
}

/// How a person shows themselves.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The name that they chose.
    pub name: Option<String>,
    /// Their username, without `@`.
    pub username: Option<String>,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Profile(***)")
    }
}

/// A message that a person wrote.
#[derive(Clone, PartialEq)]
pub struct IncomingMessage {
    /// The business number that it went to.
    pub phone_number_id: String,
    /// WhatsApp's id of it: the same each time it is posted.
    pub id: String,
    /// Who wrote.
    pub from: Person,
    /// How they show themselves.
    pub profile: Profile,
    /// When they wrote, to the second.
    pub sent_at: Option<Timestamp>,
    /// The message that it answers.
    pub answers: Option<String>,
    /// Whether it was passed on from another chat.
    pub is_forwarded: bool,
    /// What it says.
    pub content: Content,
}

impl std::fmt::Debug for IncomingMessage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("IncomingMessage")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What a message of a person says.
#[derive(Clone, PartialEq)]
pub enum Content {
    /// Words.
    Text(String),
    /// A file.
    Media(MediaFile),
    /// A button of ours, or a line of a list, that the person chose.
    Choice {
        /// What we called it.
        id: String,
        /// What the person saw.
        title: String,
    },
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// The place's name.
        name: Option<String>,
        /// Its address.
        address: Option<String>,
    },
    /// Cards of people, as names with phone numbers.
    Contacts(Vec<(String, Vec<String>)>),
    /// A sign on a message, or taken back when there is none.
    Reaction {
        /// The message.
        message: String,
        /// The sign.
        emoji: Option<String>,
    },
    /// Of a kind that is not read here, such as an order or what WhatsApp itself does not support: its name.
    Other(String),
}

/// A file of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// Its id, for [`Client::download`](crate::Client::download).
    pub id: String,
    /// `image`, `audio`, `video`, `document` or `sticker`.
    pub kind: String,
    /// Its media type, as the sender's phone said.
    pub content_type: String,
    /// The words below it.
    pub caption: Option<String>,
    /// A document's name, without any path.
    pub file_name: Option<String>,
    /// Whether it is a voice message.
    pub is_voice: bool,
}

/// How far a message of ours has come. Later ones imply the ones before, which may not be posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// On its way.
    Sent,
    /// On the person's phone.
    Delivered,
    /// Seen, or a voice message played.
    Read,
    /// Given up.
    Failed,
}

/// What became of a message of ours.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The business number that it came from.
    pub phone_number_id: String,
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// The reference that was sent along: our own id of it.
    pub reference: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// When.
    pub at: Option<Timestamp>,
    /// To whom it went.
    pub to: Person,
    /// Why it failed.
    pub error: Option<AccountError>,
}

impl std::fmt::Debug for StatusUpdate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StatusUpdate")
            .field("message_id", &self.message_id)
            .field("reference", &self.reference)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A person who has another number or id now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The business number that was told.
    pub phone_number_id: String,
    /// WhatsApp's id of the notice.
    pub id: String,
    /// Who they were.
    pub before: Person,
    /// Their new number, when it may be known.
    pub phone: Option<kernel::phone::PhoneNumber>,
    /// Their new id.
    pub user_id: Option<UserId>,
}

/// An error that WhatsApp tells of.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountError {
    /// Its code.
    pub code: i64,
    /// What WhatsApp says of it.
    pub detail: String,
}

impl std::fmt::Debug for AccountError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AccountError({})", self.code)
    }
}
