//! Services: what can be booked, for how long, at what price, with whom and where.

mod error;
mod http;
mod input;
mod model;
mod service;
mod store;

pub use error::ServiceError;
pub(crate) use http::routes;
pub use model::{
    BufferMinutes, DurationMinutes, FollowUpDays, NewService, Service, ServiceChanges, ServiceRow, SlotStepMinutes,
};
pub use service::{archive as archive_service, create as create_service, update as update_service};
