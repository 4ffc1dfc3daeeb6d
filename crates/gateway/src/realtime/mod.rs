//! Live updates: events of the outbox, told over WebSockets to those who may hear them, as they are committed.
//!
//! # How an event gets to a screen
//! The outbox is the truth, and the only way that must work: for each clinic that somebody listens to, the `keeper` reads
//! it about once a second from where everything was last known to be told. The quick ways stand before it: a commit in this
//! process is told at once, one in another process comes over the [`bus`]. What they bring is told once; what they lose,
//! the keeper finds. So nothing is lost when Redis is away, when it never was there, or when a command line writes.
//!
//! # Who hears it
//! A socket hears the events of the topics that it subscribed to, of its own clinic, whose kind its rights cover when the
//! frame is sent. Its rights are read again about once a second, and a commit that changes them stops delivery until they
//! are. A socket that does not read is cut, never waited for.

mod config;
mod frames;
mod http;
mod hub;
mod keeper;
mod listening;
mod place;
mod protocol;
mod replay;
mod room;
mod seats;
mod socket;
mod tickets;
mod topics;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bus::{Bus, News, Passing, Told};
use kernel::{ClinicId, Permission};
use serde_json::Value;
use tokio::sync::Semaphore;
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::config::RealtimeConfig;
use self::frames::Frame;
use self::hub::Hub;
pub(crate) use self::keeper::{KeeperHandle, start as start_keeper};
pub(crate) use self::listening::{Announce, Remote};
use self::protocol::Closing;
use self::room::Speaker;
use self::seats::Seats;
use self::topics::Topics;

/// How many sockets are told again at a time what has happened.
const REPLAYS: usize = 2;

/// Everything live of one process. Cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Parts>);

struct Parts {
    config: RealtimeConfig,
    topics: Topics,
    hub: Hub,
    seats: Seats,
    /// Turns of those who are told again what has happened: however many come back at once, other requests find connections.
    replays: Semaphore,
    bus: Bus,
    keeper: keeper::Calls,
    leaving: AtomicBool,
}

impl Live {
    /// Nobody listens yet.
    #[must_use]
    pub fn new(config: RealtimeConfig, bus: Bus) -> Self {
        Self(Arc::new(Parts {
            topics: Topics::of(crate::events::catalogue()),
            hub: Hub::new(),
            seats: Seats::new(config.sockets, config.sockets_per_principal),
            replays: Semaphore::new(REPLAYS),
            keeper: keeper::Calls::default(),
            leaving: AtomicBool::new(false),
            config,
            bus,
        }))
    }

    /// How many sockets are open.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.0.seats.taken()
    }

    /// Tells `event` to those in `clinic` who may hear it, unless it was told before.
    fn tell(&self, clinic: ClinicId, event: &Told) {
        let parts = &*self.0;
        if !parts.hub.anybody_in(clinic) {
            return;
        }
        if let Some(frame) = Frame::of_event(&parts.topics, event) {
            parts.hub.tell(clinic, event.id, &frame);
        }
    }

    /// Shows `data` to those who look at `topic` just now: on this process, and on the others.
    fn pass(&self, clinic: ClinicId, kind: &str, topic: String, data: Value, from: Speaker) {
        let passing = Passing {
            clinic,
            kind: kind.to_owned(),
            topic,
            data,
        };
        self.show(&passing, Some(from));
        self.0.bus.tell(News::Passing(passing));
    }

    fn show(&self, passing: &Passing, from: Option<Speaker>) {
        let needed = self.0.topics.needed_for(&passing.topic).and_then(<[Permission]>::first);
        if let Some(permission) = needed
            && let Some(frame) = Frame::of_passing(passing, *permission)
        {
            self.0.hub.show(passing.clinic, &frame, from);
        }
    }

    /// Closes every socket and lets no other in; clients come back to another process.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::SeqCst);
        self.0.hub.close_all(Closing::GOING_AWAY);
    }

    fn is_leaving(&self) -> bool {
        self.0.leaving.load(Ordering::SeqCst)
    }
}

/// `POST /realtime/tickets` and `GET /realtime`.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(http::create_ticket).service(http::open);
}
