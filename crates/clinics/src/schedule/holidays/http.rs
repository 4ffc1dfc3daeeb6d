//! Holidays over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::NaiveDate;
use kernel::text::Label;
use rest::permissions::{ClinicManage, ClinicRead};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::HolidayError;
use super::model::{Holiday, HolidayChanges, HolidayScope, NewHoliday};
use super::national::NationalYear;
use super::store::HolidayPosition;
use super::{service, store};
use crate::resource::error::RowError;
use crate::schedule::dates::near;
use crate::tags;
use kernel::{FieldErrors, HolidayId, Timestamp, Version};
use rest::{
    Authorized, ListParams, ListQuery, Page, Patch, PathId, Problem, ReadPatch, ReadPlan, Reply, RowQuery, TimeToLive,
    Valid, View,
};

/// A day on which the clinic is closed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HolidayView {
    id: HolidayId,
    /// In the clinic's zone; one holiday a day.
    date: NaiveDate,
    name: Label,
    scope: HolidayScope,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for HolidayView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Holiday> for HolidayView {
    fn from(
        Holiday {
            id,
            date,
            name,
            scope,
            version,
            created_at,
            updated_at,
        }: Holiday,
    ) -> Self {
        Self {
            id,
            date,
            name,
            scope,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A holiday to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"date": "2027-01-25", "name": "Aniversário de São Paulo", "scope": "municipal"}))]
pub(crate) struct CreateHoliday {
    /// Made by the server when not given.
    id: Option<HolidayId>,
    date: NaiveDate,
    #[schema(value_type = Label)]
    name: String,
    #[schema(value_type = HolidayScope)]
    scope: String,
}

impl TryFrom<CreateHoliday> for NewHoliday {
    type Error = FieldErrors;

    fn try_from(CreateHoliday { id, date, name, scope }: CreateHoliday) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let date = errors.read("/date", near(date));
        let name = errors.read("/name", Label::parse(&name));
        let scope = errors.read("/scope", HolidayScope::parse(&scope));
        let assemble = || {
            Some(Self {
                id,
                date: date?,
                name: name?,
                scope: scope?,
            })
        };
        errors.finish(assemble())
    }
}

/// What changes about a holiday; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Aniversário da cidade"}))]
pub(crate) struct PatchHoliday {
    #[serde(default)]
    date: Patch<NaiveDate>,
    #[serde(default)]
    #[schema(value_type = Option<Label>)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<HolidayScope>)]
    scope: Patch<String>,
}

impl TryFrom<PatchHoliday> for HolidayChanges {
    type Error = FieldErrors;

    fn try_from(PatchHoliday { date, name, scope }: PatchHoliday) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let changes = Self {
            date: errors.read_change("/date", date, near),
            name: errors.read_change("/name", name, |text| Label::parse(&text)),
            scope: errors.read_change("/scope", scope, |text| HolidayScope::parse(&text)),
        };
        errors.finish(Some(changes))
    }
}

/// Which year's national holidays to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"year": 2027}))]
pub(crate) struct ImportNational {
    #[schema(value_type = NationalYear, inline)]
    year: i32,
    /// Carnival and Corpus Christi as well, on which public offices close though the law does not say so.
    #[serde(default)]
    with_optional: bool,
}

/// The holidays that were made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportedHolidays {
    /// In the order of their dates; without the days that were holidays already.
    data: Vec<HolidayView>,
}

impl View for ImportedHolidays {}

/// Which holidays.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct HolidayFilter {
    /// On or after this day.
    pub(super) from: Option<NaiveDate>,
    /// On or before this day.
    pub(super) to: Option<NaiveDate>,
    /// By who keeps them.
    pub(super) scope: Option<HolidayScope>,
}

/// Lists holidays, the earliest first unless asked otherwise.
#[utoipa::path(tag = "schedule", summary = "Lists holidays", operation_id = "list_holidays",
    security(("bearer" = ["clinic:read"])), params(ListParams, HolidayFilter),
    responses((status = 200, body = Page<HolidayView>)))]
