//! What carries deliveries: a thread of its own beside the queue's worker, so that targets which hang hold up nobody else.
//!
//! A job rings for an endpoint. The courier takes up what is due for it, a few deliveries at a time, in a transaction that also
//! puts a job into the queue for when its time with them is over; only then is the ring answered and the job done. Should the
//! process die, that second job rings again and what was not finished is taken up anew, under the same id. Jobs themselves never
//! wait for a target.

mod client;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use auth::ClinicKeys;
use db::Db;
use fetch::Fetcher;
use futures_util::StreamExt;
use kernel::{ClinicId, System, WebhookEndpointId};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, LocalSet};

use self::client::{Client, Message};
use crate::deliveries::{self, Batch, DeliveryError, TakenDelivery};
use crate::settings::WebhookSettings;

/// How many deliveries of one endpoint are under way at a time.
const AT_ONCE: usize = 4;

/// For how many endpoints deliveries may be under way at a time. Each waits for little but the network.
const MOST_ENDPOINTS: usize = 512;

/// How long deliveries under way may go on after the courier was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Whose deliveries.
type Key = (ClinicId, WebhookEndpointId);

/// Answers a ring: what is due is in hand, or will be looked at again.
type Answer = oneshot::Sender<Result<(), NotTakenUp>>;

/// Why a ring came to nothing. The one who rang rings again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTakenUp {
    /// More endpoints are being served than may be at a time.
    #[error("too many webhook endpoints are being served just now")]
    Busy,
    /// What is due could not be taken up; the log says why.
    #[error("what is due could not be taken up")]
    Failed,
    /// The courier has stopped.
    #[error("the courier has stopped")]
    Stopped,
}

struct Ring {
    key: Key,
    answer: Answer,
}

/// Carries deliveries for as long as it lives; when dropped it finishes what is under way, for some seconds.
#[derive(Debug)]
pub struct Courier {
    rings: Option<mpsc::UnboundedSender<Ring>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Ring").field(&self.key).finish()
    }
}

impl Courier {
    /// Starts the thread, which sends by `fetcher`. `make_db` is called on it, since a pool belongs to the runtime of its thread.
    ///
    /// # Errors
    /// When there can be no thread or runtime.
    pub fn start(
        settings: &WebhookSettings,
        fetcher: Fetcher,
        keys: ClinicKeys,
        make_db: impl FnOnce() -> Db + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let client = Client::new(fetcher, settings.deadline);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (rings, rung) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("webhooks".to_owned()).spawn(move || {
            let work = async {
                let desk = Rc::new(Desk {
                    db: make_db(),
                    client,
                    keys,
                    sessions: RefCell::default(),
                });
                run(desk, rung).await;
            };
            LocalSet::new().block_on(&runtime, work);
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            rings: Some(rings),
            thread: Some(thread),
        })
    }

    /// Has what is due for the endpoint delivered. Returns once that is sure to happen, not once it has happened.
    ///
    /// # Errors
    /// [`NotTakenUp`]: ring again later.
    pub async fn ring(&self, clinic: ClinicId, endpoint: WebhookEndpointId) -> Result<(), NotTakenUp> {
        let (answer, answered) = oneshot::channel();
        let ring = Ring {
            key: (clinic, endpoint),
            answer,
        };
        let rings = self.rings.as_ref().ok_or(NotTakenUp::Stopped)?;
        rings.send(ring).or(Err(NotTakenUp::Stopped))?;
        answered.await.unwrap_or(Err(NotTakenUp::Stopped))
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        drop(self.rings.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the webhooks ended in a panic");
        }
    }
}

/// What the sessions share.
struct Desk {
    db: Db,
    client: Client,
    keys: ClinicKeys,
    sessions: RefCell<HashMap<Key, Session>>,
}

/// An endpoint that is being served.
#[derive(Default)]
struct Session {
    /// Whether a job will ring should this process die.
    is_covered: bool,
    /// Whether somebody rang since the last look.
    look_again: bool,
    /// Who waits to hear that what is due is in hand.
    waiting: Vec<Answer>,
}

/// Takes rings until nobody can ring any more.
async fn run(desk: Rc<Desk>, mut rings: mpsc::UnboundedReceiver<Ring>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            ring = rings.recv() => match ring {
                Some(ring) => desk.take_ring(ring, &mut tasks),
                None => break,
            },
            Some(_ended) = tasks.join_next(), if !tasks.is_empty() => {}
        }
    }
    let finished = async { while tasks.join_next().await.is_some() {} };
    // What is dropped then is taken up again when its time is over.
    let _out_of_grace = tokio::time::timeout(GRACE, finished).await;
}

