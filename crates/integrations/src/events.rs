//! What this domain itself tells to the outside.

use kernel::{Permission, PublicEvent, WebhookEndpointId};
use serde::{Deserialize, Serialize};

use crate::endpoints::DisabledReason;

/// An endpoint was disabled, by somebody or because nothing came through.
pub const ENDPOINT_DISABLED: &str = "webhook_endpoint.disabled";

/// Every kind of event that integrations and live screens may hear of.
pub const EVENTS: &[PublicEvent] = &[PublicEvent {
    kind: ENDPOINT_DISABLED,
    permission: Permission::WebhooksManage,
    summary: "A webhook endpoint was disabled: by a person, by its answer 410, or after three days in which nothing came through.",
}];

/// What is told of an endpoint.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct EndpointEvent {
    /// Which one.
    pub webhook_endpoint_id: WebhookEndpointId,
    /// Why it was disabled.
    pub reason: DisabledReason,
}
