//! What follows an event of the outbox, handled at least once after its commit, and what comes by itself.

use std::sync::Arc;
use std::time::Duration;

use ::conversations::inboxes;
use appointments::holds;
use chrono::NaiveTime;
use db::{Db, PoolConfig};
use fetch::Fetcher;
use integrations::Courier;
use jobs::{Event, HandlerError, Handlers, JobsHandle, Schedules, Setup, WorkerConfig};
use kernel::{HoldId, Lane, System};
use serde::Deserialize;

use super::{
    account_mail, calendars, conversations, files, outreach, reminders, stale, waitlist, webhook_mail, webhooks,
};
use crate::shared::Shared;
use crate::{channels, imports};

/// How long a handler waits for a connection of its lane.
const WAIT: Duration = Duration::from_secs(10);

/// When what nobody waits for is done, by the clinic's clock.
const NIGHT: NaiveTime = NaiveTime::MIN;

/// What the event of a hold tells.
#[derive(Debug, Deserialize)]
struct HoldEvent {
    hold_id: HoldId,
}

/// Starts the worker of the queue on threads of its own. Each lane has a pool with a connection for each of its places.
///
/// # Errors
/// The system's, when there can be no thread.
pub(crate) fn start(shared: &Shared) -> Result<JobsHandle, std::io::Error> {
    let config = WorkerConfig::default();
    let fetcher = Fetcher::new(&shared.config().outward).map_err(std::io::Error::other)?;
    let courier = webhooks::start_courier(shared, fetcher.clone())?;
    let setup = Setup {
        config,
        database: shared.config().worker_database.clone(),
        clock: Arc::clone(shared.clock()),
        handlers: handlers(shared, fetcher, courier),
        schedules: schedules(),
        wake: shared.wake().clone(),
    };
    let shared = shared.clone();
    jobs::spawn(setup, move |lane| {
        let pool = PoolConfig {
            max_connections: u32::from(config.places.of(lane)),
            wait: WAIT,
        };
        shared.database(shared.config().database.clone(), pool)
    })
}

/// What comes by itself, for every active clinic.
fn schedules() -> Schedules {
    Schedules::new()
        .daily(files::SWEEP, NIGHT, Lane::Bulk)
        .every(inboxes::WATCH, Duration::from_secs(3_600), Lane::Routine)
        .and_at_start()
}

/// Which event is followed by what.
fn handlers(shared: &Shared, fetcher: Fetcher, courier: Courier) -> Handlers {
    // Integrators are told first, so that whatever else follows an event, and fails or is given up, keeps nothing from them.
    let handlers = webhooks::handlers(Handlers::new(), courier);
    let handlers = handlers.on(holds::service::EXPIRED, remove_lapsed_hold);
    let handlers = waitlist::handlers(handlers);
    let handlers = reminders::handlers(handlers);
    let handlers = outreach::handlers(handlers);
    let handlers = calendars::handlers(handlers, shared.clinic_keys().clone(), fetcher.clone());
    let handlers = conversations::handlers(handlers, shared.channels().clone(), shared.clinic_keys().clone());
    let handlers = channels::handlers(handlers, shared, fetcher);
    let handlers = imports::handlers(handlers, shared.files());
    let handlers = files::handlers(handlers, shared.files());
    let handlers = stale::handlers(handlers);
    let handlers = account_mail::handlers(handlers, shared);
    webhook_mail::handlers(handlers, shared)
}

/// A hold whose time is over takes nobody's time any more; its row goes too.
async fn remove_lapsed_hold(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let HoldEvent { hold_id } = event.payload()?;
    db.write(&system, async |tx| holds::service::expire(tx, hold_id).await)
        .await?;
    Ok(())
}
