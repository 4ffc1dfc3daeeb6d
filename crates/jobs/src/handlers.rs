//! Who handles which kind of event.

use std::collections::HashMap;
use std::time::Duration;

use db::{Db, DbError, TxError};
use futures_util::future::LocalBoxFuture;
use kernel::{System, Timestamp};

use crate::backoff::Retries;
use crate::config::WorkerConfig;
use crate::event::Event;

/// Why an attempt at an event failed. The text is kept with the event and logged: it names no person and quotes no payload.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It may succeed later: it is tried again after a pause.
    #[error("{0}")]
    Retry(String),
    /// It may succeed later, and the other side said when: it is tried again after this pause, instead of the usual one.
    #[error("{reason}")]
    RetryAfter {
        /// How long to wait.
        pause: Duration,
        /// Why it failed.
        reason: String,
    },
    /// It was not tried, since it is not to be tried before an instant: the other side takes only so much at a time, or a window
    /// is closed. It comes again then, and this attempt does not count.
    #[error("{reason}")]
    NotBefore {
        /// When it may be tried.
        at: Timestamp,
        /// Why not now.
        reason: String,
    },
    /// It will never succeed: it is given up at once.
    #[error("{0}")]
    Reject(String),
    /// The database failed: it is tried again after a pause.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for HandlerError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Retry(_) | Self::RetryAfter { .. } | Self::NotBefore { .. } | Self::Reject(_) => None,
        }
    }
}

/// An async function that handles events.
trait Handle {
    fn handle<'a>(&'a self, db: &'a Db, system: System, event: Event) -> LocalBoxFuture<'a, Result<(), HandlerError>>;
}

impl<F> Handle for F
where
    F: AsyncFn(&Db, System, Event) -> Result<(), HandlerError>,
{
    fn handle<'a>(&'a self, db: &'a Db, system: System, event: Event) -> LocalBoxFuture<'a, Result<(), HandlerError>> {
        Box::pin(self(db, system, event))
    }
}

/// The handlers of a worker, by kind of event or job.
#[derive(Default)]
pub struct Handlers {
    by_kind: HashMap<&'static str, Kind>,
    named_last: Option<&'static str>,
}

/// What is done with one kind, and how often it is tried.
#[derive(Default)]
struct Kind {
    handlers: Vec<Box<dyn Handle + Send + Sync>>,
    retries: Option<Retries>,
    time_limit: Option<Duration>,
    given_up: Option<&'static str>,
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.by_kind.keys()).finish()
    }
}

impl Handlers {
    /// No handlers: every event is passed over.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has events or jobs of `kind` handled by `handler`: `async |db: &Db, system: System, event: Event| …`. It gets the server's
    /// database and the event's clinic to act for, and must be idempotent.
    ///
    /// A kind may have several handlers. They run one after the other in the order they were named, and all of them again when
    /// one fails.
    #[must_use]
    pub fn on<F>(mut self, kind: &'static str, handler: F) -> Self
    where
        F: AsyncFn(&Db, System, Event) -> Result<(), HandlerError> + Send + Sync + 'static,
    {
        self.by_kind.entry(kind).or_default().handlers.push(Box::new(handler));
        self.named_last = Some(kind);
        self
    }

    /// When failed attempts at the kind that was named last are made again, instead of by [`crate::WorkerConfig::retries`]:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use jobs::{Event, HandlerError, Handlers, Retries};
    /// # async fn deliver(_: &db::Db, _: kernel::System, _: Event) -> Result<(), HandlerError> { Ok(()) }
    /// const HOUR: Duration = Duration::from_secs(3_600);
    /// const PAUSES: &[Duration] = &[Duration::from_secs(5), Duration::from_secs(300), HOUR, HOUR.saturating_mul(24)];
    /// let handlers = Handlers::new()
    ///     .on("webhooks.deliver", deliver)
    ///     .retries(Retries::Listed(PAUSES))
    ///     .time_limit(Duration::from_secs(20));
    /// ```
    #[must_use]
    pub fn retries(mut self, retries: impl Into<Retries>) -> Self {
        if let Some(kind) = self.kind_named_last() {
            kind.retries = Some(retries.into());
        }
        self
    }

    /// How long one attempt at the kind that was named last may take, instead of [`crate::WorkerConfig::time_limit`].
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        if let Some(kind) = self.kind_named_last() {
            kind.time_limit = Some(limit);
        }
        self
    }

    /// Has `handler` see to what is given up of the kind that was named last: a job of the kind `follow`, with the same payload, is
    /// queued by the statement that gives up, so that whoever waits for the work learns that it will not be done. It is a job as any
    /// other: handled at least once, and again when the work was tried again over the API and given up again.
    #[must_use]
    pub fn when_given_up<F>(mut self, follow: &'static str, handler: F) -> Self
    where
        F: AsyncFn(&Db, System, Event) -> Result<(), HandlerError> + Send + Sync + 'static,
    {
        let named = self.named_last;
        if let Some(kind) = self.kind_named_last() {
            kind.given_up = Some(follow);
        }
        self = self.on(follow, handler);
        self.named_last = named;
        self
    }

    fn kind_named_last(&mut self) -> Option<&mut Kind> {
        self.by_kind.get_mut(self.named_last?)
    }

    /// When failed attempts at `kind` are made again.
    pub(crate) fn retries_of(&self, kind: &str, config: &WorkerConfig) -> Retries {
        let own = self.by_kind.get(kind).and_then(|kind| kind.retries);
        own.unwrap_or(Retries::Growing(config.retries))
    }

    /// The kind of the job that follows when work of `kind` is given up.
    pub(crate) fn follows(&self, kind: &str) -> Option<&'static str> {
        self.by_kind.get(kind).and_then(|kind| kind.given_up)
    }

    /// How long one attempt at `kind` may take.
    pub(crate) fn time_limit_of(&self, kind: &str, config: &WorkerConfig) -> Duration {
        let own = self.by_kind.get(kind).and_then(|kind| kind.time_limit);
        own.unwrap_or(config.time_limit)
    }

    /// Lets every handler of the event's kind handle it, up to the first that fails.
    pub(crate) async fn handle(&self, db: &Db, event: &Event) -> Result<(), HandlerError> {
        let Some(kind) = self.by_kind.get(event.kind()) else {
            return if event.is_job {
                // It is not dropped: while servers are replaced one by one, a newer one may know it.
                Err(HandlerError::Retry("nobody here does work of this kind".to_owned()))
            } else {
                Ok(())
            };
        };
        for handler in &kind.handlers {
            let system = System::acting_for(event.clinic(), "job");
            handler.handle(db, system, event.clone()).await?;
        }
        Ok(())
    }
}
