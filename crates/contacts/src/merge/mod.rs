//! Two contacts that are one person become one: what this domain holds of it.
//!
//! Merging touches several domains, so the endpoint is a workflow of the gateway, in one transaction: [`service::lock`], then
//! every domain moves what it holds, then [`service::merge`] with what they moved.

mod dto;
mod error;
mod model;
pub mod service;
mod store;

pub use dto::{KeepChoices, MergeContacts};
pub use error::MergeError;
pub use model::{AlsoMoved, MergeOutcome, MergeSide, Pair};
