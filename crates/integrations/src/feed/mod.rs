//! The feed of events: what webhooks tell, to be read in order by those who would rather ask.
//!
//! The order is that of transactions, and only events of transactions below the oldest that is still open are shown: nothing
//! ever appears in front of what was read already, so whoever goes on from the last event they saw misses none.

mod error;
mod http;
mod service;
mod store;
mod view;

pub use error::FeedError;
pub(crate) use http::routes;
pub(crate) use view::EventView;
