//! Deliveries as clients see them.

use kernel::{EventId, Principal, Timestamp, Version, WebhookDeliveryId, WebhookEndpointId};
use rest::View;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::log::Logged;
use super::model::{Attempt, AttemptError, DeliveryStatus};
use crate::catalogue::Catalogue;

/// The telling of one event to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookDeliveryView {
    id: WebhookDeliveryId,
    webhook_endpoint_id: WebhookEndpointId,
    /// The `webhook-id` of each attempt, by which a receiver knows again what it has had already.
    event_id: EventId,
    /// What happened; `ping` where somebody tried the endpoint out.
    #[schema(example = "appointment.booked")]
    event_type: String,
    /// When it happened.
    occurred_at: Timestamp,
    /// What is told of it; null for who may not hear of such events.
    #[schema(value_type = Option<Object>, example = json!({"appointment_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5"}))]
    data: Option<Value>,
    #[schema(inline)]
    status: DeliveryStatus,
    /// When it is tried next; null when it is not. While the endpoint is disabled it waits.
    next_attempt_at: Option<Timestamp>,
    /// When it was taken or given up.
    finished_at: Option<Timestamp>,
    /// What was tried, the first first.
    attempts: Vec<WebhookAttemptView>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookAttemptView {
    /// Which one; the first is 1.
    number: i32,
    started_at: Timestamp,
    duration_milliseconds: i32,
    /// The status that was answered; null where nothing was.
    http_status: Option<i16>,
    /// Why it failed; null where it did not.
    #[schema(inline)]
    error: Option<AttemptError>,
    /// The beginning of what was answered, up to 1 KiB.
    response: Option<String>,
}

impl View for WebhookDeliveryView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Attempt> for WebhookAttemptView {
    fn from(attempt: Attempt) -> Self {
        let Attempt {
            delivery_id: _,
            number,
            started_at,
            duration_milliseconds,
            http_status,
            error,
            response,
        } = attempt;
        Self {
            number,
            started_at,
            duration_milliseconds,
            http_status,
            error,
            response,
        }
    }
}

impl WebhookDeliveryView {
    /// As `reader` may see it. The log is for all who manage endpoints, what events tell is not.
    pub(crate) fn shown((row, attempts): Logged, catalogue: &Catalogue, reader: &Principal) -> Self {
        let may_hear = catalogue
            .permission_of(&row.event_kind)
            .is_none_or(|permission| reader.permissions().contains(permission));
        Self {
            id: row.id,
            webhook_endpoint_id: row.endpoint_id,
            event_id: row.event_id,
            event_type: row.event_kind,
            occurred_at: row.occurred_at,
            data: may_hear.then_some(row.payload),
            status: row.status,
            next_attempt_at: row.next_attempt_at,
            finished_at: row.finished_at,
            attempts: attempts.into_iter().map(WebhookAttemptView::from).collect(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
