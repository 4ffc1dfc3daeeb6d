//! Calendars kept elsewhere, fetched again and again.

use appointments::external::fetching::{self, FetchJob};
use auth::ClinicKeys;
use db::Db;
use fetch::Fetcher;
use jobs::{Event, HandlerError, Handlers};
use kernel::System;

/// Adds what fetches them to `handlers`.
pub(super) fn handlers(handlers: Handlers, keys: ClinicKeys, fetcher: Fetcher) -> Handlers {
    handlers
        .on(fetching::FETCH, async move |db: &Db, system: System, event: Event| {
            let job: FetchJob = event.payload()?;
            fetching::run(db, &keys, &fetcher, &system, job)
                .await
                // What the other side does wrong is no error; this is the database or a key that is not there yet.
                .map_err(|error| HandlerError::Retry(error.to_string()))
        })
        .waits_outside()
}
