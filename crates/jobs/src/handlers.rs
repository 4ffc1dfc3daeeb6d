//! Who handles which kind of event.

use std::collections::HashMap;

use db::{Db, DbError, TxError};
use futures_util::future::LocalBoxFuture;
use kernel::System;

use crate::event::Event;

/// Why an attempt at an event failed. The text is kept with the event and logged: it names no person and quotes no payload.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It may succeed later: it is tried again after a pause.
    #[error("{0}")]
    Retry(String),
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
            Self::Retry(_) | Self::Reject(_) => None,
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

/// The handlers of a worker, by kind of event.
#[derive(Default)]
pub struct Handlers {
    by_kind: HashMap<&'static str, Vec<Box<dyn Handle + Send>>>,
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

    /// Has events of `kind` handled by `handler`: `async |db: &Db, system: System, event: Event| …`. It gets the server's
    /// database and the event's clinic to act for, and must be idempotent.
    ///
    /// A kind may have several handlers. They run one after the other in the order they were named, and all of them again when
    /// one fails.
    #[must_use]
    pub fn on<F>(mut self, kind: &'static str, handler: F) -> Self
    where
        F: AsyncFn(&Db, System, Event) -> Result<(), HandlerError> + Send + 'static,
    {
        self.by_kind.entry(kind).or_default().push(Box::new(handler));
        self
    }

    /// Lets every handler of the event's kind handle it, up to the first that fails.
    pub(crate) async fn handle(&self, db: &Db, event: &Event) -> Result<(), HandlerError> {
        for handler in self.by_kind.get(event.kind()).into_iter().flatten() {
            let system = System::acting_for(event.clinic(), "job");
            handler.handle(db, system, event.clone()).await?;
        }
        Ok(())
    }
}
