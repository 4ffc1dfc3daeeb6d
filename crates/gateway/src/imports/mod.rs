//! Files of people or appointments, imported over the API: analysed, rehearsed, brought in part by part, watched, paused, undone.
//!
//! An import spans the domains, so it is the gateway's; what a row means is the domains' own business (`contacts::import`,
//! `appointments::import`). The work is a job in parts. Each part is one transaction that holds what its rows did, what became of
//! each row, and how far the work has come; so a worker that is killed loses nothing and doubles nothing. See ADR 21.

mod analysis;
mod control;
mod error;
mod http;
mod model;
pub(crate) mod people;
mod report;
mod row_store;
mod settings;
mod store;
mod target;
mod undo;
mod upload;
mod view;
mod work;

use kernel::{Permission, PublicEvent};

pub(crate) use http::routes;
pub(crate) use model::AREA;
pub(crate) use store::with_file_among;
pub(crate) use work::handlers;

const fn event(kind: &'static str, summary: &'static str) -> PublicEvent {
    PublicEvent {
        kind,
        permission: Permission::ImportsRun,
        summary,
    }
}

/// What is told while an import is at work, each twentieth of the way.
const PROGRESS: &str = "import.progress";
/// What is told when the work has ended, however it did.
const FINISHED: &str = "import.finished";

/// Every kind of event that integrations and live screens may hear of.
pub(crate) const EVENTS: &[PublicEvent] = &[
    event(PROGRESS, "An import, its rehearsal or its undoing has come further."),
    event(
        FINISHED,
        "An import, its rehearsal or its undoing has ended, was paused or was cancelled.",
    ),
];
