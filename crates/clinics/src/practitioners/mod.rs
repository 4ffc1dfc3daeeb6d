//! Practitioners: the professionals who see patients, and which services they offer.

mod error;
mod http;
mod input;
mod model;
mod service;
pub(crate) mod store;

pub use error::PractitionerError;
pub(crate) use http::routes;
pub use model::{NewPractitioner, Practitioner, PractitionerChanges, PractitionerRow};
pub use service::{archive as archive_practitioner, create as create_practitioner, update as update_practitioner};
