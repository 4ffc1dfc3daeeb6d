//! What a mail that came says.

use kernel::Timestamp;
use kernel::email::EmailAddress;

use super::bounce::Bounce;
use crate::message_id::MessageId;

/// Somebody in a header, as the mail claims: anybody can write anybody's address there.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// The name that goes with the address.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

impl std::fmt::Debug for Party {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Party({:?})", self.address)
    }
}

/// A file that came with a mail. Its name and type are the sender's words: look at the bytes before trusting them.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadAttachment {
    /// The file's name, without any path.
    pub name: Option<String>,
    /// The media type, such as `image/jpeg`, in lower case.
    pub content_type: String,
    /// Whether it belongs to the text, as a picture in a signature does.
    pub inline: bool,
    /// What the HTML calls it by.
    pub content_id: Option<String>,
    /// The content.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for ReadAttachment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReadAttachment")
            .field("content_type", &self.content_type)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Who wrote a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailKind {
    /// A person, as far as can be told.
    Personal,
    /// A machine in somebody's name: out of office, a receipt, a notification. Never to be answered by a machine.
    Automatic,
    /// A list or a campaign.
    Bulk,
    /// A report on what became of a mail that was sent.
    Bounce(Bounce),
    /// A mail that has gone in circles.
    Looping,
}

impl MailKind {
    /// Whether a machine may answer it (RFC 3834, 2).
    #[must_use]
    pub const fn may_be_answered(&self) -> bool {
        matches!(self, Self::Personal)
    }
}

/// A mail that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadMail {
    /// Its id; one without has none to be known by again.
    pub message_id: Option<MessageId>,
    /// The mails that it answers.
    pub in_reply_to: Vec<MessageId>,
    /// The mails of its thread, oldest first.
    pub references: Vec<MessageId>,
    /// Who wrote it, as it claims.
    pub from: Option<Party>,
    /// Where it wants its answer.
    pub reply_to: Vec<Party>,
    /// To whom it goes.
    pub to: Vec<Party>,
    /// Who got a copy.
    pub cc: Vec<Party>,
    /// What it is about; empty when it does not say.
    pub subject: String,
    /// When it was written, as it claims.
    pub date: Option<Timestamp>,
    /// What its writer has newly written.
    pub text: String,
    /// What was quoted of the mails before it, and cut off from the text.
    pub quoted: Option<String>,
    /// Files.
    pub attachments: Vec<ReadAttachment>,
    /// Who wrote it.
    pub kind: MailKind,
    /// Whether all of it was read. One with more parts or a longer text than any real mail has is read up to there.
    pub complete: bool,
}

impl std::fmt::Debug for ReadMail {
    /// Without what it says and who wrote it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReadMail")
            .field("message_id", &self.message_id)
            .field("kind", &self.kind)
            .field("attachments", &self.attachments.len())
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

/// Bytes that are no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no mail: not one header is in them")]
pub struct Unreadable;
