//! Events as the feed shows them and webhooks send them.

use bytes::Bytes;
use kernel::{ClinicId, EventId, Permission, PublicEvent, Timestamp};
use rest::View;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Something that happened. Webhooks send the very same.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    /// The event's id, the same wherever it is told.
    id: EventId,
    /// What happened: one of the types that `GET /v1/event-types` lists.
    #[schema(example = "appointment.booked")]
    r#type: String,
    /// When it happened.
    occurred_at: Timestamp,
    /// In which clinic.
    clinic_id: ClinicId,
    /// To which rows: ids and states, never what people wrote.
    #[schema(value_type = Object, example = json!({"appointment_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5"}))]
    data: Value,
}

impl EventView {
    /// The event as it is told.
    pub(crate) const fn new(clinic: ClinicId, id: EventId, kind: String, occurred_at: Timestamp, data: Value) -> Self {
        Self {
            id,
            r#type: kind,
            occurred_at,
            clinic_id: clinic,
            data,
        }
    }

    /// As it is sent.
    pub(crate) fn to_bytes(&self) -> Result<Bytes, serde_json::Error> {
        serde_json::to_vec(self).map(Bytes::from)
    }
}

/// A part of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPageView {
    /// The events, the first first.
    pub(super) data: Vec<EventView>,
    pub(super) page: EventPageInfo,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPageInfo {
    /// What to send as `after` next time, also when there is no more at the moment; null as long as the feed is empty. It may
    /// be the id of an event that was not asked for.
    pub(super) next_cursor: Option<EventId>,
    /// Whether there is more already.
    pub(super) has_more: bool,
}

impl View for EventPageView {}

/// A type of event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventTypeView {
    #[schema(example = "appointment.booked")]
    r#type: &'static str,
    /// What one must be permitted to hear of it.
    permission: Permission,
    /// What happened, in one line.
    summary: &'static str,
}

impl View for EventTypeView {}

impl From<&PublicEvent> for EventTypeView {
    fn from(event: &PublicEvent) -> Self {
        let PublicEvent {
            kind,
            permission,
            summary,
        } = *event;
        Self {
            r#type: kind,
            permission,
            summary,
        }
    }
}
