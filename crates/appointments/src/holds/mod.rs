//! Holds: a slot reserved for some minutes while a booking is finished. Only one booking can finish a hold.

mod http;
pub mod model;
pub mod service;
pub(crate) mod store;

pub use http::HoldView;
pub(crate) use http::{create_hold, get_hold, list_holds, release_hold};
