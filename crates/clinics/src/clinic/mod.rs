//! The clinic itself: its names, its zone, how it is reached, and how it books.

mod address;
mod http;
mod input;
mod model;
mod service;
pub(crate) mod store;

pub use address::{Address, InvalidPostalCode, PostalCode};
pub(crate) use http::routes;
pub use model::{Clinic, ClinicChanges, ClinicStatus, CompanyName, HoldMinutes, Locale};
pub use service::{find as find_clinic, update as update_clinic};
