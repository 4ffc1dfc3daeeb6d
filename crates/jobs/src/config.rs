//! Settings of a worker.

use std::time::Duration;

use chrono::TimeDelta;

use crate::backoff::RetryPolicy;

/// How a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerConfig {
    /// How many events are handled at a time; at least 1.
    pub at_once: u16,
    /// How long one attempt at an event may take. The lease on it is twice as long, so that an attempt never outlives it.
    pub time_limit: Duration,
    /// How long the worker waits before it looks again, when nothing wakes it.
    pub poll: Duration,
    /// How long a worker that was told to stop lets its handlers go on; then it gives back what they have not done.
    pub grace: Duration,
    /// When a failed attempt is made again, and how often.
    pub retries: RetryPolicy,
    /// What is removed, and when.
    pub retention: Retention,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            at_once: 8,
            time_limit: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(10),
            retries: RetryPolicy::default(),
            retention: Retention::default(),
        }
    }
}

impl WorkerConfig {
    /// How long a claim holds.
    pub(crate) fn lease(&self) -> TimeDelta {
        TimeDelta::from_std(self.time_limit.saturating_mul(2)).unwrap_or(TimeDelta::MAX)
    }
}

/// How long what is done with stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long handled events stay; failed ones stay until somebody removes them.
    pub handled_for: TimeDelta,
    /// How often the worker looks for what may go.
    pub every: Duration,
    /// The most rows that go by one statement.
    pub rows_at_once: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            handled_for: TimeDelta::days(30),
            every: Duration::from_secs(600),
            rows_at_once: 1_000,
        }
    }
}
