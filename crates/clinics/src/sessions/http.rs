//! Open sign-ins over HTTP.

use actix_web::{HttpResponse, delete, get};
use kernel::{FieldErrors, MembershipId, Permission, SessionId, Timestamp, UserId};
use rest::permissions::SignedIn;
use rest::{AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::SessionError;
use super::model::{OpenSession, SessionPosition, Whose};
use super::{service, store};

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_sessions).service(end_session);
}

/// An open sign-in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// The sign-in's id.
    id: SessionId,
    /// Who is signed in.
    user_id: UserId,
    /// Their place in the clinic.
    membership_id: MembershipId,
    /// What the client called itself when it signed in.
    #[schema(example = "Mozilla/5.0")]
    user_agent: Option<String>,
    /// The network address that it signed in from.
    #[schema(example = "203.0.113.7")]
    address: Option<String>,
    /// When it signed in.
    created_at: Timestamp,
    /// When it last signed in or renewed its tokens.
    last_used_at: Timestamp,
    /// When it ends unless it is renewed.
    expires_at: Timestamp,
    /// Whether this request came by it.
    current: bool,
}

impl View for SessionView {}

impl SessionView {
    fn of(session: OpenSession, current: Option<SessionId>) -> Self {
        let OpenSession {
            id,
            user_id,
            membership_id,
            user_agent,
            address,
            created_at,
            last_used_at,
            expires_at,
        } = session;
        let current = current == Some(id);
        Self {
            id,
            user_id,
            membership_id,
            user_agent,
            address,
            created_at,
            last_used_at,
            expires_at,
            current,
        }
    }
}

/// Whose sign-ins to list; one's own when neither is given.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionFilter {
    /// Only sign-ins of this user.
    user_id: Option<UserId>,
    /// Only sign-ins of this member of the staff.
    membership_id: Option<MembershipId>,
}

/// Lists open sign-ins: one's own, or with `staff:manage` those of a colleague.
#[utoipa::path(tag = "sessions", summary = "Lists open sign-ins", operation_id = "list_sessions",
    security(("bearer" = [])), params(ListParams, SessionFilter), responses((status = 200, body = Page<SessionView>)))]
#[get("/sessions")]
async fn list_sessions(caller: Authorized<SignedIn>, list: ListQuery<SessionFilter>) -> Result<HttpResponse, Problem> {
    if list.updated_since.is_some() {
        let message = "open sign-ins are listed whole; they have no history of changes";
        return Err(FieldErrors::one("updated_since", "unsupported_parameter", message).into());
    }
    let asked = Whose {
        user: list.filter.user_id,
        membership: list.filter.membership_id,
    };
    let (whose, are_others) = service::whose(&caller, asked)?;
    if are_others {
        caller.require(Permission::StaffManage)?;
    }
    let paging = caller.paging::<SessionPosition, _>("sessions.list", &list, &["-created_at"])?;
    let plan = ReadPlan::new("sessions.list")
        .uncached()
        .audit(AuditRecord::over("sessions.list", "session"));
    let current = caller.session();
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, whose, &paging).await?;
            Ok::<_, SessionError>(paging.page(rows, OpenSession::position, |row| SessionView::of(row, current)))
        })
        .await
}

/// Ends a sign-in, so that its tokens are good no more: one's own, or with `staff:manage` a colleague's.
#[utoipa::path(tag = "sessions", summary = "Ends a sign-in", operation_id = "end_session",
    security(("bearer" = [])), params(("id" = SessionId, Path)), responses((status = 204, description = "It has ended.")))]
#[delete("/sessions/{id}")]
async fn end_session(caller: Authorized<SignedIn>, id: PathId<SessionId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::end(tx, &caller, id).await?;
            Ok::<_, SessionError>(Reply::no_content())
        })
        .await
}
