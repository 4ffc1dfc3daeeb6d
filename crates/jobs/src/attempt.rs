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
use crate::handlers::{HandlerError, Handlers};
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
        /// The kind of the job that follows.
        follow: Option<&'static str>,
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
            return self.given_up(event, "no attempt came to an end".to_owned());
        }
        let handled = AssertUnwindSafe(self.handlers.handle(db, event)).catch_unwind();
        let error = match tokio::time::timeout(limit, handled).await {
            Ok(Ok(Ok(()))) => return Verdict::Done,
            Ok(Ok(Err(error))) => error,
            // What it said is in the log, where all panics are.
            Ok(Err(_panic)) => HandlerError::Retry("the handler panicked".to_owned()),
            Err(_elapsed) => HandlerError::Retry("the handler took longer than it may".to_owned()),
        };
        self.failed(db, event, &retries, error)
    }

    fn failed(&self, db: &Db, event: &Event, retries: &Retries, error: HandlerError) -> Verdict {
        let reason = error.to_string();
        let pause = match error {
            HandlerError::Reject(_) => return self.given_up(event, reason),
            HandlerError::NotBefore { at, .. } => {
                tracing::info!(reason, %at, "an event waits for when it may be handled");
                return Verdict::NotBefore { at, reason };
            }
            HandlerError::RetryAfter { pause, .. } => chrono::TimeDelta::from_std(pause).ok(),
            HandlerError::Retry(_) | HandlerError::Database(_) => None,
        };
        if event.attempt() >= retries.most_attempts() {
            return self.given_up(event, reason);
        }
        let pause = pause.unwrap_or_else(|| retries.pause_after(event.attempt(), event.id()));
        let at = db.clock().now().saturating_add(pause);
        tracing::warn!(reason, again_at = %at, "an event could not be handled; it is tried again");
        Verdict::Again { at, reason }
    }

    fn given_up(&self, event: &Event, reason: String) -> Verdict {
        tracing::error!(reason, "an event could not be handled and is given up");
        let follow = self.handlers.follows(event.kind());
        Verdict::Never { reason, follow }
    }
}