#[get("/holidays")]
async fn list_holidays(
    caller: Authorized<ClinicRead>,
    list: ListQuery<HolidayFilter>,
) -> Result<HttpResponse, Problem> {
    let mut errors = FieldErrors::new();
    for (name, date) in [("from", list.filter.from), ("to", list.filter.to)] {
        errors.read(name, date.map(near).transpose());
    }
    errors.finish(Some(()))?;
    let paging = caller.paging::<HolidayPosition, _>("holidays.list", &list, &["date", "-date"])?;
    let plan = ReadPlan::new("holidays.list")
        .tag(tags::holidays())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, &list.filter, list.updated_since, &paging).await?;
            Ok::<_, RowError>(paging.page(rows, Holiday::position, HolidayView::from))
        })
        .await
}

/// Shows a holiday.
#[utoipa::path(tag = "schedule", summary = "Shows a holiday", operation_id = "get_holiday",
    security(("bearer" = ["clinic:read"])), params(("id" = HolidayId, Path), RowQuery),
    responses((status = 200, body = HolidayView)))]
#[get("/holidays/{id}")]
async fn get_holiday(
    caller: Authorized<ClinicRead>,
    id: PathId<HolidayId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("holidays.get")
        .query(&id)
        .tag(tags::holidays())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id).await.map(HolidayView::from)
        })
        .await
}

/// Makes a holiday. Appointments already on that day stay.
#[utoipa::path(tag = "schedule", summary = "Makes a holiday", operation_id = "create_holiday",
    security(("bearer" = ["clinic:manage"])), request_body = CreateHoliday,
    responses((status = 201, body = HolidayView),
        (status = 409, body = Problem, description = "`holiday_exists`, `id_taken`")))]
#[post("/holidays")]
async fn create_holiday(caller: Authorized<ClinicManage>, body: Valid<CreateHoliday>) -> Result<HttpResponse, Problem> {
    let new = NewHoliday::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let holiday = service::create(tx, &new).await?;
            Ok::<_, HolidayError>(Reply::created(
                format!("/v1/holidays/{}", holiday.id),
                HolidayView::from(holiday),
            ))
        })
        .await
}

/// Makes Brazil's national holidays of a year. Days that are holidays already stay as they are.
#[utoipa::path(tag = "schedule", summary = "Makes a year's national holidays", operation_id = "import_national_holidays",
    security(("bearer" = ["clinic:manage"])), request_body = ImportNational,
    responses((status = 200, body = ImportedHolidays)))]
#[post("/holidays/import-national")]
async fn import_national_holidays(
    caller: Authorized<ClinicManage>,
    body: Valid<ImportNational>,
) -> Result<HttpResponse, Problem> {
    let ImportNational { year, with_optional } = body.into_inner();
    let mut errors = FieldErrors::new();
    let year = errors.read("/year", NationalYear::new(year));
    let year = errors.finish(year)?;
    caller
        .write(async |tx| {
            let added = service::import_national(tx, year, with_optional).await?;
            Ok::<_, RowError>(Reply::ok(ImportedHolidays {
                data: added.into_iter().map(HolidayView::from).collect(),
            }))
        })
        .await
}

/// Changes a holiday.
#[utoipa::path(tag = "schedule", summary = "Changes a holiday", operation_id = "update_holiday",
    security(("bearer" = ["clinic:manage"])), params(("id" = HolidayId, Path)), request_body = PatchHoliday,
    responses((status = 200, body = HolidayView), (status = 409, body = Problem, description = "`holiday_exists`")))]
#[patch("/holidays/{id}")]
async fn update_holiday(
    caller: Authorized<ClinicManage>,
    id: PathId<HolidayId>,
    body: Valid<PatchHoliday>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = HolidayChanges::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let holiday = service::update(tx, id, &changes, caller.if_match()).await?;
            Ok::<_, HolidayError>(Reply::ok(HolidayView::from(holiday)))
        })
        .await
}

/// Deletes a holiday.
#[utoipa::path(tag = "schedule", summary = "Deletes a holiday", operation_id = "delete_holiday",
    security(("bearer" = ["clinic:manage"])), params(("id" = HolidayId, Path)),
    responses((status = 204, description = "deleted")))]
#[delete("/holidays/{id}")]
async fn delete_holiday(caller: Authorized<ClinicManage>, id: PathId<HolidayId>) -> Result<HttpResponse, Problem> {
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
        .service(list_holidays)
        .service(get_holiday)
        .service(create_holiday)
        .service(import_national_holidays)
        .service(update_holiday)
        .service(delete_holiday);
}
