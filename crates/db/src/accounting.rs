//! Counts the statements that one request sends, so that a test can hold an endpoint to its number.

use std::cell::Cell;
use std::future::Future;

use diesel::connection::{Instrumentation, InstrumentationEvent};

tokio::task_local! {
    static STATEMENTS: Cell<u32>;
}

/// Runs `work` with a count of its own.
pub async fn counted<T>(work: impl Future<Output = T>) -> (T, u32) {
    STATEMENTS
        .scope(Cell::new(0), async {
            let result = work.await;
            (result, STATEMENTS.with(Cell::get))
        })
        .await
}

/// How many statements the current request has sent so far, BEGIN and COMMIT included; 0 outside [`counted`].
#[must_use]
pub fn statements() -> u32 {
    STATEMENTS.try_with(Cell::get).unwrap_or(0)
}

/// Counts a statement of the current request that is sent on its behalf by another task.
pub(crate) fn count() {
    // Outside a counted request there is nobody to tell.
    let _uncounted = STATEMENTS.try_with(|count| count.set(count.get().saturating_add(1)));
}

/// Counts each statement at its start. Never prints one: its text carries the values bound to it.
pub(crate) struct CountStatements;

impl Instrumentation for CountStatements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            count();
        }
    }
}
