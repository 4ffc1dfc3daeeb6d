//! What rules and reminders are.

use db::schema::{appointment_reminders, reminder_rules};
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::{
    AppointmentId, ContactId, MessageId, ReminderId, ReminderRuleId, ServiceId, Timestamp, Version, Zone, text_enum,
};
use serde::Serialize;

use crate::outreach::Answer;

text_enum! {
    /// By which channel a reminder goes out.
    pub enum Channel {
        /// The one that the patient prefers, or by which they can be reached.
        Preferred = "preferred",
        /// WhatsApp.
        Whatsapp = "whatsapp",
        /// E-mail.
        Email = "email",
        /// Short message.
        Sms = "sms",
    }
    error = UnknownChannel, code = "unknown_channel";
}

text_enum! {
    /// Where a reminder stands.
    pub enum ReminderStatus {
        /// Its time has not come.
        Planned = "planned",
        /// It is to be sent.
        Due = "due",
        /// It was sent.
        Sent = "sent",
        /// It was not to be sent, for the reason given.
        Skipped = "skipped",
        /// It could not be sent.
        Failed = "failed",
        /// The patient answered it.
        Answered = "answered",
        /// The appointment was called off or moved.
        Cancelled = "cancelled",
    }
    error = UnknownReminderStatus, code = "unknown_status";
}

text_enum! {
    /// Why a reminder was not sent.
    pub enum ReminderReason {
        /// Its time had passed already.
        TooLate = "too_late",
        /// Another of the same appointment falls on the same instant.
        SameTime = "same_time",
        /// The patient cannot be reached by any channel.
        NoChannel = "no_channel",
        /// The patient has said that they do not want reminders.
        NotWanted = "not_wanted",
        /// The channel refused it.
        NotDelivered = "not_delivered",
    }
    error = UnknownReminderReason, code = "unknown_reason";
}

/// How long before an appointment its patient is reminded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = reminder_rules, check_for_backend(Pg))]
pub struct Rule {
    /// The rule.
    pub id: ReminderRuleId,
    /// For which service; for all without rules of their own when none.
    pub service_id: Option<ServiceId>,
    /// How many minutes before the start.
    pub lead_minutes: i32,
    /// By which channel.
    pub channel: Channel,
    /// Whether it holds.
    pub enabled: bool,
    /// When it was put away.
    pub archived_at: Option<Timestamp>,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// A rule to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewRule {
    /// The id, when the client made it itself.
    pub id: Option<ReminderRuleId>,
    /// For which service.
    pub service: Option<ServiceId>,
    /// How many minutes before the start.
    pub lead_minutes: i32,
    /// By which channel.
    pub channel: Channel,
    /// Whether it holds.
    pub enabled: bool,
}

/// What changes about a rule; `None` keeps.
#[derive(Debug, Clone, Copy, Default, AsChangeset)]
#[diesel(table_name = reminder_rules)]
pub struct RuleChanges {
    /// How many minutes before the start.
    pub lead_minutes: Option<i32>,
    /// By which channel.
    pub channel: Option<Channel>,
    /// Whether it holds.
    pub enabled: Option<bool>,
}

impl RuleChanges {
    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("lead_minutes", self.lead_minutes.is_some()),
            ("channel", self.channel.is_some()),
            ("enabled", self.enabled.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, changes)| changes.then_some(name))
        .collect()
    }
}

/// A reminder, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = appointment_reminders, check_for_backend(Pg))]
pub struct Reminder {
    /// The reminder.
    pub id: ReminderId,
    /// Of which appointment.
    pub appointment_id: AppointmentId,
    /// When that began as the reminder was planned.
    pub starts_at: Timestamp,
    /// How many minutes before the start.
    pub lead_minutes: i32,
    /// By which channel.
    pub channel: Channel,
    /// When it is to be sent.
    pub due_at: Timestamp,
    /// Where it stands.
    pub status: ReminderStatus,
    /// Why it was not sent.
    pub reason: Option<ReminderReason>,
    /// What the patient answered.
    pub answer: Option<Answer>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// The message that carried it, which belongs to another domain.
    pub message_id: Option<MessageId>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// How often the row was written.
    pub version: Version,
}

/// The event that tells of a reminder: ids only.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ReminderEvent {
    /// The reminder.
    pub reminder_id: ReminderId,
    /// Of which appointment.
    pub appointment_id: AppointmentId,
    /// Who comes.
    pub contact_id: ContactId,
    /// How many minutes before the start.
    pub lead_minutes: i32,
}

impl ReminderEvent {
    /// What is told of `reminder` of an appointment of `contact`.
    #[must_use]
    pub const fn of(reminder: &Reminder, contact: ContactId) -> Self {
        Self {
            reminder_id: reminder.id,
            appointment_id: reminder.appointment_id,
            contact_id: contact,
            lead_minutes: reminder.lead_minutes,
        }
    }
}

/// The facts that the text of a reminder is written from.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct ReminderFacts {
    /// The reminder.
    pub reminder_id: ReminderId,
    /// Of which appointment.
    pub appointment_id: AppointmentId,
    /// Who comes.
    pub contact_id: ContactId,
    /// Their name.
    pub contact_name: String,
    /// What they want to be called.
    pub contact_social_name: Option<String>,
    /// Who sees them.
    pub practitioner_name: String,
    /// What for.
    pub service_name: Option<String>,
    /// Where.
    pub room_name: Option<String>,
    /// The clinic's name.
    pub clinic_name: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// How many minutes before.
    pub lead_minutes: i32,
    /// By which channel.
    pub channel: Channel,
    /// The clinic's zone.
    pub zone: Zone,
    /// The clinic's language and country, such as `pt-BR`.
    pub locale: String,
}

impl ReminderFacts {
    /// Date and time as the clinic's wall clock shows them.
    #[must_use]
    pub fn local_start(&self) -> chrono::NaiveDateTime {
        self.starts_at.local_in(self.zone)
    }
}
