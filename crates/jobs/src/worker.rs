//! A worker that works when it is asked to, on the runtime of whoever asks: for commands and tests.

use db::{DatabaseConfig, Db, DbError};
use futures_util::future::join_all;
use kernel::Lane;

use crate::attempt::Hands;
use crate::config::WorkerConfig;
use crate::handlers::Handlers;
use crate::housekeeping::House;
use crate::queue::{Outcome, Queue};
use crate::retention::Removed;
use crate::schedules::Schedules;
use crate::store::{Closed, Room};

/// Handles events when it is asked to. A server's worker runs by itself: see [`crate::spawn`].
pub struct Worker {
    config: WorkerConfig,
    db: Db,
    hands: Hands,
    queue: Queue,
    house: House,
}

/// What became of the events of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Handled, or passed over because nobody handles their kind.
    pub handled: usize,
    /// Failed, or not to be tried yet: to be tried again.
    pub retried: usize,
    /// Given up.
    pub failed: usize,
    /// Taken over by another worker meanwhile, or the database did not take what was said of them: they come again.
    pub lost: usize,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Worker")
            .field("config", &self.config)
            .field("hands", &self.hands)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// A worker that claims as the role of `database` (the worker's) and whose `handlers` work on `db` (the server's role), of
    /// which it also takes the clock. Nothing is connected before the first look.
    #[must_use]
    pub fn new(config: WorkerConfig, database: DatabaseConfig, db: Db, handlers: Handlers) -> Self {
        let clock = db.clock().clone();
        Self {
            config,
            hands: Hands::new(handlers, config),
            queue: Queue::new(config, database.clone(), clock.clone()),
            house: House::new(config, database, clock, Schedules::new()),
            db,
        }
    }

    /// The same worker, which also sees to `schedules`.
    #[must_use]
    pub fn with_schedules(mut self, schedules: Schedules) -> Self {
        self.house.keep(schedules);
        self
    }

    /// Claims what is due, of each lane as many events as it has places, and sees them through. An empty [`Round`] says that
    /// nothing was due.
    ///
    /// # Errors
    /// [`DbError`] when nothing could be claimed; a failure after that is counted in the round.
    pub async fn run_once(&self) -> Result<Round, DbError> {
        let rooms = Lane::ALL.map(|lane| Room {
            lane,
            events: usize::from(self.config.places.of(lane)),
        });
        let events = self.queue.claim(&rooms, &Closed::default()).await?;
        let outcomes = join_all(events.into_iter().map(async |event| {
            let attempted = self.hands.attempt(&self.db, event).await;
            self.queue.settle(&[attempted]).await
        }))
        .await
        .concat();
        let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
        Ok(Round {
            handled: count(Outcome::Handled),
            retried: count(Outcome::Retried),
            failed: count(Outcome::Failed),
            lost: count(Outcome::Lost),
        })
    }

    /// Removes what is done with, up to [`crate::Retention::rows_at_once`] rows of each kind.
    ///
    /// # Errors
    /// [`DbError`]; what was removed before it stays removed.
    pub async fn clean_up(&self) -> Result<Removed, DbError> {
        self.house.clean_up().await
    }

    /// Puts into the queue what its schedules have due; says how many jobs.
    ///
    /// # Errors
    /// [`DbError`]; what was due is due still.
    pub async fn run_schedules(&self) -> Result<usize, DbError> {
        self.house.run_schedules().await
    }
}
