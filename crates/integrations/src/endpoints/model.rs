//! What an endpoint is.

use db::schema::webhook_endpoints;
use diesel::pg::Pg;
use diesel::prelude::*;
use fetch::Target;
use kernel::{Timestamp, Version, WebhookEndpointId, text_enum};
use serde::{Deserialize, Serialize};

use crate::catalogue::EventChoice;

text_enum! {
    /// How an endpoint stands.
    pub enum EndpointStatus {
        /// It is told of events.
        Enabled = "enabled",
        /// It is told nothing; what had not come through waits.
        Disabled = "disabled",
        /// It was put away, and its secret forgotten.
        Archived = "archived",
    }
    error = InvalidEndpointStatus, code = "unknown_status";
}

text_enum! {
    /// Why an endpoint is disabled.
    pub enum DisabledReason {
        /// Somebody disabled it.
        Person = "person",
        /// It answered 410: the address is no more.
        Gone = "gone",
        /// For three days nothing came through.
        Failing = "failing",
    }
    error = InvalidDisabledReason, code = "unknown_reason";
}

/// An endpoint as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhook_endpoints, check_for_backend(Pg))]
pub(crate) struct Endpoint {
    pub(crate) id: WebhookEndpointId,
    pub(crate) url: String,
    pub(crate) description: Option<String>,
    pub(crate) events: Vec<String>,
    /// Names of what it may hear.
    pub(crate) permissions: Vec<String>,
    pub(crate) status: EndpointStatus,
    pub(crate) disabled_reason: Option<DisabledReason>,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) previous_secret: Option<Vec<u8>>,
    pub(crate) previous_secret_until: Option<Timestamp>,
    pub(crate) archived_at: Option<Timestamp>,
    pub(crate) version: Version,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// An endpoint to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewEndpoint {
    pub(crate) id: Option<WebhookEndpointId>,
    pub(crate) url: Target,
    pub(crate) description: Option<String>,
    pub(crate) events: EventChoice,
}

/// What changes about an endpoint; `None` keeps.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointEdit {
    pub(crate) url: Option<Target>,
    pub(crate) description: Option<Option<String>>,
    pub(crate) events: Option<EventChoice>,
    pub(crate) enabled: Option<bool>,
}

/// The columns of a change.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = webhook_endpoints)]
pub(crate) struct EndpointChange {
    pub(crate) url: Option<String>,
    pub(crate) description: Option<Option<String>>,
    pub(crate) events: Option<Vec<String>>,
    pub(crate) permissions: Option<Vec<String>>,
    pub(crate) status: Option<EndpointStatus>,
    pub(crate) disabled_reason: Option<Option<DisabledReason>>,
    pub(crate) disabled_at: Option<Option<Timestamp>>,
    pub(crate) failing_since: Option<Option<Timestamp>>,
    pub(crate) secret: Option<Option<Vec<u8>>>,
    pub(crate) previous_secret: Option<Option<Vec<u8>>>,
    pub(crate) previous_secret_until: Option<Option<Timestamp>>,
    pub(crate) archived_at: Option<Option<Timestamp>>,
}

impl EndpointChange {
    /// Disabled for `reason`.
    pub(crate) fn disabled(reason: DisabledReason, now: Timestamp) -> Self {
        Self {
            status: Some(EndpointStatus::Disabled),
            disabled_reason: Some(Some(reason)),
            disabled_at: Some(Some(now)),
            ..Self::default()
        }
    }

    /// Enabled, with nothing held against it.
    pub(crate) fn enabled() -> Self {
        Self {
            status: Some(EndpointStatus::Enabled),
            disabled_reason: Some(None),
            disabled_at: Some(None),
            failing_since: Some(None),
            ..Self::default()
        }
    }
}

/// Where an endpoint stands in the list.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct EndpointPosition {
    pub(crate) id: WebhookEndpointId,
}
