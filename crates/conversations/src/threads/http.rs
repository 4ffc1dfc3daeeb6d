//! Conversations over HTTP.

use actix_web::{HttpResponse, get, patch, post};
use db::TenantTx;
use kernel::{Actor, Caller, ConversationId, FieldErrors, MembershipId};
use rest::permissions::{ConversationsRead, ConversationsWrite};
use rest::{
    AuditRecord, Authorized, ListParams, ListQuery, OptionalBody, Page, Patch, PathId, Problem, ReadPlan, Reply,
    RowQuery, Valid,
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::counts::{self, CountsView};
use super::error::ConversationError;
use super::filter::ConversationFilter;
use super::input::{AssignConversation, CreateConversation, PatchConversation, SnoozeConversation};
use super::list::{self, Position, SORTS};
use super::model::{Conversation, ConversationChanges, NewConversation, Status};
use super::service;
use super::view::ConversationView;
use crate::error::RowError;
use crate::tags;

/// The caller's place in the clinic, when it is a person.
fn membership(caller: &impl Caller) -> Option<MembershipId> {
    match caller.actor() {
        Actor::User { membership, .. } => Some(membership),
        Actor::ApiKey { .. } | Actor::System { .. } => None,
    }
}

/// The conversation with its names, as the answer of a write.
async fn shown(tx: &TenantTx<'_>, conversation: Conversation) -> Result<ConversationView, RowError> {
    list::find(tx, conversation.id).await.map(ConversationView::from)
}

/// Lists conversations: open ones unless asked otherwise, the latest word first.
#[utoipa::path(tag = "conversations", summary = "Lists conversations", operation_id = "list_conversations",
    security(("bearer" = ["conversations:read"])), params(ListParams, ConversationFilter),
    responses((status = 200, body = Page<ConversationView>)))]
#[get("/conversations")]
async fn list_conversations(
    caller: Authorized<ConversationsRead>,
    list: ListQuery<ConversationFilter>,
) -> Result<HttpResponse, Problem> {
    let me = membership(&*caller);
    let criteria = list.filter.checked(me, list.updated_since)?;
    let paging = caller.paging::<Position, _>("conversations.list", &list, SORTS)?;
    let plan = ReadPlan::new("conversations.list")
        .query(&me.filter(|_| list.filter.is_personal()))
        .tag(tags::conversations())
        .tag(tags::contacts())
        .tag(tags::inboxes())
        .audit(AuditRecord::over("conversations.list", "conversation"));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = list::page(tx, &criteria, &paging).await?;
            Ok::<_, RowError>(paging.page(rows, |row| row.position(paging.sort()), ConversationView::from))
        })
        .await
}

/// Counts what is to do, in each inbox and over all: open, unread, the caller's own, and nobody's.
#[utoipa::path(tag = "conversations", summary = "Counts conversations", operation_id = "count_conversations",
    security(("bearer" = ["conversations:read"])), params(RowQuery), responses((status = 200, body = CountsView)))]
#[get("/conversations/counts")]
async fn count_conversations(caller: Authorized<ConversationsRead>, query: RowQuery) -> Result<HttpResponse, Problem> {
    let me = membership(&*caller);
    let plan = ReadPlan::new("conversations.counts")
        .query(&me)
        .tag(tags::conversations());
    caller
        .read(plan, &query, async |tx| counts::count_all(tx, me).await)
        .await
}

/// Shows a conversation.
#[utoipa::path(tag = "conversations", summary = "Shows a conversation", operation_id = "get_conversation",
    security(("bearer" = ["conversations:read"])), params(("id" = ConversationId, Path), RowQuery),
    responses((status = 200, body = ConversationView)))]
#[get("/conversations/{id}")]
async fn get_conversation(
    caller: Authorized<ConversationsRead>,
    id: PathId<ConversationId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("conversations.get")
        .query(&id)
        .tag(tags::conversation(id))
        .tag(tags::contacts())
        .tag(tags::inboxes())
        .audit(AuditRecord::new("conversations.read", "conversation", id.as_uuid()));
    caller
        .read(plan, &query, async |tx| {
            list::find(tx, id).await.map(ConversationView::from)
        })
        .await
}

/// Begins a conversation with a contact; messages are sent to it afterwards.
#[utoipa::path(tag = "conversations", summary = "Begins a conversation", operation_id = "create_conversation",
    security(("bearer" = ["conversations:write"])), request_body = CreateConversation,
    responses((status = 201, body = ConversationView),
        (status = 409, body = Problem, description = "`conversation_exists` (with `conversation_id`), `no_address`, `visitor_begins`")))]
#[post("/conversations")]
async fn create_conversation(
    caller: Authorized<ConversationsWrite>,
    body: Valid<CreateConversation>,
) -> Result<HttpResponse, Problem> {
    let new = NewConversation::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let conversation = service::create(tx, new.clone()).await?;
            let location = format!("/v1/conversations/{}", conversation.id);
            Ok::<_, ConversationError>(Reply::created(location, shown(tx, conversation).await?))
        })
        .await
}

async fn changed(
    caller: &Authorized<ConversationsWrite>,
    id: ConversationId,
    changes: ConversationChanges,
) -> Result<HttpResponse, Problem> {
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let conversation = service::change(tx, id, &changes, expected).await?;
            Ok::<_, ConversationError>(Reply::ok(shown(tx, conversation).await?))
        })
        .await
}

