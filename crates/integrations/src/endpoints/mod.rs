//! Endpoints: where integrations want to be told of events, of which, and with what they know that it is us.

mod dto;
mod error;
mod health;
mod http;
mod model;
mod notice;
mod service;
mod store;

pub use error::EndpointError;
pub(crate) use health::{note_failure, note_gone, note_success};
pub(crate) use http::routes;
pub use model::{DisabledReason, EndpointStatus};
pub use notice::{DisabledEndpoint, automatically_disabled};
pub(crate) use service::signing_secrets;
pub(crate) use store::{enabled, hearing, status_of};
