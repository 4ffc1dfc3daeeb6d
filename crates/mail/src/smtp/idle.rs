//! Connections that wait for the next mail.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use lettre::transport::smtp::client::AsyncSmtpConnection;

/// Servers close a silent connection after minutes; long before that, this side does.
const PATIENCE: Duration = Duration::from_secs(20);

/// One waiting connection a thread. A socket belongs to the runtime that made it, and no thread has two runtimes at a time, so a
/// connection is never used by another runtime than its own while that lives.
#[derive(Default)]
pub(super) struct Idle {
    by_thread: Mutex<HashMap<ThreadId, (Instant, AsyncSmtpConnection)>>,
}

impl Idle {
    /// This thread's connection, if it was not waiting for too long.
    pub(super) fn take(&self) -> Option<AsyncSmtpConnection> {
        let mut by_thread = self.by_thread.lock().unwrap_or_else(PoisonError::into_inner);
        by_thread.retain(|_, (since, _)| since.elapsed() < PATIENCE);
        by_thread
            .remove(&thread::current().id())
            .map(|(_, connection)| connection)
    }

    /// Lets `connection` wait for this thread's next mail.
    pub(super) fn keep(&self, connection: AsyncSmtpConnection) {
        if !connection.has_broken() {
            let mut by_thread = self.by_thread.lock().unwrap_or_else(PoisonError::into_inner);
            by_thread.insert(thread::current().id(), (Instant::now(), connection));
        }
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Idle")
    }
}
