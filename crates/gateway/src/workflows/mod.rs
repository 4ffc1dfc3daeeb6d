//! What one domain owes another: acts that span several at once, and what follows an event after its commit.

mod account_mail;
mod calendars;
pub mod conversations;
mod files;
pub mod inbound;
mod jobs;
mod merge;
mod outreach;
mod reminders;
mod replies;
mod stale;
mod unmerge;
mod waitlist;
mod webchat;
mod webhook_mail;
mod webhooks;
mod wording;

use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) use self::jobs::start as start_jobs;
pub use self::merge::MergeFailure;
pub(crate) use self::stale::STALE;

/// Endpoints of acts that span several domains.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(merge::merge_contacts)
        .service(unmerge::undo_contact_merge);
    webchat::routes(config);
}
