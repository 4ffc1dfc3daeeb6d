//! What the tests stand on: a database for each test, a small fixed world in it, and named people who call the API.
//!
//! Not for the server: only tests import this crate, and here everything that goes wrong panics, which is how a test fails.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this crate is part of tests, which fail by panicking"
)]

pub mod certificates;
mod client;
mod credentials;
mod database;
mod keeper;
pub mod keys;
pub mod mail;
mod redis;
mod s3;
mod services;
mod template;
pub mod whatsapp;
pub mod world;

pub use client::{Actor, Answer, Api, Call};
pub use credentials::{Credentials, make_api_key};
pub use database::{Role, TestDatabase};
pub use redis::TestRedis;
pub use s3::TestBucket;
pub use services::Services;
