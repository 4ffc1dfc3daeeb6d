//! A person's own account: who am I, the password, the second factor and its recovery codes.

mod error;
pub mod http;
mod model;
mod service;
mod store;

pub use error::AccountError;
pub(crate) use error::weak_password;
pub(crate) use store::{lock_user, void_password_resets};
