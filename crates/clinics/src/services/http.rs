//! Services over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::money::Money;
use kernel::text::Label;
use kernel::{PractitionerId, RoomId, ServiceId, Timestamp, Version};
use rest::permissions::{ClinicManage, ClinicRead};
use rest::{
    Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid, View,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::ServiceError;
use super::input::{CreateService, PatchService};
use super::model::{
    BufferMinutes, DurationMinutes, FollowUpDays, NewService, Service, ServiceChanges, ServiceRow, SlotStepMinutes,
};
use super::{service, store};
use crate::resource::catalogue::{CataloguePosition, RowStatus, SORTS, StatusFilter};
use crate::resource::error::{ArchiveError, RowError};
use crate::tags;

/// A service that can be booked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceView {
    id: ServiceId,
    /// Unique among the services in use, accents and case aside.
    name: Label,
    #[schema(inline)]
    duration_minutes: DurationMinutes,
    /// How long practitioner and room are taken before it.
    #[schema(inline)]
    buffer_before_minutes: BufferMinutes,
    /// How long practitioner and room are taken after it.
    #[schema(inline)]
    buffer_after_minutes: BufferMinutes,
    /// How far apart its slots start; the clinic's step when null.
    #[schema(inline)]
    slot_step_minutes: Option<SlotStepMinutes>,
    price: Money,
    /// Whether patients may book it themselves.
    online_bookable: bool,
    /// Whether it takes a room.
    needs_room: bool,
    /// Within how many days after it a follow-up costs nothing.
    #[schema(inline)]
    follow_up_days: Option<FollowUpDays>,
    /// The practitioners in use who offer it.
    practitioner_ids: Vec<PractitionerId>,
    /// The rooms in use in which it may take place; any room when it needs one and none is named.
    room_ids: Vec<RoomId>,
    status: RowStatus,
    archived_at: Option<Timestamp>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for ServiceView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Service> for ServiceView {
    fn from(
        Service {
            row,
            practitioner_ids,
            room_ids,
        }: Service,
    ) -> Self {
        let ServiceRow {
            id,
            name,
            duration_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            slot_step_minutes,
            price,
            online_bookable,
            needs_room,
            follow_up_days,
            archived_at,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            name,
            duration_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            slot_step_minutes,
            price: price.into(),
            online_bookable,
            needs_room,
            follow_up_days,
            practitioner_ids,
            room_ids,
            status: RowStatus::of(archived_at),
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// Which services.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ServiceFilter {
    /// By whether they are in use; those that are, when not given.
    #[param(value_type = Option<StatusFilter>)]
    status: StatusFilter,
    /// Which this practitioner offers.
    practitioner_id: Option<PractitionerId>,
    /// By whether patients may book them themselves.
    online_bookable: Option<bool>,
}

/// Lists services, by name unless asked otherwise.
#[utoipa::path(tag = "services", summary = "Lists services", operation_id = "list_services",
    security(("bearer" = ["clinic:read"])), params(ListParams, ServiceFilter),
    responses((status = 200, body = Page<ServiceView>)))]
#[get("/services")]
async fn list_services(
    caller: Authorized<ClinicRead>,
    list: ListQuery<ServiceFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<CataloguePosition, _>("services.list", &list, SORTS)?;
    let ServiceFilter {
        status,
        practitioner_id,
        online_bookable,
    } = list.filter;
    let plan = plan("services.list");
    caller
        .read_page(plan, &list, async |tx| {
            let narrow = |query| store::narrowed(query, practitioner_id, online_bookable);
            let rows = store::list(tx, status, list.updated_since, &paging, narrow).await?;
            let rows = service::with_links(tx, rows).await?;
            Ok::<_, RowError>(paging.page(rows, |service| service.row.position(), ServiceView::from))
        })
        .await
}

/// Shows a service, archived or not.
#[utoipa::path(tag = "services", summary = "Shows a service", operation_id = "get_service",
    security(("bearer" = ["clinic:read"])), params(("id" = ServiceId, Path), RowQuery),
    responses((status = 200, body = ServiceView)))]
#[get("/services/{id}")]
async fn get_service(
    caller: Authorized<ClinicRead>,
    id: PathId<ServiceId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = plan("services.get").query(&id);
    caller
        .read(plan, &query, async |tx| {
            service::find(tx, id).await.map(ServiceView::from)
        })
        .await
}

/// A read of services: several statements, stale when a service, or who offers it or where, changes.
fn plan(name: &'static str) -> ReadPlan {
    ReadPlan::new(name)
        .tag(tags::services())
        .tag(tags::practitioners())
        .tag(tags::rooms())
        .live(TimeToLive::Reference)
        .snapshot()
}

/// Makes a service.
#[utoipa::path(tag = "services", summary = "Makes a service", operation_id = "create_service",
    security(("bearer" = ["clinic:manage"])), request_body = CreateService,
    responses((status = 201, body = ServiceView),
        (status = 409, body = Problem, description = "`service_exists`, `id_taken`")))]
#[post("/services")]
async fn create_service(caller: Authorized<ClinicManage>, body: Valid<CreateService>) -> Result<HttpResponse, Problem> {
    let new = NewService::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let service = service::create(tx, &new).await?;
            Ok::<_, ServiceError>(Reply::created(
                format!("/v1/services/{}", service.row.id),
                ServiceView::from(service),
            ))
        })
        .await
}

/// Changes a service in use. Appointments already booked stay as they are.
#[utoipa::path(tag = "services", summary = "Changes a service", operation_id = "update_service",
    security(("bearer" = ["clinic:manage"])), params(("id" = ServiceId, Path)), request_body = PatchService,
    responses((status = 200, body = ServiceView),
        (status = 409, body = Problem, description = "`service_exists`, `archived`")))]
#[patch("/services/{id}")]
async fn update_service(
    caller: Authorized<ClinicManage>,
    id: PathId<ServiceId>,
    body: Valid<PatchService>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = ServiceChanges::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let service = service::update(tx, id, &changes, caller.if_match()).await?;
            Ok::<_, ServiceError>(Reply::ok(ServiceView::from(service)))
        })
        .await
}

/// Archives a service. It stays readable and is offered no more.
#[utoipa::path(tag = "services", summary = "Archives a service", operation_id = "archive_service",
    security(("bearer" = ["clinic:manage"])), params(("id" = ServiceId, Path)),
    responses((status = 204, description = "archived"),
        (status = 409, body = Problem, description = "`has_upcoming_appointments`, with their `count`")))]
#[delete("/services/{id}")]
async fn archive_service(caller: Authorized<ClinicManage>, id: PathId<ServiceId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::archive(tx, id, caller.if_match()).await?;
            Ok::<_, ArchiveError>(Reply::no_content())
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_services)
        .service(get_service)
        .service(create_service)
        .service(update_service)
        .service(archive_service);
}
