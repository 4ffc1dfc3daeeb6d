//! How the clinic turns to patients by itself: the hours in which it may, how long an offer stands, and what their answers mean.

mod answers;
mod error;
mod facts;
pub mod hours;
mod http;
pub mod interpret;
pub mod model;
mod phrases;
pub(crate) mod store;

pub use answers::{Answered, Asked, answer, answer_asked};
pub use error::OutreachError;
pub use facts::{VisitFacts, Voice, visit, voice};
pub(crate) use http::{get_outreach_settings, update_outreach_settings};
pub use interpret::{Answer, interpret};
pub use model::Outreach;
