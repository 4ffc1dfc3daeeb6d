//! What follows when appointments are booked, moved or called off: their reminders are planned anew, and become due.

use appointments::reminders::{self, ReminderJob};
use db::Db;
use jobs::{Event, HandlerError, Handlers};
use kernel::{AppointmentId, System};
use serde::Deserialize;

/// After these events the reminders of an appointment may not be what they should.
const CHANGES: [&str; 9] = [
    "appointment.booked",
    "appointment.imported",
    "appointment.updated",
    "appointment.rescheduled",
    "appointment.reopened",
    "appointment.cancelled",
    "appointment.no_show",
    "appointment.checked_in",
    "appointment.completed",
];

/// What the event of an appointment tells.
#[derive(Debug, Deserialize)]
struct AppointmentEvent {
    appointment_id: AppointmentId,
}

/// Adds the handlers of reminders.
pub(super) fn handlers(handlers: Handlers) -> Handlers {
    CHANGES
        .into_iter()
        .fold(handlers, |handlers, kind| handlers.on(kind, plan))
        .on(reminders::DUE, become_due)
}

async fn plan(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let AppointmentEvent { appointment_id } = event.payload()?;
    db.write(&system, async |tx| {
        reminders::plan_reminders(tx, appointment_id)
            .await
            .map_err(HandlerError::from)
    })
    .await
}

async fn become_due(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let ReminderJob { reminder_id } = event.payload()?;
    db.write(&system, async |tx| {
        reminders::become_due(tx, reminder_id).await.map_err(HandlerError::from)
    })
    .await?;
    Ok(())
}
