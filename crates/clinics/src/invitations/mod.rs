//! Invitations: the only way into a clinic. The inviter hands the secret on; who has it joins, once.

mod accept;
mod error;
pub mod http;
mod model;
mod service;
mod store;

pub use error::InvitationError;
