//! Practitioners over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::documents::CouncilRegistration;
use kernel::text::{Label, PersonName};
use kernel::{MembershipId, Permission, PractitionerId, ServiceId, Timestamp, Version};
use rest::permissions::{ClinicManage, ClinicRead};
use rest::{
    Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid, View,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::PractitionerError;
use super::input::{CreatePractitioner, PatchPractitioner};
use super::model::{NewPractitioner, Practitioner, PractitionerChanges, PractitionerRow};
use super::{service, store};
use crate::resource::catalogue::{CataloguePosition, RowStatus, SORTS, StatusFilter};
use crate::resource::error::{ArchiveError, RowError};
use crate::tags;

/// A practitioner.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PractitionerView {
    id: PractitionerId,
    name: PersonName,
    /// Unique among the clinic's practitioners in use.
    registration: CouncilRegistration,
    specialty: Option<Label>,
    /// Their place among the staff, when they sign in.
    membership_id: Option<MembershipId>,
    /// The services in use that they offer.
    service_ids: Vec<ServiceId>,
    status: RowStatus,
    archived_at: Option<Timestamp>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for PractitionerView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Practitioner> for PractitionerView {
    fn from(Practitioner { row, service_ids }: Practitioner) -> Self {
        let PractitionerRow {
            id,
            membership_id,
            name,
            registration,
            specialty,
            archived_at,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            name,
            registration: registration.into(),
            specialty,
            membership_id,
            service_ids,
            status: RowStatus::of(archived_at),
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// Which practitioners.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PractitionerFilter {
    /// By whether they are in use; those who are, when not given.
    #[param(value_type = Option<StatusFilter>)]
    status: StatusFilter,
    /// Who offer this service.
    service_id: Option<ServiceId>,
    /// Who have this place among the staff.
    membership_id: Option<MembershipId>,
}

/// Lists practitioners, by name unless asked otherwise.
#[utoipa::path(tag = "practitioners", summary = "Lists practitioners", operation_id = "list_practitioners",
    security(("bearer" = ["clinic:read"])), params(ListParams, PractitionerFilter),
    responses((status = 200, body = Page<PractitionerView>)))]
#[get("/practitioners")]
async fn list_practitioners(
    caller: Authorized<ClinicRead>,
    list: ListQuery<PractitionerFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<CataloguePosition, _>("practitioners.list", &list, SORTS)?;
    let PractitionerFilter {
        status,
        service_id,
        membership_id,
    } = list.filter;
    let plan = ReadPlan::new("practitioners.list")
        .tag(tags::practitioners())
        .tag(tags::services())
        .live(TimeToLive::Reference)
        .snapshot();
    caller
        .read_page(plan, &list, async |tx| {
            let narrow = |query| store::narrowed(query, service_id, membership_id);
            let rows = store::list(tx, status, list.updated_since, &paging, narrow).await?;
            let rows = service::with_services(tx, rows).await?;
            Ok::<_, RowError>(paging.page(rows, |practitioner| practitioner.row.position(), PractitionerView::from))
        })
        .await
}

/// Shows a practitioner, archived or not.
#[utoipa::path(tag = "practitioners", summary = "Shows a practitioner", operation_id = "get_practitioner",
    security(("bearer" = ["clinic:read"])), params(("id" = PractitionerId, Path), RowQuery),
    responses((status = 200, body = PractitionerView)))]
#[get("/practitioners/{id}")]
async fn get_practitioner(
    caller: Authorized<ClinicRead>,
    id: PathId<PractitionerId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("practitioners.get")
        .query(&id)
        .tag(tags::practitioners())
        .tag(tags::services())
        .live(TimeToLive::Reference)
        .snapshot();
    caller
        .read(plan, &query, async |tx| {
            service::find(tx, id).await.map(PractitionerView::from)
        })
        .await
}

/// Makes a practitioner. Naming their place among the staff needs `staff:manage` as well.
#[utoipa::path(tag = "practitioners", summary = "Makes a practitioner", operation_id = "create_practitioner",
    security(("bearer" = ["clinic:manage"])), request_body = CreatePractitioner,
    responses((status = 201, body = PractitionerView),
        (status = 409, body = Problem, description = "`registration_exists`, `membership_taken`, `id_taken`")))]
#[post("/practitioners")]
async fn create_practitioner(
    caller: Authorized<ClinicManage>,
    body: Valid<CreatePractitioner>,
) -> Result<HttpResponse, Problem> {
    let new = NewPractitioner::try_from(body.into_inner())?;
    if new.membership_id.is_some() {
        caller.require(Permission::StaffManage)?;
    }
    caller
        .write(async |tx| {
            let practitioner = service::create(tx, &new).await?;
            let location = format!("/v1/practitioners/{}", practitioner.row.id);
            Ok::<_, PractitionerError>(Reply::created(location, PractitionerView::from(practitioner)))
        })
        .await
}

/// Changes a practitioner in use. Changing their place among the staff needs `staff:manage` as well.
#[utoipa::path(tag = "practitioners", summary = "Changes a practitioner", operation_id = "update_practitioner",
    security(("bearer" = ["clinic:manage"])), params(("id" = PractitionerId, Path)), request_body = PatchPractitioner,
    responses((status = 200, body = PractitionerView),
        (status = 409, body = Problem, description = "`registration_exists`, `membership_taken`, `archived`")))]
#[patch("/practitioners/{id}")]
async fn update_practitioner(
    caller: Authorized<ClinicManage>,
    id: PathId<PractitionerId>,
    body: Valid<PatchPractitioner>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = PractitionerChanges::try_from(body.into_inner())?;
    if changes.row.membership_id.is_some() {
        caller.require(Permission::StaffManage)?;
    }
    caller
        .write(async |tx| {
            let practitioner = service::update(tx, id, &changes, caller.if_match()).await?;
            Ok::<_, PractitionerError>(Reply::ok(PractitionerView::from(practitioner)))
        })
        .await
}

/// Archives a practitioner. They stay readable and are offered no more.
#[utoipa::path(tag = "practitioners", summary = "Archives a practitioner", operation_id = "archive_practitioner",
    security(("bearer" = ["clinic:manage"])), params(("id" = PractitionerId, Path)),
    responses((status = 204, description = "archived"),
        (status = 409, body = Problem, description = "`has_upcoming_appointments`, with their `count`")))]
#[delete("/practitioners/{id}")]
async fn archive_practitioner(
    caller: Authorized<ClinicManage>,
    id: PathId<PractitionerId>,
) -> Result<HttpResponse, Problem> {
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
        .service(list_practitioners)
        .service(get_practitioner)
        .service(create_practitioner)
        .service(update_practitioner)
        .service(archive_practitioner);
}
