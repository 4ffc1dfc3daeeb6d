//! The log of deliveries over HTTP, and what can be sent by hand.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, post};
use kernel::{WebhookDeliveryId, WebhookEndpointId};
use rest::permissions::WebhooksManage;
use rest::{AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::DeliveryError;
use super::log::{self, LogPosition, Logged};
use super::model::DeliveryStatus;
use super::service;
use super::view::WebhookDeliveryView;
use crate::endpoints::{self, EndpointError};
use crate::settings::Integrations;

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(test_webhook_endpoint)
        .service(list_webhook_deliveries)
        .service(get_webhook_delivery)
        .service(resend_webhook_delivery);
}

/// The `{id}` and `{delivery_id}` of the path.
#[derive(Debug, Clone, Copy)]
struct DeliveryPath {
    endpoint: WebhookEndpointId,
    delivery: WebhookDeliveryId,
}

impl FromRequest for DeliveryPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let text = |name| request.match_info().get(name);
        let endpoint = text("id").and_then(|text| text.parse().ok());
        let delivery = text("delivery_id").and_then(|text| text.parse().ok());
        let path = endpoint
            .zip(delivery)
            .map(|(endpoint, delivery)| Self { endpoint, delivery });
        ready(path.ok_or_else(|| Problem::not_found("webhook_delivery_not_found")))
    }
}

/// Which deliveries.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryFilter {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<DeliveryStatus>,
}

/// Sends an event `ping` to the endpoint, once: what came of it is in the log a moment later.
#[utoipa::path(tag = "webhooks", summary = "Tries out a webhook endpoint", operation_id = "test_webhook_endpoint",
    security(("bearer" = ["webhooks:manage"])), params(("id" = WebhookEndpointId, Path)),
    responses((status = 202, body = WebhookDeliveryView),
        (status = 409, body = Problem, description = "`webhook_endpoint_disabled`")))]
#[post("/webhook-endpoints/{id}/test")]
async fn test_webhook_endpoint(
    caller: Authorized<WebhooksManage>,
    shared: Data<Integrations>,
    id: PathId<WebhookEndpointId>,
) -> Result<HttpResponse, Problem> {
    let endpoint = id.into_inner();
    caller
        .write(async |tx| {
            let delivery = service::test(tx, endpoint).await?;
            let logged: Logged = (delivery, Vec::new());
            let view = WebhookDeliveryView::shown(logged, &shared.catalogue, &caller);
            Ok::<_, DeliveryError>(Reply::accepted(view))
        })
        .await
}

/// Lists what the endpoint was told in the last 30 days and how that went, the newest first.
#[utoipa::path(tag = "webhooks", summary = "Lists deliveries of a webhook endpoint", operation_id = "list_webhook_deliveries",
    security(("bearer" = ["webhooks:manage"])), params(("id" = WebhookEndpointId, Path), ListParams, DeliveryFilter),
    responses((status = 200, body = Page<WebhookDeliveryView>)))]
#[get("/webhook-endpoints/{id}/deliveries")]
async fn list_webhook_deliveries(
    caller: Authorized<WebhooksManage>,
    shared: Data<Integrations>,
    id: PathId<WebhookEndpointId>,
    list: ListQuery<DeliveryFilter>,
) -> Result<HttpResponse, Problem> {
    let endpoint = id.into_inner();
    let paging = caller.paging::<LogPosition, _>("webhook_deliveries.list", &list, &["-created_at"])?;
    let plan = ReadPlan::new("webhook_deliveries.list")
        .uncached()
        .snapshot()
        .audit(AuditRecord::new(
            "webhook_deliveries.list",
            "webhook_endpoint",
            endpoint.as_uuid(),
        ));
    caller
        .read_page(plan, &list, async |tx| {
            if endpoints::status_of(tx, endpoint).await?.is_none() {
                return Err(EndpointError::NotFound.into());
            }
            let rows = log::list(tx, endpoint, list.filter.status, list.updated_since, &paging).await?;
            let position = |(delivery, _): &Logged| LogPosition { id: delivery.id };
            let shown = |logged| WebhookDeliveryView::shown(logged, &shared.catalogue, &caller);
            Ok::<_, DeliveryError>(paging.page(rows, position, shown))
        })
        .await
}

/// Shows one delivery with its attempts.
#[utoipa::path(tag = "webhooks", summary = "Shows a delivery", operation_id = "get_webhook_delivery",
    security(("bearer" = ["webhooks:manage"])),
    params(("id" = WebhookEndpointId, Path), ("delivery_id" = WebhookDeliveryId, Path), RowQuery),
    responses((status = 200, body = WebhookDeliveryView)))]
#[get("/webhook-endpoints/{id}/deliveries/{delivery_id}")]
async fn get_webhook_delivery(
    caller: Authorized<WebhooksManage>,
    shared: Data<Integrations>,
    path: DeliveryPath,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let DeliveryPath { endpoint, delivery } = path;
    let plan = ReadPlan::new("webhook_deliveries.get")
        .uncached()
        .snapshot()
        .audit(AuditRecord::new(
            "webhook_deliveries.get",
            "webhook_delivery",
            delivery.as_uuid(),
        ));
    caller
        .read(plan, &query, async |tx| {
            let found = log::find(tx, endpoint, delivery).await?;
            let shown = |logged| WebhookDeliveryView::shown(logged, &shared.catalogue, &caller);
            found.map(shown).ok_or(DeliveryError::NotFound)
        })
        .await
}

/// Sends it again now, under the same id, and tries it as often as a new one.
#[utoipa::path(tag = "webhooks", summary = "Sends a delivery again", operation_id = "resend_webhook_delivery",
    security(("bearer" = ["webhooks:manage"])),
    params(("id" = WebhookEndpointId, Path), ("delivery_id" = WebhookDeliveryId, Path)),
    responses((status = 202, body = WebhookDeliveryView),
        (status = 409, body = Problem, description = "`webhook_endpoint_disabled`")))]
#[post("/webhook-endpoints/{id}/deliveries/{delivery_id}/resend")]
async fn resend_webhook_delivery(
    caller: Authorized<WebhooksManage>,
    shared: Data<Integrations>,
    path: DeliveryPath,
) -> Result<HttpResponse, Problem> {
    let DeliveryPath { endpoint, delivery } = path;
    caller
        .write(async |tx| {
            let delivery = service::resend(tx, endpoint, delivery).await?;
            let logged = log::with_attempts(tx, vec![delivery]).await?.pop();
            let shown = |logged| WebhookDeliveryView::shown(logged, &shared.catalogue, &caller);
            let view = logged.map(shown).ok_or(DeliveryError::NotFound)?;
            Ok::<_, DeliveryError>(Reply::accepted(view))
        })
        .await
}
