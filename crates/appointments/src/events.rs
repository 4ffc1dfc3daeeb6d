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
    event(
        "appointment.removed",
        "An appointment that had come in by an import was taken out again with it.",
    ),
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
        "appointment.reminder_due",
        "A reminder of an appointment is to be sent.",
    ),
    event("appointment.reminder_answered", "The patient answered a reminder."),
    event(
        "appointment.reminder_failed",
        "The message that carried a reminder did not arrive.",
    ),
    event("waitlist.added", "Somebody was put on the waiting list."),
    event("waitlist.updated", "An entry of the waiting list was changed."),
    event("waitlist.removed", "Somebody was taken off the waiting list."),
    event(
        "waitlist.expired",
        "The last date of an entry of the waiting list has passed.",
    ),
    event("waitlist.offered", "Free time was offered to somebody who waits."),
    event(
        "waitlist.offer_accepted",
        "An offer was taken and became an appointment.",
    ),
    event("waitlist.offer_declined", "An offer is not wanted."),
    event("waitlist.offer_lapsed", "Nobody answered an offer in time."),
    event("waitlist.offer_withdrawn", "An offer was taken back."),
    event(
        "waitlist.offer_undelivered",
        "The message about an offer did not arrive; the time goes to the next who waits.",
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
