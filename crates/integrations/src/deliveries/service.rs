//! The rules of deliveries: who is told of an event, what is taken up, and what follows from an attempt.

use auth::ClinicKeys;
use chrono::TimeDelta;
use db::{AuditRecord, DbError, Job, TenantRead, TenantTx};
use kernel::{EventId, Permission, Timestamp, WebhookDeliveryId, WebhookEndpointId};
use serde_json::json;

use super::error::DeliveryError;
use super::model::{Batch, CleanUp, Delivery, DeliveryStatus, Doorbell, Outcome, TakenDelivery, Told};
use super::schedule::pause_after;
use super::store::{self, Next};
use crate::endpoints::{self, EndpointError, EndpointStatus};
use crate::feed::EventView;

/// The kind of the job that has what is due for an endpoint delivered: a [`Doorbell`].
pub const DELIVER: &str = "webhook.deliver";

/// The kind of the job that removes what is old from the log: a [`CleanUp`].
pub const CLEAN_UP: &str = "webhook.clean_up";

/// What an endpoint is told when somebody tries it out. No event of the outbox, and not in the catalogue.
const PING: &str = "ping";

/// How long the log is kept, as long as the events themselves.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);

/// The most deliveries that are removed by one job.
const REMOVED_AT_ONCE: i64 = 1000;

/// How many deliveries are taken up at a time. Four at a time, each for 15 seconds and what little the log takes, they are done
/// long before [`TAKEN_FOR`] is over.
const TAKEN_AT_ONCE: i64 = 16;

/// How long those who took deliveries up have for them; then they are taken up anew.
const TAKEN_FOR: TimeDelta = TimeDelta::minutes(3);

/// The endpoints that are to hear of an event of `kind`, which whoever has `permission` may hear.
///
/// # Errors
/// The database's failure.
pub async fn listeners(
    tx: &TenantRead<'_>,
    kind: &str,
    permission: Permission,
) -> Result<Vec<WebhookEndpointId>, DbError> {
    endpoints::hearing(tx, kind, permission).await
}

/// Has each of `endpoints` told of an event. However often this is done, each is told once.
///
/// # Errors
/// The database's failure.
pub async fn fan_out(
    tx: &mut TenantTx<'_>,
    id: EventId,
    kind: &str,
    occurred_at: Timestamp,
    payload: serde_json::Value,
    endpoints: &[WebhookEndpointId],
) -> Result<(), DbError> {
    let told = Told {
        id,
        kind: kind.to_owned(),
        occurred_at,
        payload,
    };
    announce(tx, &told, endpoints).await?;
    Ok(())
}

/// Notes the deliveries that were not noted before, and rings for each.
async fn announce(
    tx: &mut TenantTx<'_>,
    told: &Told,
    endpoints: &[WebhookEndpointId],
) -> Result<Vec<Delivery>, DbError> {
    let today = start_of_day(tx.now());
    let is_first_today = store::latest(tx).await?.is_none_or(|made| made < today);
    let made = store::insert(tx, told, endpoints).await?;
    for delivery in &made {
        ring(tx, delivery.endpoint_id, tx.now());
    }
    if is_first_today && !made.is_empty() {
        // Each day that has deliveries has one job that removes them when they are old.
        let due = today.saturating_add(KEPT_FOR + TimeDelta::days(1) + TimeDelta::minutes(1));
        tx.enqueue(Job::new(CLEAN_UP, &CleanUp {}).lane(kernel::Lane::Bulk).due(due));
    }
    Ok(made)
}

/// The beginning of the day of `now` in UTC.
fn start_of_day(now: Timestamp) -> Timestamp {
    let moment = now.as_datetime();
    let since_midnight = TimeDelta::milliseconds(moment.timestamp_millis().rem_euclid(86_400_000));
    now.saturating_add(-since_midnight)
}

/// Has what will be due for the endpoint at `due` delivered then.
pub(crate) fn ring(tx: &mut TenantTx<'_>, endpoint: WebhookEndpointId, due: Timestamp) {
    tx.enqueue(Job::new(DELIVER, &Doorbell { endpoint_id: endpoint }).due(due));
}

/// Takes up what is due for an endpoint, and sees to it that somebody looks again should it not be seen through. `None` when
/// nothing is due, or the endpoint is not enabled: then deliveries wait until it is.
pub(crate) async fn take_due(
    tx: &mut TenantTx<'_>,
    endpoint: WebhookEndpointId,
    keys: &ClinicKeys,
) -> Result<Option<Batch>, DeliveryError> {
    let Some(row) = endpoints::enabled(tx, endpoint).await? else {
        return Ok(None);
    };
    let until = tx.now().saturating_add(TAKEN_FOR);
    let due = store::take_due(tx, endpoint, until, TAKEN_AT_ONCE).await?;
    if due.is_empty() {
        return Ok(None);
    }
    ring(tx, endpoint, until);
    let secrets = endpoints::signing_secrets(tx, keys, &row).await?;
    let deliveries = due
        .into_iter()
        .map(|delivery| taken(tx, delivery))
        .collect::<Result<_, DbError>>()?;
    Ok(Some(Batch {
        endpoint,
        url: row.url,
        secrets,
        deliveries,
    }))
}

