//! Conversations with patients and leads: inboxes, threads, messages, and the channels that carry them.
//!
//! Who a message is from is found by a workflow of the gateway, since people belong to another domain; from there on
//! [`messages::receive`], [`messages::send`] and [`messages::delivered`] hold the rules, callable from HTTP, jobs and channels.

pub mod attachments;
pub mod canned;
pub mod channels;
pub mod error;
mod events;
pub mod identities;
pub mod inboxes;
mod locks;
pub mod messages;
pub mod notices;
pub mod tags;
pub mod templates;
pub mod threads;
pub mod webchat;

pub use events::{ConversationEvent, EVENTS, MessageEvent};

/// Registers every endpoint of this domain.
pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    threads::routes(config);
    messages::routes(config);
    attachments::routes(config);
    inboxes::routes(config);
    canned::routes(config);
    templates::routes(config);
}
