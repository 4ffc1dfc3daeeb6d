//! Settings of a worker.

use std::time::Duration;

use chrono::TimeDelta;
use kernel::Lane;

use crate::backoff::RetryPolicy;

/// How a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerConfig {
    /// How much is handled at a time.
    pub places: Places,
    /// How much may wait for other servers beside that.
    pub outside: Outside,
    /// How long one attempt at an event may take, unless its kind says otherwise. A claim holds for twice as long; the worker
    /// renews it while it goes on with the event, and who is killed renews no more.
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
            places: Places::default(),
            outside: Outside::default(),
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

    /// How often claims are renewed.
    pub(crate) fn renewal(&self) -> Duration {
        (self.time_limit.saturating_mul(2) / 3).max(Duration::from_millis(100))
    }
}

/// How many events of each lane are handled at a time; at least 1. No lane takes another's places, so that however slow the work
/// of one is, that of the others goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Of [`Lane::Urgent`].
    pub urgent: u16,
    /// Of [`Lane::Clinical`].
    pub clinical: u16,
    /// Of [`Lane::Routine`].
    pub routine: u16,
    /// Of [`Lane::Bulk`].
    pub bulk: u16,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            bulk: 2,
            ..Self::of_each(4)
        }
    }
}

impl Places {
    /// The same number for every lane.
    #[must_use]
    pub const fn of_each(places: u16) -> Self {
        Self {
            urgent: places,
            clinical: places,
            routine: places,
            bulk: places,
        }
    }

    /// How many `lane` has.
    #[must_use]
    pub fn of(&self, lane: Lane) -> u16 {
        let places = match lane {
            Lane::Urgent => self.urgent,
            Lane::Clinical => self.clinical,
            Lane::Routine => self.routine,
            Lane::Bulk => self.bulk,
        };
        places.max(1)
    }
}

/// How much of each lane waits for somebody else's server at a time; at least 1 of each. It takes none of the lane's places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outside {
    /// Of all clinics together. It bounds memory: each may hold files or mails of tens of megabytes.
    pub at_a_time: u16,
    /// Of one clinic.
    pub of_one_clinic: u16,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            at_a_time: 32,
            of_one_clinic: 4,
        }
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
