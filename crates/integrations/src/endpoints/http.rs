//! Endpoints over HTTP.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::WebhookEndpointId;
use rest::permissions::WebhooksManage;
use rest::{AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, Valid};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::dto::{CreateWebhookEndpoint, NewWebhookEndpointView, PatchWebhookEndpoint, WebhookEndpointView};
use super::error::EndpointError;
use super::model::{Endpoint, EndpointPosition, EndpointStatus};
use super::{service, store};
use crate::settings::Integrations;
use crate::signing::SigningSecret;

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_webhook_endpoints)
        .service(create_webhook_endpoint)
        .service(get_webhook_endpoint)
        .service(update_webhook_endpoint)
        .service(archive_webhook_endpoint)
        .service(rotate_webhook_secret);
}

/// Which endpoints.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EndpointFilter {
    /// Only those that stand so; those that are not archived, when not given.
    #[param(inline)]
    status: Option<EndpointStatus>,
}

/// Lists the endpoints, the newest first.
#[utoipa::path(tag = "webhooks", summary = "Lists webhook endpoints", operation_id = "list_webhook_endpoints",
    security(("bearer" = ["webhooks:manage"])), params(ListParams, EndpointFilter),
    responses((status = 200, body = Page<WebhookEndpointView>)))]
#[get("/webhook-endpoints")]
async fn list_webhook_endpoints(
    caller: Authorized<WebhooksManage>,
    list: ListQuery<EndpointFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<EndpointPosition, _>("webhook_endpoints.list", &list, &["-created_at"])?;
    // How they fare changes with each delivery.
    let plan = ReadPlan::new("webhook_endpoints.list")
        .uncached()
        .audit(AuditRecord::over("webhook_endpoints.list", "webhook_endpoint"));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, list.filter.status, list.updated_since, &paging).await?;
            let position = |row: &Endpoint| EndpointPosition { id: row.id };
            Ok::<_, EndpointError>(paging.page(rows, position, |row| WebhookEndpointView::at(tx.now(), row)))
        })
        .await
}

/// Shows an endpoint, without its secret.
#[utoipa::path(tag = "webhooks", summary = "Shows a webhook endpoint", operation_id = "get_webhook_endpoint",
    security(("bearer" = ["webhooks:manage"])), params(("id" = WebhookEndpointId, Path), RowQuery),
    responses((status = 200, body = WebhookEndpointView)))]
#[get("/webhook-endpoints/{id}")]
async fn get_webhook_endpoint(
    caller: Authorized<WebhooksManage>,
    id: PathId<WebhookEndpointId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("webhook_endpoints.get").uncached();
    caller
        .read(plan, &query, async |tx| {
            let row = service::get(tx, id).await?;
            Ok::<_, EndpointError>(WebhookEndpointView::at(tx.now(), row))
        })
        .await
}

/// Makes an endpoint. The answer carries its secret, once.
///
/// It is told of the events that it names by POST, signed as the Standard Webhooks specification says, at least once each and in
/// no promised order: `webhook-id` is the event's id in every attempt. An answer of 200 to 299 within 15 seconds takes the
/// event; anything else, redirects included, is tried again for three days with growing pauses. 410 disables the endpoint.
/// A person may name no event that they may not hear of: 403 `permission_not_grantable`; of `*` and of groups such as
/// `appointment.*` the endpoint hears what its maker may.
#[utoipa::path(tag = "webhooks", summary = "Makes a webhook endpoint", operation_id = "create_webhook_endpoint",
    security(("bearer" = ["webhooks:manage"])), request_body = CreateWebhookEndpoint,
    responses((status = 201, body = NewWebhookEndpointView),
        (status = 409, body = Problem, description = "`too_many_webhook_endpoints`, `id_taken`")))]
#[post("/webhook-endpoints")]
async fn create_webhook_endpoint(
    caller: Authorized<WebhooksManage>,
    shared: Data<Integrations>,
    body: Valid<CreateWebhookEndpoint>,
) -> Result<HttpResponse, Problem> {
    let new = body.into_inner().parse(&shared)?;
    caller
        .write_unrecorded(async |tx| {
            let (row, secret) = service::create(tx, &shared, &caller, &new).await?;
            let location = format!("/v1/webhook-endpoints/{}", row.id);
            Ok::<_, EndpointError>(Reply::created(location, revealed(tx.now(), row, &secret)))
        })
        .await
}

fn revealed(now: kernel::Timestamp, row: Endpoint, secret: &SigningSecret) -> NewWebhookEndpointView {
    NewWebhookEndpointView {
        webhook_endpoint: WebhookEndpointView::at(now, row),
        secret: secret.reveal().expose_secret().to_owned(),
    }
}

/// Changes an endpoint. While it is disabled it is told nothing new; what had not come through waits until it is enabled.
#[utoipa::path(tag = "webhooks", summary = "Changes a webhook endpoint", operation_id = "update_webhook_endpoint",
    security(("bearer" = ["webhooks:manage"])), params(("id" = WebhookEndpointId, Path)), request_body = PatchWebhookEndpoint,
    responses((status = 200, body = WebhookEndpointView), (status = 409, body = Problem, description = "`archived`")))]
#[patch("/webhook-endpoints/{id}")]
async fn update_webhook_endpoint(
    caller: Authorized<WebhooksManage>,
    shared: Data<Integrations>,
    id: PathId<WebhookEndpointId>,
    body: Valid<PatchWebhookEndpoint>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let edit = body.into_inner().parse(&shared)?;
    caller
        .write(async |tx| {
            let row = service::update(tx, &shared, &caller, id, &edit, caller.if_match()).await?;
            Ok::<_, EndpointError>(Reply::ok(WebhookEndpointView::at(tx.now(), row)))
        })
        .await
}

/// Archives an endpoint: it is told nothing more, and its secret is forgotten. Its log stays for 30 days.
#[utoipa::path(tag = "webhooks", summary = "Archives a webhook endpoint", operation_id = "archive_webhook_endpoint",
    security(("bearer" = ["webhooks:manage"])), params(("id" = WebhookEndpointId, Path)),
    responses((status = 204, description = "archived")))]
#[delete("/webhook-endpoints/{id}")]
async fn archive_webhook_endpoint(
    caller: Authorized<WebhooksManage>,
    id: PathId<WebhookEndpointId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::archive(tx, id, caller.if_match()).await?;
            Ok::<_, EndpointError>(Reply::no_content())
        })
        .await
}

/// Gives the endpoint a new secret, which the answer carries, once.
///
/// For 24 hours deliveries carry two signatures, of the new secret and of the one before, so that receivers can change over. A
/// secret that leaked stops counting at once when the endpoint's secret is rotated twice.
#[utoipa::path(tag = "webhooks", summary = "Rotates the secret of a webhook endpoint", operation_id = "rotate_webhook_secret",
    security(("bearer" = ["webhooks:manage"])), params(("id" = WebhookEndpointId, Path)),
    responses((status = 200, body = NewWebhookEndpointView), (status = 409, body = Problem, description = "`archived`")))]
#[post("/webhook-endpoints/{id}/rotate-secret")]
async fn rotate_webhook_secret(
    caller: Authorized<WebhooksManage>,
    shared: Data<Integrations>,
    id: PathId<WebhookEndpointId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write_unrecorded(async |tx| {
            let (row, secret) = service::rotate(tx, &shared, id, caller.if_match()).await?;
            Ok::<_, EndpointError>(Reply::ok(revealed(tx.now(), row, &secret)))
        })
        .await
}
