//! Links by which a person sets a new password: mailed to the person (see docs/adr/0017-mail-for-accounts.md), or handed out by
//! who manages staff, where there is no mail (see docs/adr/0010-who-hands-out-password-resets.md).

mod error;
pub mod http;
pub mod mailing;
mod model;
mod service;
mod store;

pub use error::PasswordResetError;
pub use mailing::MAIL;
pub(crate) use service::issue;
