//! What this domain tells to the outside.

use kernel::{Permission, PublicEvent};

/// An event of the agenda, which whoever may read appointments may hear.
const fn event(kind: &'static str, summary: &'static str) -> PublicEvent {
    PublicEvent {
        kind,
        permission: Permission::AppointmentsRead,
        summary,
    }
}

/// Every kind of event that integrations and live screens may hear of.
pub const EVENTS: &[PublicEvent] = &[
    event("appointment.booked", "An appointment was booked."),
    event("appointment.imported", "An appointment came in by an import."),
    event("appointment.updated", "Notes or terms of an appointment were changed."),
    event(
        "appointment.rescheduled",
        "An appointment was moved to another time, room or practitioner.",
    ),
    event("appointment.confirmed", "An appointment was confirmed."),
    event("appointment.checked_in", "The patient has arrived."),
    event("appointment.started", "The appointment has begun."),
    event("appointment.completed", "The appointment is over."),
    event("appointment.cancelled", "An appointment was cancelled."),
    event("appointment.no_show", "The patient did not come."),
    event(
        "appointment.reopened",
        "A cancelled, missed or completed appointment was taken up again.",
    ),
    event(
        "appointment_series.created",
        "A series of appointments was booked, or split off another.",
    ),
    event(
        "appointment_series.updated",
        "Occurrences of a series were changed or called off.",
    ),
    event(
        "appointment_series.cancelled",
        "All of a series that lay ahead was called off.",
    ),
];
