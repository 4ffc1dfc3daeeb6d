//! Open sign-ins: each is one family of refresh tokens. A person sees and ends their own, whoever manages staff those of others.

mod error;
pub mod http;
mod model;
mod service;
mod store;

pub use error::SessionError;
pub(crate) use model::EndReason;
pub(crate) use service::{SignedInUser, end_own, signed_in_user};
pub(crate) use store::{end, end_of_user};
