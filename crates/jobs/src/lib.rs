//! Durable work: events and jobs in one queue (the table `outbox`), written in the transaction of what they tell or follow, handled
//! after it has committed.
//!
//! # What is promised
//! - An event is handled **at least once**. A handler may see one again: after it failed, after its worker was killed, and after
//!   it took longer than it may. So handlers are idempotent: what they write is made so that writing it twice changes nothing
//!   (a unique key made of [`Event::id`], an `ON CONFLICT DO NOTHING`, a state that is checked first).
//! - Of several workers, in one process or many, one at a time has an event: it holds a claim on the row, and renews it while it
//!   goes on. When the claim runs out, because the worker died, the next one takes over; what the first one then still says of
//!   the event counts no more.
//! - Events come in no promised order.
//! - **Lanes** do not wait for one another: each has its own places, its own thread, and its own connections. However much waits
//!   in a lower lane, and however slow its handlers are, an urgent job is begun at once.
//! - What **waits for somebody else's server** ([`Handlers::waits_outside`]) takes no place of its lane, and of one clinic there
//!   is so much at a time: a clinic whose servers hang holds up itself alone.
//! - A handler that fails is tried again with growing pauses, and given up after a number of attempts: the row stays, with
//!   `failed_at` and `last_error`, until somebody looks at it ([`dead_letters`]).
//! - An event that nobody handles is passed over: the row stays for those who read the events. A job that nobody handles waits,
//!   as one that failed: a newer server may know it.
//! - Work that has a key ([`db::Job::key`]) does not wait twice.
//!
//! The worker's role sees the queue of all clinics and little else. Handlers work as the server's role, in tenant transactions of
//! the event's clinic, as [`kernel::System`].
//!
//! # When events are noticed
//! At once after a commit of the same process that told [`Wake`]; at once when another process has more than it can take itself
//! (PostgreSQL's `NOTIFY`, sent after commits, and for many together); and each second anyhow.
//!
//! # What comes by itself
//! See [`Schedules`].

mod attempt;
mod backoff;
mod config;
mod connection;
pub mod dead_letters;
mod dispatcher;
mod event;
mod handlers;
mod housekeeping;
mod lane;
mod listener;
mod outside;
mod queue;
mod retention;
mod schedules;
mod store;
mod thread;
mod wake;
mod worker;

pub use backoff::{Retries, RetryPolicy};
pub use config::{Outside, Places, Retention, WorkerConfig};
pub use event::Event;
pub use handlers::{HandlerError, Handlers, LAST_TRIES};
pub use retention::Removed;
pub use schedules::Schedules;
pub use thread::{JobsHandle, Setup, spawn};
pub use wake::Wake;
pub use worker::{Round, Worker};
