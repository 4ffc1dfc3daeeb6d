//! The staff: who works in the clinic, in which roles.

mod error;
mod http;
mod model;
mod roles;
mod service;
mod store;

pub use error::StaffError;
pub use model::{Addressee, Member};
pub use service::{change_roles as change_member_roles, remove as remove_member};
pub use store::{owner, owners};

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    http::routes(config);
    roles::routes(config);
}
