//! Messages: received, written, sent, delivered, listed and found.

mod delivery;
mod error;
mod http;
mod late;
mod limits;
mod list;
mod model;
mod receive;
mod seen;
mod send;
mod sending;
mod store;
mod view;

pub use delivery::{DeliveryReport, delivered, reached};
pub use error::MessageError;
pub(crate) use http::routes;
pub use late::{AnnouncedFile, file_announced, file_arrived, file_unavailable};
pub use list::{Said, visible_to_visitor};
pub use model::{Delivery, Direction, Message, MessageKind, MessageText};
pub(crate) use model::{MOST_ATTACHMENTS, MOST_CHARS};
pub use receive::{Inbound, InboundFile, Received, receive, receive_aside};
pub(crate) use seen::show_read;
pub use seen::{SHOW_READ, ShowReadJob, read_to_show};
pub use send::{Draft, DraftContent, resend, send};
pub use sending::{
    Attempt, Claim, SEND, SENDING_LIMIT, SendJob, accepted, ask_again, claim, go_on, handing_over, not_accepted,
    put_off, rejected, unconfirmed,
};
pub use store::{conversation_of, find};
