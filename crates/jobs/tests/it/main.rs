//! The worker against a real PostgreSQL, each test with a database of its own. Time stands still but where a test moves it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so does what they share")]

mod claims;
mod failures;
mod keys;
mod killed;
mod laws;
mod retention;
mod schedules;
mod stage;
mod tenancy;
mod thread;
