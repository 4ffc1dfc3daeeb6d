//! How the system does in one clinic: its queue, and what was given up.

mod http;

pub(crate) use http::routes;
