//! Calendar feeds: an agenda as iCalendar (RFC 5545) under a secret, revocable address that calendar programs subscribe to.
//!
//! [`ics`] is pure; the rest makes, lists and revokes feeds, and serves them.

mod error;
mod http;
pub mod ics;
mod model;
mod public;
mod service;
mod store;

pub(crate) use http::{create_feed, get_feed, list_feeds, revoke_feed};
pub(crate) use public::read_feed;
