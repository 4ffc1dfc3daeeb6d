//! Merges that were made, over HTTP. Making and undoing them spans several domains, so those are the gateway's.

use actix_web::{HttpResponse, get};
use kernel::{ContactId, ContactMergeId};
use rest::permissions::ContactsRead;
use rest::{AuditRecord, Authorized, ListParams, ListQuery, NoFilter, Page, PathId, Problem, ReadPlan, RowQuery};
use utoipa_actix_web::service_config::ServiceConfig;

use super::store::{self, MergePosition};
use super::undo_error::UndoError;
use super::view::ContactMergeView;
use crate::people::ContactError;
use crate::people::store as people;
use crate::tags;

pub(crate) fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_merges).service(get_merge);
}

/// Lists the merges in which a contact stayed or went, the newest first: those that were undone too.
#[utoipa::path(tag = "contacts", summary = "Lists a contact's merges", operation_id = "list_contact_merges",
    security(("bearer" = ["contacts:read"])), params(("id" = ContactId, Path), ListParams),
    responses((status = 200, body = Page<ContactMergeView>)))]
#[get("/contacts/{id}/merges")]
async fn list_merges(
    caller: Authorized<ContactsRead>,
    id: PathId<ContactId>,
    list: ListQuery<NoFilter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let list = list.of(id);
    let paging = caller.paging::<MergePosition, _>("contacts.merges", &list, &["-merged_at"])?;
    let plan = ReadPlan::new("contacts.merges")
        .tag(tags::contact(id))
        .audit(AuditRecord::new("contacts.read_merges", "contact", id.as_uuid()));
    caller
        .read_page(plan, &list, async |tx| {
            people::find(tx, id).await?.ok_or(ContactError::NotFound)?;
            let merges = store::merges_of(tx, id, list.updated_since, &paging).await?;
            let mut page = paging.page(merges, MergePosition::of, ContactMergeView::try_from);
            let data = std::mem::take(&mut page.data);
            Ok::<_, ContactError>(Page {
                data: data.into_iter().collect::<Result<_, _>>()?,
                page: page.page,
            })
        })
        .await
}

/// Shows a merge of two contacts.
#[utoipa::path(tag = "contacts", summary = "Shows a merge", operation_id = "get_contact_merge",
    security(("bearer" = ["contacts:read"])), params(("id" = ContactMergeId, Path), RowQuery),
    responses((status = 200, body = ContactMergeView)))]
#[get("/contact-merges/{id}")]
async fn get_merge(
    caller: Authorized<ContactsRead>,
    id: PathId<ContactMergeId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    // Any change of the two makes it stale, and which two is not known before it was read.
    let plan = ReadPlan::new("contacts.merge")
        .query(&id)
        .tag(tags::contacts())
        .audit(AuditRecord::new("contacts.read_merge", "contact_merge", id.as_uuid()));
    caller
        .read(plan, &query, async |tx| {
            let merge = store::find_merge(tx, id).await?.ok_or(UndoError::NotFound)?;
            Ok::<_, UndoError>(ContactMergeView::try_from(merge)?)
        })
        .await
}
