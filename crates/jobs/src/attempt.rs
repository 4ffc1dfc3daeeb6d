//! One attempt at an event, and what is to become of the event.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use db::Db;
use futures_util::FutureExt;
use kernel::Timestamp;
use tokio::time::Instant;
use tracing::Instrument;

use crate::backoff::Retries;
use crate::config::WorkerConfig;
use crate::event::Event;
use crate::handlers::{HandlerError, Handlers, LAST_TRIES};
use crate::store::Claim;

/// What is to become of one event.
#[derive(Debug)]
pub(crate) enum Verdict {
    Done,
    /// It failed, and is tried again.
    Again {
        at: Timestamp,
        reason: String,
    },
    /// It was not tried.
    NotBefore {
        at: Timestamp,
        reason: String,
    },
    Never {
        reason: String,
    },
}

/// An attempt that has come to its end.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) claim: Claim,
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
}

/// Those who attempt: the handlers, and how often and how long they may.
#[derive(Debug, Clone)]
pub(crate) struct Hands {
    handlers: Arc<Handlers>,
    config: WorkerConfig,
}

impl Hands {
    pub(crate) fn new(handlers: Handlers, config: WorkerConfig) -> Self {
        Self {
            handlers: Arc::new(handlers),
            config,
        }
    }

    /// Whether `event` waits for others and takes no place.
    pub(crate) fn is_outside(&self, event: &Event) -> bool {
        self.handlers.is_outside(event.kind())
    }

    /// The kinds of event of which that is true.
    pub(crate) fn outside_kinds(&self) -> Vec<&'static str> {
        self.handlers.outside_kinds()
    }

    /// Has the handlers of its kind handle `event`, on `db`.
    pub(crate) async fn attempt(&self, db: &Db, event: Event) -> Attempted {
        let span = tracing::info_span!(
            "job",
            kind = event.kind(),
            lane = event.lane().as_str(),
            event_id = %event.id(),
            clinic_id = %event.clinic(),
            attempt = event.attempt(),
        );
        let began = Instant::now();
        let verdict = Box::pin(self.verdict(db, &event).instrument(span)).await;
        Attempted {
            claim: event.claim(),
            verdict,
            took: began.elapsed(),
        }
    }

    async fn verdict(&self, db: &Db, event: &Event) -> Verdict {
        let retries = self.handlers.retries_of(event.kind(), &self.config);
        let limit = self.handlers.time_limit_of(event.kind(), &self.config);
        if event.attempt() > retries.most_attempts() {
            // Whoever held it in the last attempt was killed, perhaps by it.
            let reason = "no attempt came to an end".to_owned();
            return self.give_up(db, event, &retries, limit, reason).await;
        }
        let handled = AssertUnwindSafe(self.handlers.handle(db, event)).catch_unwind();
        let error = match tokio::time::timeout(limit, handled).await {
            Ok(Ok(Ok(()))) => return Verdict::Done,
            Ok(Ok(Err(error))) => error,
            // What it said is in the log, where all panics are.
            Ok(Err(_panic)) => HandlerError::Retry("the handler panicked".to_owned()),
            Err(_elapsed) => HandlerError::Retry("the handler took longer than it may".to_owned()),
        };
        self.failed(db, event, &retries, limit, error).await
    }

    async fn failed(&self, db: &Db, event: &Event, retries: &Retries, limit: Duration, error: HandlerError) -> Verdict {
        let reason = error.to_string();
        let pause = match error {
            HandlerError::Reject(_) => return self.give_up(db, event, retries, limit, reason).await,
            HandlerError::NotBefore { at, .. } => {
                tracing::info!(reason, %at, "an event waits for when it may be handled");
                return Verdict::NotBefore { at, reason };
            }
            HandlerError::RetryAfter { pause, .. } => chrono::TimeDelta::from_std(pause).ok(),
            HandlerError::Retry(_) | HandlerError::Database(_) => None,
        };
        if event.attempt() >= retries.most_attempts() {
            return self.give_up(db, event, retries, limit, reason).await;
        }
        let pause = pause.unwrap_or_else(|| retries.pause_after(event.attempt(), event.id()));
        let at = db.clock().now().saturating_add(pause);
        tracing::warn!(reason, again_at = %at, "an event could not be handled; it is tried again");
        Verdict::Again { at, reason }
    }

    /// Gives the event up, once those who wait for it have been told.
    async fn give_up(&self, db: &Db, event: &Event, retries: &Retries, limit: Duration, reason: String) -> Verdict {
        let told = AssertUnwindSafe(self.handlers.give_up(db, event)).catch_unwind();
        let failure = match tokio::time::timeout(limit, told).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(_panic)) => Some("the handler panicked".to_owned()),
            Err(_elapsed) => Some("the handler took longer than it may".to_owned()),
        };
        match failure {
            Some(failure) if event.attempt() < retries.most_attempts().saturating_add(LAST_TRIES) => {
                let at = db
                    .clock()
                    .now()
                    .saturating_add(retries.pause_after(event.attempt(), event.id()));
                tracing::warn!(reason, failure, again_at = %at, "who waits for an event could not be told that it is given up");
                Verdict::Again { at, reason }
            }
            failure => {
                tracing::error!(reason, failure, "an event could not be handled and is given up");
                Verdict::Never { reason }
            }
        }
    }
}
