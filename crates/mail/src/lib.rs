//! Electronic mail: sent by SMTP, fetched by IMAP, read and threaded.
//!
//! - [`Mailer`] hands one [`OutgoingMail`] to the server of [`SmtpSettings`]. How it went is told so that a queue knows what to
//!   do: accepted, [`SendError::Rejected`] for good, [`SendError::RetryLater`], or [`SendError::Unknown`] when the server may
//!   have accepted it. A mail sent again keeps its [`MessageId`], so that receivers can tell it from a new one.
//! - [`fetch_new`] brings what a mailbox has got since a [`Position`], which the caller keeps in the transaction that stores the
//!   mails. Nothing is marked as read unless [`mark_seen`] is called.
//! - [`read`] makes a [`ReadMail`] of what came: people's new words apart from what they quote, files, threading, and whether a
//!   machine wrote it. It takes bytes from anybody, and what it does with them is bounded.
//!
//! No database, no queue, no retries: those are the caller's.

mod connect;
mod imap;
mod incoming;
mod message_id;
mod outgoing;
mod server_url;
mod smtp;

pub use connect::{InvalidRoots, Roots};
pub use imap::{After, Batch, FetchError, FetchLimits, Fetched, ImapSettings, Position, fetch_new, mark_seen};
pub use incoming::{
    Bounce, BounceAction, BouncedRecipient, MailKind, Party, ReadAttachment, ReadMail, Unreadable, read,
};
pub use message_id::{InvalidMessageId, MessageId};
pub use outgoing::{Attachment, Mailbox, OutgoingMail, Unsendable};
pub use server_url::InvalidServerUrl;
pub use smtp::{Accepted, Announced, Mailer, Reason, SendError, SmtpSettings};
