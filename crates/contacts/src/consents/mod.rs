//! What a person agreed to: every answer is kept, the newest one about a purpose holds (LGPD, arts. 7 and 8).

mod dto;
mod http;
mod model;
pub mod service;
pub(crate) mod store;

pub(crate) use http::routes;

pub use dto::{ConsentView, RecordConsent};
pub(crate) use model::NewestConsents;
pub use model::{Consent, InvalidPurpose, NewConsent, Purpose};