/// Changes a conversation: who looks after it, how much it presses, its labels, where it stands.
#[utoipa::path(tag = "conversations", summary = "Changes a conversation", operation_id = "update_conversation",
    security(("bearer" = ["conversations:write"])), params(("id" = ConversationId, Path)), request_body = PatchConversation,
    responses((status = 200, body = ConversationView),
        (status = 409, body = Problem, description = "`conversation_exists`, `conversation_continued` (both with `conversation_id`)")))]
#[patch("/conversations/{id}")]
async fn update_conversation(
    caller: Authorized<ConversationsWrite>,
    id: PathId<ConversationId>,
    body: Valid<PatchConversation>,
) -> Result<HttpResponse, Problem> {
    changed(&caller, id.into_inner(), body.into_inner().try_into()?).await
}

/// Gives a conversation to somebody, or takes it when nobody is named.
#[utoipa::path(tag = "conversations", summary = "Assigns a conversation", operation_id = "assign_conversation",
    security(("bearer" = ["conversations:write"])), params(("id" = ConversationId, Path)), request_body = AssignConversation,
    responses((status = 200, body = ConversationView)))]
#[post("/conversations/{id}/assign")]
async fn assign_conversation(
    caller: Authorized<ConversationsWrite>,
    id: PathId<ConversationId>,
    body: OptionalBody<AssignConversation>,
) -> Result<HttpResponse, Problem> {
    let assignee = match (body.into_inner().assignee_id, membership(&*caller)) {
        (Patch::Absent, Some(me)) => Patch::Value(me),
        (Patch::Absent, None) => {
            return Err(FieldErrors::one("/assignee_id", "required", "an integration names a member").into());
        }
        (named, _) => named,
    };
    let changes = ConversationChanges {
        assignee,
        ..ConversationChanges::default()
    };
    changed(&caller, id.into_inner(), changes).await
}

/// Puts a conversation off until a time, or until the person writes.
#[utoipa::path(tag = "conversations", summary = "Snoozes a conversation", operation_id = "snooze_conversation",
    security(("bearer" = ["conversations:write"])), params(("id" = ConversationId, Path)), request_body = SnoozeConversation,
    responses((status = 200, body = ConversationView),
        (status = 409, body = Problem, description = "`conversation_exists`, `conversation_continued` (both with `conversation_id`)")))]
#[post("/conversations/{id}/snooze")]
async fn snooze_conversation(
    caller: Authorized<ConversationsWrite>,
    id: PathId<ConversationId>,
    body: Valid<SnoozeConversation>,
) -> Result<HttpResponse, Problem> {
    let until = body.into_inner().until;
    if until <= caller.now() {
        return Err(FieldErrors::one("/until", "in_past", "must lie in the future").into());
    }
    let changes = ConversationChanges {
        status: Some(Status::Snoozed),
        snoozed_until: Some(until),
        ..ConversationChanges::default()
    };
    changed(&caller, id.into_inner(), changes).await
}

fn to(status: Status) -> ConversationChanges {
    ConversationChanges {
        status: Some(status),
        ..ConversationChanges::default()
    }
}

/// Resolves a conversation. A message that comes within the inbox's days opens it again.
#[utoipa::path(tag = "conversations", summary = "Resolves a conversation", operation_id = "resolve_conversation",
    security(("bearer" = ["conversations:write"])), params(("id" = ConversationId, Path)),
    responses((status = 200, body = ConversationView)))]
#[post("/conversations/{id}/resolve")]
async fn resolve_conversation(
    caller: Authorized<ConversationsWrite>,
    id: PathId<ConversationId>,
) -> Result<HttpResponse, Problem> {
    changed(&caller, id.into_inner(), to(Status::Resolved)).await
}

/// Opens a conversation again.
#[utoipa::path(tag = "conversations", summary = "Reopens a conversation", operation_id = "reopen_conversation",
    security(("bearer" = ["conversations:write"])), params(("id" = ConversationId, Path)),
    responses((status = 200, body = ConversationView),
        (status = 409, body = Problem, description = "`conversation_exists`, `conversation_continued` (both with `conversation_id`)")))]
#[post("/conversations/{id}/reopen")]
async fn reopen_conversation(
    caller: Authorized<ConversationsWrite>,
    id: PathId<ConversationId>,
) -> Result<HttpResponse, Problem> {
    changed(&caller, id.into_inner(), to(Status::Open)).await
}

/// Notes that what was written so far was seen: for everybody of the clinic, who share one count.
#[utoipa::path(tag = "conversations", summary = "Marks a conversation as read", operation_id = "mark_conversation_read",
    security(("bearer" = ["conversations:write"])), params(("id" = ConversationId, Path)),
    responses((status = 200, body = ConversationView)))]
#[post("/conversations/{id}/read")]
async fn mark_conversation_read(
    caller: Authorized<ConversationsWrite>,
    id: PathId<ConversationId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let conversation = service::mark_read(tx, id, expected).await?;
            Ok::<_, ConversationError>(Reply::ok(shown(tx, conversation).await?))
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_conversations)
        .service(count_conversations)
        .service(get_conversation)
        .service(create_conversation)
        .service(update_conversation)
        .service(assign_conversation)
        .service(snooze_conversation)
        .service(resolve_conversation)
        .service(reopen_conversation)
        .service(mark_conversation_read);
}
