//! Appointments that recur: each occurrence is an appointment like any other, made and changed together with the rest.
//!
//! What was decided is in docs/adr/0019-series.md.

pub mod change;
mod error;
mod http;
mod merge;
pub mod model;
mod occurrences;
mod plan;
pub mod service;
mod store;
pub mod views;

pub use error::SeriesError;
pub(crate) use http::{cancel_series, change_series, create_series, get_series, list_series, preview_series};
pub use merge::{move_contact, restore_contact};
pub use model::{Series, SeriesStatus};
