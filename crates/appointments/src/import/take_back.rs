//! Taking back an appointment that an import made.

use db::schema::{
    appointment_moves, appointment_reminders, appointment_series, appointments, holds, occupancies, waitlist_entries,
};
use db::{AuditRecord, DbError, QueryResultExt, TenantRead, TenantTx, tx_error};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AppointmentId, ContactId, Version};
use tabular::TakenBack;

use crate::booking::service::{AppointmentEvent, touch};
use crate::booking::{Source, store};
use crate::reminders::ReminderStatus;

/// The version of a row that nobody has written since it was made.
const UNTOUCHED: Version = Version::new(1);

/// The statuses of a reminder of which nothing has gone out: it was planned by itself, and goes with its appointment.
const UNSENT: [ReminderStatus; 3] = [
    ReminderStatus::Planned,
    ReminderStatus::Skipped,
    ReminderStatus::Cancelled,
];

/// What is told when an appointment was taken back.
const REMOVED: &str = "appointment.removed";

/// Why an appointment was not deleted.
enum NotDeleted {
    /// Something else refers to it.
    InUse,
    Database(DbError),
}

impl From<DbError> for NotDeleted {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

tx_error!(NotDeleted);

/// Removes an appointment that an import made, its row, its history and the reminders that were planned for it, unless somebody has
/// moved or changed it since or something hangs on it, such as a reminder that is due or was sent. A cancelled one would stand in the way of the same file, read rightly; what nobody has touched has no
/// history to keep. The database itself lets no other appointment be removed.
///
/// # Errors
/// The database's failure.
pub async fn take_back(tx: &mut TenantTx<'_>, id: AppointmentId) -> Result<TakenBack, DbError> {
    let Some(locked) = store::lock(tx, id).await? else {
        return Ok(TakenBack::Gone);
    };
    let appointment = &locked.appointment;
    if appointment.version != UNTOUCHED || appointment.source != Source::Import {
        return Ok(TakenBack::Changed);
    }
    match tx.savepoint(async |tx| delete(tx, id).await).await {
        Ok(()) => {}
        Err(NotDeleted::InUse) => return Ok(TakenBack::InUse),
        Err(NotDeleted::Database(error)) => return Err(error),
    }
    tx.audit(AuditRecord::new("appointments.take_back", "appointment", id.as_uuid()));
    tx.emit(REMOVED, &AppointmentEvent::from(appointment));
    touch(tx, appointment, locked.zone, None);
    Ok(TakenBack::Removed)
}

async fn delete(tx: &TenantTx<'_>, id: AppointmentId) -> Result<(), NotDeleted> {
    let moves = appointment_moves::table
        .filter(appointment_moves::clinic_id.eq(tx.clinic()))
        .filter(appointment_moves::appointment_id.eq(id));
    diesel::delete(moves)
        .execute(&mut tx.conn())
        .await
        .map_err(DbError::from)?;
    let busy = occupancies::table
        .filter(occupancies::clinic_id.eq(tx.clinic()))
        .filter(occupancies::appointment_id.eq(id));
    diesel::delete(busy)
        .execute(&mut tx.conn())
        .await
        .map_err(DbError::from)?;
    let unsent = appointment_reminders::table
        .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
        .filter(appointment_reminders::appointment_id.eq(id))
        .filter(appointment_reminders::status.eq_any(UNSENT));
    diesel::delete(unsent)
        .execute(&mut tx.conn())
        .await
        .map_err(DbError::from)?;
    let row = appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::id.eq(id));
    let deleted = diesel::delete(row).execute(&mut tx.conn()).await;
    match deleted {
        Ok(_) => Ok(()),
        Err(diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::ForeignKeyViolation, _)) => {
            Err(NotDeleted::InUse)
        }
        Err(error) => Err(NotDeleted::Database(error.into())),
    }
}

/// Whether the agenda has anything of a contact: an appointment, whatever became of it, or a hold.
///
/// # Errors
/// The database's failure.
pub async fn has_business(tx: &TenantRead<'_>, contact: ContactId) -> Result<bool, DbError> {
    let booked = appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::contact_id.eq(contact));
    let held = holds::table
        .filter(holds::clinic_id.eq(tx.clinic()))
        .filter(holds::contact_id.eq(contact));
    let waits = waitlist_entries::table
        .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::contact_id.eq(contact));
    let recurs = appointment_series::table
        .filter(appointment_series::clinic_id.eq(tx.clinic()))
        .filter(appointment_series::contact_id.eq(contact));
    diesel::select(exists(booked).or(exists(held)).or(exists(waits)).or(exists(recurs)))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}
