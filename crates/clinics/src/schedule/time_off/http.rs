//! Spans without work over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::text::bounded;
use kernel::{FieldErrors, PractitionerId, TimeOffId, Timestamp, Version};
use rest::permissions::{ClinicManage, ClinicRead};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{NewTimeOff, TimeOff, TimeOffChanges, check_span};
use super::store::TimeOffPosition;
use super::{service, store};
use crate::resource::error::RowError;
use crate::schedule::{OwnerKind, ScheduleError};
use crate::tags;
use rest::{
    Authorized, ListParams, ListQuery, Page, Patch, PathId, Problem, ReadPatch, ReadPlan, Reply, RowQuery, TimeToLive,
    Valid, View, as_it_is,
};

/// A span in which a practitioner, or the whole clinic, does not work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimeOffView {
    id: TimeOffId,
    /// Whose it is; the whole clinic's when null.
    practitioner_id: Option<PractitionerId>,
    /// The first instant without work.
    starts_at: Timestamp,
    /// The first instant with work again.
    ends_at: Timestamp,
    /// Why, for the staff.
    reason: Option<String>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for TimeOffView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<TimeOff> for TimeOffView {
    fn from(row: TimeOff) -> Self {
        let TimeOff {
            id,
            practitioner_id,
            starts_at,
            ends_at,
            reason,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            practitioner_id,
            starts_at,
            ends_at,
            reason,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A span to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "starts_at": "2026-12-21T03:00:00Z", "ends_at": "2027-01-04T03:00:00Z", "reason": "Recesso"
}))]
pub(crate) struct CreateTimeOff {
    /// Made by the server when not given.
    id: Option<TimeOffId>,
    /// Whose it is; the whole clinic's when not given.
    practitioner_id: Option<PractitionerId>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    /// Why, for the staff.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

impl TryFrom<CreateTimeOff> for NewTimeOff {
    type Error = FieldErrors;

    fn try_from(body: CreateTimeOff) -> Result<Self, FieldErrors> {
        let CreateTimeOff {
            id,
            practitioner_id,
            starts_at,
            ends_at,
            reason,
        } = body;
        let mut errors = FieldErrors::new();
        if let Err(contradiction) = check_span(starts_at, ends_at) {
            errors.nest("", contradiction);
        }
        let reason = errors.read_optional("/reason", reason, |text| bounded(&text, 1, 200));
        errors.finish(reason.map(|reason| Self {
            id,
            practitioner_id,
            starts_at,
            ends_at,
            reason,
        }))
    }
}

/// What changes about a span; what is absent stays, null clears. Whose it is stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ends_at": "2027-01-05T03:00:00Z"}))]
pub(crate) struct PatchTimeOff {
    #[serde(default)]
    starts_at: Patch<Timestamp>,
    #[serde(default)]
    ends_at: Patch<Timestamp>,
    #[serde(default)]
    #[schema(max_length = 200)]
    reason: Patch<String>,
}

impl TryFrom<PatchTimeOff> for TimeOffChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchTimeOff) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let changes = Self {
            starts_at: errors.read_change("/starts_at", body.starts_at, as_it_is),
            ends_at: errors.read_change("/ends_at", body.ends_at, as_it_is),
            reason: errors.read_clearable("/reason", body.reason, |text| bounded(&text, 1, 200)),
        };
        errors.finish(Some(changes))
    }
}

/// Which spans.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct TimeOffFilter {
    /// Of this practitioner.
    pub(super) practitioner_id: Option<PractitionerId>,
    /// The whole clinic's, or single practitioners'.
    pub(super) owner: Option<OwnerKind>,
    /// Which end after this time.
    pub(super) from: Option<Timestamp>,
    /// Which start before this time.
    pub(super) to: Option<Timestamp>,
}

/// Lists spans without work, the earliest first unless asked otherwise.
#[utoipa::path(tag = "schedule", summary = "Lists time off", operation_id = "list_time_off",
    security(("bearer" = ["clinic:read"])), params(ListParams, TimeOffFilter),
    responses((status = 200, body = Page<TimeOffView>)))]
#[get("/time-off")]
async fn list_time_off(
    caller: Authorized<ClinicRead>,
    list: ListQuery<TimeOffFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<TimeOffPosition, _>("time_off.list", &list, &["starts_at", "-starts_at"])?;
    let plan = ReadPlan::new("time_off.list")
        .tag(tags::time_off())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, &list.filter, list.updated_since, &paging).await?;
            Ok::<_, RowError>(paging.page(rows, TimeOff::position, TimeOffView::from))
        })
        .await
}

/// Shows a span without work.
#[utoipa::path(tag = "schedule", summary = "Shows time off", operation_id = "get_time_off",
    security(("bearer" = ["clinic:read"])), params(("id" = TimeOffId, Path), RowQuery),
    responses((status = 200, body = TimeOffView)))]
#[get("/time-off/{id}")]
async fn get_time_off(
    caller: Authorized<ClinicRead>,
    id: PathId<TimeOffId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("time_off.get")
        .query(&id)
        .tag(tags::time_off())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id).await.map(TimeOffView::from)
        })
        .await
}

/// Makes a span without work. Appointments already in it stay.
#[utoipa::path(tag = "schedule", summary = "Makes time off", operation_id = "create_time_off",
    security(("bearer" = ["clinic:manage"])), request_body = CreateTimeOff,
    responses((status = 201, body = TimeOffView), (status = 409, body = Problem, description = "`id_taken`")))]
#[post("/time-off")]
async fn create_time_off(
    caller: Authorized<ClinicManage>,
    body: Valid<CreateTimeOff>,
) -> Result<HttpResponse, Problem> {
    let new = NewTimeOff::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let row = service::create(tx, &new).await?;
            Ok::<_, ScheduleError>(Reply::created(
                format!("/v1/time-off/{}", row.id),
                TimeOffView::from(row),
            ))
        })
        .await
}

/// Changes a span without work.
#[utoipa::path(tag = "schedule", summary = "Changes time off", operation_id = "update_time_off",
    security(("bearer" = ["clinic:manage"])), params(("id" = TimeOffId, Path)), request_body = PatchTimeOff,
    responses((status = 200, body = TimeOffView)))]
#[patch("/time-off/{id}")]
async fn update_time_off(
    caller: Authorized<ClinicManage>,
    id: PathId<TimeOffId>,
    body: Valid<PatchTimeOff>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = TimeOffChanges::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let row = service::update(tx, id, &changes, caller.if_match()).await?;
            Ok::<_, ScheduleError>(Reply::ok(TimeOffView::from(row)))
        })
        .await
}

/// Deletes a span without work.
#[utoipa::path(tag = "schedule", summary = "Deletes time off", operation_id = "delete_time_off",
    security(("bearer" = ["clinic:manage"])), params(("id" = TimeOffId, Path)),
    responses((status = 204, description = "deleted")))]
#[delete("/time-off/{id}")]
async fn delete_time_off(caller: Authorized<ClinicManage>, id: PathId<TimeOffId>) -> Result<HttpResponse, Problem> {
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
        .service(list_time_off)
        .service(get_time_off)
        .service(create_time_off)
        .service(update_time_off)
        .service(delete_time_off);
}
