//! A mail to be sent, and its form on the wire (RFC 5322, MIME).

mod compose;
mod model;

pub(crate) use compose::{Composed, compose};
pub use model::{Attachment, Automatic, Mailbox, OutgoingMail, Unsendable};
