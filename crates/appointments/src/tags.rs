//! What cached answers about the agenda depend on, and what each write makes stale.

use chrono::NaiveDate;
use kernel::{AppointmentId, ContactId, Tag};

/// Every appointment of the clinic.
#[must_use]
pub const fn all() -> Tag {
    Tag::collection("appointments")
}

/// One appointment.
#[must_use]
pub fn appointment(id: AppointmentId) -> Tag {
    Tag::part("appointment", id)
}

/// The appointments that start on `date` in the clinic's zone.
#[must_use]
pub fn agenda(date: NaiveDate) -> Tag {
    Tag::part("agenda", date)
}

/// The appointments of one contact.
#[must_use]
pub fn of_contact(id: ContactId) -> Tag {
    Tag::part("contact_appointments", id)
}

/// Every calendar feed of the clinic, as those who make them see it.
#[must_use]
pub const fn calendar_feeds() -> Tag {
    Tag::collection("calendar_feeds")
}

/// The settings of offers and reminders.
#[must_use]
pub const fn outreach() -> Tag {
    Tag::collection("outreach_settings")
}

/// The rules of reminders.
#[must_use]
pub const fn reminder_rules() -> Tag {
    Tag::collection("reminder_rules")
}

/// The waiting list, its entries and offers.
#[must_use]
pub const fn waitlist() -> Tag {
    Tag::collection("waitlist")
}

/// The reminders of one appointment.
#[must_use]
pub fn reminders_of(id: AppointmentId) -> Tag {
    Tag::part("reminders", id)
}

/// Every series of the clinic.
#[must_use]
pub const fn series() -> Tag {
    Tag::collection("appointment_series")
}

/// Every calendar kept elsewhere, as those who subscribe to it see it.
#[must_use]
pub const fn external_calendars() -> Tag {
    Tag::collection("external_calendars")
}
