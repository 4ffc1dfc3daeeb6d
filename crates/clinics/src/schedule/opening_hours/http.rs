//! Weekly hours over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post, put};
use chrono::NaiveDate;
use kernel::{IsoWeekday, OpeningHoursId, PractitionerId, Timestamp, Version, WallTime};
use rest::permissions::{ClinicManage, ClinicRead};
use rest::{
    Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid, View,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::input::{CreateOpeningHours, HoursChanges, PatchOpeningHours, PutWeek};
use super::model::{HoursEntry, NewHours, OpeningHours};
use super::store::HoursPosition;
use super::{service, store};
use crate::resource::error::RowError;
use crate::schedule::{OwnerKind, ScheduleError};
use crate::tags;

/// One stretch of work in a week, on the clinic's wall clock.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpeningHoursView {
    id: OpeningHoursId,
    /// Whose it is; the clinic's, for all without hours of their own, when null.
    practitioner_id: Option<PractitionerId>,
    /// On which day it begins: 1 is Monday, 7 Sunday (ISO 8601).
    #[schema(inline)]
    weekday: IsoWeekday,
    opens_at: WallTime,
    /// On the next day, when this is not after the opening.
    closes_at: WallTime,
    /// The first day on which it may begin; ever, when null.
    valid_from: Option<NaiveDate>,
    /// The last day on which it may begin; for ever, when null.
    valid_until: Option<NaiveDate>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for OpeningHoursView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<OpeningHours> for OpeningHoursView {
    fn from(row: OpeningHours) -> Self {
        let OpeningHours {
            id,
            practitioner_id,
            entry,
            version,
            created_at,
            updated_at,
        } = row;
        let HoursEntry {
            weekday,
            opens_at,
            closes_at,
            valid_from,
            valid_until,
        } = entry;
        Self {
            id,
            practitioner_id,
            weekday,
            opens_at,
            closes_at,
            valid_from,
            valid_until,
            version,
            created_at,
            updated_at,
        }
    }
}

/// The whole week of a practitioner, or of the clinic.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WeekView {
    /// Whose week it is; the clinic's when null.
    practitioner_id: Option<PractitionerId>,
    /// All entries, by day and time.
    hours: Vec<OpeningHoursView>,
}

impl View for WeekView {}

/// Which hours.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OpeningHoursFilter {
    /// This practitioner's own.
    pub(super) practitioner_id: Option<PractitionerId>,
    /// The clinic's, or single practitioners'.
    pub(super) owner: Option<OwnerKind>,
    /// Which begin on this day of the week: 1 is Monday, 7 Sunday.
    #[param(inline)]
    pub(super) weekday: Option<IsoWeekday>,
}

/// Lists weekly hours, by day and time.
#[utoipa::path(tag = "schedule", summary = "Lists opening hours", operation_id = "list_opening_hours",
    security(("bearer" = ["clinic:read"])), params(ListParams, OpeningHoursFilter),
    responses((status = 200, body = Page<OpeningHoursView>)))]
#[get("/opening-hours")]
async fn list_opening_hours(
    caller: Authorized<ClinicRead>,
    list: ListQuery<OpeningHoursFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<HoursPosition, _>("opening_hours.list", &list, &["weekday"])?;
    let plan = ReadPlan::new("opening_hours.list")
        .tag(tags::opening_hours())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, &list.filter, list.updated_since, &paging).await?;
            Ok::<_, RowError>(paging.page(rows, OpeningHours::position, OpeningHoursView::from))
        })
        .await
}

/// Replaces the whole week of a practitioner, or without one of the clinic. Appointments outside the new hours stay.
#[utoipa::path(tag = "schedule", summary = "Replaces a week of opening hours", operation_id = "replace_opening_hours",
    security(("bearer" = ["clinic:manage"])), request_body = PutWeek, responses((status = 200, body = WeekView)))]
#[put("/opening-hours")]
async fn replace_opening_hours(
    caller: Authorized<ClinicManage>,
    body: Valid<PutWeek>,
) -> Result<HttpResponse, Problem> {
    let (practitioner_id, entries) = body.into_inner().read()?;
    caller
        .write(async |tx| {
            let rows = service::replace_week(tx, practitioner_id, &entries).await?;
            let hours = rows.into_iter().map(OpeningHoursView::from).collect();
            Ok::<_, ScheduleError>(Reply::ok(WeekView { practitioner_id, hours }))
        })
        .await
}

/// Shows one entry of the weekly hours.
#[utoipa::path(tag = "schedule", summary = "Shows opening hours", operation_id = "get_opening_hours",
    security(("bearer" = ["clinic:read"])), params(("id" = OpeningHoursId, Path), RowQuery),
    responses((status = 200, body = OpeningHoursView)))]
#[get("/opening-hours/{id}")]
async fn get_opening_hours(
    caller: Authorized<ClinicRead>,
    id: PathId<OpeningHoursId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("opening_hours.get")
        .query(&id)
        .tag(tags::opening_hours())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id).await.map(OpeningHoursView::from)
        })
        .await
}

/// Makes one entry of the weekly hours.
#[utoipa::path(tag = "schedule", summary = "Makes opening hours", operation_id = "create_opening_hours",
    security(("bearer" = ["clinic:manage"])), request_body = CreateOpeningHours,
    responses((status = 201, body = OpeningHoursView), (status = 409, body = Problem, description = "`id_taken`")))]
#[post("/opening-hours")]
async fn create_opening_hours(
    caller: Authorized<ClinicManage>,
    body: Valid<CreateOpeningHours>,
) -> Result<HttpResponse, Problem> {
    let new = NewHours::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let row = service::create(tx, &new).await?;
            let location = format!("/v1/opening-hours/{}", row.id);
            Ok::<_, ScheduleError>(Reply::created(location, OpeningHoursView::from(row)))
        })
        .await
}

/// Changes one entry of the weekly hours. Appointments outside the new hours stay.
#[utoipa::path(tag = "schedule", summary = "Changes opening hours", operation_id = "update_opening_hours",
    security(("bearer" = ["clinic:manage"])), params(("id" = OpeningHoursId, Path)), request_body = PatchOpeningHours,
    responses((status = 200, body = OpeningHoursView)))]
#[patch("/opening-hours/{id}")]
async fn update_opening_hours(
    caller: Authorized<ClinicManage>,
    id: PathId<OpeningHoursId>,
    body: Valid<PatchOpeningHours>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = HoursChanges::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let row = service::update(tx, id, |entry| changes.apply(entry), caller.if_match()).await?;
            Ok::<_, ScheduleError>(Reply::ok(OpeningHoursView::from(row)))
        })
        .await
}

/// Deletes one entry of the weekly hours.
#[utoipa::path(tag = "schedule", summary = "Deletes opening hours", operation_id = "delete_opening_hours",
    security(("bearer" = ["clinic:manage"])), params(("id" = OpeningHoursId, Path)),
    responses((status = 204, description = "deleted")))]
#[delete("/opening-hours/{id}")]
async fn delete_opening_hours(
    caller: Authorized<ClinicManage>,
    id: PathId<OpeningHoursId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::remove(tx, id, caller.if_match()).await?;
            Ok::<_, RowError>(Reply::no_content())
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_opening_hours)
        .service(replace_opening_hours)
        .service(get_opening_hours)
        .service(create_opening_hours)
        .service(update_opening_hours)
        .service(delete_opening_hours);
}
