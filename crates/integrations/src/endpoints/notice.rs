//! What those who are to see to it are told of an endpoint that was disabled without anybody's doing.

use db::{DbError, TenantRead};
use fetch::host_of;
use kernel::{Timestamp, WebhookEndpointId};

use super::model::{DisabledReason, EndpointStatus};
use super::store;

/// An endpoint that was disabled without anybody's doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisabledEndpoint {
    /// The host of its address, without what may be secret of it.
    pub host: String,
    /// What it is for.
    pub description: Option<String>,
    /// Why it was disabled; not by a person.
    pub reason: DisabledReason,
    /// When.
    pub disabled_at: Timestamp,
}

/// The endpoint, if it was disabled without anybody's doing and still is.
///
/// # Errors
/// The database's failure.
pub async fn automatically_disabled(
    tx: &TenantRead<'_>,
    id: WebhookEndpointId,
) -> Result<Option<DisabledEndpoint>, DbError> {
    let found = store::find(tx, id).await?;
    let disabled = found.filter(|endpoint| endpoint.status == EndpointStatus::Disabled);
    Ok(disabled.and_then(|endpoint| {
        let reason = endpoint
            .disabled_reason
            .filter(|reason| *reason != DisabledReason::Person)?;
        Some(DisabledEndpoint {
            host: host_of(&endpoint.url).unwrap_or_default(),
            description: endpoint.description,
            reason,
            disabled_at: endpoint.disabled_at?,
        })
    }))
}
