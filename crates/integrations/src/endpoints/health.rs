//! How an endpoint fares, and when it is disabled without anybody's doing.

use chrono::TimeDelta;
use db::{AuditRecord, DbError, TenantTx};
use kernel::WebhookEndpointId;
use serde_json::json;

use super::model::{DisabledReason, EndpointChange, EndpointStatus};
use super::store;
use crate::events::{ENDPOINT_DISABLED, EndpointEvent};

/// How long nothing may come through before an endpoint is disabled: as long as a delivery is tried.
const PATIENCE: TimeDelta = TimeDelta::days(3);

/// Something came through.
pub(crate) async fn note_success(tx: &TenantTx<'_>, id: WebhookEndpointId) -> Result<(), DbError> {
    store::clear_failing(tx, id).await
}

/// An attempt failed: the endpoint is disabled when nothing has come through for days.
pub(crate) async fn note_failure(tx: &mut TenantTx<'_>, id: WebhookEndpointId) -> Result<(), DbError> {
    // Looked at without a lock first: most failures change nothing.
    let Some(endpoint) = store::enabled(tx, id).await? else {
        return Ok(());
    };
    let now = tx.now();
    match endpoint.failing_since {
        None => {
            let change = EndpointChange {
                failing_since: Some(Some(now)),
                ..EndpointChange::default()
            };
            store::update(tx, id, change).await?;
            Ok(())
        }
        Some(since) if now.since(since) >= PATIENCE => {
            let locked = store::lock(tx, id).await?;
            let still = locked
                .filter(|endpoint| endpoint.status == EndpointStatus::Enabled)
                .and_then(|endpoint| endpoint.failing_since);
            if still.is_some_and(|since| now.since(since) >= PATIENCE) {
                disable(tx, id, DisabledReason::Failing).await?;
            }
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

/// The endpoint answered that its address is no more.
pub(crate) async fn note_gone(tx: &mut TenantTx<'_>, id: WebhookEndpointId) -> Result<(), DbError> {
    let locked = store::lock(tx, id).await?;
    if locked.is_some_and(|endpoint| endpoint.status == EndpointStatus::Enabled) {
        disable(tx, id, DisabledReason::Gone).await?;
    }
    Ok(())
}

/// Disables a locked endpoint and tells of it.
pub(super) async fn disable(
    tx: &mut TenantTx<'_>,
    id: WebhookEndpointId,
    reason: DisabledReason,
) -> Result<(), DbError> {
    store::update(tx, id, EndpointChange::disabled(reason, tx.now())).await?;
    tell_disabled(tx, id, reason);
    Ok(())
}

/// Tells that an endpoint was disabled.
pub(super) fn tell_disabled(tx: &mut TenantTx<'_>, id: WebhookEndpointId, reason: DisabledReason) {
    tx.audit(
        AuditRecord::new("webhook_endpoints.disable", "webhook_endpoint", id.as_uuid())
            .with_detail(json!({ "reason": reason })),
    );
    let told = EndpointEvent {
        webhook_endpoint_id: id,
        reason,
    };
    tx.emit(ENDPOINT_DISABLED, &told);
}
