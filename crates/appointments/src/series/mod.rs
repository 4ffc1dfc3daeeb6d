//! Appointments that recur: each occurrence is an appointment like any other, made and changed together with the rest.
//!
//! What was decided is in docs/adr/0019-series.md.

mod alteration;
mod cancel;
mod change;
mod check;
mod error;
mod follow_ups;
mod held;
mod http;
mod input;
mod merge;
mod model;
mod occurrence_view;
mod occurrences;
mod plan;
mod rewrite;
mod service;
mod store;
mod views;

pub use error::SeriesError;
pub(crate) use http::{cancel_series, change_series, create_series, get_series, list_series, preview_series};
pub use merge::{move_contact, restore_contact};
