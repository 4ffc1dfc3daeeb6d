//! Inboxes over HTTP.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use auth::ClinicKeys;
use fetch::AllowedNetworks;
use kernel::{FieldErrors, InboxId};
use rest::permissions::{ConversationsManage, ConversationsRead};
use rest::{Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::InboxError;
use super::input::{CreateInbox, PatchInbox};
use super::model::{Inbox, InboxChanges, NewInbox};
use super::polls::polls_of;
use super::reach;
use super::service::{self, ChangeError};
use super::store::{self, InboxPosition};
use super::view::{InboxView, InboxWithToken};
use crate::channels::ChannelKind;
use crate::error::RowError;
use crate::tags;

/// Which inboxes.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct InboxFilter {
    /// Those put away, instead of those in use.
    archived: bool,
}

/// Lists inboxes, by name.
#[utoipa::path(tag = "inboxes", summary = "Lists inboxes", operation_id = "list_inboxes",
    security(("bearer" = ["conversations:read"])), params(ListParams, InboxFilter), responses((status = 200, body = Page<InboxView>)))]
#[get("/inboxes")]
async fn list_inboxes(
    caller: Authorized<ConversationsRead>,
    list: ListQuery<InboxFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<InboxPosition, _>("inboxes.list", &list, &["name"])?;
    let plan = ReadPlan::new("inboxes.list")
        .tag(tags::inboxes())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, list.filter.archived, list.updated_since, &paging).await?;
            let position = |inbox: &Inbox| InboxPosition {
                name: inbox.name.as_str().to_owned(),
                id: inbox.id,
            };
            let with_mailbox: Vec<InboxId> = rows
                .iter()
                .filter(|inbox| inbox.channel == ChannelKind::Email)
                .map(|inbox| inbox.id)
                .collect();
            let mut polls = match with_mailbox.as_slice() {
                [] => HashMap::new(),
                ids => polls_of(tx, ids).await?,
            };
            let view = |inbox: Inbox| {
                let poll = polls.remove(&inbox.id);
                InboxView::of(inbox, poll)
            };
            Ok::<_, RowError>(paging.page(rows, position, view))
        })
        .await
}

/// Shows an inbox, archived or not.
#[utoipa::path(tag = "inboxes", summary = "Shows an inbox", operation_id = "get_inbox",
    security(("bearer" = ["conversations:read"])), params(("id" = InboxId, Path), RowQuery), responses((status = 200, body = InboxView)))]
#[get("/inboxes/{id}")]
async fn get_inbox(
    caller: Authorized<ConversationsRead>,
    id: PathId<InboxId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("inboxes.get")
        .query(&id)
        .tag(tags::inboxes())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            let inbox = store::find(tx, id).await?;
            Ok::<_, RowError>(InboxView::shown(tx, inbox).await?)
        })
        .await
}

/// Makes an inbox; its token is shown this once.
#[utoipa::path(tag = "inboxes", summary = "Makes an inbox", operation_id = "create_inbox",
    security(("bearer" = ["conversations:manage"])), request_body = CreateInbox,
    responses((status = 201, body = InboxWithToken), (status = 409, body = Problem, description = "`inbox_exists`")))]
#[post("/inboxes")]
async fn create_inbox(
    caller: Authorized<ConversationsManage>,
    body: Valid<CreateInbox>,
    keys: Data<ClinicKeys>,
    networks: Data<AllowedNetworks>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let unreachable = match ChannelKind::parse(&body.channel) {
        Ok(ChannelKind::Email) => reach::faults(&body.settings, &networks).await,
        _ => FieldErrors::new(),
    };
    let new = reach::with_faults(NewInbox::try_from(body), unreachable)?;
    caller
        .write_unrecorded(async |tx| {
            let (inbox, token) = service::create(tx, &keys, &new).await?;
            let location = format!("/v1/inboxes/{}", inbox.id);
            let inbox = InboxView::shown(tx, inbox).await?;
            Ok::<_, InboxError>(Reply::created(location, InboxWithToken::of((inbox, token))))
        })
        .await
}

/// Changes an inbox in use.
#[utoipa::path(tag = "inboxes", summary = "Changes an inbox", operation_id = "update_inbox",
    security(("bearer" = ["conversations:manage"])), params(("id" = InboxId, Path)), request_body = PatchInbox,
    responses((status = 200, body = InboxView), (status = 409, body = Problem, description = "`inbox_exists`, `archived`")))]
#[patch("/inboxes/{id}")]
async fn update_inbox(
    caller: Authorized<ConversationsManage>,
    id: PathId<InboxId>,
    body: Valid<PatchInbox>,
    keys: Data<ClinicKeys>,
    networks: Data<AllowedNetworks>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let body = body.into_inner();
    let unreachable = match &body.settings {
        Some(settings) => reach::faults(settings, &networks).await,
        None => FieldErrors::new(),
    };
    let changes = reach::with_faults(InboxChanges::try_from(body), unreachable)?;
    caller
        .write(async |tx| {
            let inbox = service::update(tx, &keys, id, &changes, caller.if_match()).await?;
            Ok::<_, ChangeError>(Reply::ok(InboxView::shown(tx, inbox).await?))
        })
        .await
}

/// Gives an inbox a new token, shown this once; the one before opens nothing from now on.
#[utoipa::path(tag = "inboxes", summary = "Renews an inbox's token", operation_id = "renew_inbox_token",
    security(("bearer" = ["conversations:manage"])), params(("id" = InboxId, Path)),
    responses((status = 200, body = InboxWithToken), (status = 409, body = Problem, description = "`archived`")))]
#[post("/inboxes/{id}/token")]
async fn renew_inbox_token(
    caller: Authorized<ConversationsManage>,
    id: PathId<InboxId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write_unrecorded(async |tx| {
            let (inbox, token) = service::renew_token(tx, id, caller.if_match()).await?;
            let inbox = InboxView::shown(tx, inbox).await?;
            Ok::<_, InboxError>(Reply::ok(InboxWithToken::of((inbox, token))))
        })
        .await
}

/// Archives an inbox: nothing comes in or goes out by it, its conversations stay.
#[utoipa::path(tag = "inboxes", summary = "Archives an inbox", operation_id = "archive_inbox",
    security(("bearer" = ["conversations:manage"])), params(("id" = InboxId, Path)), responses((status = 204, description = "archived")))]
#[delete("/inboxes/{id}")]
async fn archive_inbox(caller: Authorized<ConversationsManage>, id: PathId<InboxId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::archive(tx, id, caller.if_match()).await?;
            Ok::<_, InboxError>(Reply::no_content())
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_inboxes)
        .service(get_inbox)
        .service(create_inbox)
        .service(update_inbox)
        .service(renew_inbox_token)
        .service(archive_inbox);
}
