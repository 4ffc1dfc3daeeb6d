//! What every test here stands on: a database, a clock that stands still, and a look at the outbox.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use db::{CommitListener, Db, DbError, Job};
use jobs::{Event, HandlerError, Handlers, Wake, Worker, WorkerConfig};
use kernel::{ClinicId, EventId, ManualClock, System, Tag};
use serde_json::{Value, json};
use test_support::{Role, TestDatabase, world};
use tokio::sync::Notify;

/// A database with the world in it, and the clock that everybody on the stage goes by.
pub(crate) struct Stage {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) db: Db,
    pub(crate) wake: Wake,
    pub(crate) database: TestDatabase,
}

/// How an event stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) attempts: i32,
    pub(crate) held: bool,
    pub(crate) handled: bool,
    pub(crate) failed: bool,
    pub(crate) last_error: Option<String>,
}

impl Stage {
    /// `None` when there are no test services.
    pub(crate) async fn set() -> Option<Self> {
        let database = TestDatabase::create().await?;
        let clock = Arc::new(ManualClock::at(world::now()));
        let wake = Wake::new();
        let listener: Arc<dyn CommitListener> = Arc::new(wake.clone());
        let db = database.db_heard_by(clock.clone(), 8, vec![listener]);
        Some(Self {
            clock,
            db,
            wake,
            database,
        })
    }

    pub(crate) fn worker(&self, handlers: Handlers) -> Worker {
        self.worker_with(WorkerConfig::default(), handlers)
    }

    pub(crate) fn worker_with(&self, config: WorkerConfig, handlers: Handlers) -> Worker {
        Worker::new(
            config,
            self.database.config(Role::Worker),
            self.db.clone(),
            handlers,
            self.wake.clone(),
        )
    }

    /// Writes an event of the clinic Aurora.
    pub(crate) async fn emit(&self, kind: &'static str) {
        self.emit_in(world::clinic("aurora"), kind, json!({})).await;
    }

    pub(crate) async fn emit_in(&self, clinic: ClinicId, kind: &'static str, payload: Value) {
        self.emit_after(clinic, kind, payload, TimeDelta::zero()).await;
    }

    /// Writes an event that is due after `delay`.
    pub(crate) async fn emit_after(&self, clinic: ClinicId, kind: &'static str, payload: Value, delay: TimeDelta) {
        self.db
            .write(&System::acting_for(clinic, "test"), async |tx| {
                tx.enqueue(Job::new(kind, &payload).due(tx.now().saturating_add(delay)));
                tx.touch(Tag::collection("contacts"));
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
    }

    /// Moves the clock to where every lease has run out and every pause is over.
    pub(crate) fn a_long_time_passes(&self) {
        self.clock.advance(TimeDelta::hours(2));
    }

    /// How the events of `kind` stand, as nobody but a role that passes row-level security can see them all.
    pub(crate) async fn standings(&self, kind: &str) -> Vec<Standing> {
        let maintenance = self.database.connect(Role::Maintenance).await;
        let rows = maintenance
            .query(
                "SELECT attempts, locked_until IS NOT NULL, handled_at IS NOT NULL, failed_at IS NOT NULL, last_error
                 FROM outbox WHERE kind = $1 ORDER BY id",
                &[&kind],
            )
            .await
            .unwrap();
        rows.iter()
            .map(|row| Standing {
                attempts: row.get(0),
                held: row.get(1),
                handled: row.get(2),
                failed: row.get(3),
                last_error: row.get(4),
            })
            .collect()
    }

    /// How the only event of `kind` stands.
    pub(crate) async fn standing(&self, kind: &str) -> Standing {
        let mut standings = self.standings(kind).await;
        assert_eq!(standings.len(), 1, "{standings:?}");
        standings.pop().unwrap()
    }
}

/// Notes what was handled.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<EventId>>>);

impl Notes {
    /// Handlers that note the events of `kind` and succeed.
    pub(crate) fn handlers(&self, kind: &'static str) -> Handlers {
        let notes = self.clone();
        Handlers::new().on(kind, async move |_db: &Db, _system: System, event: Event| {
            notes.note(&event);
            // Others get a turn, as they would where a handler waits for the database.
            tokio::task::yield_now().await;
            Ok(())
        })
    }

    pub(crate) fn note(&self, event: &Event) {
        self.0.lock().unwrap().push(event.id());
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The noted events, each once.
    pub(crate) fn distinct(&self) -> usize {
        let mut ids = self.0.lock().unwrap().clone();
        ids.sort();
        ids.dedup();
        ids.len()
    }
}

/// A place where a handler stands until it is let go.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    reached: Arc<Notify>,
    opened: Arc<Notify>,
}

impl Gate {
    /// Handlers that stand at the gate with events of `kind`, and then succeed.
    pub(crate) fn handlers(&self, kind: &'static str) -> Handlers {
        let gate = self.clone();
        Handlers::new().on(kind, async move |_db: &Db, _system: System, _event: Event| {
            gate.reached.notify_one();
            gate.opened.notified().await;
            Ok(())
        })
    }

    /// Waits until a handler stands here.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        self.opened.notify_one();
    }
}

/// Handlers of `kind` that fail with what `error` makes.
pub(crate) fn failing(kind: &'static str, error: impl Fn() -> HandlerError + Send + 'static) -> Handlers {
    Handlers::new().on(kind, async move |_db: &Db, _system: System, _event: Event| Err(error()))
}

/// Lets a worker claim what is due and dies in the middle of it.
pub(crate) async fn is_killed_at(worker: &Worker, gate: &Gate) {
    tokio::select! {
        round = worker.run_once() => panic!("no handler reached the gate: {round:?}"),
        () = gate.reached() => {}
    }
}

/// `work`, or a failure when it takes so long that it will never end.
pub(crate) async fn ends<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.unwrap()
}
