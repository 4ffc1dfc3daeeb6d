//! The SQL of the log.

use std::collections::HashMap;

use db::schema::functions::oldest_open_transaction;
use db::schema::{webhook_attempts, webhook_deliveries};
use db::{DbError, QueryResultExt as _, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Timestamp, WebhookDeliveryId, WebhookEndpointId};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::model::{Attempt, Delivery, DeliveryStatus};

/// Where a delivery stands in the log.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct LogPosition {
    pub(super) id: WebhookDeliveryId,
}

/// A delivery with its attempts, the first first.
pub(super) type Logged = (Delivery, Vec<Attempt>);

/// A page of the log of an endpoint, the newest first.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    endpoint: WebhookEndpointId,
    status: Option<DeliveryStatus>,
    updated_since: Option<Timestamp>,
    paging: &Paging<LogPosition>,
) -> Result<Vec<Logged>, DbError> {
    let mut query = webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .order(webhook_deliveries::id.desc())
        .limit(paging.fetch())
        .select(Delivery::as_select())
        .into_boxed::<diesel::pg::Pg>();
    if let Some(status) = status {
        query = query.filter(webhook_deliveries::status.eq(status));
    }
    if let Some(since) = updated_since {
        query = query
            .filter(webhook_deliveries::updated_at.ge(since))
            .filter(webhook_deliveries::changed_in.lt(oldest_open_transaction()));
    }
    if let Some(after) = paging.after() {
        query = query.filter(webhook_deliveries::id.lt(after.id));
    }
    let rows = query.load(&mut tx.conn()).await.or_database::<DbError>()?;
    with_attempts(tx, rows).await
}

/// One delivery of an endpoint.
pub(super) async fn find(
    tx: &TenantRead<'_>,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<Option<Logged>, DbError> {
    let row = webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .filter(webhook_deliveries::id.eq(id))
        .select(Delivery::as_select())
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(with_attempts(tx, row).await?.pop())
}

/// The `deliveries` with their attempts, by one statement more.
pub(super) async fn with_attempts(tx: &TenantRead<'_>, deliveries: Vec<Delivery>) -> Result<Vec<Logged>, DbError> {
    let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
    let attempts: Vec<Attempt> = webhook_attempts::table
        .filter(webhook_attempts::clinic_id.eq(tx.clinic()))
        .filter(webhook_attempts::delivery_id.eq_any(ids))
        .order((webhook_attempts::delivery_id, webhook_attempts::attempt))
        .select((
            webhook_attempts::delivery_id,
            webhook_attempts::attempt,
            webhook_attempts::started_at,
            webhook_attempts::duration_milliseconds,
            webhook_attempts::http_status,
            webhook_attempts::error,
            webhook_attempts::response,
        ))
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    let mut of: HashMap<WebhookDeliveryId, Vec<Attempt>> = HashMap::new();
    for attempt in attempts {
        of.entry(attempt.delivery_id).or_default().push(attempt);
    }
    Ok(deliveries
        .into_iter()
        .map(|delivery| {
            let attempts = of.remove(&delivery.id).unwrap_or_default();
            (delivery, attempts)
        })
        .collect())
}
