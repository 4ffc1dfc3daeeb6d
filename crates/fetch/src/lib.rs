//! Requests to addresses that users name, such as calendars and webhooks: never inward, and bounded in time and size.
//!
//! Whoever may name an address that the server calls could make it call its own neighbours: the database, the cloud's
//! metadata, a router (server-side request forgery, CWE-918). So an address is judged where it counts, after its name was
//! resolved and for the very connection that is made; redirects are followed by hand and judged in the same way; no proxy of
//! the environment is used.

mod client;
mod error;
mod networks;
mod resolver;
mod target;

pub use client::{Answer, Fetcher, Limits, Oversize, Request};
pub use error::{FetchError, FetcherError};
pub use networks::{AllowedNetworks, InvalidNetworks, is_public};
pub use reqwest::Method;
pub use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use target::{InvalidTarget, Target};
