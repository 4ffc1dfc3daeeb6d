//! The worker's thread: a loop that claims while there is room, until it is told to stop.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use db::DbError;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use crate::retention::Removed;
use crate::store::Claim;
use crate::worker::Worker;

/// The least time between two looks that found little, however often the worker is woken: under many commits it looks fifty
/// times a second, and no more.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

/// The longest time between two looks while the database does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A worker that runs. It also stops when this is dropped, but then nobody waits for it.
#[derive(Debug)]
pub struct JobsHandle {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl JobsHandle {
    /// Tells the worker to claim no more and waits until it is gone. Handlers under way may finish within
    /// [`crate::WorkerConfig::grace`]; what they have not done then is given back, for the next worker.
    pub async fn stop(self) {
        // Either fails only when the thread has ended already.
        let _ended_before = self.stop.send(());
        let _ended = self.ended.await;
    }
}

/// Starts a thread, with a runtime of its own, on which the worker that `make` makes runs until it is told to stop. `make` is
/// called on that runtime, to which the pool of its database then belongs.
///
/// # Errors
/// The system's, when there can be no thread or runtime.
pub fn spawn(make: impl FnOnce() -> Worker + Send + 'static) -> Result<JobsHandle, std::io::Error> {
    let (stop, stopped) = oneshot::channel();
    let (ending, ended) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("jobs".to_owned()).spawn(move || {
        runtime.block_on(async {
            let worker = make();
            // A handle that was dropped means stop as well.
            let stopped = async { drop(stopped.await) };
            Box::pin(run(&worker, stopped)).await;
        });
        drop(runtime);
        drop(ending);
    })?;
    Ok(JobsHandle { stop, ended })
}

/// When the worker looks next, and for what.
struct Schedule {
    /// Whether more events are likely to be due right now.
    more: bool,
    last_look: Instant,
    next_look: Instant,
    /// Looks in a row that failed.
    failures: u32,
    next_clean_up: Instant,
}

impl Schedule {
    fn begin(worker: &Worker) -> Self {
        let now = Instant::now();
        Self {
            more: true,
            last_look: now,
            next_look: now,
            failures: 0,
            next_clean_up: now + worker.config.retention.every,
        }
    }

    /// From when on the worker may look again though it has little room.
    fn rested(&self) -> Instant {
        self.last_look + LEAST_PAUSE
    }

    /// Whether to look now, with `room` of `places` empty. Claims of one event each would cost a statement an event, so a look
    /// waits a moment until half of the places are empty.
    fn is_time(&self, room: usize, places: usize) -> bool {
        self.more && (room * 2 >= places || (room > 0 && Instant::now() >= self.rested()))
    }

    /// Notes a look that asked for `room` events.
    fn looked(&mut self, worker: &Worker, room: usize, claimed: Result<usize, &DbError>) {
        self.last_look = Instant::now();
        let pause = match claimed {
            Ok(claimed) => {
                self.failures = 0;
                self.more = claimed == room;
                worker.config.poll
            }
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be looked at; it is tried again");
                let pause = worker.config.poll.saturating_mul(1 << self.failures.min(16));
                self.failures = self.failures.saturating_add(1);
                self.more = false;
                pause.min(LONGEST_PAUSE)
            }
        };
        self.next_look = self.last_look + pause;
    }

    /// Notes a clean-up. One that removed all it may is gone on with soon.
    fn cleaned_up(&mut self, worker: &Worker, removed: Result<Removed, DbError>) {
        let retention = worker.config.retention;
        let unfinished = match removed {
            Ok(removed) => {
                let Removed {
                    events,
                    idempotency_keys,
                } = removed;
                tracing::debug!(events, idempotency_keys, "removed what was done with");
                let most = usize::try_from(retention.rows_at_once).unwrap_or(usize::MAX);
                events >= most || idempotency_keys >= most
            }
            Err(error) => {
                tracing::warn!(%error, "what is done with cannot be removed; it is tried again");
                false
            }
        };
        let pause = if unfinished {
            worker.config.poll.min(retention.every)
        } else {
            retention.every
        };
        self.next_clean_up = Instant::now() + pause;
    }
}

/// Works until `stop`.
async fn run(worker: &Worker, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let places = usize::from(worker.config.at_once.max(1));
    let mut running = FuturesUnordered::new();
    let mut in_hand = HashSet::new();
    let mut schedule = Schedule::begin(worker);
    loop {
        let room = places.saturating_sub(running.len());
        if schedule.is_time(room, places) {
            let claimed = alongside(&mut running, &mut in_hand, worker.claim(room)).await;
            schedule.looked(worker, room, claimed.as_ref().map(Vec::len));
            for event in claimed.unwrap_or_default() {
                let claim = event.claim();
                in_hand.insert(claim);
                running.push(async move {
                    worker.see_through(event).await;
                    claim
                });
            }
        }
        let rested = schedule.rested();
        let has_room = running.len() < places;
        let woken = async {
            sleep_until(rested).await;
            worker.wake.notified().await;
        };
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(claim) = running.next() => { in_hand.remove(&claim); }
            () = sleep_until(rested), if schedule.more && has_room => {}
            () = woken, if !schedule.more && schedule.failures == 0 => schedule.more = true,
            () = sleep_until(schedule.next_look), if !schedule.more => schedule.more = true,
            () = sleep_until(schedule.next_clean_up) => {
                let removed = alongside(&mut running, &mut in_hand, worker.clean_up()).await;
                schedule.cleaned_up(worker, removed);
            }
        }
    }
    let finished = async {
        while let Some(claim) = running.next().await {
            in_hand.remove(&claim);
        }
    };
    let _out_of_grace = timeout(worker.config.grace, finished).await;
    // Handlers that still run are dropped, and what they had not committed with them.
    drop(running);
    give_back(worker, &in_hand).await;
}

/// Does `work` while the handlers go on.
async fn alongside<T>(
    running: &mut FuturesUnordered<impl Future<Output = Claim>>,
    in_hand: &mut HashSet<Claim>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return result,
            Some(claim) = running.next() => { in_hand.remove(&claim); }
        }
    }
}

async fn give_back(worker: &Worker, in_hand: &HashSet<Claim>) {
    let given = join_all(in_hand.iter().map(|claim| worker.give_back(*claim))).await;
    let failures = given.iter().filter(|given| given.is_err()).count();
    if failures > 0 {
        tracing::error!(
            failures,
            "events could not be given back; they come again when their leases have run out"
        );
    }
}
