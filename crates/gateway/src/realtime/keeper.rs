//! Reads again and again, for each clinic in which somebody listens, who may still listen and what may not have been told.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use auth::still_good;
use db::{Db, DbError, PoolConfig};
use futures_util::StreamExt;
use futures_util::stream;
use kernel::{ClinicId, System};
use tokio::sync::{Notify, oneshot};

use super::{Live, replay};
use crate::shared::Shared;

/// The part of the system that reads.
pub(super) const COMPONENT: &str = "realtime";

/// How often a clinic is looked after when nothing calls for it; with the time that it takes, within a second.
const EVERY: Duration = Duration::from_millis(800);

/// So many clinics are looked after at a time.
const AT_ONCE: usize = 4;

const POOL: PoolConfig = PoolConfig {
    max_connections: 4,
    wait: Duration::from_secs(2),
};

/// What the keeper is called for before its time.
#[derive(Default)]
pub(super) struct Calls {
    waiting: Mutex<Waiting>,
    called: Notify,
}

#[derive(Default)]
struct Waiting {
    clinics: HashSet<ClinicId>,
    all: bool,
}

impl Calls {
    /// Something has changed in `clinic`.
    pub(super) fn call(&self, clinic: ClinicId) {
        self.add(|waiting| {
            waiting.clinics.insert(clinic);
        });
    }

    /// Anything may have changed anywhere.
    pub(super) fn call_all(&self) {
        self.add(|waiting| waiting.all = true);
    }

    fn add(&self, note: impl FnOnce(&mut Waiting)) {
        note(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.called.notify_one();
    }

    fn take(&self) -> Waiting {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A keeper at work. It also stops when this is dropped, but then nobody waits for it.
#[derive(Debug)]
pub(crate) struct KeeperHandle {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl KeeperHandle {
    /// Waits until it is gone.
    pub(crate) async fn stop(self) {
        // Either fails only when the thread has ended already.
        let _ended_before = self.stop.send(());
        let _ended = self.ended.await;
    }
}

/// Starts the keeper on a thread of its own: it must be in time however busy the workers are.
///
/// # Errors
/// The system's, when there can be no thread.
pub(crate) fn start(shared: &Shared) -> Result<KeeperHandle, std::io::Error> {
    let (stop, stopped) = oneshot::channel();
    let (ending, ended) = oneshot::channel();
    let shared = shared.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("realtime".to_owned()).spawn(move || {
        runtime.block_on(async {
            let db = shared.database(shared.config().database.clone(), POOL);
            Box::pin(keep(shared.live(), &db, stopped)).await;
        });
        drop(runtime);
        drop(ending);
    })?;
    Ok(KeeperHandle { stop, ended })
}

async fn keep(live: &Live, db: &Db, mut stopped: oneshot::Receiver<()>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let clinics = tokio::select! {
            _ = &mut stopped => return,
            _ = ticks.tick() => live.0.hub.clinics(),
            () = live.0.keeper.called.notified() => {
                let Waiting { clinics, all } = live.0.keeper.take();
                if all { live.0.hub.clinics() } else { clinics.into_iter().collect() }
            }
        };
        stream::iter(clinics)
            .for_each_concurrent(AT_ONCE, |clinic| look_after(live, db, clinic))
            .await;
    }
}

async fn look_after(live: &Live, db: &Db, clinic: ClinicId) {
    let hub = &live.0.hub;
    if let Err(error) = Box::pin(try_to_look_after(live, db, clinic)).await {
        tracing::warn!(%error, %clinic, "live connections wait until their rights can be read");
        hub.doubt_all(clinic);
    }
}

async fn try_to_look_after(live: &Live, db: &Db, clinic: ClinicId) -> Result<(), DbError> {
    let hub = &live.0.hub;
    let system = System::acting_for(clinic, COMPONENT);
    catch_up(live, db, &system, clinic).await?;
    let (asked, doubts) = hub.sign_ins(clinic);
    if asked.is_empty() {
        return Ok(());
    }
    let sign_ins: Vec<_> = asked.iter().copied().collect();
    let good = db.read(&system, async |tx| still_good(tx, &sign_ins).await).await?;
    if hub.settle(clinic, &asked, doubts, &good) {
        live.0.keeper.call(clinic);
    }
    Ok(())
}

/// Tells what has not been told.
async fn catch_up(live: &Live, db: &Db, system: &System, clinic: ClinicId) -> Result<(), DbError> {
    let hub = &live.0.hub;
    let Some(horizon) = hub.horizon(clinic) else {
        return Ok(());
    };
    // Read before the events: whatever is of an older transaction is there to be read by now.
    let settled = db.read(system, async |tx| replay::oldest_open(tx).await).await?;
    let mut after = None;
    loop {
        let (events, next) = db
            .read(system, async |tx| replay::page(tx, horizon, after).await)
            .await?;
        for event in &events {
            live.tell(clinic, event);
        }
        match next {
            Some(position) => after = Some(position),
            None => break,
        }
    }
    hub.advance(clinic, settled);
    Ok(())
}
