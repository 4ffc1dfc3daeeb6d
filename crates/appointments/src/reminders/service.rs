//! The life of a reminder: planned, due, sent or not. What the patient answers is in `outreach`.

use db::{AuditRecord, DbError, Job, TenantRead, TenantTx};
use kernel::{AppointmentId, Lane, ReminderId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::model::{ReminderEvent, ReminderFacts, ReminderReason, ReminderStatus};
use super::store::{self, Change};
use super::{plan as planning, rules};
use crate::{outreach, tags};

/// The job that is due when a reminder is; its handler calls [`become_due`].
pub const DUE: &str = "reminder.due";
/// The job that is left for whoever sends reminders.
pub const SEND: &str = "reminder.send";

/// Which reminder.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ReminderJob {
    /// The reminder.
    pub reminder_id: ReminderId,
}

/// Brings the reminders of an appointment up to date: plans what is to come, cancels what no longer fits. Done again, it changes
/// nothing.
///
/// # Errors
/// The database's failure.
pub async fn plan(tx: &mut TenantTx<'_>, id: AppointmentId) -> Result<(), DbError> {
    let Some(subject) = store::lock_appointment(tx, id).await? else {
        return Ok(());
    };
    tx.touch(tags::reminders_of(id));
    if !store::TO_COME.contains(&subject.status) || subject.starts_at <= tx.now() {
        store::cancel(tx, id, None, &[]).await?;
        return Ok(());
    }
    let here = outreach::store::load(tx).await?;
    let rules = planning::rules_for(&rules::in_use(tx).await?, subject.service);
    let leads: Vec<i32> = rules.iter().map(|rule| rule.lead_minutes).collect();
    store::cancel(tx, id, Some(subject.starts_at), &leads).await?;
    let planned = planning::plan(subject.starts_at, &rules, here.settings.awake(), here.zone, tx.now());
    for (reminder_id, due_at) in store::insert(tx, id, subject.starts_at, &planned).await? {
        tx.enqueue(
            Job::new(DUE, &ReminderJob { reminder_id })
                .lane(Lane::Clinical)
                .due(due_at),
        );
    }
    Ok(())
}

/// Lets a planned reminder become due, if its time has come and its appointment is to come at the time it speaks of: then it is
/// told, and left as a job for the sender. Says whether it did; it does so once.
///
/// # Errors
/// The database's failure.
pub async fn become_due(tx: &mut TenantTx<'_>, id: ReminderId) -> Result<bool, DbError> {
    let Some(found) = store::find(tx, id).await? else {
        return Ok(false);
    };
    if found.reminder.due_at > tx.now() {
        return Ok(false);
    }
    let appointment = found.reminder.appointment_id;
    let status = if !store::TO_COME.contains(&found.status) || found.starts_at != found.reminder.starts_at {
        (ReminderStatus::Cancelled, None)
    } else if found.starts_at <= tx.now() {
        // The worker was away for so long.
        (ReminderStatus::Skipped, Some(ReminderReason::TooLate))
    } else {
        (ReminderStatus::Due, None)
    };
    let change = Change {
        status: Some(status.0),
        reason: status.1,
        ..Change::default()
    };
    let changed = store::change(tx, id, &[ReminderStatus::Planned], change).await?;
    if changed.is_none() {
        return Ok(false);
    }
    tx.touch(tags::reminders_of(appointment));
    if status.0 != ReminderStatus::Due {
        return Ok(false);
    }
    tx.emit(
        "appointment.reminder_due",
        &ReminderEvent::of(&found.reminder, found.contact),
    );
    tx.enqueue(Job::new(SEND, &ReminderJob { reminder_id: id }).lane(Lane::Clinical));
    Ok(true)
}

/// The facts that the text of a due reminder is written from; none when there is nothing to send any more.
///
/// # Errors
/// The database's failure.
pub async fn reminder_content(tx: &TenantRead<'_>, id: ReminderId) -> Result<Option<ReminderFacts>, DbError> {
    store::facts(tx, id).await
}

/// Notes that the message `message` carried the reminder; says whether it was due.
///
/// # Errors
/// The database's failure.
pub async fn mark_sent(tx: &mut TenantTx<'_>, id: ReminderId, message: Uuid) -> Result<bool, DbError> {
    let change = Change {
        status: Some(ReminderStatus::Sent),
        sent_at: Some(tx.now()),
        message_id: Some(message),
        ..Change::default()
    };
    settle(tx, id, &[ReminderStatus::Due], change).await
}

/// Notes that the reminder did not get through, and tells it; says whether it was due or sent.
///
/// # Errors
/// The database's failure.
pub async fn mark_failed(tx: &mut TenantTx<'_>, id: ReminderId) -> Result<bool, DbError> {
    let change = Change {
        status: Some(ReminderStatus::Failed),
        reason: Some(ReminderReason::NotDelivered),
        ..Change::default()
    };
    let noted = settle(tx, id, &[ReminderStatus::Due, ReminderStatus::Sent], change).await?;
    if noted && let Some(found) = store::find(tx, id).await? {
        tx.emit(
            "appointment.reminder_failed",
            &ReminderEvent::of(&found.reminder, found.contact),
        );
    }
    Ok(noted)
}

/// The reminder that the message `message` carried; none for other messages.
///
/// # Errors
/// The database's failure.
pub async fn carried_by(tx: &TenantRead<'_>, message: Uuid) -> Result<Option<ReminderId>, DbError> {
    store::carried_by(tx, message).await
}

/// Notes that the reminder is not sent, and why: the patient cannot be reached by any channel, or does not want it. Says whether
/// the reminder was due.
///
/// # Errors
/// The database's failure.
pub async fn mark_skipped(tx: &mut TenantTx<'_>, id: ReminderId, reason: ReminderReason) -> Result<bool, DbError> {
    let change = Change {
        status: Some(ReminderStatus::Skipped),
        reason: Some(reason),
        ..Change::default()
    };
    settle(tx, id, &[ReminderStatus::Due], change).await
}

async fn settle(
    tx: &mut TenantTx<'_>,
    id: ReminderId,
    from: &[ReminderStatus],
    change: Change,
) -> Result<bool, DbError> {
    let Some(appointment) = store::change(tx, id, from, change).await? else {
        return Ok(false);
    };
    tx.audit(
        AuditRecord::new("appointments.remind", "appointment", appointment.as_uuid())
            .with_detail(json!({ "reminder_id": id, "status": change.status, "reason": change.reason })),
    );
    tx.touch(tags::reminders_of(appointment));
    Ok(true)
}
