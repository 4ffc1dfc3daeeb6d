//! What a worker sees to besides events: schedules, and the removal of what is done with. On a connection of its own, so that
//! no event waits for it.

use std::sync::Arc;
use std::time::Duration;

use db::{DatabaseConfig, DbError};
use kernel::Clock;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::config::WorkerConfig;
use crate::connection::Connection;
use crate::retention::{self, Removed};
use crate::schedules::{self, Schedules, Timetable};

/// How often the clock is looked at for what is due.
const TICK: Duration = Duration::from_secs(1);

/// Schedules and retention.
pub(crate) struct House {
    config: WorkerConfig,
    connection: Connection,
    clock: Arc<dyn Clock>,
    timetable: Timetable,
}

impl House {
    pub(crate) fn new(
        config: WorkerConfig,
        database: DatabaseConfig,
        clock: Arc<dyn Clock>,
        schedules: Schedules,
    ) -> Self {
        Self {
            config,
            connection: Connection::to(database),
            clock,
            timetable: Timetable::of(schedules),
        }
    }

    pub(crate) fn keep(&mut self, schedules: Schedules) {
        self.timetable = Timetable::of(schedules);
    }

    /// Removes what is done with, up to a number of rows of each kind.
    pub(crate) async fn clean_up(&self) -> Result<Removed, DbError> {
        let now = self.clock.now();
        let before = now.saturating_add(-self.config.retention.handled_for);
        let most = i64::from(self.config.retention.rows_at_once);
        let events = self
            .connection
            .run(async |connection| retention::remove_events(connection, before, most).await)
            .await?;
        let idempotency_keys = self
            .connection
            .run(async |connection| retention::remove_idempotency_keys(connection, now, most).await)
            .await?;
        Ok(Removed {
            events,
            idempotency_keys,
        })
    }

    /// Puts into the queue what schedules have due, unless another node was first; says how many jobs.
    pub(crate) async fn run_schedules(&self) -> Result<usize, DbError> {
        let now = self.clock.now();
        if !self.timetable.is_entered() {
            self.connection
                .run(async |connection| schedules::enter(connection, &self.timetable, now).await)
                .await?;
        }
        let mut made = 0;
        for schedule in self.timetable.due(now) {
            made += self
                .connection
                .run(async |connection| schedules::run(connection, schedule, now).await)
                .await?;
            self.timetable.ran(schedule, now);
        }
        Ok(made)
    }

    /// Keeps house for as long as it is polled; `made` hears of jobs that schedules made.
    pub(crate) async fn keep_going(&self, made: &Notify) {
        let tick = TICK.min(self.config.poll);
        let mut next_clean_up = Instant::now() + self.config.retention.every;
        loop {
            match self.run_schedules().await {
                Ok(0) => {}
                Ok(_jobs) => made.notify_one(),
                Err(error) => tracing::warn!(%error, "what schedules have due could not be queued; it is tried again"),
            }
            if Instant::now() >= next_clean_up {
                next_clean_up = Instant::now() + self.clean_up_and_rest().await;
            }
            self.connection.close();
            sleep(tick).await;
        }
    }

    /// How long to rest after a clean-up: one that removed all it may is gone on with soon.
    async fn clean_up_and_rest(&self) -> Duration {
        let retention = self.config.retention;
        match self.clean_up().await {
            Ok(Removed {
                events,
                idempotency_keys,
            }) => {
                tracing::debug!(events, idempotency_keys, "removed what was done with");
                let most = usize::try_from(retention.rows_at_once).unwrap_or(usize::MAX);
                if events >= most || idempotency_keys >= most {
                    return TICK.min(retention.every);
                }
            }
            Err(error) => tracing::warn!(%error, "what is done with cannot be removed; it is tried again"),
        }
        retention.every
    }
}
