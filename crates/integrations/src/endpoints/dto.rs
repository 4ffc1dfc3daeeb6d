//! Endpoints as clients send and see them.

use fetch::Target;
use kernel::text::{InvalidText, bounded};
use kernel::{FieldErrors, Timestamp, Version, WebhookEndpointId};
use rest::{Patch, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{DisabledReason, Endpoint, EndpointEdit, EndpointStatus, NewEndpoint};
use super::service;
use crate::catalogue::EventChoice;
use crate::settings::Integrations;

/// The most characters of a description.
const LONGEST_DESCRIPTION: usize = 200;

/// An address that is told of events, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookEndpointView {
    id: WebhookEndpointId,
    /// Where it is told.
    #[schema(example = "https://example.com/hooks/taskmed")]
    url: String,
    /// What it is for.
    description: Option<String>,
    /// Of which events.
    #[schema(example = json!(["appointment.*", "contact.created"]))]
    events: Vec<String>,
    #[schema(inline)]
    status: EndpointStatus,
    /// Why it is disabled; null when it is not.
    #[schema(inline)]
    disabled_reason: Option<DisabledReason>,
    disabled_at: Option<Timestamp>,
    /// Since when nothing has come through; null while it does. After three days the endpoint is disabled.
    failing_since: Option<Timestamp>,
    /// Until when the secret before the last rotation signs as well; null when none does.
    previous_secret_until: Option<Timestamp>,
    archived_at: Option<Timestamp>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for WebhookEndpointView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl WebhookEndpointView {
    pub(super) fn at(now: Timestamp, row: Endpoint) -> Self {
        Self {
            id: row.id,
            url: row.url,
            description: row.description,
            events: row.events,
            status: row.status,
            disabled_reason: row.disabled_reason,
            disabled_at: row.disabled_at,
            failing_since: row.failing_since,
            previous_secret_until: row.previous_secret_until.filter(|until| *until > now),
            archived_at: row.archived_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An endpoint with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewWebhookEndpointView {
    /// The endpoint.
    pub(super) webhook_endpoint: WebhookEndpointView,
    /// What its deliveries are signed with: `whsec_` and 32 bytes in base64.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwzbXm2f1yR0c=")]
    pub(super) secret: String,
}

impl View for NewWebhookEndpointView {
    fn version(&self) -> Option<Version> {
        Some(self.webhook_endpoint.version)
    }
}

/// An endpoint to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateWebhookEndpoint {
    /// Made by the server when not given.
    id: Option<WebhookEndpointId>,
    /// Where it is told: over HTTPS, at any port, and at a public address, unless the operator has named its network.
    #[schema(max_length = 2048, example = "https://example.com/hooks/taskmed")]
    url: String,
    /// What it is for.
    #[schema(max_length = 200, example = "Billing of the laboratory")]
    description: Option<String>,
    /// Of which events: types that `GET /v1/event-types` lists, groups such as `appointment.*`, or `*`.
    #[schema(min_items = 1, max_items = 100, example = json!(["appointment.*"]))]
    events: Vec<String>,
}

/// What changes about an endpoint; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"status": "enabled"}))]
pub(crate) struct PatchWebhookEndpoint {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    url: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100)]
    events: Patch<Vec<String>>,
    /// `enabled` or `disabled`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "enabled")]
    status: Patch<EndpointStatus>,
}

/// Reads fields, noting what is wrong with them.
struct Fields<'s> {
    shared: &'s Integrations,
    errors: FieldErrors,
}

impl Fields<'_> {
    fn url(&mut self, text: &str) -> Option<Target> {
        match Target::parse(text, &self.shared.networks) {
            Ok(url) => Some(url),
            Err(error) => {
                self.errors.push("/url", error.code(), error);
                None
            }
        }
    }

    fn description(&mut self, text: &str) -> Option<String> {
        match bounded(text, 1, LONGEST_DESCRIPTION) {
            Ok(text) => Some(text),
            Err(error) => {
                self.errors.push("/description", InvalidText::code(&error), error);
                None
            }
        }
    }

    fn events(&mut self, entries: &[String]) -> Option<EventChoice> {
        if entries.is_empty() {
            self.errors.push("/events", "required", "at least one event is needed");
            return None;
        }
        match self
            .shared
            .catalogue
            .choose(entries, |place| format!("/events/{place}"))
        {
            Ok(choice) => Some(choice),
            Err(errors) => {
                self.errors.nest("", errors);
                None
            }
        }
    }

    /// A change of what cannot be empty.
    fn not_null<T>(&mut self, pointer: &str, patch: Patch<T>) -> Option<T> {
        match patch {
            Patch::Absent => None,
            Patch::Null => {
                self.errors.push(pointer, "required", "this cannot be empty");
                None
            }
            Patch::Value(value) => Some(value),
        }
    }
}

impl CreateWebhookEndpoint {
    pub(super) fn parse(self, shared: &Integrations) -> Result<NewEndpoint, FieldErrors> {
        let mut fields = Fields {
            shared,
            errors: FieldErrors::new(),
        };
        let url = fields.url(&self.url);
        let description = self.description.as_deref().and_then(|text| fields.description(text));
        let events = fields.events(&self.events);
        let new = url.zip(events).map(|(url, events)| NewEndpoint {
            id: self.id,
            url,
            description,
            events,
        });
        fields.errors.finish(new)
    }
}

impl PatchWebhookEndpoint {
    pub(super) fn parse(self, shared: &Integrations) -> Result<EndpointEdit, FieldErrors> {
        let mut fields = Fields {
            shared,
            errors: FieldErrors::new(),
        };
        let url = fields.not_null("/url", self.url).and_then(|text| fields.url(&text));
        let description = self
            .description
            .into_change()
            .map(|text| text.and_then(|text| fields.description(&text)));
        let events = fields
            .not_null("/events", self.events)
            .and_then(|entries| fields.events(&entries));
        let status = fields.not_null("/status", self.status);
        let enabled = status.and_then(|status| match service::wanted_status(status) {
            Ok(enabled) => Some(enabled),
            Err(errors) => {
                fields.errors.nest("", errors);
                None
            }
        });
        fields.errors.finish(Some(EndpointEdit {
            url,
            description,
            events,
            enabled,
        }))
    }
}
