//! Who may be twice in the books: scored candidates, with the reasons for and against.

mod dto;
mod http;
mod likeness;
pub mod service;
pub(crate) mod store;

pub(crate) use http::routes;

pub use dto::{DuplicateCheck, DuplicateView, DuplicatesView};
pub use likeness::{DuplicateReason, Identity, Likeness};
