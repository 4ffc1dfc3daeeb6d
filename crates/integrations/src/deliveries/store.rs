//! The SQL of deliveries on their way.

use db::schema::{webhook_attempts, webhook_deliveries};
use db::{DbError, QueryResultExt as _, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Timestamp, WebhookDeliveryId, WebhookEndpointId};

use super::model::{Delivery, DeliveryStatus, Outcome, TakenDelivery, Told};

/// Notes that each of `endpoints` is to be told, and gives those that were not told before.
pub(super) async fn insert(
    tx: &TenantRead<'_>,
    told: &Told,
    endpoints: &[WebhookEndpointId],
) -> Result<Vec<Delivery>, DbError> {
    let rows: Vec<_> = endpoints
        .iter()
        .map(|endpoint| {
            (
                webhook_deliveries::clinic_id.eq(tx.clinic()),
                webhook_deliveries::id.eq(WebhookDeliveryId::new_at(tx.now())),
                webhook_deliveries::endpoint_id.eq(endpoint),
                webhook_deliveries::event_id.eq(told.id),
                webhook_deliveries::event_kind.eq(&told.kind),
                webhook_deliveries::occurred_at.eq(told.occurred_at),
                webhook_deliveries::payload.eq(&told.payload),
                webhook_deliveries::next_attempt_at.eq(tx.now()),
                webhook_deliveries::created_at.eq(tx.now()),
            )
        })
        .collect();
    diesel::insert_into(webhook_deliveries::table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(Delivery::as_returning())
        .get_results(&mut tx.conn())
        .await
        .or_database()
}

/// When the clinic's latest delivery was made. Asked for so, and not whether there is one since some time: for that the planner
/// goes through the table, in which it believes to meet one soon.
pub(super) async fn latest(tx: &TenantRead<'_>) -> Result<Option<Timestamp>, DbError> {
    webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .order(webhook_deliveries::created_at.desc())
        .select(webhook_deliveries::created_at)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Takes up to `most` due deliveries of the endpoint until `until`; the longest due first. What another is taking at this
/// moment is passed over.
pub(super) async fn take_due(
    tx: &TenantRead<'_>,
    endpoint: WebhookEndpointId,
    until: Timestamp,
    most: i64,
) -> Result<Vec<Delivery>, DbError> {
    let due = webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .filter(webhook_deliveries::status.eq(DeliveryStatus::Pending))
        .filter(webhook_deliveries::next_attempt_at.le(tx.now()))
        .filter(
            webhook_deliveries::taken_until
                .is_null()
                .or(webhook_deliveries::taken_until.le(tx.now())),
        )
        .order(webhook_deliveries::next_attempt_at)
        .limit(most)
        .for_update()
        .skip_locked()
        .select(Delivery::as_select())
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    if !due.is_empty() {
        let ids: Vec<_> = due.iter().map(|delivery| delivery.id).collect();
        let taken = webhook_deliveries::table
            .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
            .filter(webhook_deliveries::id.eq_any(ids));
        diesel::update(taken)
            .set(webhook_deliveries::taken_until.eq(until))
            .execute(&mut tx.conn())
            .await
            .or_database::<DbError>()?;
    }
    Ok(due)
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    Succeeded,
    Failed,
    Again(Timestamp),
}

/// Writes what becomes of a delivery; says whether it was still as it had been taken up.
pub(super) async fn settle(tx: &TenantRead<'_>, taken: &TakenDelivery, next: Next) -> Result<bool, DbError> {
    let (status, next_attempt_at) = match next {
        Next::Succeeded => (DeliveryStatus::Succeeded, None),
        Next::Failed => (DeliveryStatus::Failed, None),
        Next::Again(at) => (DeliveryStatus::Pending, Some(at)),
    };
    let finished_at = (status != DeliveryStatus::Pending).then(|| tx.now());
    let held = webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .filter(webhook_deliveries::id.eq(taken.id))
        .filter(webhook_deliveries::attempts.eq(taken.attempts))
        .filter(webhook_deliveries::status.eq(DeliveryStatus::Pending));
    let rows = diesel::update(held)
        .set((
            webhook_deliveries::status.eq(status),
            webhook_deliveries::attempts.eq(webhook_deliveries::attempts + 1),
            webhook_deliveries::next_attempt_at.eq(next_attempt_at),
            webhook_deliveries::taken_until.eq(None::<Timestamp>),
            webhook_deliveries::finished_at.eq(finished_at),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(rows > 0)
}

/// Adds an attempt to the log.
pub(super) async fn insert_attempt(
    tx: &TenantRead<'_>,
    taken: &TakenDelivery,
    started_at: Timestamp,
    outcome: &Outcome,
) -> Result<(), DbError> {
    let duration = i32::try_from(outcome.duration.as_millis()).unwrap_or(i32::MAX);
    let http_status = outcome.http_status.and_then(|status| i16::try_from(status).ok());
    diesel::insert_into(webhook_attempts::table)
        .values((
            webhook_attempts::clinic_id.eq(tx.clinic()),
            webhook_attempts::delivery_id.eq(taken.id),
            webhook_attempts::attempt.eq(taken.attempts.saturating_add(1)),
            webhook_attempts::started_at.eq(started_at),
            webhook_attempts::duration_milliseconds.eq(duration),
            webhook_attempts::http_status.eq(http_status),
            webhook_attempts::error.eq(outcome.error),
            webhook_attempts::response.eq(outcome.response.as_deref()),
        ))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}

/// The delivery, kept from other writers until the transaction ends.
pub(super) async fn lock(
    tx: &TenantRead<'_>,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<Option<Delivery>, DbError> {
    webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .filter(webhook_deliveries::id.eq(id))
        .select(Delivery::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Makes a delivery due now; its pauses begin anew.
pub(super) async fn restart(tx: &TenantRead<'_>, delivery: &Delivery) -> Result<Delivery, DbError> {
    let row = webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .filter(webhook_deliveries::id.eq(delivery.id));
    diesel::update(row)
        .set((
            webhook_deliveries::status.eq(DeliveryStatus::Pending),
            webhook_deliveries::attempts_before.eq(delivery.attempts),
            webhook_deliveries::next_attempt_at.eq(tx.now()),
            webhook_deliveries::finished_at.eq(None::<Timestamp>),
        ))
        .returning(Delivery::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Removes up to `most` deliveries made before `before`, with their attempts, and says how many went.
pub(super) async fn remove_old(tx: &TenantRead<'_>, before: Timestamp, most: i64) -> Result<usize, DbError> {
    let old: Vec<WebhookDeliveryId> = webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .filter(webhook_deliveries::created_at.lt(before))
        .select(webhook_deliveries::id)
        .limit(most)
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    let rows = webhook_deliveries::table
        .filter(webhook_deliveries::clinic_id.eq(tx.clinic()))
        .filter(webhook_deliveries::id.eq_any(old));
    diesel::delete(rows).execute(&mut tx.conn()).await.or_database()
}
