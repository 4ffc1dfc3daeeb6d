//! Templates over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::{FieldErrors, InboxId, MessageTemplateId, Timestamp, Version};
use rest::permissions::{ConversationsManage, ConversationsRead};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{
    Category, NewTemplate, Template, TemplateBody, TemplateChanges, TemplateLanguage, TemplateName, TemplateStatus,
};
use super::store::{self, Narrowing, Position};
use super::{TemplateError, archive, create, update};
use crate::error::RowError;
use crate::tags;
use rest::{
    Authorized, ListParams, ListQuery, Page, Patch, PathId, Problem, ReadPatch, ReadPlan, Reply, RowQuery, TimeToLive,
    Valid, View,
};

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageTemplateView {
    id: MessageTemplateId,
    /// Whose it is.
    inbox_id: InboxId,
    /// Its name at the channel.
    name: TemplateName,
    /// Its language.
    language: TemplateLanguage,
    /// What it is for.
    category: Category,
    /// What it says, with places `{{1}}`, `{{2}}` and so on.
    body: TemplateBody,
    /// How many places it has.
    parameter_count: i16,
    /// What the channel said of it: only approved ones can be sent.
    status: TemplateStatus,
    archived_at: Option<Timestamp>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for MessageTemplateView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Template> for MessageTemplateView {
    fn from(
        Template {
            id,
            inbox_id,
            name,
            language,
            category,
            body,
            parameter_count,
            status,
            archived_at,
            version,
            created_at,
            updated_at,
        }: Template,
    ) -> Self {
        Self {
            id,
            inbox_id,
            name,
            language,
            category,
            body,
            parameter_count,
            status,
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A template to be made, as it was sent to WhatsApp for approval.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateMessageTemplate {
    /// A WhatsApp inbox.
    inbox_id: InboxId,
    #[schema(value_type = TemplateName)]
    name: String,
    #[schema(value_type = TemplateLanguage)]
    language: String,
    #[schema(value_type = Category)]
    category: String,
    #[schema(value_type = TemplateBody)]
    body: String,
    /// What WhatsApp said of it; `pending` when not given.
    #[schema(value_type = Option<TemplateStatus>)]
    status: Option<String>,
}

impl TryFrom<CreateMessageTemplate> for NewTemplate {
    type Error = FieldErrors;

    fn try_from(body: CreateMessageTemplate) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read("/name", TemplateName::parse(&body.name));
        let language = errors.read("/language", TemplateLanguage::parse(&body.language));
        let category = errors.read("/category", Category::parse(&body.category));
        let text = errors.read("/body", TemplateBody::parse(&body.body));
        let status = errors.read_if_given("/status", body.status.as_deref(), TemplateStatus::parse);
        let whole = name.zip(language).zip(category.zip(text));
        errors.finish(whole.map(|((name, language), (category, text))| Self {
            inbox: body.inbox_id,
            name,
            language,
            category,
            body: text,
            status: status.unwrap_or(TemplateStatus::Pending),
        }))
    }
}

/// What changes about a template; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchMessageTemplate {
    #[serde(default)]
    #[schema(value_type = Option<Category>)]
    category: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<TemplateBody>)]
    body: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<TemplateStatus>)]
    status: Patch<String>,
}

impl TryFrom<PatchMessageTemplate> for TemplateChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchMessageTemplate) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let category = errors.read_change("/category", body.category, |text| Category::parse(&text));
        let text = errors.read_change("/body", body.body, |text| TemplateBody::parse(&text));
        let status = errors.read_change("/status", body.status, |text| TemplateStatus::parse(&text));
        errors.finish(Some(Self {
            category,
            body: text,
            status,
        }))
    }
}

/// Which templates.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct TemplateFilter {
    /// Of this inbox.
    inbox_id: Option<InboxId>,
    /// Of which the channel said so.
    #[param(value_type = Option<TemplateStatus>)]
    status: Option<String>,
    /// Those put away, instead of those in use.
    archived: bool,
}

