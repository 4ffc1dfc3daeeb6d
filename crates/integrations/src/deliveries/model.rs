//! What a delivery is, and what an attempt comes to.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use db::schema::webhook_deliveries;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::{EventId, Timestamp, Version, WebhookDeliveryId, WebhookEndpointId, text_enum};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::signing::SigningSecret;

text_enum! {
    /// How a delivery stands.
    pub enum DeliveryStatus {
        /// It is being tried, or will be again.
        Pending = "pending",
        /// It was taken: an answer of 200 to 299.
        Succeeded = "succeeded",
        /// It was given up.
        Failed = "failed",
    }
    error = InvalidDeliveryStatus, code = "unknown_status";
}

text_enum! {
    /// Why an attempt failed.
    pub enum AttemptError {
        /// The address is not public, and the operator does not allow it. Nothing was sent.
        AddressNotAllowed = "address_not_allowed",
        /// The name leads nowhere.
        NameNotResolved = "name_not_resolved",
        /// The certificate of the other side is not trusted: nobody vouches for it, its time is over, or it is another name's.
        /// Nothing was sent.
        CertificateNotTrusted = "certificate_not_trusted",
        /// No connection, no agreement about TLS, or it broke off.
        ConnectionFailed = "connection_failed",
        /// No answer in time.
        Timeout = "timeout",
        /// The answer leads elsewhere, which is not followed.
        Redirected = "redirected",
        /// The answer is not 200 to 299.
        HttpStatus = "http_status",
    }
    error = InvalidAttemptError, code = "unknown_error";
}

/// The work of delivering what is due for an endpoint.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Doorbell {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
}

/// The work of removing what is old from the log.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CleanUp {}

/// An event on its way to endpoints.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Its id, under which it is sent.
    pub(super) id: EventId,
    /// What happened.
    pub(super) kind: String,
    /// When.
    pub(super) occurred_at: Timestamp,
    /// What is told of it.
    pub(super) payload: Value,
}

/// A row of the log.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries, check_for_backend(Pg))]
pub(crate) struct Delivery {
    pub(crate) id: WebhookDeliveryId,
    pub(crate) endpoint_id: WebhookEndpointId,
    pub(crate) event_id: EventId,
    pub(crate) event_kind: String,
    pub(crate) occurred_at: Timestamp,
    pub(crate) payload: Value,
    pub(crate) status: DeliveryStatus,
    pub(crate) attempts: i32,
    pub(crate) attempts_before: i32,
    pub(crate) next_attempt_at: Option<Timestamp>,
    pub(crate) taken_until: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) version: Version,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// One attempt as the log has it.
#[derive(Debug, Clone, Queryable)]
#[diesel(check_for_backend(Pg))]
pub(crate) struct Attempt {
    pub(crate) delivery_id: WebhookDeliveryId,
    pub(crate) number: i32,
    pub(crate) started_at: Timestamp,
    pub(crate) duration_milliseconds: i32,
    pub(crate) http_status: Option<i16>,
    pub(crate) error: Option<AttemptError>,
    pub(crate) response: Option<String>,
}

/// Deliveries of one endpoint that were taken up together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) endpoint: WebhookEndpointId,
    pub(crate) url: String,
    /// What they are signed with; the newest first.
    pub(crate) secrets: Vec<SigningSecret>,
    pub(crate) deliveries: Vec<TakenDelivery>,
}

/// A delivery that was taken up.
#[derive(Debug)]
pub(crate) struct TakenDelivery {
    pub(crate) id: WebhookDeliveryId,
    pub(crate) event_id: EventId,
    pub(crate) is_ping: bool,
    /// Attempts before this one.
    pub(crate) attempts: i32,
    /// Of these, how many count no more because somebody asked for it to be sent again.
    pub(crate) attempts_before: i32,
    pub(crate) body: Bytes,
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) http_status: Option<u16>,
    /// Why it failed; `None` when it did not.
    pub(crate) error: Option<AttemptError>,
    /// How long the other side asks to be left alone.
    pub(crate) retry_after: Option<TimeDelta>,
    /// The beginning of what was answered.
    pub(crate) response: Option<String>,
    pub(crate) duration: Duration,
}

impl Outcome {
    /// Nothing was answered.
    pub(crate) const fn failed(error: AttemptError) -> Self {
        Self {
            http_status: None,
            error: Some(error),
            retry_after: None,
            response: None,
            duration: Duration::ZERO,
        }
    }

    /// Whether the other side says that the address is no more (410).
    pub(crate) fn is_gone(&self) -> bool {
        self.http_status == Some(410)
    }
}
