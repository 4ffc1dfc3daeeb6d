//! What this domain tells to the outside: of the catalogue that other systems keep a copy of.

use kernel::{Permission, PractitionerId, PublicEvent, ServiceId};
use serde::Serialize;

/// A practitioner was added.
pub const PRACTITIONER_CREATED: &str = "practitioner.created";
/// A practitioner was changed.
pub const PRACTITIONER_UPDATED: &str = "practitioner.updated";
/// A practitioner was put away.
pub const PRACTITIONER_ARCHIVED: &str = "practitioner.archived";
/// A service was added.
pub const SERVICE_CREATED: &str = "service.created";
/// A service was changed.
pub const SERVICE_UPDATED: &str = "service.updated";
/// A service was put away.
pub const SERVICE_ARCHIVED: &str = "service.archived";

/// An event of the practice, which whoever may read it may hear.
const fn event(kind: &'static str, summary: &'static str) -> PublicEvent {
    PublicEvent {
        kind,
        permission: Permission::ClinicRead,
        summary,
    }
}

/// Every kind of event that integrations and live screens may hear of.
pub const EVENTS: &[PublicEvent] = &[
    event(PRACTITIONER_CREATED, "A practitioner was added."),
    event(
        PRACTITIONER_UPDATED,
        "A practitioner, or the services they offer, was changed.",
    ),
    event(PRACTITIONER_ARCHIVED, "A practitioner was archived."),
    event(SERVICE_CREATED, "A service was added."),
    event(SERVICE_UPDATED, "A service, or who offers it where, was changed."),
    event(SERVICE_ARCHIVED, "A service was archived."),
];

/// What is told of a practitioner.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct PractitionerEvent {
    pub(crate) practitioner_id: PractitionerId,
}

/// What is told of a service.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ServiceEvent {
    pub(crate) service_id: ServiceId,
}