fn taken(tx: &TenantRead<'_>, delivery: Delivery) -> Result<TakenDelivery, DbError> {
    let Delivery {
        id,
        event_id,
        event_kind,
        occurred_at,
        payload,
        attempts,
        attempts_before,
        ..
    } = delivery;
    let is_ping = event_kind == PING;
    let body = EventView::new(tx.clinic(), event_id, event_kind, occurred_at, payload)
        .to_bytes()
        .map_err(|error| DbError::from(diesel::result::Error::SerializationError(Box::new(error))))?;
    Ok(TakenDelivery {
        id,
        event_id,
        is_ping,
        attempts,
        attempts_before,
        body,
    })
}

/// Writes down what an attempt came to: the log, when it is tried again, and how the endpoint stands.
pub(crate) async fn record(
    tx: &mut TenantTx<'_>,
    endpoint: WebhookEndpointId,
    delivery: &TakenDelivery,
    started_at: Timestamp,
    outcome: &Outcome,
) -> Result<(), DeliveryError> {
    let next = next_of(tx.now(), delivery, outcome);
    if !store::settle(tx, delivery, next).await? {
        // Its time was over and another attempt has been written down meanwhile.
        return Ok(());
    }
    store::insert_attempt(tx, delivery, started_at, outcome).await?;
    if let Next::Again(at) = next {
        ring(tx, endpoint, at);
    }
    match outcome.error {
        None => endpoints::note_success(tx, endpoint).await?,
        Some(_) if outcome.is_gone() => endpoints::note_gone(tx, endpoint).await?,
        Some(_) if delivery.is_ping => {}
        Some(_) => endpoints::note_failure(tx, endpoint).await?,
    }
    Ok(())
}

fn next_of(now: Timestamp, delivery: &TakenDelivery, outcome: &Outcome) -> Next {
    if outcome.error.is_none() {
        return Next::Succeeded;
    }
    // Whoever tries an endpoint out looks at once what came of it, and tries again themselves.
    if outcome.is_gone() || delivery.is_ping {
        return Next::Failed;
    }
    let attempt = delivery
        .attempts
        .saturating_sub(delivery.attempts_before)
        .saturating_add(1);
    pause_after(attempt, delivery.id, outcome.retry_after)
        .map_or(Next::Failed, |pause| Next::Again(now.saturating_add(pause)))
}

/// Tells an endpoint nothing but that it was tried out, once.
pub(super) async fn test(tx: &mut TenantTx<'_>, endpoint: WebhookEndpointId) -> Result<Delivery, DeliveryError> {
    expect_enabled(tx, endpoint).await?;
    let told = Told {
        id: EventId::new_at(tx.now()),
        kind: PING.to_owned(),
        occurred_at: tx.now(),
        payload: json!({ "webhook_endpoint_id": endpoint }),
    };
    let made = announce(tx, &told, &[endpoint]).await?.into_iter().next();
    tx.audit(AuditRecord::new(
        "webhook_endpoints.test",
        "webhook_endpoint",
        endpoint.as_uuid(),
    ));
    made.ok_or(DeliveryError::NotFound)
}

/// Has a delivery sent again now, whatever became of it, and tried again as often as a new one. One that waits for its next
/// attempt waits no longer.
pub(super) async fn resend(
    tx: &mut TenantTx<'_>,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<Delivery, DeliveryError> {
    let delivery = store::lock(tx, endpoint, id).await?.ok_or(DeliveryError::NotFound)?;
    expect_enabled(tx, endpoint).await?;
    let is_under_way = delivery.status == DeliveryStatus::Pending && delivery.taken_until > Some(tx.now());
    tx.audit(AuditRecord::new(
        "webhook_deliveries.resend",
        "webhook_delivery",
        id.as_uuid(),
    ));
    if is_under_way {
        return Ok(delivery);
    }
    let delivery = store::restart(tx, &delivery).await?;
    ring(tx, endpoint, tx.now());
    Ok(delivery)
}

async fn expect_enabled(tx: &TenantRead<'_>, endpoint: WebhookEndpointId) -> Result<(), DeliveryError> {
    match endpoints::status_of(tx, endpoint).await? {
        None => Err(EndpointError::NotFound.into()),
        Some(EndpointStatus::Enabled) => Ok(()),
        Some(EndpointStatus::Disabled | EndpointStatus::Archived) => Err(DeliveryError::EndpointDisabled),
    }
}

/// Removes what is old from the log of a clinic, some at a time.
///
/// # Errors
/// The database's failure.
pub async fn clean_up(tx: &mut TenantTx<'_>) -> Result<(), DbError> {
    let before = tx.now().saturating_add(-KEPT_FOR);
    let removed = store::remove_old(tx, before, REMOVED_AT_ONCE).await?;
    if i64::try_from(removed).is_ok_and(|removed| removed >= REMOVED_AT_ONCE) {
        tx.enqueue(Job::new(CLEAN_UP, &CleanUp {}).lane(kernel::Lane::Bulk));
    }
    Ok(())
}
