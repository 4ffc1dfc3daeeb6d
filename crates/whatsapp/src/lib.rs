//! A client of the WhatsApp Cloud API: messages out, webhooks in.
//!
//! - [`Client`] sends one [`OutgoingMessage`]. How it went is told so that a queue knows what to do: accepted, with WhatsApp's own
//!   id, [`SendError::Rejected`] for good, [`SendError::RetryLater`], or [`SendError::Unknown`] when WhatsApp may have accepted
//!   it. Then the status that WhatsApp reports brings back the sender's own reference ([`StatusUpdate::reference`]), by which
//!   the message is known; until that comes, nobody can say.
//! - [`webhook`] checks what WhatsApp posts (handshake, signature) and reads it into [`WebhookEvent`]s. WhatsApp posts at least
//!   once, in no promised order, and adds fields as it likes.
//!
//! Source: the documentation of the WhatsApp Business Platform, Cloud API (developers.facebook.com). No database, no queue, no
//! retries: those are the caller's.

mod client;
mod error;
mod incoming;
mod media;
mod outgoing;
mod person;
mod settings;
pub mod webhook;

pub use client::{Accepted, Client};
pub use error::{Reason, SendError};
pub use incoming::{
    AccountError, Changed, Content, IncomingMessage, MediaFile, Profile, Status, StatusUpdate, WebhookEvent,
};
pub use media::{Media, MediaInfo};
pub use outgoing::{
    InvalidMessage, MAX_CAPTION, MAX_TEXT, MediaKind, MediaSource, Outgoing, OutgoingMessage, Template,
};
pub use person::{InvalidUserId, Person, UserId, phone_of_wa_id};
pub use settings::{BASE, InvalidSettings, VERSION, WhatsAppSettings};