impl Desk {
    fn take_ring(self: &Rc<Self>, Ring { key, answer }: Ring, tasks: &mut JoinSet<()>) {
        let mut sessions = self.sessions.borrow_mut();
        let serving = sessions.len();
        if let Some(session) = sessions.get_mut(&key) {
            session.look_again = true;
            if session.is_covered {
                answered(answer, Ok(()));
            } else {
                session.waiting.push(answer);
            }
        } else if serving >= MOST_ENDPOINTS {
            answered(answer, Err(NotTakenUp::Busy));
        } else {
            let session = Session {
                waiting: vec![answer],
                ..Session::default()
            };
            sessions.insert(key, session);
            let desk = Rc::clone(self);
            tasks.spawn_local(async move {
                let leaving = Leaving { desk: &desk, key };
                desk.serve(key).await;
                drop(leaving);
            });
        }
    }

    /// Delivers what is due for an endpoint until nothing is.
    async fn serve(&self, key: Key) {
        let (clinic, endpoint) = key;
        let system = System::acting_for(clinic, "webhooks");
        loop {
            let heard = self.begin_look(key);
            let taken = self
                .db
                .write(&system, async |tx| deliveries::take_due(tx, endpoint, &self.keys).await)
                .await;
            let result = match &taken {
                Ok(_) => Ok(()),
                Err(error) => {
                    tracing::error!(%error, %clinic, %endpoint, "due webhooks could not be taken up");
                    Err(NotTakenUp::Failed)
                }
            };
            heard.into_iter().for_each(|answer| answered(answer, result));
            let Ok(batch) = taken else { return };
            match batch {
                Some(batch) => {
                    self.note_covered(key);
                    self.carry(&system, &batch).await;
                }
                None if self.is_rung_again(key) => {}
                None => return,
            }
        }
    }

    /// Those who rang before this look, which answers them.
    fn begin_look(&self, key: Key) -> Vec<Answer> {
        let mut sessions = self.sessions.borrow_mut();
        sessions.get_mut(&key).map_or_else(Vec::new, |session| {
            session.look_again = false;
            std::mem::take(&mut session.waiting)
        })
    }

    fn note_covered(&self, key: Key) {
        if let Some(session) = self.sessions.borrow_mut().get_mut(&key) {
            session.is_covered = true;
            // They rang during the look; another follows, and a job will ring should it never come.
            session.waiting.drain(..).for_each(|answer| answered(answer, Ok(())));
        }
    }

    fn is_rung_again(&self, key: Key) -> bool {
        self.sessions
            .borrow()
            .get(&key)
            .is_some_and(|session| session.look_again)
    }

    /// Sends what was taken up, a few at a time.
    async fn carry(&self, system: &System, batch: &Batch) {
        futures_util::stream::iter(&batch.deliveries)
            .for_each_concurrent(AT_ONCE, |delivery| self.attempt(system, batch, delivery))
            .await;
    }

    /// One attempt, and its place in the log.
    async fn attempt(&self, system: &System, batch: &Batch, delivery: &TakenDelivery) {
        let at = self.db.clock().now();
        let message = Message {
            url: &batch.url,
            secrets: &batch.secrets,
            id: delivery.event_id,
            at,
            body: delivery.body.clone(),
        };
        let outcome = self.client.send(message).await;
        let recorded: Result<(), DeliveryError> = self
            .db
            .write(system, async |tx| {
                deliveries::record(tx, batch.endpoint, delivery, at, &outcome).await
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, delivery_id = %delivery.id, "what came of a webhook could not be written; it is sent again");
        }
    }
}

/// Ends a session however it ends.
struct Leaving<'d> {
    desk: &'d Desk,
    key: Key,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let session = self.desk.sessions.borrow_mut().remove(&self.key);
        for answer in session.into_iter().flat_map(|session| session.waiting) {
            answered(answer, Err(NotTakenUp::Failed));
        }
    }
}

/// Tells one who rang, if they still listen.
fn answered(answer: Answer, result: Result<(), NotTakenUp>) {
    let _gone = answer.send(result);
}
