//! Threads: one conversation with one person in one inbox, and what becomes of it.

mod counts;
mod error;
mod filter;
mod http;
mod input;
mod list;
mod merge;
mod model;
mod service;
pub(crate) mod store;
mod view;
mod wake;

pub use error::ConversationError;
pub(crate) use http::routes;
pub use merge::{Moved, Stood, has_any, move_contact, undo_move};
pub use model::{Conversation, ConversationChanges, Direction, NewConversation, Priority, Status};
pub use service::{change, create, mark_read};
pub(crate) use service::{lock_alone, reached_by, refuse_a_second, stale, tell};
pub use store::find;
pub(crate) use view::free_text_until;
pub use wake::{WAKE, WakeJob, wake};
