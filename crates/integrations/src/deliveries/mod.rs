//! Deliveries: what each endpoint is told, when it is tried again, and the log of how that went.

mod error;
mod http;
mod log;
mod model;
mod schedule;
mod service;
mod store;
mod view;

pub use error::DeliveryError;
pub(crate) use http::routes;
pub(crate) use model::{AttemptError, Batch, Outcome, TakenDelivery};
pub use model::{CleanUp, Doorbell};
pub use service::{CLEAN_UP, DELIVER, clean_up, fan_out, listeners};
pub(crate) use service::{record, ring, take_due};
