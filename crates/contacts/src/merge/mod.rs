//! Two contacts that are one person become one: what this domain holds of it.
//!
//! Merging touches several domains, so the endpoint is a workflow of the gateway, in one transaction: [`service::lock`], then
//! every domain moves what it holds, then [`service::merge`] with what they moved. Undoing it goes the other way round:
//! [`undo::restore`], then every domain gives back what it moved, then [`undo::finish`].

mod dto;
mod error;
mod http;
mod model;
pub mod service;
mod store;
mod taken_back;
pub mod undo;
mod undo_error;
mod view;

pub use dto::{KeepChoices, MergeContacts};
pub use error::MergeError;
pub(crate) use http::routes;
pub use model::{AlsoMoved, AlsoStood, MergeOutcome, MergeSide, Pair};
pub use undo_error::UndoError;
