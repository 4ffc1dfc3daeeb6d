//! People over HTTP.

use std::cell::Cell;

use actix_web::http::header;
use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::ContactId;
use rest::permissions::{ContactsRead, ContactsWrite};
use rest::{AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, Valid};
use utoipa_actix_web::service_config::ServiceConfig;

use super::criteria::{ContactFilter, Criteria};
use super::dto::{CreateContact, UpdateContact};
use super::error::ContactError;
use super::list::{self, ContactPosition, SORTS, Window};
use super::service;
use super::view::ContactView;
use crate::tags;

pub(crate) fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_contacts)
        .service(create_contact)
        .service(get_contact)
        .service(update_contact)
        .service(archive_contact);
}

/// Lists and finds contacts.
///
/// With `q` and in the order of names, people whose name begins with `q` come first, then everybody else it finds. Archived
/// contacts are listed only with `status=archived` or `updated_since`.
#[utoipa::path(tag = "contacts", summary = "Lists contacts", operation_id = "list_contacts",
    security(("bearer" = ["contacts:read"])), params(ListParams, ContactFilter),
    responses((status = 200, body = Page<ContactView>)))]
#[get("/contacts")]
async fn list_contacts(
    caller: Authorized<ContactsRead>,
    list: ListQuery<ContactFilter>,
) -> Result<HttpResponse, Problem> {
    let criteria = Criteria::parse(&list.filter, list.updated_since)?;
    let paging = caller.paging::<ContactPosition, _>("contacts.list", &list, &SORTS)?;
    let plan = ReadPlan::new("contacts.list")
        .tag(tags::contacts())
        .audit(AuditRecord::over("contacts.search", "contact"));
    caller
        .read_page(plan, &list, async |tx| {
            let window = Window {
                sort: paging.sort(),
                after: paging.after(),
                fetch: paging.fetch(),
            };
            let rows = list::page(tx, &criteria, window).await?;
            Ok::<_, ContactError>(paging.page(
                rows,
                |row| row.position(paging.sort()),
                |row| ContactView::from(row.contact),
            ))
        })
        .await
}

/// Makes a contact.
///
/// A CPF is unique among the contacts that are not archived: `contact_exists` names in `contact_id` who has it.
#[utoipa::path(tag = "contacts", summary = "Creates a contact", operation_id = "create_contact",
    security(("bearer" = ["contacts:write"])), request_body = CreateContact,
    responses((status = 201, body = ContactView),
        (status = 409, body = Problem, description = "`contact_exists` (with `contact_id`), `id_taken`")))]
#[post("/contacts")]
async fn create_contact(
    caller: Authorized<ContactsWrite>,
    body: Valid<CreateContact>,
) -> Result<HttpResponse, Problem> {
    let new = body.into_inner().checked(caller.now())?;
    caller
        .write(async |tx| {
            let contact = service::create(tx, &new).await?;
            let location = format!("/v1/contacts/{}", contact.columns.id);
            Ok::<_, ContactError>(Reply::created(location, ContactView::from(contact)))
        })
        .await
}

/// Shows a contact, archived ones too.
///
/// A contact that was merged into another one answers with 308 and the other one's address in `Location`, without a body.
#[utoipa::path(tag = "contacts", summary = "Shows a contact", operation_id = "get_contact",
    security(("bearer" = ["contacts:read"])), params(("id" = ContactId, Path), RowQuery),
    responses((status = 200, body = ContactView),
        (status = 308, description = "The contact was merged into the one that `Location` names.",
            headers(("Location" = String, description = "The address of the contact that it was merged into.")))))]
#[get("/contacts/{id}")]
async fn get_contact(
    caller: Authorized<ContactsRead>,
    id: PathId<ContactId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("contacts.get")
        .query(&id)
        .tag(tags::contact(id))
        .audit(AuditRecord::new("contacts.read", "contact", id.as_uuid()));
    let survivor = Cell::new(None);
    let answer = caller
        .read(plan, &query, async |tx| {
            let found = service::get(tx, id).await;
            if let Err(ContactError::Merged { into }) = found {
                survivor.set(Some(into));
            }
            found.map(ContactView::from)
        })
        .await;
    match survivor.get() {
        Some(survivor) => Ok(HttpResponse::PermanentRedirect()
            .insert_header((header::LOCATION, format!("/v1/contacts/{survivor}")))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish()),
        None => answer,
    }
}

/// Changes a contact: a field that is not sent stays, null clears.
///
/// `status: archived` puts the contact away, `active` or `inactive` brings it back, which is refused with `contact_exists`
/// when its CPF was given to another one meanwhile.
#[utoipa::path(tag = "contacts", summary = "Changes a contact", operation_id = "update_contact",
    security(("bearer" = ["contacts:write"])), params(("id" = ContactId, Path)), request_body = UpdateContact,
    responses((status = 200, body = ContactView),
        (status = 409, body = Problem, description = "`contact_exists`, `contact_merged` (both with `contact_id`)")))]
#[patch("/contacts/{id}")]
async fn update_contact(
    caller: Authorized<ContactsWrite>,
    id: PathId<ContactId>,
    body: Valid<UpdateContact>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = body.into_inner().checked(caller.now())?;
    caller
        .write(async |tx| {
            let contact = service::update(tx, id, changes.clone(), caller.if_match()).await?;
            Ok::<_, ContactError>(Reply::ok(ContactView::from(contact)))
        })
        .await
}

/// Archives a contact: it is kept, and found only by those who ask for the archived.
#[utoipa::path(tag = "contacts", summary = "Archives a contact", operation_id = "archive_contact",
    security(("bearer" = ["contacts:write"])), params(("id" = ContactId, Path)),
    responses((status = 204),
        (status = 409, body = Problem, description = "`contact_merged` (with `contact_id`)")))]
#[delete("/contacts/{id}")]
async fn archive_contact(caller: Authorized<ContactsWrite>, id: PathId<ContactId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::archive(tx, id, caller.if_match()).await?;
            Ok::<_, ContactError>(Reply::no_content())
        })
        .await
}
