//! Booking over HTTP: handlers alone. Rules live in `service` and `transitions`, SQL in `store` and `list`.

use actix_web::{HttpResponse, get, patch, post};
use kernel::{AppointmentId, Permission, Version};
use rest::permissions::{AppointmentsRead, AppointmentsWrite};
use rest::{
    AuditRecord, Authorized, ListParams, ListQuery, NoFilter, OptionalBody, Page, PathId, Problem, ReadPlan, Reply,
    RowQuery, Valid,
};

use super::error::BookingError;
use super::input::{BookAppointment, CancelAppointment, EditAppointment, RescheduleAppointment};
use super::list::{self, AgendaPosition, AppointmentFilter, INCLUDES, SORTS};
use super::terms::{OverbookPermit, Terms};
use super::transitions::{self, Edit, Step};
use super::views::{AppointmentMoveView, AppointmentView};
use super::{history, service};
use crate::tags;

/// The terms of a body that may ask to overbook.
fn terms(caller: &Authorized<AppointmentsWrite>, overbook: bool) -> Result<Terms, BookingError> {
    if overbook {
        OverbookPermit::of(caller).map(Terms::Overbooked)
    } else {
        Ok(Terms::Regular)
    }
}

/// Who may see the agenda need not know who comes: names of contacts need `contacts:read`, as everywhere.
fn check_names(caller: &Authorized<AppointmentsRead>, included: &[&str]) -> Result<(), Problem> {
    if included.contains(&"contact") {
        caller.require(Permission::ContactsRead)
    } else {
        Ok(())
    }
}

/// Lists appointments.
///
/// `include` may name `contact` (which needs `contacts:read`), `practitioner`, `room` and `service`. Ids of other clinics find nothing.
#[utoipa::path(tag = "appointments", summary = "Lists appointments", operation_id = "list_appointments",
    security(("bearer" = ["appointments:read"])), params(ListParams, AppointmentFilter),
    responses((status = 200, body = Page<AppointmentView>)))]
#[get("/appointments")]
pub(crate) async fn list_appointments(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<AppointmentFilter>,
) -> Result<HttpResponse, Problem> {
    list.filter.check()?;
    let included = list.include(&INCLUDES)?;
    check_names(&caller, &included)?;
    let paging = caller.paging::<AgendaPosition, _>("appointments.list", &list, &SORTS)?;
    let plan = list
        .filter
        .tags()
        .into_iter()
        .chain(list::name_tags(&included))
        .fold(ReadPlan::new("appointments.list"), ReadPlan::tag)
        .audit(AuditRecord::over("appointments.list", "appointment"));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = list::page(tx, &list.filter, list.updated_since, &paging, &included).await?;
            let sort = paging.sort();
            Ok::<_, BookingError>(paging.page(rows, |row| row.position(sort), AppointmentView::from))
        })
        .await
}

/// Shows an appointment.
///
/// `include` may name `contact` (which needs `contacts:read`), `practitioner`, `room` and `service`.
#[utoipa::path(tag = "appointments", summary = "Shows an appointment", operation_id = "get_appointment",
    security(("bearer" = ["appointments:read"])), params(("id" = AppointmentId, Path), RowQuery),
    responses((status = 200, body = AppointmentView)))]
#[get("/appointments/{id}")]
pub(crate) async fn get_appointment(
    caller: Authorized<AppointmentsRead>,
    id: PathId<AppointmentId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let included = query.include(&INCLUDES)?;
    check_names(&caller, &included)?;
    let plan = list::name_tags(&included)
        .fold(
            ReadPlan::new("appointments.get").query(&id).tag(tags::appointment(id)),
            ReadPlan::tag,
        )
        .audit(AuditRecord::new("appointments.read", "appointment", id.as_uuid()));
    caller
        .read(plan, &query, async |tx| {
            list::find(tx, id, &included)
                .await?
                .map(AppointmentView::from)
                .ok_or(BookingError::NotFound)
        })
        .await
}

/// Lists what an appointment has been through, oldest first.
#[utoipa::path(tag = "appointments", summary = "Lists the moves of an appointment", operation_id = "list_appointment_history",
    security(("bearer" = ["appointments:read"])), params(("id" = AppointmentId, Path), ListParams),
    responses((status = 200, body = Page<AppointmentMoveView>)))]
#[get("/appointments/{id}/history")]
pub(crate) async fn appointment_history(
    caller: Authorized<AppointmentsRead>,
    id: PathId<AppointmentId>,
    list: ListQuery<NoFilter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let list = list.of(id);
    let paging = caller.paging::<Version, _>("appointments.history", &list, &["appointment_version"])?;
    let plan = ReadPlan::new("appointments.history")
        .tag(tags::appointment(id))
        .audit(AuditRecord::new("appointments.history", "appointment", id.as_uuid()));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = history::page(tx, id, &paging).await?;
            Ok::<_, BookingError>(paging.page(rows, |row| row.appointment_version, AppointmentMoveView::from))
        })
        .await
}

/// Books an appointment.
///
/// Refused with `appointment_conflict` when practitioner or room (told in `taken`) is busy, buffers and holds included, and
/// with `outside_hours` when the practitioner does not work then; `nearest_slots` are free. `overbook` passes both and needs
/// `appointments:overbook`.
#[utoipa::path(tag = "appointments", summary = "Books an appointment", operation_id = "book_appointment",
    security(("bearer" = ["appointments:write"])), request_body = BookAppointment,
    responses((status = 201, body = AppointmentView),
        (status = 409, body = Problem, description = "`appointment_conflict`, `outside_hours`, `id_taken`")))]
