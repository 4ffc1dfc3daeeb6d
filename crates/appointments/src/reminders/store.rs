//! The SQL of reminders.

use db::schema::{appointment_reminders, appointments, clinics, contacts, practitioners, rooms, services};
use db::{DbError, QueryResultExt, TenantRead, named_by};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AppointmentId, ClinicId, ContactId, ReminderId, ServiceId, Timestamp};
use rest::Paging;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{Channel, Reminder, ReminderFacts, ReminderReason, ReminderStatus};
use super::plan::Planned;
use crate::booking::AppointmentStatus;
use crate::outreach::Answer;

/// The statuses in which an appointment is still to come.
pub(crate) const TO_COME: [AppointmentStatus; 2] = [AppointmentStatus::Scheduled, AppointmentStatus::Confirmed];
/// The statuses of a reminder that may still be sent.
const OPEN: [ReminderStatus; 2] = [ReminderStatus::Planned, ReminderStatus::Due];

/// What is planned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub(super) struct Subject {
    pub(super) service: Option<ServiceId>,
    pub(super) starts_at: Timestamp,
    pub(super) status: AppointmentStatus,
}

/// Reads the appointment and keeps it from being moved until the transaction ends.
pub(super) async fn lock_appointment(tx: &TenantRead<'_>, id: AppointmentId) -> Result<Option<Subject>, DbError> {
    appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::id.eq(id))
        .select((appointments::service_id, appointments::starts_at, appointments::status))
        .for_share()
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Cancels what may still be sent of the appointment: all of it, or but for the time `keeps` and the leads in `leads`.
pub(super) async fn cancel(
    tx: &TenantRead<'_>,
    id: AppointmentId,
    keeps: Option<Timestamp>,
    leads: &[i32],
) -> Result<usize, DbError> {
    let query = appointment_reminders::table
        .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
        .filter(appointment_reminders::appointment_id.eq(id))
        .filter(appointment_reminders::status.eq_any(OPEN));
    let changed = match keeps {
        None => {
            diesel::update(query)
                .set(appointment_reminders::status.eq(ReminderStatus::Cancelled))
                .execute(&mut tx.conn())
                .await?
        }
        Some(starts_at) => {
            let others = appointment_reminders::starts_at
                .ne(starts_at)
                .or(appointment_reminders::lead_minutes.ne_all(leads));
            diesel::update(query.filter(others))
                .set(appointment_reminders::status.eq(ReminderStatus::Cancelled))
                .execute(&mut tx.conn())
                .await?
        }
    };
    Ok(changed)
}

#[derive(Debug, Insertable)]
#[diesel(table_name = appointment_reminders, treat_none_as_default_value = false)]
struct NewReminder {
    clinic_id: ClinicId,
    id: ReminderId,
    appointment_id: AppointmentId,
    starts_at: Timestamp,
    lead_minutes: i32,
    channel: Channel,
    due_at: Timestamp,
    status: ReminderStatus,
    reason: Option<ReminderReason>,
}

