//! Weekly hours on the clinic's wall clock: the clinic's own, and those of practitioners who have their own.

mod http;
mod input;
mod model;
mod overlap;
mod service;
mod store;

pub(crate) use http::routes;
pub use model::{HoursEntry, NewHours, OpeningHours};
pub use service::{
    create as create_opening_hours, remove as remove_opening_hours, replace_week as set_week_hours,
    update as update_opening_hours,
};
