//! People as a table or as lines of JSON, streamed from the database in parts.

mod http;
mod render;
mod store;

pub(crate) use http::routes;
