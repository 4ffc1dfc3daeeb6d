//! Series over HTTP: handlers alone.

use actix_web::{HttpResponse, get, post};
use kernel::{ContactId, PractitionerId, SeriesId};
use rest::permissions::{AppointmentsRead, AppointmentsWrite};
use rest::{AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, Valid};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::cancel::cancel;
use super::change::change;
use super::error::SeriesError;
use super::input::{CancelSeries, ChangeSeries, CreateSeries};
use super::model::{Cancellation, Series, SeriesStatus};
use super::service;
use super::store::{self, Narrowing, SeriesPosition};
use super::views::{CancelledSeriesView, MadeSeriesView, PreviewView, SeriesView};
use crate::booking::OverbookPermit;
use crate::tags;

/// Shows what would become of a series, occurrence by occurrence, without writing anything.
///
/// Each occurrence has a `verdict`: `ok`, `appointment_conflict` (with what is `taken`) or `outside_hours` (with `reasons`), and free
/// slots near it. What is free now may be taken by the time it is booked.
#[utoipa::path(tag = "appointments", summary = "Previews a series", operation_id = "preview_series",
    security(("bearer" = ["appointments:write"])), request_body = CreateSeries,
    responses((status = 200, body = PreviewView)))]
#[post("/appointment-series/preview")]
pub(crate) async fn preview_series(
    caller: Authorized<AppointmentsWrite>,
    body: Valid<CreateSeries>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_inner().into_request(&|| OverbookPermit::of(&caller))?;
    let occurrences = caller
        .db()
        .read(&*caller, async |tx| service::preview(tx, &request).await)
        .await?;
    Reply::ok(PreviewView::from(occurrences)).into_response()
}

/// Books a series: all of its occurrences in one act, or nothing.
///
/// Where occurrences cannot be had and `on_conflict` is `refuse`, the answer is 409 `series_conflicts` with each of them in
/// `conflicts`, and nothing is written.
#[utoipa::path(tag = "appointments", summary = "Books a series", operation_id = "create_series",
    security(("bearer" = ["appointments:write"])), request_body = CreateSeries,
    responses((status = 201, body = MadeSeriesView),
        (status = 409, body = Problem, description = "`series_conflicts`, `appointment_conflict`")))]
#[post("/appointment-series")]
pub(crate) async fn create_series(
    caller: Authorized<AppointmentsWrite>,
    body: Valid<CreateSeries>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_inner().into_request(&|| OverbookPermit::of(&caller))?;
    caller
        .write(async |tx| {
            let made = service::create(tx, &request).await?;
            let location = format!("/v1/appointment-series/{}", made.series.id);
            Ok::<_, SeriesError>(Reply::created(location, MadeSeriesView::from(made)))
        })
        .await
}

/// Which series.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesFilter {
    /// Only those of this contact.
    contact_id: Option<ContactId>,
    /// Only those of this practitioner.
    practitioner_id: Option<PractitionerId>,
    /// Only those in this status.
    status: Option<SeriesStatus>,
}

/// Lists series, by when they were made. Their appointments are listed by `GET /v1/appointments?series_id=…`.
#[utoipa::path(tag = "appointments", summary = "Lists series", operation_id = "list_series",
    security(("bearer" = ["appointments:read"])), params(ListParams, SeriesFilter),
    responses((status = 200, body = Page<SeriesView>)))]
#[get("/appointment-series")]
pub(crate) async fn list_series(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<SeriesFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<SeriesPosition, _>("appointment_series.list", &list, &["created_at"])?;
    let narrowing = Narrowing {
        contact: list.filter.contact_id,
        practitioner: list.filter.practitioner_id,
        status: list.filter.status,
    };
    let plan = ReadPlan::new("appointment_series.list")
        .tag(tags::series())
        .audit(AuditRecord::over("appointment_series.list", "appointment_series"));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, narrowing, list.updated_since, &paging).await?;
            let position = |series: &Series| SeriesPosition {
                created_at: series.created_at,
                id: series.id,
            };
            Ok::<_, SeriesError>(paging.page(rows, position, SeriesView::from))
        })
        .await
}

/// Shows a series. Its appointments are listed by `GET /v1/appointments?series_id=…`.
#[utoipa::path(tag = "appointments", summary = "Shows a series", operation_id = "get_series",
    security(("bearer" = ["appointments:read"])), params(("id" = SeriesId, Path), RowQuery),
    responses((status = 200, body = SeriesView)))]
#[get("/appointment-series/{id}")]
pub(crate) async fn get_series(
    caller: Authorized<AppointmentsRead>,
    id: PathId<SeriesId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("appointment_series.get")
        .query(&id)
        .tag(tags::series())
        .audit(AuditRecord::new(
            "appointment_series.read",
            "appointment_series",
            id.as_uuid(),
        ));
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id)
                .await?
                .map(SeriesView::from)
                .ok_or(SeriesError::NotFound)
        })
        .await
}

/// Changes one occurrence, it and those after it, or all that lie ahead; all of them or none.
///
/// `this` detaches the occurrence, `following` splits the series where it is not the first, `all` leaves what is past, begun or
/// called off as it is. Occurrences that were changed by themselves stay as they are unless `exceptions` is `overwrite`.
#[utoipa::path(tag = "appointments", summary = "Changes a series", operation_id = "change_series",
    security(("bearer" = ["appointments:write"])), params(("id" = SeriesId, Path)), request_body = ChangeSeries,
    responses((status = 200, body = MadeSeriesView),
        (status = 409, body = Problem, description = "`series_conflicts`, `series_over`, `appointment_conflict`")))]
#[post("/appointment-series/{id}/change")]
pub(crate) async fn change_series(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<SeriesId>,
    body: Valid<ChangeSeries>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let request = body.into_inner().into_change(&|| OverbookPermit::of(&caller))?;
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let made = change(tx, id, expected, &request).await?;
            Ok::<_, SeriesError>(Reply::ok(MadeSeriesView::from(made)))
        })
        .await
}

/// Calls off one occurrence, it and those after it, or all that lie ahead. What is past, begun or over stays.
#[utoipa::path(tag = "appointments", summary = "Cancels a series", operation_id = "cancel_series",
    security(("bearer" = ["appointments:write"])), params(("id" = SeriesId, Path)), request_body = CancelSeries,
    responses((status = 200, body = CancelledSeriesView),
        (status = 409, body = Problem, description = "`series_over`")))]
#[post("/appointment-series/{id}/cancel")]
pub(crate) async fn cancel_series(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<SeriesId>,
    body: Valid<CancelSeries>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let request = Cancellation::try_from(body.into_inner())?;
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let (series, cancelled) = cancel(tx, id, expected, &request).await?;
            let view = CancelledSeriesView {
                series: series.into(),
                cancelled,
            };
            Ok::<_, SeriesError>(Reply::ok(view))
        })
        .await
}
