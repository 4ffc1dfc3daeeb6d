//! What every test here stands on: a database, a clock that stands still, and a look at the outbox.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use db::{CommitListener, Db, DbError, Job, PoolConfig, TenantTx};
use jobs::{Event, HandlerError, Handlers, JobsHandle, Schedules, Setup, Wake, Worker, WorkerConfig};
use kernel::{ClinicId, EventId, Lane, ManualClock, System, Tag, Timestamp};
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
        Worker::new(config, self.database.config(Role::Worker), self.db.clone(), handlers)
    }

    /// Writes an event of the clinic Aurora.
    pub(crate) async fn emit(&self, kind: &'static str) {
        self.emit_in(world::clinic("aurora"), kind, json!({})).await;
    }

    pub(crate) async fn emit_in(&self, clinic: ClinicId, kind: &'static str, payload: Value) {
        self.write_in(clinic, async |tx| tx.emit(kind, &payload)).await;
    }

    /// Queues a job of the clinic Aurora.
    pub(crate) async fn enqueue(&self, make: impl Fn(Timestamp) -> Job) {
        self.write_in(world::clinic("aurora"), async |tx| tx.enqueue(make(tx.now())))
            .await;
    }

    /// Queues `count` jobs of the clinic Aurora, in one transaction.
    pub(crate) async fn enqueue_many(&self, count: usize, kind: &'static str, lane: Lane) {
        self.write_in(world::clinic("aurora"), async |tx| {
            for _ in 0..count {
                tx.enqueue(Job::new(kind, &json!({})).lane(lane));
            }
        })
        .await;
    }

    pub(crate) async fn write_in(&self, clinic: ClinicId, work: impl AsyncFn(&mut TenantTx<'_>)) {
        self.db
            .write(&System::acting_for(clinic, "test"), async |tx| {
                work(tx).await;
                tx.touch(Tag::collection("contacts"));
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
    }

    /// Starts a worker by itself.
    pub(crate) fn start(&self, config: WorkerConfig, handlers: Handlers) -> JobsHandle {
        self.start_told_by(config, handlers, self.wake.clone())
    }

    /// As [`Self::start`]; told by another `wake` than the stage's.
    pub(crate) fn start_told_by(&self, config: WorkerConfig, handlers: Handlers, wake: Wake) -> JobsHandle {
        let (of_server, clock) = (self.database.config(Role::App), self.clock.clone());
        let setup = Setup {
            config,
            database: self.database.config(Role::Worker),
            clock: clock.clone(),
            handlers,
            schedules: Schedules::new(),
            wake,
        };
        jobs::spawn(setup, move |lane| {
            let pool = PoolConfig {
                max_connections: u32::from(config.places.of(lane)),
                wait: Duration::from_secs(20),
            };
            Db::new(of_server.clone(), pool, clock.clone(), Arc::new([]))
        })
        .unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        kernel::Clock::now(&*self.clock)
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

    /// When the only event of `kind` is next to be looked at.
    pub(crate) async fn available_at(&self, kind: &str) -> SystemTime {
        let maintenance = self.database.connect(Role::Maintenance).await;
        let row = maintenance
            .query_one("SELECT available_at FROM outbox WHERE kind = $1", &[&kind])
            .await
            .unwrap();
        row.get(0)
    }

    /// Waits until `workers` of them listen to one another.
    pub(crate) async fn listening(&self, workers: i64) {
        let client = self.database.connect(Role::Worker).await;
        let listening = async || -> i64 {
            client
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle'",
                    &[],
                )
                .await
                .unwrap()
                .get(0)
        };
        ends(async {
            while listening().await != workers {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Ends every session of `role`, which may end its own.
    pub(crate) async fn end_sessions(&self, role: Role) {
        self.database
            .connect(role)
            .await
            .execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
                &[],
            )
            .await
            .unwrap();
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

/// A worker that does nothing unless it is woken: the poll is a day away.
pub(crate) fn only_when_woken() -> WorkerConfig {
    WorkerConfig {
        poll: Duration::from_secs(86_400),
        ..WorkerConfig::default()
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
            gate.pass().await;
            Ok(())
        })
    }

    /// Stands here until it is let go.
    pub(crate) async fn pass(&self) {
        self.reach();
        self.opened.notified().await;
    }

    /// Waits until a handler stands here.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Says that a handler stands here.
    pub(crate) fn reach(&self) {
        self.reached.notify_one();
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        self.opened.notify_one();
    }
}

/// Handlers of `kind` that fail with what `error` makes.
pub(crate) fn failing(kind: &'static str, error: impl Fn() -> HandlerError + Send + Sync + 'static) -> Handlers {
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
