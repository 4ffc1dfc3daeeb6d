//! Duplicates over HTTP.

use actix_web::{HttpResponse, get, post};
use kernel::ContactId;
use rest::permissions::ContactsRead;
use rest::{AuditRecord, Authorized, PathId, Problem, ReadPlan, RowQuery, Valid};
use utoipa_actix_web::service_config::ServiceConfig;

use super::dto::{DuplicateCheck, DuplicateView, DuplicatesView};
use super::likeness::Likeness;
use super::service;
use crate::people::{Contact, ContactError, ContactView};
use crate::tags;

pub(crate) fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_duplicates).service(check_duplicates);
}

fn view(found: Vec<(Likeness, Contact)>) -> DuplicatesView {
    let data = found.into_iter().map(|(likeness, contact)| DuplicateView {
        score: likeness.score,
        reasons: likeness.reasons,
        contact: ContactView::from(contact),
    });
    DuplicatesView { data: data.collect() }
}

/// Lists the contacts that may be the same person as this one, the likeliest first.
#[utoipa::path(tag = "contacts", summary = "Lists a contact's possible duplicates", operation_id = "list_contact_duplicates",
    security(("bearer" = ["contacts:read"])), params(("id" = ContactId, Path), RowQuery),
    responses((status = 200, body = DuplicatesView)))]
#[get("/contacts/{id}/duplicates")]
async fn list_duplicates(
    caller: Authorized<ContactsRead>,
    id: PathId<ContactId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("contacts.duplicates")
        .query(&id)
        .tag(tags::contacts())
        .audit(AuditRecord::new("contacts.find_duplicates", "contact", id.as_uuid()));
    caller
        .read(plan, &query, async |tx| {
            Ok::<_, ContactError>(view(service::of(tx, id).await?))
        })
        .await
}

/// Lists the contacts that may be the person described, the likeliest first; nothing is written.
#[utoipa::path(tag = "contacts", summary = "Looks for a person before they are entered again",
    operation_id = "check_contact_duplicates", security(("bearer" = ["contacts:read"])), request_body = DuplicateCheck,
    responses((status = 200, body = DuplicatesView)))]
#[post("/contacts/duplicate-check")]
async fn check_duplicates(
    caller: Authorized<ContactsRead>,
    body: Valid<DuplicateCheck>,
) -> Result<HttpResponse, Problem> {
    let identity = body.into_inner().checked(caller.now())?;
    let plan = ReadPlan::new("contacts.duplicate_check")
        .uncached()
        .audit(AuditRecord::over("contacts.find_duplicates", "contact"));
    caller
        .read(plan, &RowQuery::default(), async |tx| {
            Ok::<_, ContactError>(view(service::find(tx, &identity, None).await?))
        })
        .await
}
