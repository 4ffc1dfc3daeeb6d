//! Inboxes: where people write to the clinic, by which channel, and what the channel needs.

mod error;
mod http;
mod input;
mod logins;
mod model;
mod polls;
mod reach;
mod secrets;
mod service;
mod settings;
pub(crate) mod store;
mod view;

pub use error::InboxError;
pub(crate) use http::routes;
pub use model::{Inbox, InboxChanges, NewInbox};
pub use polls::{
    POLL, Poll, PollJob, WATCH, advance, failed as poll_failed, polls_of, succeeded as poll_succeeded, take_turn,
    watch as watch_mailboxes,
};
pub use secrets::InboxSecrets;
pub use service::{create, open, open_secrets};
pub use settings::{EmailSettings, InboxSettings, MailServer, Security, WebchatSettings, WhatsappSettings};
pub use store::find;
