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
//! A server that somebody else named than the operator is judged before each connection (`judged_by` of the settings): it is
//! public and at a port of mail, or in a network that the operator named; what is connected to is the very address judged.
//!
//! No database, no queue, no retries: those are the caller's.

mod imap;
mod incoming;
mod message_id;
mod outgoing;
mod reach;
mod roots;
mod server_url;
mod smtp;

pub use imap::{After, Batch, FetchError, FetchLimits, Fetched, ImapSettings, Position, fetch_new, mark_seen};
pub use incoming::{
    Bounce, BounceAction, BouncedRecipient, MailKind, Party, ReadAttachment, ReadMail, Unreadable, read,
};
pub use message_id::{InvalidMessageId, MessageId};
pub use outgoing::{Attachment, Automatic, Mailbox, OutgoingMail, Unsendable};
pub use reach::{OutOfReach, Service, reach};
pub use server_url::InvalidServerUrl;
pub use smtp::{Accepted, Announced, Mailer, Reason, SendError, SmtpSettings};
