//! What one process tells the others: through Redis, or nothing at all where there is only one.
//!
//! # What is promised
//! - **Telling never waits and never fails.** News go into a bounded queue; what does not fit, or cannot be sent because Redis
//!   is away, is dropped and counted. So nothing that must not be lost may travel by the bus alone: the truth is in
//!   PostgreSQL, and whoever is told [`Listener::interrupted`] reads there what it may have missed.
//! - **Missing something is noticed.** The messages of a process are numbered. Redis keeps their order; a number that was
//!   passed over, a process heard for the first time, and a link that was lost and came back all mean that something may have
//!   been missed, and all are told.
//! - **Trust is leased.** [`Link::epoch`] is there only while this process hears its own heartbeats come back through Redis,
//!   and those of every other process, within [`LEASE`]: of those that it has heard, and of those that are said to be there
//!   ([`Bus::attend`]), cut off from Redis or not. A new epoch begins whenever something may have been missed,
//!   so what was remembered in an earlier one is never believed again.
//! - **Own news are not heard.** Who tells something has done at home what follows from it.

mod link;
mod news;
mod peers;
mod redis;
mod thread;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_redis::redis::Client;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use uuid::Uuid;

pub use crate::link::{Epoch, Link};
pub use crate::news::{Committed, News, Passing, Told};
pub use crate::thread::BusHandle;

use crate::news::Body;

/// For how long a sign of life is believed.
pub const LEASE: Duration = Duration::from_secs(1);

/// So many news may wait to be sent.
const QUEUE: usize = 8192;

/// Hears what other processes tell. Called on the bus's own thread, one after the other: it must not block.
pub trait Listener: Send + Sync {
    /// Another process told `news`.
    fn heard<'a>(&'a self, news: &'a News) -> BoxFuture<'a, ()>;

    /// Something may have been told that was not heard, or may be from now on, until this is called again.
    fn interrupted(&self);
}

/// A process's place on the bus. Cheap to clone.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    node: Uuid,
    /// Who may change something, as the database says.
    roll: Mutex<HashSet<Uuid>>,
    link: Link,
    dropped: AtomicU64,
    redis: Option<Wire>,
}

/// The way to Redis.
struct Wire {
    client: Client,
    connected: AtomicBool,
    outgoing: Mutex<Outgoing>,
    /// Taken by the thread that sends.
    incoming: Mutex<Option<mpsc::Receiver<Numbered>>>,
}

/// Numbers and queue under one lock, so that numbers wait in order.
struct Outgoing {
    last: u64,
    queue: mpsc::Sender<Numbered>,
}

/// A message that waits to be sent.
struct Numbered {
    number: u64,
    body: Body,
}

impl Bus {
    /// A process that is alone: what it tells nobody hears, and it misses nothing.
    #[must_use]
    pub fn alone() -> Self {
        Self::new(Uuid::nil(), Link::alone(), None)
    }

    /// The process `node` among others that use the same Redis, once [`Bus::start`] was called.
    #[must_use]
    pub fn through_redis(client: Client, node: Uuid) -> Self {
        let (queue, incoming) = mpsc::channel(QUEUE);
        let wire = Wire {
            client,
            connected: AtomicBool::new(false),
            outgoing: Mutex::new(Outgoing { last: 0, queue }),
            incoming: Mutex::new(Some(incoming)),
        };
        Self::new(node, Link::leased(), Some(wire))
    }

    fn new(node: Uuid, link: Link, redis: Option<Wire>) -> Self {
        Self(Arc::new(Inner {
            roll: Mutex::new(HashSet::new()),
            node,
            link,
            dropped: AtomicU64::new(0),
            redis,
        }))
    }

    /// Whether what is remembered from what was heard may be trusted.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.0.link
    }

    /// Whether there are others to tell.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.redis.is_some()
    }

    /// Notes that `processes` are those that may change something at this moment. While one of them is not heard, nothing that is
    /// remembered is trusted.
    pub fn attend(&self, processes: HashSet<Uuid>) {
        *self.0.roll.lock().unwrap_or_else(PoisonError::into_inner) = processes;
    }

    /// How many news could not be sent.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Tells the others `news`, if they can be reached.
    pub fn tell(&self, news: News) {
        self.send(Body::News(news));
    }

    fn send(&self, body: Body) {
        let Some(wire) = &self.0.redis else {
            return;
        };
        let mut outgoing = wire.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        // Counted whether or not it is sent: the others notice what they were not told.
        outgoing.last += 1;
        let message = Numbered {
            number: outgoing.last,
            body,
        };
        let sent = wire.connected.load(Ordering::SeqCst) && outgoing.queue.try_send(message).is_ok();
        if !sent {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Begins to listen, on a thread of its own, until the handle is stopped or dropped.
    ///
    /// # Errors
    /// The system's, when there can be no thread.
    pub fn start(&self, listeners: Arc<[Arc<dyn Listener>]>) -> Result<BusHandle, std::io::Error> {
        thread::start(self.clone(), listeners)
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Bus")
            .field("node", &self.0.node)
            .field("shared", &self.0.redis.is_some())
            .finish_non_exhaustive()
    }
}
