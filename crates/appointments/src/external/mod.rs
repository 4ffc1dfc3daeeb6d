//! Calendars that practitioners keep elsewhere: their events keep them busy here too. What the events are about is never kept.

pub mod error;
mod events;
pub mod expand;
pub mod fetching;
mod http;
mod model;
mod places;
mod service;
mod store;

pub(crate) use http::{
    archive_external_calendar, create_external_calendar, edit_external_calendar, get_external_calendar,
    list_external_calendars, refresh_external_calendar,
};
