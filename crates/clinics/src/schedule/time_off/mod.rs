//! Spans without work: of one practitioner, or of the whole clinic.

mod http;
mod model;
mod service;
mod store;

pub(crate) use http::routes;
pub use model::{NewTimeOff, TimeOff, TimeOffChanges};
pub use service::{create as create_time_off, remove as remove_time_off, update as update_time_off};