/// Lists message templates, by name.
#[utoipa::path(tag = "inboxes", summary = "Lists message templates", operation_id = "list_message_templates",
    security(("bearer" = ["conversations:read"])), params(ListParams, TemplateFilter),
    responses((status = 200, body = Page<MessageTemplateView>)))]
#[get("/message-templates")]
async fn list_message_templates(
    caller: Authorized<ConversationsRead>,
    list: ListQuery<TemplateFilter>,
) -> Result<HttpResponse, Problem> {
    let mut errors = FieldErrors::new();
    let status = errors.read_if_given("status", list.filter.status.as_deref(), TemplateStatus::parse);
    let narrowing = errors.finish(Some(Narrowing {
        inbox: list.filter.inbox_id,
        status,
        archived: list.filter.archived,
        updated_since: list.updated_since,
    }))?;
    let paging = caller.paging::<Position, _>("message_templates.list", &list, &["name"])?;
    let plan = ReadPlan::new("message_templates.list")
        .tag(tags::message_templates())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, narrowing, &paging).await?;
            let position = |row: &Template| Position {
                name: row.name.clone(),
                id: row.id,
            };
            Ok::<_, RowError>(paging.page(rows, position, MessageTemplateView::from))
        })
        .await
}

/// Shows a message template, archived or not.
#[utoipa::path(tag = "inboxes", summary = "Shows a message template", operation_id = "get_message_template",
    security(("bearer" = ["conversations:read"])), params(("id" = MessageTemplateId, Path), RowQuery),
    responses((status = 200, body = MessageTemplateView)))]
#[get("/message-templates/{id}")]
async fn get_message_template(
    caller: Authorized<ConversationsRead>,
    id: PathId<MessageTemplateId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("message_templates.get")
        .query(&id)
        .tag(tags::message_templates())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id).await.map(MessageTemplateView::from)
        })
        .await
}

/// Makes a message template.
#[utoipa::path(tag = "inboxes", summary = "Makes a message template", operation_id = "create_message_template",
    security(("bearer" = ["conversations:manage"])), request_body = CreateMessageTemplate,
    responses((status = 201, body = MessageTemplateView),
        (status = 409, body = Problem, description = "`message_template_exists`")))]
#[post("/message-templates")]
async fn create_message_template(
    caller: Authorized<ConversationsManage>,
    body: Valid<CreateMessageTemplate>,
) -> Result<HttpResponse, Problem> {
    let new = NewTemplate::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let made = create(tx, &new).await?;
            let location = format!("/v1/message-templates/{}", made.id);
            Ok::<_, TemplateError>(Reply::created(location, MessageTemplateView::from(made)))
        })
        .await
}

/// Changes a message template in use.
#[utoipa::path(tag = "inboxes", summary = "Changes a message template", operation_id = "update_message_template",
    security(("bearer" = ["conversations:manage"])), params(("id" = MessageTemplateId, Path)), request_body = PatchMessageTemplate,
    responses((status = 200, body = MessageTemplateView), (status = 409, body = Problem, description = "`archived`")))]
#[patch("/message-templates/{id}")]
async fn update_message_template(
    caller: Authorized<ConversationsManage>,
    id: PathId<MessageTemplateId>,
    body: Valid<PatchMessageTemplate>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = TemplateChanges::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let updated = update(tx, id, &changes, caller.if_match()).await?;
            Ok::<_, TemplateError>(Reply::ok(MessageTemplateView::from(updated)))
        })
        .await
}

/// Archives a message template.
#[utoipa::path(tag = "inboxes", summary = "Archives a message template", operation_id = "archive_message_template",
    security(("bearer" = ["conversations:manage"])), params(("id" = MessageTemplateId, Path)),
    responses((status = 204, description = "archived")))]
#[delete("/message-templates/{id}")]
async fn archive_message_template(
    caller: Authorized<ConversationsManage>,
    id: PathId<MessageTemplateId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            archive(tx, id, caller.if_match()).await?;
            Ok::<_, TemplateError>(Reply::no_content())
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_message_templates)
        .service(get_message_template)
        .service(create_message_template)
        .service(update_message_template)
        .service(archive_message_template);
}
