//! What follows an event for those outside: each endpoint that wants to hear of it is told.

use std::io;
use std::sync::Arc;

use chrono::TimeDelta;
use db::{Db, Job, PoolConfig};
use fetch::Fetcher;
use integrations::Courier;
use integrations::courier::NotTakenUp;
use integrations::deliveries::{self, CLEAN_UP, DELIVER, Doorbell};
use jobs::{Event, HandlerError, Handlers};
use kernel::{PublicEvent, System};
use serde_json::Value;

use crate::events;
use crate::shared::Shared;

/// The courier's pool: what it reads and writes is little, however many targets it waits for.
const POOL: PoolConfig = PoolConfig {
    max_connections: 4,
    wait: std::time::Duration::from_secs(10),
};

/// How long a ring waits when the courier is busy, before it is tried again.
const BUSY_PAUSE: TimeDelta = TimeDelta::seconds(15);

/// Starts what carries deliveries; it ends when the handlers are dropped.
pub(super) fn start_courier(shared: &Shared, fetcher: Fetcher) -> io::Result<Courier> {
    let for_thread = shared.clone();
    let (settings, keys) = (&shared.config().webhooks, shared.clinic_keys().clone());
    Courier::start(settings, fetcher, keys, move || {
        for_thread.database(for_thread.config().database.clone(), POOL)
    })
}

/// Adds what follows each event of the catalogue, and the work that it makes.
pub(super) fn handlers(handlers: Handlers, courier: Courier) -> Handlers {
    let courier = Arc::new(courier);
    events::catalogue()
        .fold(handlers, |handlers, public| {
            handlers.on(public.kind, async move |db: &Db, system, event| {
                tell_endpoints(db, system, event, public).await
            })
        })
        .on(DELIVER, async move |db: &Db, system, event| {
            deliver(db, system, event, &courier).await
        })
        .on(CLEAN_UP, clean_up)
}

/// Notes whom an event is to be told to. A clinic without endpoints for it costs one statement.
async fn tell_endpoints(db: &Db, system: System, event: Event, public: PublicEvent) -> Result<(), HandlerError> {
    let PublicEvent { kind, permission, .. } = public;
    let listeners = db
        .read(&system, async |tx| deliveries::listeners(tx, kind, permission).await)
        .await?;
    if listeners.is_empty() {
        return Ok(());
    }
    let payload: Value = event.payload()?;
    let (id, happened) = (event.id(), event.created_at());
    db.write(&system, async |tx| {
        deliveries::fan_out(tx, id, kind, happened, payload.clone(), &listeners).await
    })
    .await?;
    Ok(())
}

/// Rings for an endpoint. Nothing is sent here: targets that hang hold up no other work.
async fn deliver(db: &Db, system: System, event: Event, courier: &Courier) -> Result<(), HandlerError> {
    let doorbell: Doorbell = event.payload()?;
    match courier.ring(event.clinic(), doorbell.endpoint_id).await {
        Ok(()) => Ok(()),
        Err(NotTakenUp::Busy) => {
            db.write(&system, async |tx| {
                let due = tx.now().saturating_add(BUSY_PAUSE);
                tx.enqueue(Job::new(DELIVER, &doorbell).due(due));
                Ok::<_, HandlerError>(())
            })
            .await
        }
        Err(error @ (NotTakenUp::Failed | NotTakenUp::Stopped)) => Err(HandlerError::Retry(error.to_string())),
    }
}

/// Removes what is old from the log of a clinic.
async fn clean_up(db: &Db, system: System, _event: Event) -> Result<(), HandlerError> {
    db.write(&system, async |tx| deliveries::clean_up(tx).await).await?;
    Ok(())
}
