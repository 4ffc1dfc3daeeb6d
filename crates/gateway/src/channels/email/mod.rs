//! E-mail: mailboxes that are looked into, and what their mails mean.

mod poll;
mod reading;
mod taking;

pub(super) use self::poll::handlers;
