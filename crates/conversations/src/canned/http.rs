//! Canned responses over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::{CannedResponseId, FieldErrors, Timestamp, Version};
use rest::permissions::{ConversationsRead, ConversationsWrite};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{CannedBody, CannedResponse, Shortcut};
use super::store::{self, Position};
use super::{CannedError, archive, create, update};
use crate::error::RowError;
use crate::tags;
use rest::{
    Authorized, ListParams, ListQuery, Page, Patch, PathId, Problem, ReadPatch, ReadPlan, Reply, RowQuery, TimeToLive,
    Valid, View,
};

/// A canned response.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CannedResponseView {
    id: CannedResponseId,
    /// By which word it is called up; unique among those in use.
    shortcut: Shortcut,
    /// What it says. Places: `{{contact.name}}`, `{{contact.first_name}}`, `{{clinic.name}}`, `{{member.name}}`.
    body: CannedBody,
    archived_at: Option<Timestamp>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for CannedResponseView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<CannedResponse> for CannedResponseView {
    fn from(
        CannedResponse {
            id,
            shortcut,
            body,
            archived_at,
            version,
            created_at,
            updated_at,
        }: CannedResponse,
    ) -> Self {
        Self {
            id,
            shortcut,
            body,
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A canned response to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"shortcut": "bom-dia", "body": "Bom dia, {{contact.first_name}}!"}))]
pub(crate) struct CreateCannedResponse {
    #[schema(value_type = Shortcut)]
    shortcut: String,
    #[schema(value_type = CannedBody)]
    body: String,
}

/// What changes about a canned response; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchCannedResponse {
    #[serde(default)]
    #[schema(value_type = Option<Shortcut>)]
    shortcut: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<CannedBody>)]
    body: Patch<String>,
}

/// Which ones.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CannedFilter {
    /// Those put away, instead of those in use.
    archived: bool,
}

/// Lists canned responses, by shortcut.
#[utoipa::path(tag = "inboxes", summary = "Lists canned responses", operation_id = "list_canned_responses",
    security(("bearer" = ["conversations:read"])), params(ListParams, CannedFilter),
    responses((status = 200, body = Page<CannedResponseView>)))]
#[get("/canned-responses")]
async fn list_canned_responses(
    caller: Authorized<ConversationsRead>,
    list: ListQuery<CannedFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<Position, _>("canned_responses.list", &list, &["shortcut"])?;
    let plan = ReadPlan::new("canned_responses.list")
        .tag(tags::canned_responses())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, list.filter.archived, list.updated_since, &paging).await?;
            let position = |row: &CannedResponse| Position {
                shortcut: row.shortcut.clone(),
                id: row.id,
            };
            Ok::<_, RowError>(paging.page(rows, position, CannedResponseView::from))
        })
        .await
}

/// Shows a canned response, archived or not.
#[utoipa::path(tag = "inboxes", summary = "Shows a canned response", operation_id = "get_canned_response",
    security(("bearer" = ["conversations:read"])), params(("id" = CannedResponseId, Path), RowQuery),
    responses((status = 200, body = CannedResponseView)))]
#[get("/canned-responses/{id}")]
async fn get_canned_response(
    caller: Authorized<ConversationsRead>,
    id: PathId<CannedResponseId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("canned_responses.get")
        .query(&id)
        .tag(tags::canned_responses())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id).await.map(CannedResponseView::from)
        })
        .await
}

/// Makes a canned response.
#[utoipa::path(tag = "inboxes", summary = "Makes a canned response", operation_id = "create_canned_response",
    security(("bearer" = ["conversations:write"])), request_body = CreateCannedResponse,
    responses((status = 201, body = CannedResponseView),
        (status = 409, body = Problem, description = "`canned_response_exists`")))]
#[post("/canned-responses")]
async fn create_canned_response(
    caller: Authorized<ConversationsWrite>,
    body: Valid<CreateCannedResponse>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let mut errors = FieldErrors::new();
    let shortcut = errors.read("/shortcut", Shortcut::parse(&body.shortcut));
    let text = errors.read("/body", CannedBody::parse(&body.body));
    let (shortcut, text) = errors.finish(shortcut.zip(text))?;
    caller
        .write(async |tx| {
            let made = create(tx, &shortcut, &text).await?;
            let location = format!("/v1/canned-responses/{}", made.id);
            Ok::<_, CannedError>(Reply::created(location, CannedResponseView::from(made)))
        })
        .await
}

/// Changes a canned response in use.
#[utoipa::path(tag = "inboxes", summary = "Changes a canned response", operation_id = "update_canned_response",
    security(("bearer" = ["conversations:write"])), params(("id" = CannedResponseId, Path)), request_body = PatchCannedResponse,
    responses((status = 200, body = CannedResponseView),
        (status = 409, body = Problem, description = "`canned_response_exists`, `archived`")))]
#[patch("/canned-responses/{id}")]
async fn update_canned_response(
    caller: Authorized<ConversationsWrite>,
    id: PathId<CannedResponseId>,
    body: Valid<PatchCannedResponse>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let body = body.into_inner();
    let mut errors = FieldErrors::new();
    let shortcut = errors.read_change("/shortcut", body.shortcut, |text| Shortcut::parse(&text));
    let text = errors.read_change("/body", body.body, |text| CannedBody::parse(&text));
    let changes = errors.finish(Some((shortcut, text)))?;
    caller
        .write(async |tx| {
            let updated = update(tx, id, changes.clone(), caller.if_match()).await?;
            Ok::<_, CannedError>(Reply::ok(CannedResponseView::from(updated)))
        })
        .await
}

/// Archives a canned response.
#[utoipa::path(tag = "inboxes", summary = "Archives a canned response", operation_id = "archive_canned_response",
    security(("bearer" = ["conversations:write"])), params(("id" = CannedResponseId, Path)),
    responses((status = 204, description = "archived")))]
#[delete("/canned-responses/{id}")]
async fn archive_canned_response(
    caller: Authorized<ConversationsWrite>,
    id: PathId<CannedResponseId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            archive(tx, id, caller.if_match()).await?;
            Ok::<_, CannedError>(Reply::no_content())
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_canned_responses)
        .service(get_canned_response)
        .service(create_canned_response)
        .service(update_canned_response)
        .service(archive_canned_response);
}
