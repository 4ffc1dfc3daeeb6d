//! Reminders: planned when an appointment is booked or moved, due at set leads, and sent by whoever owns the channels.
//!
//! What was decided:
//! - There is one reminder for each appointment, time and lead, by a unique index; whatever job is run again finds it.
//! - A reminder that would fall into the night is due earlier, at the end of the evening before: late is worse than early.
//! - A lead that has passed when the appointment is booked is skipped, and so is the longer of two that fall on one instant.
//! - What became due is told as an event and left as a job for the sender; that it was sent, could not be, or was answered is
//!   written down here. An appointment that was moved or called off meanwhile is not reminded of.

mod error;
mod http;
pub mod model;
pub mod plan;
mod rule_http;
mod rules;
pub mod service;
pub(crate) mod store;

pub use error::ReminderError;
pub(crate) use http::list_appointment_reminders;
pub use model::{Channel, Reminder, ReminderFacts, ReminderReason, ReminderStatus};
pub(crate) use rule_http::{
    archive_reminder_rule, create_reminder_rule, get_reminder_rule, list_reminder_rules, update_reminder_rule,
};
pub use service::{
    DUE, ReminderJob, SEND, become_due, carried_by, mark_failed, mark_sent, mark_skipped, plan as plan_reminders,
    reminder_content,
};
