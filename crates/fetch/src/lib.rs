//! Connections to addresses that others name, such as calendars, webhooks and mail servers: never inward; requests are bounded in
//! time and size.
//!
//! Whoever may name an address that the server calls could make it call its own neighbours: the database, the cloud's
//! metadata, a router (server-side request forgery, CWE-918). So an address is judged where it counts, after its name was
//! resolved and for the very connection that is made; redirects are followed by hand and judged in the same way; no proxy of
//! the environment is used, and no connection is kept, so that each request is judged anew. This is the one place where the rules
//! stand; what speaks no HTTP asks [`permitted_addresses`], and connects to what that says.

mod client;
mod error;
mod networks;
mod resolver;
mod roots;
mod rules;
mod target;

pub use client::{Answer, Fetcher, Limits, Request, Wanted};
pub use error::{FetchError, FetcherError};
pub use networks::{AllowedNetworks, InvalidNetworks, is_public};
pub use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use reqwest::{Method, Response};
pub use resolver::{ResolveError, permitted_addresses};
pub use roots::{InvalidRoots, Roots, is_about_certificate};
pub use rules::OutwardRules;
pub use target::{InvalidTarget, Target, host_of};
