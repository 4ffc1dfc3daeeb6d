//! The composition root: puts the platform and the domains together into one server and one command line.
//!
//! Nothing imports this crate but its own binary and tests. What one domain owes another lives in [`workflows`].

pub mod app;
mod channels;
pub mod cli;
pub mod config;
pub mod demo;
pub mod documents;
pub mod events;
mod health;
mod imports;
mod monitoring;
pub mod post;
pub mod realtime;
mod roll;
pub mod server;
pub mod shared;
mod traffic;
mod unmatched;
pub mod workflows;
