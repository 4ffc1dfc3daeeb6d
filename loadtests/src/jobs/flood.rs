//! How long urgent jobs wait while bulk work floods the queue: tens of thousands wait, half of them quick, half of them slow.

use std::time::Duration;

use db::{Db, DbError, Job};
use jobs::{Event, Handlers};
use kernel::{Lane, System};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep, timeout};

use super::{JobsError, PATIENCE, Stage};

const QUICK: &str = "load.quick";
const SLOW: &str = "load.slow";
const URGENT: &str = "load.urgent";

/// How long a slow handler takes.
const SLOWNESS: Duration = Duration::from_millis(200);

/// An urgent job comes so often.
const PERIOD: Duration = Duration::from_millis(50);

/// Delays of urgent jobs.
#[derive(Debug, Clone)]
pub struct Delays {
    sorted: Vec<Duration>,
}

impl Delays {
    /// The delay that this part of the jobs, from 0 to 1, did not exceed.
    #[must_use]
    pub fn within(&self, part: f64) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        let share = u32::try_from(last).map_or(0.0, f64::from) * part;
        let place = (0..=last).find(|place| u32::try_from(*place).map_or(0.0, f64::from) >= share);
        place
            .and_then(|place| self.sorted.get(place))
            .copied()
            .unwrap_or_default()
    }

    /// The longest.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.sorted.last().copied().unwrap_or_default()
    }
}

/// The delays of `urgent` jobs while `flood` others wait.
pub(super) async fn measure(stage: &Stage, flood: u32, urgent: u32) -> Result<Delays, JobsError> {
    stage.fill(QUICK, Lane::Bulk, flood / 2).await?;
    stage.fill(SLOW, Lane::Bulk, flood / 2).await?;
    let began = Instant::now();
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = Handlers::new()
        .on(QUICK, async |_db: &Db, _system: System, _event: Event| Ok(()))
        .on(SLOW, async |_db: &Db, _system: System, _event: Event| {
            sleep(SLOWNESS).await;
            Ok(())
        })
        .on(URGENT, async move |_db: &Db, _system: System, event: Event| {
            let queued = event.payload::<u64>()?;
            let delay = began.elapsed().saturating_sub(Duration::from_micros(queued));
            // Nobody waits for it any more.
            let _late = seen.send(delay);
            Ok(())
        });
    let worker = stage.start(handlers)?;
    let system = System::acting_for(stage.clinic, "load");
    let mut ticks = interval(PERIOD);
    for _ in 0..urgent {
        ticks.tick().await;
        let queued = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        stage
            .db
            .write(&system, async |tx| {
                tx.enqueue(Job::new(URGENT, &json!(queued)).lane(Lane::Urgent));
                Ok::<_, DbError>(())
            })
            .await?;
    }
    let mut sorted = Vec::new();
    for _ in 0..urgent {
        let delay = timeout(PATIENCE, was_seen.recv())
            .await
            .map_err(|_elapsed| JobsError::NotDone)?;
        sorted.push(delay.ok_or(JobsError::NotDone)?);
    }
    worker.stop().await;
    sorted.sort_unstable();
    Ok(Delays { sorted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_delays() {
        let delays = Delays {
            sorted: (1..=101).map(Duration::from_millis).collect(),
        };
        assert_eq!(delays.within(0.5), Duration::from_millis(51));
        assert_eq!(delays.within(0.99), Duration::from_millis(100));
        assert_eq!(delays.within(1.0), delays.longest());
        assert_eq!(Delays { sorted: Vec::new() }.within(0.5), Duration::ZERO);
    }
}
