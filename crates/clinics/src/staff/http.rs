//! The staff over HTTP.

use actix_web::{HttpResponse, delete, get, patch};
use db::AuditRecord;
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use rest::permissions::{StaffManage, StaffRead};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::StaffError;
use super::model::Member;
use super::{service, store};
use crate::resource::catalogue::{CataloguePosition, RowStatus, SORTS, StatusFilter};
use crate::resource::error::RowError;
use crate::tags;
use kernel::{FieldErrors, MembershipId, PractitionerId, Role, Timestamp, UserId, Version};
use rest::{Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, Valid, View};

/// A member of the staff.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberView {
    /// The person's place in this clinic.
    id: MembershipId,
    /// The person, who may work in other clinics too.
    user_id: UserId,
    name: PersonName,
    email: EmailAddress,
    roles: Vec<Role>,
    /// The practitioner they are, if they treat patients here.
    practitioner_id: Option<PractitionerId>,
    status: RowStatus,
    archived_at: Option<Timestamp>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for MemberView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        let Member {
            id,
            user_id,
            name,
            email,
            roles,
            practitioner_id,
            archived_at,
            version,
            created_at,
            updated_at,
        } = member;
        let status = RowStatus::of(archived_at);
        Self {
            id,
            user_id,
            name,
            email,
            roles,
            practitioner_id,
            status,
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// What changes about a member. Their name and e-mail are the person's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"roles": ["receptionist", "billing"]}))]
pub(crate) struct PatchMember {
    /// All roles from now on; at least one.
    #[schema(value_type = Option<Vec<Role>>, min_items = 1)]
    roles: Option<Vec<String>>,
}

impl PatchMember {
    /// The roles wanted, each once; `None` when they stay.
    fn into_roles(self) -> Result<Option<Vec<Role>>, FieldErrors> {
        let Some(names) = self.roles else { return Ok(None) };
        let mut errors = FieldErrors::new();
        if names.is_empty() {
            errors.push(
                "/roles",
                "required",
                "a member has at least one role; to take all away, remove the member",
            );
        }
        let parsed = names.iter().enumerate();
        let roles = parsed
            .filter_map(|(index, name)| errors.read(&format!("/roles/{index}"), name.parse()))
            .collect();
        errors.finish(Some(Some(roles)))
    }
}

/// Which members.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct StaffFilter {
    /// By whether they still work here; those who do, when not given.
    #[param(value_type = Option<StatusFilter>)]
    status: StatusFilter,
    /// Who hold this role.
    role: Option<Role>,
}

/// Lists the staff, by name unless asked otherwise.
#[utoipa::path(tag = "staff", summary = "Lists the staff", operation_id = "list_staff",
    security(("bearer" = ["staff:read"])), params(ListParams, StaffFilter),
    responses((status = 200, body = Page<MemberView>)))]
#[get("/staff")]
async fn list_staff(caller: Authorized<StaffRead>, list: ListQuery<StaffFilter>) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<CataloguePosition, _>("staff.list", &list, SORTS)?;
    let StaffFilter { status, role } = list.filter;
    let plan = ReadPlan::new("staff.list")
        .audit(AuditRecord::over("staff.list", "membership"))
        .tag(tags::staff())
        .tag(tags::practitioners());
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, status, role, list.updated_since, &paging).await?;
            Ok::<_, RowError>(paging.page(rows, Member::position, MemberView::from))
        })
        .await
}

/// Shows a member of the staff, removed or not.
#[utoipa::path(tag = "staff", summary = "Shows a member of the staff", operation_id = "get_staff_member",
    security(("bearer" = ["staff:read"])), params(("id" = MembershipId, Path), RowQuery),
    responses((status = 200, body = MemberView)))]
#[get("/staff/{id}")]
async fn get_staff_member(
    caller: Authorized<StaffRead>,
    id: PathId<MembershipId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("staff.get")
        .audit(AuditRecord::new("staff.read", "membership", id.as_uuid()))
        .query(&id)
        .tag(tags::staff())
        .tag(tags::practitioners());
    caller
        .read(plan, &query, async |tx| store::find(tx, id).await.map(MemberView::from))
        .await
}

/// Changes a member's roles. What they may do changes at once.
///
/// Nobody gives or takes roles with permissions that they lack, and only owners change owners.
#[utoipa::path(tag = "staff", summary = "Changes a member's roles", operation_id = "update_staff_member",
    security(("bearer" = ["staff:manage"])), params(("id" = MembershipId, Path)), request_body = PatchMember,
    responses((status = 200, body = MemberView),
        (status = 403, body = Problem, description = "`owners_only`, `role_beyond_yours`, `permission_denied`"),
        (status = 409, body = Problem, description = "`last_owner`, `archived`")))]
#[patch("/staff/{id}")]
async fn update_staff_member(
    caller: Authorized<StaffManage>,
    id: PathId<MembershipId>,
    body: Valid<PatchMember>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let roles = body.into_inner().into_roles()?;
    caller
        .write(async |tx| {
            let member = match &roles {
                Some(roles) => service::change_roles(tx, &caller, id, roles, caller.if_match()).await?,
                None => store::lock(tx, id, caller.if_match()).await?,
            };
            Ok::<_, StaffError>(Reply::ok(MemberView::from(member)))
        })
        .await
}

/// Removes a member: their sign-ins and API keys in this clinic end at once.
#[utoipa::path(tag = "staff", summary = "Removes a member of the staff", operation_id = "remove_staff_member",
    security(("bearer" = ["staff:manage"])), params(("id" = MembershipId, Path)),
    responses((status = 204, description = "removed"),
        (status = 403, body = Problem, description = "`owners_only`, `role_beyond_yours`, `permission_denied`"),
        (status = 409, body = Problem, description = "`last_owner`")))]
#[delete("/staff/{id}")]
async fn remove_staff_member(
    caller: Authorized<StaffManage>,
    id: PathId<MembershipId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::remove(tx, &caller, id, caller.if_match()).await?;
            Ok::<_, StaffError>(Reply::no_content())
        })
        .await
}

/// Registers the endpoints.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_staff)
        .service(get_staff_member)
        .service(update_staff_member)
        .service(remove_staff_member);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: serde_json::Value) -> Result<Option<Vec<Role>>, FieldErrors> {
        serde_json::from_value::<PatchMember>(body).unwrap().into_roles()
    }

    #[test]
    fn roles_are_known_and_there_is_one() {
        assert_eq!(read(json!({})), Ok(None));
        assert_eq!(
            read(json!({"roles": ["billing", "auditor"]})),
            Ok(Some(vec![Role::Billing, Role::Auditor]))
        );
        assert!(read(json!({"roles": []})).is_err());
        let errors = read(json!({"roles": ["billing", "god"]})).unwrap_err();
        assert_eq!(
            errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(),
            ["/roles/1"]
        );
    }
}
