//! Clinics: the tenants, the people who work in them and how these sign in, and what a clinic books with.
//!
//! Invariants: a person has one account however many clinics they work in; nobody grants what they may not grant
//! ([`authority`]); a clinic never loses its last owner (the database sees to it); every secret is shown once and stored as a
//! hash. What a person may do is read anew while they are signed in, so that a revocation is felt within a second.

pub mod account;
mod accounts;
pub mod api_keys;
pub mod authority;
pub mod clinic;
pub mod credentials;
pub mod events;
pub mod invitations;
pub mod password_reset;
mod places;
pub mod practitioners;
pub mod provision;
mod resource;
pub mod rooms;
pub mod schedule;
pub mod services;
pub mod sessions;
pub mod sign_in;
pub mod staff;
pub mod tags;

pub use accounts::Accounts;
pub use events::EVENTS;
pub use resource::bounded::{Bounded, OutOfBounds};
pub use resource::error::{ArchiveError, RowError};

use utoipa_actix_web::service_config::ServiceConfig;

/// Every endpoint under `/v1`.
pub fn routes(config: &mut ServiceConfig<'_>) {
    sign_in::http::routes(config);
    sessions::http::routes(config);
    account::http::routes(config);
    invitations::http::routes(config);
    password_reset::http::routes(config);
    api_keys::http::routes(config);
    clinic::routes(config);
    staff::routes(config);
    practitioners::routes(config);
    rooms::routes(config);
    services::routes(config);
    schedule::routes(config);
}

/// The endpoints at well-known addresses (RFC 8615), outside `/v1`.
pub fn well_known_routes(config: &mut ServiceConfig<'_>) {
    sign_in::http::well_known_routes(config);
}
