//! The reminders of an appointment over HTTP.

use actix_web::{HttpResponse, get};
use kernel::{AppointmentId, MessageId, ReminderId, Timestamp, Version};
use rest::permissions::AppointmentsRead;
use rest::{AuditRecord, Authorized, ListParams, ListQuery, NoFilter, Page, PathId, Problem, ReadPlan, View};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ReminderError;
use super::model::{Channel, Reminder, ReminderReason, ReminderStatus};
use super::store::{self, ReminderPosition};
use crate::outreach::Answer;
use crate::tags;

/// A reminder of an appointment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReminderView {
    id: ReminderId,
    appointment_id: AppointmentId,
    /// When the appointment began as the reminder was planned.
    starts_at: Timestamp,
    /// How many minutes before the start.
    lead_minutes: i32,
    channel: Channel,
    /// When it is to be sent; earlier than the lead says where that falls into the night.
    due_at: Timestamp,
    status: ReminderStatus,
    /// Why it was not sent.
    reason: Option<ReminderReason>,
    /// What the patient answered.
    answer: Option<Answer>,
    /// When the message that carries it was written to be sent; `status` says `failed` when that did not arrive.
    sent_at: Option<Timestamp>,
    /// That message: `/v1/messages/{id}` tells how far it has come.
    message_id: Option<MessageId>,
    answered_at: Option<Timestamp>,
    #[schema(inline)]
    version: Version,
}

impl View for ReminderView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Reminder> for ReminderView {
    fn from(reminder: Reminder) -> Self {
        let Reminder {
            id,
            appointment_id,
            starts_at,
            lead_minutes,
            channel,
            due_at,
            status,
            reason,
            answer,
            sent_at,
            message_id,
            answered_at,
            version,
        } = reminder;
        Self {
            id,
            appointment_id,
            starts_at,
            lead_minutes,
            channel,
            due_at,
            status,
            reason,
            answer,
            sent_at,
            message_id,
            answered_at,
            version,
        }
    }
}

/// Lists the reminders of an appointment, by when they are due.
#[utoipa::path(tag = "reminders", summary = "Lists the reminders of an appointment", operation_id = "list_appointment_reminders",
    security(("bearer" = ["appointments:read"])), params(("id" = AppointmentId, Path), ListParams),
    responses((status = 200, body = Page<ReminderView>)))]
#[get("/appointments/{id}/reminders")]
pub(crate) async fn list_appointment_reminders(
    caller: Authorized<AppointmentsRead>,
    id: PathId<AppointmentId>,
    list: ListQuery<NoFilter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let list = list.of(id);
    let paging = caller.paging::<ReminderPosition, _>("appointments.reminders", &list, &["due_at"])?;
    let plan = ReadPlan::new("appointments.reminders")
        .tag(tags::reminders_of(id))
        .audit(AuditRecord::new("appointments.reminders", "appointment", id.as_uuid()));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, id, &paging).await?;
            if rows.is_empty() && !store::appointment_is_there(tx, id).await? {
                return Err(ReminderError::AppointmentNotFound);
            }
            let position = |reminder: &Reminder| ReminderPosition {
                due_at: reminder.due_at,
                id: reminder.id,
            };
            Ok(paging.page(rows, position, ReminderView::from))
        })
        .await
}