/// Writes down what is planned. What is there already stays, but for what was cancelled, which is planned again. Gives those that
/// are to be sent and were not planned before.
pub(super) async fn insert(
    tx: &TenantRead<'_>,
    appointment: AppointmentId,
    starts_at: Timestamp,
    planned: &[Planned],
) -> Result<Vec<(ReminderId, Timestamp)>, DbError> {
    if planned.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<NewReminder> = planned
        .iter()
        .map(|planned| NewReminder {
            clinic_id: tx.clinic(),
            id: ReminderId::new_at(tx.now()),
            appointment_id: appointment,
            starts_at,
            lead_minutes: planned.lead_minutes,
            channel: planned.channel,
            due_at: planned.due_at,
            status: if planned.skipped.is_some() {
                ReminderStatus::Skipped
            } else {
                ReminderStatus::Planned
            },
            reason: planned.skipped,
        })
        .collect();
    let upsert = diesel::insert_into(appointment_reminders::table)
        .values(rows)
        .on_conflict((
            appointment_reminders::clinic_id,
            appointment_reminders::appointment_id,
            appointment_reminders::starts_at,
            appointment_reminders::lead_minutes,
        ))
        .do_update()
        .set((
            appointment_reminders::channel.eq(diesel::upsert::excluded(appointment_reminders::channel)),
            appointment_reminders::due_at.eq(diesel::upsert::excluded(appointment_reminders::due_at)),
            appointment_reminders::status.eq(diesel::upsert::excluded(appointment_reminders::status)),
            appointment_reminders::reason.eq(diesel::upsert::excluded(appointment_reminders::reason)),
        ));
    let cancelled = appointment_reminders::status.eq(ReminderStatus::Cancelled);
    let written: Vec<(ReminderId, Timestamp, ReminderStatus)> =
        diesel::query_dsl::methods::FilterDsl::filter(upsert, cancelled)
            .returning((
                appointment_reminders::id,
                appointment_reminders::due_at,
                appointment_reminders::status,
            ))
            .get_results(&mut tx.conn())
            .await?;
    Ok(written
        .into_iter()
        .filter(|(_, _, status)| *status == ReminderStatus::Planned)
        .map(|(id, due_at, _)| (id, due_at))
        .collect())
}

/// A reminder, and how its appointment stands.
#[derive(Debug, Clone, Copy, Queryable)]
pub(super) struct WithAppointment {
    pub(super) reminder: Reminder,
    pub(super) contact: ContactId,
    pub(super) starts_at: Timestamp,
    pub(super) status: AppointmentStatus,
}

/// The reminder and its appointment.
pub(super) async fn find(tx: &TenantRead<'_>, id: ReminderId) -> Result<Option<WithAppointment>, DbError> {
    appointment_reminders::table
        .inner_join(named_by!(appointments, appointment_reminders::appointment_id))
        .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
        .filter(appointment_reminders::id.eq(id))
        .select((
            Reminder::as_select(),
            appointments::contact_id,
            appointments::starts_at,
            appointments::status,
        ))
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// What becomes of a reminder.
#[derive(Debug, Clone, Copy, Default, AsChangeset)]
#[diesel(table_name = appointment_reminders)]
pub(super) struct Change {
    pub(super) status: Option<ReminderStatus>,
    pub(super) reason: Option<ReminderReason>,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) message_id: Option<Uuid>,
}

/// Changes the reminder if it stands in one of `from`; of several who do so one gets the appointment's id.
pub(super) async fn change(
    tx: &TenantRead<'_>,
    id: ReminderId,
    from: &[ReminderStatus],
    change: Change,
) -> Result<Option<AppointmentId>, DbError> {
    diesel::update(
        appointment_reminders::table
            .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
            .filter(appointment_reminders::id.eq(id))
            .filter(appointment_reminders::status.eq_any(from)),
    )
    .set(change)
    .returning(appointment_reminders::appointment_id)
    .get_result(&mut tx.conn())
    .await
    .optional()
    .or_database()
}

