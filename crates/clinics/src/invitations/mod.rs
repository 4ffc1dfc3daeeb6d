//! Invitations: the only way into a clinic. The secret travels by mail, or the inviter hands it on; who has it joins, once.

mod accept;
mod error;
pub mod http;
pub mod mailing;
mod model;
mod service;
mod store;

pub use error::InvitationError;
pub use mailing::MAIL;
