//! A server's worker: a thread that claims and settles, and one for the handlers of each lane, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use db::{DatabaseConfig, Db};
use futures_util::future::join_all;
use kernel::{Clock, EventId, Lane};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::attempt::Hands;
use crate::config::WorkerConfig;
use crate::dispatcher::{Dispatcher, Ears};
use crate::handlers::Handlers;
use crate::housekeeping::House;
use crate::lane::{self, Equipment, LaneThread, MakeDatabase, Phase};
use crate::listener;
use crate::queue::Queue;
use crate::schedules::Schedules;
use crate::wake::Wake;

/// How long a lane's thread may take to drop its handlers.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// What a server's worker is made of.
#[derive(Debug)]
pub struct Setup {
    /// How it works.
    pub config: WorkerConfig,
    /// The database as the worker's role.
    pub database: DatabaseConfig,
    /// Where it takes the time from.
    pub clock: Arc<dyn Clock>,
    /// Who handles what.
    pub handlers: Handlers,
    /// What comes by itself.
    pub schedules: Schedules,
    /// What tells it of commits of its own process.
    pub wake: Wake,
}

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

/// Starts a worker that runs until it is told to stop. `database` makes what the handlers of a lane work on, as the server's
/// role; it is called on the lane's own thread, to whose runtime the connections belong. A pool with as many connections as the
/// lane has places is shared with nobody else, so that no lane waits for another's.
///
/// # Errors
/// The system's, when there can be no thread or runtime.
pub fn spawn(
    setup: Setup,
    database: impl Fn(Lane) -> Db + Send + Sync + 'static,
) -> Result<JobsHandle, std::io::Error> {
    let (stop, stopped) = oneshot::channel();
    let (ending, ended) = oneshot::channel();
    let Setup {
        config,
        database: own_database,
        clock,
        handlers,
        schedules,
        wake,
    } = setup;
    let hands = Hands::new(handlers, config);
    let make_database: MakeDatabase = Arc::new(database);
    let (attempted, attempts) = mpsc::unbounded_channel();
    let (phase, phases) = watch::channel(Phase::Working);
    let mut lanes = Vec::new();
    for lane in Lane::ALL {
        let equipment = Equipment {
            hands: hands.clone(),
            places: usize::from(config.places.of(lane)),
            attempted: attempted.clone(),
            phase: phases.clone(),
        };
        lanes.push((lane, lane::start(lane, equipment, Arc::clone(&make_database))?));
    }
    // The lanes' are the only ones left: when they have all ended, there is nothing more to hear.
    drop(attempted);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("jobs".to_owned()).spawn(move || {
        runtime.block_on(async {
            let house = House::new(config, own_database.clone(), Arc::clone(&clock), schedules);
            let queue = Queue::new(config, own_database.clone(), clock);
            let token = EventId::new_at(queue.now()).to_string();
            let heard = Notify::new();
            let ears = Ears {
                wake: &wake,
                heard: &heard,
                token: &token,
                attempts,
            };
            let senders = lanes.iter().map(|(lane, thread)| (*lane, thread.events.clone()));
            let mut dispatcher = Dispatcher::new(&queue, config, hands, ears, senders);
            // A handle that was dropped means stop as well.
            let stopped = async { drop(stopped.await) };
            tokio::select! {
                () = dispatcher.run(stopped) => {}
                () = listener::listen(&own_database, &token, &heard) => {}
                () = house.keep_going(&heard) => {}
            }
            leave(dispatcher, &phase, lanes, config.grace).await;
        });
        drop(runtime);
        drop(ending);
    })?;
    Ok(JobsHandle { stop, ended })
}

/// Lets the handlers finish, then drops them, and gives back what they have not done.
async fn leave(
    mut dispatcher: Dispatcher<'_>,
    phase: &watch::Sender<Phase>,
    lanes: Vec<(Lane, LaneThread)>,
    grace: Duration,
) {
    // Whoever has ended already needs not be told.
    let _all_ended = phase.send(Phase::Leaving);
    let _out_of_grace = timeout(grace, dispatcher.finish()).await;
    let _all_ended = phase.send(Phase::Gone);
    let ended = join_all(lanes.into_iter().map(async |(lane, thread)| {
        // It answers by ending, which drops what it would answer with.
        timeout(LAST_GRACE, thread.ended).await.ok().map(|_ended| lane)
    }))
    .await;
    let ended: Vec<Lane> = ended.into_iter().flatten().collect();
    dispatcher.give_back(&ended).await;
}
