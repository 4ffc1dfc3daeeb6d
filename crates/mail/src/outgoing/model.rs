//! What a mail to be sent says, and to whom.

use kernel::Timestamp;
use kernel::email::EmailAddress;

use crate::message_id::MessageId;

/// Somebody's address, with the name that is shown beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name; shown, and never trusted.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

impl Mailbox {
    /// An address without a name.
    #[must_use]
    pub const fn bare(address: EmailAddress) -> Self {
        Self { name: None, address }
    }

    /// An address with a name.
    #[must_use]
    pub fn named(name: impl Into<String>, address: EmailAddress) -> Self {
        Self {
            name: Some(name.into()),
            address,
        }
    }
}

/// A file that goes with a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The file's name, without any path.
    pub name: String,
    /// Its media type, such as `application/pdf`; one that is none goes as `application/octet-stream`.
    pub content_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Attachment")
            .field("content_type", &self.content_type)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// How a mail came to be that nobody wrote (RFC 3834, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Automatic {
    /// By itself, such as a reminder.
    Generated,
    /// In answer to a mail.
    Replied,
}

impl Automatic {
    /// What stands in `Auto-Submitted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "auto-generated",
            Self::Replied => "auto-replied",
        }
    }
}

/// A mail to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Its id: the same each time this mail is sent.
    pub id: MessageId,
    /// When it was written.
    pub date: Timestamp,
    /// Who writes; bounces go to this address.
    pub from: Mailbox,
    /// To whom; at least one.
    pub to: Vec<Mailbox>,
    /// Who gets a copy.
    pub cc: Vec<Mailbox>,
    /// Where answers go, when not to `from`.
    pub reply_to: Option<Mailbox>,
    /// What it is about; line breaks become spaces.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML, for who prefers it.
    pub html: Option<String>,
    /// Files that go with it.
    pub attachments: Vec<Attachment>,
    /// The mail that it answers.
    pub in_reply_to: Option<MessageId>,
    /// The mails of the thread before it, oldest first.
    pub references: Vec<MessageId>,
    /// How a machine wrote it, if one did: then no machine should answer.
    pub automatic: Option<Automatic>,
    /// Where who does not want more of these says so with one click (RFC 8058): an `https` address.
    pub unsubscribe: Option<String>,
}

impl OutgoingMail {
    /// A mail of text to one person.
    #[must_use]
    pub fn new(
        id: MessageId,
        date: Timestamp,
        from: Mailbox,
        to: Mailbox,
        subject: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            id,
            date,
            from,
            to: vec![to],
            cc: Vec::new(),
            reply_to: None,
            subject: subject.into(),
            text: text.into(),
            html: None,
            attachments: Vec::new(),
            in_reply_to: None,
            references: Vec::new(),
            automatic: None,
            unsubscribe: None,
        }
    }

    /// The mail as one that a machine wrote by itself.
    #[must_use]
    pub fn automatic(mut self) -> Self {
        self.automatic = Some(Automatic::Generated);
        self
    }

    /// The mail as an answer to the last of `thread`, the ids of its mails, oldest first.
    #[must_use]
    pub fn answering(mut self, thread: Vec<MessageId>) -> Self {
        self.in_reply_to = thread.last().cloned();
        self.references = thread;
        self
    }
}

impl std::fmt::Debug for OutgoingMail {
    /// Without what it says and to whom.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OutgoingMail")
            .field("id", &self.id)
            .field("recipients", &self.to.len().saturating_add(self.cc.len()))
            .finish_non_exhaustive()
    }
}

/// Why a mail cannot be sent at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// Nobody to send it to.
    #[error("the mail has no recipient")]
    NoRecipient,
    /// More recipients than a server must take (RFC 5321, 4.5.3.1.8).
    #[error("the mail has more than 100 recipients")]
    TooManyRecipients,
    /// An address that mail servers do not take.
    #[error("an address of the mail cannot be written to")]
    Address,
    /// The address for unsubscribing is no plain `https` URL.
    #[error("the address for unsubscribing is no https URL")]
    Unsubscribe,
    /// The message could not be put together.
    #[error("the mail could not be put together")]
    Form,
}
