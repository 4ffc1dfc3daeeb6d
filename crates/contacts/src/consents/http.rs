//! Consents over HTTP.

use actix_web::{HttpResponse, get, post, put};
use kernel::ContactId;
use rest::permissions::{ContactsRead, ContactsWrite};
use rest::{AuditRecord, Authorized, ListParams, ListQuery, NoFilter, Page, PathId, Problem, ReadPlan, Reply, Valid};
use utoipa_actix_web::service_config::ServiceConfig;

use super::dto::{ConsentView, RecordConsent};
use super::service;
use super::store::ConsentPosition;
use crate::people::ContactError;
use crate::tags;

pub(crate) fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_consents)
        .service(record_consent)
        .service(settle_consent);
}

/// Lists every answer that a person gave about the use of their data, the newest first.
#[utoipa::path(tag = "contacts", summary = "Lists a contact's consents", operation_id = "list_contact_consents",
    security(("bearer" = ["contacts:read"])), params(("id" = ContactId, Path), ListParams),
    responses((status = 200, body = Page<ConsentView>)))]
#[get("/contacts/{id}/consents")]
async fn list_consents(
    caller: Authorized<ContactsRead>,
    id: PathId<ContactId>,
    list: ListQuery<NoFilter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let list = list.of(id);
    let paging = caller.paging::<ConsentPosition, _>("contacts.consents", &list, &["-recorded_at"])?;
    let plan = ReadPlan::new("contacts.consents")
        .tag(tags::contact(id))
        .audit(AuditRecord::new("contacts.read_consents", "contact", id.as_uuid()));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = service::history(tx, id, list.updated_since, &paging).await?;
            Ok::<_, ContactError>(paging.page(rows, ConsentPosition::of, |(_, consent)| ConsentView::from(consent)))
        })
        .await
}

/// Keeps an answer of a person about the use of their data; from now on it is the one that counts for its purpose.
#[utoipa::path(tag = "contacts", summary = "Records a consent", operation_id = "record_contact_consent",
    security(("bearer" = ["contacts:write"])), params(("id" = ContactId, Path)), request_body = RecordConsent,
    responses((status = 201, body = ConsentView)))]
#[post("/contacts/{id}/consents")]
async fn record_consent(
    caller: Authorized<ContactsWrite>,
    id: PathId<ContactId>,
    body: Valid<RecordConsent>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let consent = body.into_inner().checked()?;
    caller
        .write(async |tx| {
            let kept = service::record(tx, id, &consent).await?;
            Ok::<_, ContactError>(Reply::created(
                format!("/v1/contacts/{id}/consents"),
                ConsentView::from(kept),
            ))
        })
        .await
}

/// Says how a person stands to a purpose now. Where that is known already, nothing is written and the answer that was given
/// then is shown.
#[utoipa::path(tag = "contacts", summary = "Settles a consent", operation_id = "settle_contact_consent",
    security(("bearer" = ["contacts:write"])), params(("id" = ContactId, Path)), request_body = RecordConsent,
    responses((status = 200, body = ConsentView)))]
#[put("/contacts/{id}/consents")]
async fn settle_consent(
    caller: Authorized<ContactsWrite>,
    id: PathId<ContactId>,
    body: Valid<RecordConsent>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let consent = body.into_inner().checked()?;
    caller
        .write(async |tx| {
            let kept = service::settle(tx, id, &consent).await?;
            Ok::<_, ContactError>(Reply::ok(ConsentView::from(kept)))
        })
        .await
}
