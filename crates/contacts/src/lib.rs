//! People: patients and leads, what they agreed to, who is twice in the books, and how they come in and out as tables.

pub mod consents;
pub mod duplicates;
pub mod events;
mod export;
pub mod import;
pub mod merge;
pub mod people;
pub mod tags;

pub use events::EVENTS;

/// Registers every endpoint of this domain.
pub fn routes(cfg: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    // Before the addresses with an id in them, which would take its name for one.
    export::routes(cfg);
    people::routes(cfg);
    consents::routes(cfg);
    duplicates::routes(cfg);
    merge::routes(cfg);
}
