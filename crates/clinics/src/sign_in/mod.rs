//! Signing in and out: tokens for e-mail and password, their renewal, another of one's clinics, and the keys to verify them.

mod error;
pub mod http;
mod model;
mod service;
mod store;

pub use error::SignInError;
