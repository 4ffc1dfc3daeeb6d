//! Keys of integrations: shown once, stored as a hash, never able to do more than their maker.

mod error;
pub mod http;
mod model;
mod service;
mod store;

pub use error::ApiKeyError;
