//! Links by which a person sets a new password: handed out by who manages staff, as long as there is no mail (see
//! docs/adr/0010-who-hands-out-password-resets.md).

mod error;
pub mod http;
mod model;
mod service;
mod store;

pub use error::PasswordResetError;
pub(crate) use service::issue;