#[post("/appointments")]
pub(crate) async fn book_appointment(
    caller: Authorized<AppointmentsWrite>,
    body: Valid<BookAppointment>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let terms = terms(&caller, body.overbook)?;
    let request = body.into_request(terms)?;
    caller
        .write(async |tx| {
            let appointment = service::book(tx, &request).await?;
            let location = format!("/v1/appointments/{}", appointment.id);
            Ok::<_, BookingError>(Reply::created(location, AppointmentView::from(appointment)))
        })
        .await
}

/// Changes notes, room or service.
#[utoipa::path(tag = "appointments", summary = "Changes an appointment in place", operation_id = "update_appointment",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)), request_body = EditAppointment,
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`appointment_conflict`, `appointment_closed`")))]
#[patch("/appointments/{id}")]
pub(crate) async fn edit_appointment(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
    body: Valid<EditAppointment>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let edit = Edit::try_from(body.into_inner())?;
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let appointment = transitions::edit(tx, id, expected, &edit).await?;
            Ok::<_, BookingError>(Reply::ok(AppointmentView::from(appointment)))
        })
        .await
}

/// Moves an appointment by `step`.
async fn take(caller: &Authorized<AppointmentsWrite>, id: AppointmentId, step: Step) -> Result<HttpResponse, Problem> {
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let appointment = transitions::step(tx, id, expected, &step).await?;
            Ok::<_, BookingError>(Reply::ok(AppointmentView::from(appointment)))
        })
        .await
}

/// The patient said that they will come.
#[utoipa::path(tag = "appointments", summary = "Confirms an appointment", operation_id = "confirm_appointment",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)),
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`illegal_move`, with `legal_moves`")))]
#[post("/appointments/{id}/confirm")]
pub(crate) async fn confirm_appointment(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
) -> Result<HttpResponse, Problem> {
    take(&caller, id.into_inner(), Step::Confirm).await
}

/// The patient is here.
#[utoipa::path(tag = "appointments", summary = "Checks a patient in", operation_id = "check_in_appointment",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)),
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`illegal_move`, with `legal_moves`")))]
#[post("/appointments/{id}/check-in")]
pub(crate) async fn check_in_appointment(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
) -> Result<HttpResponse, Problem> {
    take(&caller, id.into_inner(), Step::CheckIn).await
}

/// The appointment begins.
#[utoipa::path(tag = "appointments", summary = "Starts an appointment", operation_id = "start_appointment",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)),
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`illegal_move`, with `legal_moves`")))]
#[post("/appointments/{id}/start")]
pub(crate) async fn start_appointment(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
) -> Result<HttpResponse, Problem> {
    take(&caller, id.into_inner(), Step::Start).await
}

/// The appointment is over.
#[utoipa::path(tag = "appointments", summary = "Completes an appointment", operation_id = "complete_appointment",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)),
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`illegal_move`, with `legal_moves`")))]
#[post("/appointments/{id}/complete")]
pub(crate) async fn complete_appointment(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
) -> Result<HttpResponse, Problem> {
    take(&caller, id.into_inner(), Step::Complete).await
}

/// The patient did not come. Their time is free again.
#[utoipa::path(tag = "appointments", summary = "Notes that the patient did not come", operation_id = "mark_no_show",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)),
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`illegal_move`, with `legal_moves`")))]
#[post("/appointments/{id}/no-show")]
pub(crate) async fn mark_no_show(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
) -> Result<HttpResponse, Problem> {
    take(&caller, id.into_inner(), Step::NoShow).await
}

/// Calls an appointment off. Its time is free again.
#[utoipa::path(tag = "appointments", summary = "Cancels an appointment", operation_id = "cancel_appointment",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)), request_body = CancelAppointment,
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`illegal_move`, with `legal_moves`")))]
#[post("/appointments/{id}/cancel")]
pub(crate) async fn cancel_appointment(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
    body: OptionalBody<CancelAppointment>,
) -> Result<HttpResponse, Problem> {
    let (by, reason) = body.into_inner().parse()?;
    take(&caller, id.into_inner(), Step::Cancel { by, reason }).await
}

/// Takes a completion, a cancellation or a no-show back, on the day on which it was made.
#[utoipa::path(tag = "appointments", summary = "Reopens an appointment", operation_id = "reopen_appointment",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)),
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`illegal_move`, with `legal_moves`; `appointment_conflict`")))]
#[post("/appointments/{id}/reopen")]
pub(crate) async fn reopen_appointment(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let appointment = transitions::reopen(tx, id, expected).await?;
            Ok::<_, BookingError>(Reply::ok(AppointmentView::from(appointment)))
        })
        .await
}

/// Moves an appointment to another time, practitioner or room. It is then scheduled, to be confirmed anew.
#[utoipa::path(tag = "appointments", summary = "Reschedules an appointment", operation_id = "reschedule_appointment",
    security(("bearer" = ["appointments:write"])), params(("id" = AppointmentId, Path)),
    request_body = RescheduleAppointment,
    responses((status = 200, body = AppointmentView),
        (status = 409, body = Problem, description = "`illegal_move`, `appointment_conflict`, `outside_hours`")))]
#[post("/appointments/{id}/reschedule")]
pub(crate) async fn reschedule_appointment(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<AppointmentId>,
    body: Valid<RescheduleAppointment>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let body = body.into_inner();
    let terms = terms(&caller, body.overbook)?;
    let request = body.into_request(terms)?;
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let appointment = transitions::reschedule(tx, id, expected, &request).await?;
            Ok::<_, BookingError>(Reply::ok(AppointmentView::from(appointment)))
        })
        .await
}
