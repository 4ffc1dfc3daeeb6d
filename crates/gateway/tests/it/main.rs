//! The gateway through its front door, and the ground under it: one program, so that it is linked once.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

mod account_mail;
mod accounts;
mod agenda;
mod agenda_import;
mod app;
mod architecture;
mod availability;
mod bad_input;
mod booking;
mod calendar;
mod channels;
mod commands;
mod contacts;
mod contacts_merge;
mod contacts_search;
mod contacts_unmerge;
mod conventions;
mod conversations;
mod external_calendars;
mod files;
mod holds;
mod imports;
mod killed;
mod live;
mod live_shared;
mod openapi_lock;
mod openapi_walk;
mod outward_settings;
mod partitions;
mod practice;
mod process;
mod query_plans;
mod queue;
mod reminders;
mod schema;
mod series;
mod statement_counts;
mod story;
mod units_of_work;
mod waitlist;
mod walls;
mod webhooks;
