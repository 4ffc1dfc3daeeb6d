//! The roles there are and what each may do, over HTTP.

use actix_web::{HttpResponse, get};
use db::DbError;
use kernel::{Permission, Role};
use rest::permissions::StaffRead;
use rest::{Authorized, ListParams, ListQuery, NoFilter, Page, Problem, ReadPlan, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// A role, which members of the staff hold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleView {
    name: Role,
    permissions: Vec<Permission>,
}

impl View for RoleView {}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self {
            name: role,
            permissions: role.permissions().iter().collect(),
        }
    }
}

/// Where a role stands in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RolePosition {
    name: String,
}

/// The roles whose names come after `after`, by name.
fn roles_after(after: Option<&RolePosition>) -> Vec<Role> {
    let mut roles: Vec<Role> = Role::ALL
        .iter()
        .copied()
        .filter(|role| after.is_none_or(|position| role.name() > position.name.as_str()))
        .collect();
    roles.sort_by_key(|role| role.name());
    roles
}

/// Lists the roles with their permissions. They are the same in every clinic.
#[utoipa::path(tag = "staff", summary = "Lists the roles", operation_id = "list_roles",
    security(("bearer" = ["staff:read"])), params(ListParams), responses((status = 200, body = Page<RoleView>)))]
#[get("/roles")]
async fn list_roles(caller: Authorized<StaffRead>, list: ListQuery<NoFilter>) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<RolePosition, _>("roles.list", &list, &["name"])?;
    let plan = ReadPlan::new("roles.list");
    caller
        .read_page(plan, &list, async |_tx| {
            let position_of = |role: &Role| RolePosition {
                name: role.name().to_owned(),
            };
            Ok::<_, DbError>(paging.page(roles_after(paging.after()), position_of, RoleView::from))
        })
        .await
}

/// Registers the endpoint.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_roles);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_after_the_one_before() {
        assert_eq!(roles_after(None).len(), Role::ALL.len());
        let rest = roles_after(Some(&RolePosition {
            name: "owner".to_owned(),
        }));
        assert_eq!(rest, [Role::Practitioner, Role::Receptionist]);
    }
}
