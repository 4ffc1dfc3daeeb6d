//! Durable work: events that were written to the outbox in the transaction of what they tell, handled after it has committed.
//!
//! # What is promised
//! - An event is handled **at least once**. A handler may see one again: after it failed, after its worker was killed, and after
//!   it took longer than it may. So handlers are idempotent: what they write is made so that writing it twice changes nothing
//!   (a unique key made of [`Event::id`], an `ON CONFLICT DO NOTHING`, a state that is checked first).
//! - Of several workers, in one process or many, one at a time has an event: it holds a lease on the row. When the lease runs
//!   out, because its worker died, the next one takes over; what the first one then still says of the event counts no more.
//! - Events come in no promised order.
//! - A handler that fails is tried again with growing pauses, and given up after a number of attempts: the row stays, with
//!   `failed_at` and `last_error`, until somebody looks at it.
//! - A kind that has no handler is handled by being passed over: the row stays for those who read the events.
//!
//! The worker's role sees the outbox of all clinics and nothing else. Handlers work as the server's role, in tenant
//! transactions of the event's clinic, as [`kernel::System`].
//!
//! # When events are noticed
//! Each second, and at once after a commit of the same process that told [`Wake`]. An event that another process wrote waits
//! for the next look: up to a second. PostgreSQL's `NOTIFY` is not used yet.

mod backoff;
mod config;
mod event;
mod handlers;
mod retention;
mod store;
mod thread;
mod wake;
mod worker;

pub use backoff::RetryPolicy;
pub use config::{Retention, WorkerConfig};
pub use event::Event;
pub use handlers::{HandlerError, Handlers};
pub use retention::Removed;
pub use thread::{JobsHandle, spawn};
pub use wake::Wake;
pub use worker::{Round, Worker};
