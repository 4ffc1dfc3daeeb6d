//! Why rules of reminders are not taken, and reminders not found.

use db::{DbError, tx_error};
use kernel::FieldErrors;
use rest::Problem;

/// Why a rule is not taken, or reminders are not found.
#[derive(Debug, thiserror::Error)]
pub enum ReminderError {
    /// No such rule in this clinic.
    #[error("there is no such rule")]
    RuleNotFound,
    /// No such appointment in this clinic.
    #[error("there is no such appointment")]
    AppointmentNotFound,
    /// It is not the version that the caller read.
    #[error("the rule was changed since")]
    Stale,
    /// It was put away.
    #[error("the rule is archived and does not change any more")]
    Archived,
    /// There is a rule of this lead for this service, or for all.
    #[error("there is a rule of this lead already")]
    LeadTaken,
    /// The id that the client chose is in use.
    #[error("the id is in use")]
    IdTaken,
    /// Values that make no sense.
    #[error("invalid values: {0}")]
    Invalid(FieldErrors),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<FieldErrors> for ReminderError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

tx_error!(ReminderError);

impl From<ReminderError> for Problem {
    fn from(error: ReminderError) -> Self {
        let detail = error.to_string();
        match error {
            ReminderError::RuleNotFound => Self::not_found("reminder_rule_not_found"),
            ReminderError::AppointmentNotFound => Self::not_found("appointment_not_found"),
            ReminderError::Stale => Self::precondition_failed(),
            ReminderError::Archived => Self::conflict("archived", detail),
            ReminderError::LeadTaken => Self::conflict("reminder_rule_exists", detail),
            ReminderError::IdTaken => Self::conflict("id_taken", detail),
            ReminderError::Invalid(errors) => errors.into(),
            ReminderError::Database(error) => error.into(),
        }
    }
}
