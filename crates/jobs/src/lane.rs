//! The places of one lane: a thread with a runtime of its own, on which the handlers of that lane alone run. What they do there,
//! even a long computation, holds up no other lane.

use std::collections::VecDeque;
use std::sync::Arc;

use db::Db;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kernel::Lane;
use tokio::sync::{mpsc, oneshot, watch};

use crate::attempt::{Attempted, Hands};
use crate::event::Event;

/// How far a worker is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Working,
    /// Nothing new is begun.
    Leaving,
    /// What still runs is dropped, and what it had not committed with it.
    Gone,
}

/// A lane's thread, as the dispatcher sees it.
pub(crate) struct LaneThread {
    pub(crate) events: mpsc::UnboundedSender<Event>,
    /// Ends when the thread does.
    pub(crate) ended: oneshot::Receiver<()>,
}

/// What a lane's thread works with.
pub(crate) struct Equipment {
    pub(crate) hands: Hands,
    pub(crate) places: usize,
    pub(crate) attempted: mpsc::UnboundedSender<Attempted>,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// Makes the database of a lane's handlers, on the lane's own thread, to whose runtime its connections belong.
pub(crate) type MakeDatabase = Arc<dyn Fn(Lane) -> Db + Send + Sync>;

/// Starts the thread of `lane`.
pub(crate) fn start(
    lane: Lane,
    equipment: Equipment,
    make_database: MakeDatabase,
) -> Result<LaneThread, std::io::Error> {
    let (events, given) = mpsc::unbounded_channel();
    let (ending, ended) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name(format!("jobs-{}", lane.as_str()))
        .spawn(move || {
            runtime.block_on(async {
                let db = make_database(lane);
                Box::pin(work(&db, equipment, given)).await;
            });
            drop(runtime);
            drop(ending);
        })?;
    Ok(LaneThread { events, ended })
}

async fn work(db: &Db, equipment: Equipment, mut given: mpsc::UnboundedReceiver<Event>) {
    let Equipment {
        hands,
        places,
        attempted,
        mut phase,
    } = equipment;
    let mut waiting: VecDeque<Event> = VecDeque::new();
    let mut running = FuturesUnordered::new();
    // The dispatcher gives out no more of these than there may be.
    let mut outside = FuturesUnordered::new();
    loop {
        let now = *phase.borrow_and_update();
        if now == Phase::Gone || (now == Phase::Leaving && running.is_empty() && outside.is_empty()) {
            return;
        }
        while now == Phase::Working
            && running.len() < places
            && let Some(event) = waiting.pop_front()
        {
            running.push(hands.attempt(db, event));
        }
        tokio::select! {
            biased;
            changed = phase.changed() => if changed.is_err() {
                return;
            },
            Some(over) = running.next() => {
                // Nobody listens: the dispatcher is gone, and this follows it.
                if attempted.send(over).is_err() {
                    return;
                }
            }
            Some(over) = outside.next() => {
                if attempted.send(over).is_err() {
                    return;
                }
            }
            Some(event) = given.recv() => if !hands.is_outside(&event) {
                waiting.push_back(event);
            } else if now == Phase::Working {
                outside.push(hands.attempt(db, event));
            },
        }
    }
}