/// The reminders that were sent to `contact` from `since` until `asked_by` of appointments that begin after `at`, the newest first;
/// only those that the message `carrier` carried, where one is named.
pub(crate) async fn sent_to(
    tx: &TenantRead<'_>,
    contact: ContactId,
    (since, asked_by): (Timestamp, Timestamp),
    at: Timestamp,
    carrier: Option<Uuid>,
) -> Result<Vec<Reminder>, DbError> {
    let mut query = appointment_reminders::table
        .inner_join(named_by!(appointments, appointment_reminders::appointment_id))
        .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
        .filter(appointments::contact_id.eq(contact))
        .filter(appointments::starts_at.gt(at.max(tx.now())))
        .filter(appointments::starts_at.eq(appointment_reminders::starts_at))
        .filter(appointments::status.eq_any(TO_COME))
        .filter(appointment_reminders::status.eq(ReminderStatus::Sent))
        .filter(appointment_reminders::sent_at.ge(since))
        .filter(appointment_reminders::sent_at.le(asked_by))
        .order((appointment_reminders::sent_at.desc(), appointment_reminders::id.desc()))
        .select(Reminder::as_select())
        .into_boxed();
    if let Some(carrier) = carrier {
        query = query.filter(appointment_reminders::message_id.eq(carrier));
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Notes that the reminders of `appointment` at `starts_at` that were sent are answered; says how many. Of two who answer at once
/// one finds none.
pub(crate) async fn mark_answered(
    tx: &TenantRead<'_>,
    appointment: AppointmentId,
    starts_at: Timestamp,
    answer: Answer,
) -> Result<usize, DbError> {
    diesel::update(
        appointment_reminders::table
            .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
            .filter(appointment_reminders::appointment_id.eq(appointment))
            .filter(appointment_reminders::starts_at.eq(starts_at))
            .filter(appointment_reminders::status.eq(ReminderStatus::Sent)),
    )
    .set((
        appointment_reminders::status.eq(ReminderStatus::Answered),
        appointment_reminders::answer.eq(answer),
        appointment_reminders::answered_at.eq(tx.now()),
    ))
    .execute(&mut tx.conn())
    .await
    .or_database()
}

/// The reminder that a message carried.
pub(super) async fn carried_by(tx: &TenantRead<'_>, message: uuid::Uuid) -> Result<Option<ReminderId>, DbError> {
    appointment_reminders::table
        .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
        .filter(appointment_reminders::message_id.eq(message))
        .select(appointment_reminders::id)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The facts of a reminder whose appointment is to come at the time that it speaks of.
pub(super) async fn facts(tx: &TenantRead<'_>, id: ReminderId) -> Result<Option<ReminderFacts>, DbError> {
    appointment_reminders::table
        .inner_join(named_by!(appointments, appointment_reminders::appointment_id))
        .inner_join(named_by!(contacts, appointments::contact_id))
        .inner_join(named_by!(practitioners, appointments::practitioner_id))
        .inner_join(clinics::table.on(clinics::id.eq(appointments::clinic_id)))
        .left_join(named_by!(services, appointments::service_id, nullable))
        .left_join(named_by!(rooms, appointments::room_id, nullable))
        .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
        .filter(appointment_reminders::id.eq(id))
        .filter(appointment_reminders::status.eq(ReminderStatus::Due))
        .filter(appointments::starts_at.eq(appointment_reminders::starts_at))
        .filter(appointments::starts_at.gt(tx.now()))
        .filter(appointments::status.eq_any(TO_COME))
        .select((
            appointment_reminders::id,
            appointments::id,
            contacts::id,
            contacts::name,
            contacts::social_name,
            practitioners::name,
            services::name.nullable(),
            rooms::name.nullable(),
            clinics::trade_name,
            appointments::starts_at,
            appointment_reminders::lead_minutes,
            appointment_reminders::channel,
            clinics::zone,
            clinics::locale,
        ))
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct ReminderPosition {
    pub(super) due_at: Timestamp,
    pub(super) id: ReminderId,
}

/// One page of the reminders of an appointment, by when they are due.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    appointment: AppointmentId,
    paging: &Paging<ReminderPosition>,
) -> Result<Vec<Reminder>, DbError> {
    let mut query = appointment_reminders::table
        .filter(appointment_reminders::clinic_id.eq(tx.clinic()))
        .filter(appointment_reminders::appointment_id.eq(appointment))
        .select(Reminder::as_select())
        .order((appointment_reminders::due_at, appointment_reminders::id))
        .limit(paging.fetch())
        .into_boxed();
    if let Some(ReminderPosition { due_at, id }) = paging.after() {
        query = query.filter(appointment_reminders::due_at.ge(*due_at)).filter(
            appointment_reminders::due_at
                .gt(*due_at)
                .or(appointment_reminders::id.gt(*id)),
        );
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Whether there is such an appointment.
pub(super) async fn appointment_is_there(tx: &TenantRead<'_>, id: AppointmentId) -> Result<bool, DbError> {
    let appointment = appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::id.eq(id));
    diesel::select(exists(appointment))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}
