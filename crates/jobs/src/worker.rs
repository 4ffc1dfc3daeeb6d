//! The worker: claims events, has them handled, and says what became of them.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use db::{DatabaseConfig, Db, DbError};
use diesel_async::AsyncPgConnection;
use futures_util::FutureExt;
use futures_util::future::join_all;
use kernel::Timestamp;
use tracing::Instrument;

use crate::config::WorkerConfig;
use crate::event::Event;
use crate::handlers::{HandlerError, Handlers};
use crate::retention::{self, Removed};
use crate::store::{self, Claim, Standing};
use crate::wake::Wake;

/// Handles events. Belongs to the runtime of one thread, as the connections of its database do: see [`crate::spawn`].
pub struct Worker {
    pub(crate) config: WorkerConfig,
    pub(crate) wake: Wake,
    database: DatabaseConfig,
    connection: Mutex<Option<Arc<AsyncPgConnection>>>,
    db: Db,
    handlers: Handlers,
}

/// What became of the events of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Handled, or passed over because nobody handles their kind.
    pub handled: usize,
    /// Failed, to be tried again.
    pub retried: usize,
    /// Given up.
    pub failed: usize,
    /// Taken over by another worker meanwhile, or the database did not take what was said of them: they come again.
    pub lost: usize,
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Handled,
    Retried,
    Failed,
    Lost,
}

/// What is to become of one event.
enum Verdict {
    Done,
    Again(String),
    Never(String),
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Worker")
            .field("config", &self.config)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// A worker that claims as the role of `database` (the worker's) and whose `handlers` work on `db` (the server's role), of
    /// which it also takes the clock. `wake` tells it to look. Nothing is connected before the first look.
    #[must_use]
    pub fn new(config: WorkerConfig, database: DatabaseConfig, db: Db, handlers: Handlers, wake: Wake) -> Self {
        Self {
            config,
            wake,
            database,
            connection: Mutex::new(None),
            db,
            handlers,
        }
    }

    /// Claims what is due, as many events as are handled at a time, and sees them through. An empty [`Round`] says that nothing
    /// was due.
    ///
    /// # Errors
    /// [`DbError`] when nothing could be claimed; a failure after that is counted in the round.
    pub async fn run_once(&self) -> Result<Round, DbError> {
        let events = self.claim(usize::from(self.config.at_once)).await?;
        let outcomes = join_all(events.into_iter().map(|event| self.see_through(event))).await;
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
        let now = self.now();
        let before = now.saturating_add(-self.config.retention.handled_for);
        let most = i64::from(self.config.retention.rows_at_once);
        let events = self
            .on_connection(async |connection| retention::remove_events(connection, before, most).await)
            .await?;
        let idempotency_keys = self
            .on_connection(async |connection| retention::remove_idempotency_keys(connection, now, most).await)
            .await?;
        Ok(Removed {
            events,
            idempotency_keys,
        })
    }

    /// Takes up to `most` events.
    pub(crate) async fn claim(&self, most: usize) -> Result<Vec<Event>, DbError> {
        let now = self.now();
        let until = now.saturating_add(self.config.lease());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.on_connection(async |connection| store::claim(connection, now, until, most).await)
            .await
    }

    /// Has a claimed event handled and says what became of it.
    pub(crate) async fn see_through(&self, event: Event) -> Outcome {
        let span = tracing::info_span!(
            "job",
            kind = event.kind(),
            event_id = %event.id(),
            clinic_id = %event.clinic(),
            attempt = event.attempt(),
        );
        let work = async {
            let verdict = self.verdict(&event).await;
            match self.record(&event, verdict).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    tracing::error!(%error, "what became of an event could not be written; it comes again");
                    Outcome::Lost
                }
            }
        };
        Box::pin(work.instrument(span)).await
    }

    /// Gives back an event that was not seen through.
    pub(crate) async fn give_back(&self, claim: Claim) -> Result<(), DbError> {
        // One that was taken over meanwhile needs no giving back.
        let _standing = self
            .on_connection(async |connection| store::give_back(connection, claim).await)
            .await?;
        Ok(())
    }

    /// Lets the handlers try.
    async fn verdict(&self, event: &Event) -> Verdict {
        let last_attempt = event.attempt() >= self.config.retries.most_attempts;
        if event.attempt() > self.config.retries.most_attempts {
            // Whoever held it in the last attempt was killed, perhaps by it.
            return Verdict::Never("no attempt came to an end".to_owned());
        }
        let handled = AssertUnwindSafe(self.handlers.handle(&self.db, event)).catch_unwind();
        let reason = match tokio::time::timeout(self.config.time_limit, handled).await {
            Ok(Ok(Ok(()))) => return Verdict::Done,
            Ok(Ok(Err(HandlerError::Reject(reason)))) => return Verdict::Never(reason),
            Ok(Ok(Err(error))) => error.to_string(),
            // What it said is in the log, where all panics are.
            Ok(Err(_panic)) => "the handler panicked".to_owned(),
            Err(_elapsed) => "the handler took longer than it may".to_owned(),
        };
        if last_attempt {
            Verdict::Never(reason)
        } else {
            Verdict::Again(reason)
        }
    }

    /// Writes down what is to become of an event.
    async fn record(&self, event: &Event, verdict: Verdict) -> Result<Outcome, DbError> {
        let claim = event.claim();
        let now = self.now();
        let (standing, outcome) = match verdict {
            Verdict::Done => {
                let finish = async |connection: &AsyncPgConnection| store::finish(connection, claim, now).await;
                (self.on_connection(finish).await?, Outcome::Handled)
            }
            Verdict::Again(reason) => {
                let available_at = now.saturating_add(self.config.retries.pause_after(claim.attempt, claim.id));
                tracing::warn!(reason, again_at = %available_at, "an event could not be handled; it is tried again");
                let try_again = async |connection: &AsyncPgConnection| {
                    store::try_again(connection, claim, available_at, &reason).await
                };
                (self.on_connection(try_again).await?, Outcome::Retried)
            }
            Verdict::Never(reason) => {
                tracing::error!(reason, "an event could not be handled and is given up");
                let give_up =
                    async |connection: &AsyncPgConnection| store::give_up(connection, claim, now, &reason).await;
                (self.on_connection(give_up).await?, Outcome::Failed)
            }
        };
        if standing == Standing::Lost {
            tracing::warn!("an event was taken over by another worker before this one was done with it");
            return Ok(Outcome::Lost);
        }
        Ok(outcome)
    }

    fn now(&self) -> Timestamp {
        self.db.clock().now()
    }

    /// Works on the worker's one connection, over which many statements may travel at a time; makes it when there is none, and
    /// forgets it when it is lost.
    async fn on_connection<T>(
        &self,
        work: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let connection = self.connection().await?;
        let result = work(&connection).await;
        if matches!(result, Err(DbError::Unavailable { .. })) {
            let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
            // Another statement may have made a new one already.
            if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, &connection)) {
                *kept = None;
            }
        }
        result
    }

    async fn connection(&self) -> Result<Arc<AsyncPgConnection>, DbError> {
        let kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connection) = kept {
            return Ok(connection);
        }
        let connection = db::connect(&self.database)
            .await
            .map_err(|error| DbError::Unavailable {
                reason: error.to_string(),
            })?;
        let connection = Arc::new(connection);
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&connection));
        Ok(connection)
    }
}
