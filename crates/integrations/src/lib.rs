//! What other systems hear: webhooks, which tell them, and the feed of events, which they read.
//!
//! Invariants: an event is told to an endpoint under one id however often it is sent; nobody hears of what the one who chose
//! the events may not read; nothing is ever sent to an address inside our own networks unless the operator allows it
//! ([`fetch`]); the feed never shows an event before one that may still appear in front of it ([`feed`]).

mod catalogue;
pub mod courier;
pub mod deliveries;
pub mod endpoints;
mod events;
pub mod feed;
mod settings;
mod signing;

pub use catalogue::Catalogue;
pub use courier::Courier;
pub use events::{ENDPOINT_DISABLED, EVENTS, EndpointEvent};
pub use settings::{Integrations, WebhookSettings};

use utoipa_actix_web::service_config::ServiceConfig;

/// Every endpoint under `/v1`. They take [`Integrations`] from the application's data.
pub fn routes(config: &mut ServiceConfig<'_>) {
    feed::routes(config);
    endpoints::routes(config);
    deliveries::routes(config);
}
