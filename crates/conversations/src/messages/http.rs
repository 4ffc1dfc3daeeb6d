//! Messages over HTTP.

use actix_web::{HttpResponse, get, post};
use kernel::text::{InvalidText, PersonName, bounded};
use kernel::{
    ContactId, ConversationId, FieldErrors, Lane, MessageAttachmentId, MessageId, MessageTemplateId, Version,
};
use rest::permissions::{ConversationsRead, ConversationsWrite};
use rest::{
    AuditRecord, Authorized, ListParams, ListQuery, NoFilter, Page, PathId, Problem, ReadPlan, Reply, RowQuery, Valid,
    View,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::MessageError;
use super::list::{self, FoundMessage, FoundPosition, Position, Said};
use super::model::{MOST_ATTACHMENTS, MessageKind, MessageText};
use super::send::{self, Draft, DraftContent};
use super::store;
use super::view::MessageView;
use crate::canned;
use crate::error::{RowError, kind};
use crate::tags;

/// A message to be sent, or a note to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"body": "Bom dia! Sua consulta está confirmada."}))]
pub(crate) struct SendMessage {
    /// `text` when not given, `template` with `template_id`; a `note` is for colleagues and never leaves.
    #[schema(value_type = Option<MessageKind>)]
    kind: Option<String>,
    /// What it says; may be left out where there are files. By WhatsApp at most 4,096 characters, and 1,024 beside a file.
    #[schema(value_type = Option<MessageText>)]
    body: Option<String>,
    /// The canned response that it says, with its places filled in; instead of `body`.
    canned_response_id: Option<kernel::CannedResponseId>,
    /// The template to use.
    template_id: Option<MessageTemplateId>,
    /// What stands for `{{1}}`, `{{2}}` and so on.
    #[serde(default)]
    #[schema(max_items = 50)]
    parameters: Vec<String>,
    /// Which message of the conversation it answers.
    reply_to_id: Option<MessageId>,
    /// Files that were uploaded to the conversation; by WhatsApp one, and none with a template.
    #[serde(default)]
    #[schema(max_items = 10)]
    attachment_ids: Vec<MessageAttachmentId>,
}

/// What a client wants sent; a canned response is filled in inside the transaction.
enum Wish {
    Draft(Draft),
    Canned(kernel::CannedResponseId, Draft),
}

impl TryFrom<SendMessage> for Wish {
    type Error = FieldErrors;

    fn try_from(body: SendMessage) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let kind = errors.read_if_given("/kind", body.kind.as_deref(), MessageKind::parse);
        let text = errors.read_if_given("/body", body.body.as_deref(), MessageText::parse);
        if body.attachment_ids.len() > MOST_ATTACHMENTS {
            errors.push(
                "/attachment_ids",
                "too_many",
                format!("a message has at most {MOST_ATTACHMENTS} files"),
            );
        }
        if body.body.is_some() && body.canned_response_id.is_some() {
            errors.push("/canned_response_id", "conflicting", "a message says one or the other");
        }
        let kind = kind.unwrap_or(if body.template_id.is_some() {
            MessageKind::Template
        } else {
            MessageKind::Text
        });
        if kind == MessageKind::Template && (body.body.is_some() || body.canned_response_id.is_some()) {
            errors.push("/body", "conflicting", "the template says what is said");
        }
        if kind != MessageKind::Template && body.template_id.is_some() {
            errors.push("/template_id", "conflicting", "goes with the kind template only");
        }
        let content = match (kind, text, body.template_id) {
            (MessageKind::Template, _, Some(template)) => Some(DraftContent::Template {
                template,
                parameters: body.parameters,
            }),
            (MessageKind::Template, _, None) => {
                errors.push("/template_id", "required", "names the template to use");
                None
            }
            (MessageKind::Note, Some(text), _) => Some(DraftContent::Note(text)),
            (MessageKind::Note, None, _) => {
                if body.body.is_none() {
                    errors.push("/body", "required", "a note says something");
                }
                None
            }
            (MessageKind::Text | MessageKind::Media, Some(text), _) => Some(DraftContent::Text(text)),
            (MessageKind::Text | MessageKind::Media, None, _) => {
                let says_something = body.canned_response_id.is_some() || !body.attachment_ids.is_empty();
                if body.body.is_none() && !says_something {
                    errors.push("/body", "required", "a message has words or files");
                }
                Some(DraftContent::Media)
            }
        };
        let draft = errors.finish(content.map(|content| Draft {
            content,
            reply_to: body.reply_to_id,
            attachments: body.attachment_ids,
            lane: Lane::Urgent,
        }))?;
        Ok(match body.canned_response_id {
            Some(canned) => Self::Canned(canned, draft),
            None => Self::Draft(draft),
        })
    }
}

/// Lists the messages of a conversation, the newest first: in the order in which they were written by the channel's clock.
#[utoipa::path(tag = "conversations", summary = "Lists messages", operation_id = "list_messages",
    security(("bearer" = ["conversations:read"])), params(("id" = ConversationId, Path), ListParams),
    responses((status = 200, body = Page<MessageView>)))]
#[get("/conversations/{id}/messages")]
async fn list_messages(
    caller: Authorized<ConversationsRead>,
    id: PathId<ConversationId>,
    list: ListQuery<NoFilter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let list = list.of(id);
    let paging = caller.paging::<Position, _>("messages.list", &list, &["-sent_at"])?;
    let plan = ReadPlan::new("messages.list")
        .tag(tags::conversation(id))
        .audit(AuditRecord::new("messages.read", "conversation", id.as_uuid()));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = list::page(tx, id, list.updated_since, &paging).await?;
            if rows.is_empty() && !list::exists(tx, id).await? {
                return Err(RowError::NotFound(kind::CONVERSATION));
            }
            let position = |said: &Said| Position {
                sent_at: said.message.sent_at,
                number: said.message.number,
            };
            Ok(paging.page(rows, position, MessageView::from))
        })
        .await
}

/// Sends a message, or keeps a note for colleagues.
///
/// By WhatsApp, free text is taken only within 24 hours of the person's last message; after that the answer is
/// `messaging_window_closed` with the `templates` that may be used. The message is stored and queued; `delivery` tells how far it
/// has come.
#[utoipa::path(tag = "conversations", summary = "Sends a message", operation_id = "send_message",
    security(("bearer" = ["conversations:write"])), params(("id" = ConversationId, Path)), request_body = SendMessage,
    responses((status = 201, body = MessageView),
        (status = 409, body = Problem, description = "`messaging_window_closed` (with `templates`), `template_not_approved`, `inbox_archived`, `no_address`, `conversation_exists`, `conversation_continued` (both with `conversation_id`)")))]
#[post("/conversations/{id}/messages")]
async fn send_message(
    caller: Authorized<ConversationsWrite>,
    id: PathId<ConversationId>,
    body: Valid<SendMessage>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let wish = Wish::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let filled;
            let draft = match &wish {
                Wish::Draft(draft) => draft,
                Wish::Canned(canned, draft) => {
                    filled = Draft {
                        content: DraftContent::Text(canned::filled(tx, *canned, id).await?),
                        ..draft.clone()
                    };
                    &filled
                }
            };
            let message = send::send(tx, id, draft).await.map_err(|error| match (&wish, error) {
                // The words are those of the canned response.
                (Wish::Canned(..), MessageError::Invalid(errors)) => {
                    MessageError::Invalid(errors.moved("/body", "/canned_response_id"))
                }
                (_, error) => error,
            })?;
            let location = format!("/v1/messages/{}", message.id);
            let said = list::said(tx, message).await?;
            Ok::<_, MessageError>(Reply::created(location, MessageView::from(said)))
        })
        .await
}

/// Shows a message.
#[utoipa::path(tag = "conversations", summary = "Shows a message", operation_id = "get_message",
    security(("bearer" = ["conversations:read"])), params(("id" = MessageId, Path), RowQuery),
    responses((status = 200, body = MessageView)))]
#[get("/messages/{id}")]
async fn get_message(
    caller: Authorized<ConversationsRead>,
    id: PathId<MessageId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("messages.get")
        .query(&id)
        .tag(tags::conversations())
        .audit(AuditRecord::new("messages.read", "message", id.as_uuid()));
    caller
        .read(plan, &query, async |tx| {
            let message = store::find(tx, id).await?;
            Ok::<_, RowError>(MessageView::from(list::said(tx, message).await?))
        })
        .await
}

/// Sends a message again that failed, or of which it is not known whether it arrived.
#[utoipa::path(tag = "conversations", summary = "Sends a message again", operation_id = "resend_message",
    security(("bearer" = ["conversations:write"])), params(("id" = MessageId, Path)),
    responses((status = 200, body = MessageView),
        (status = 409, body = Problem, description = "`message_not_failed`, `messaging_window_closed` (with `templates`), `inbox_archived`")))]
#[post("/messages/{id}/resend")]
async fn resend_message(
    caller: Authorized<ConversationsWrite>,
    id: PathId<MessageId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            let message = send::resend(tx, id).await?;
            let said = list::said(tx, message).await?;
            Ok::<_, MessageError>(Reply::ok(MessageView::from(said)))
        })
        .await
}

/// What to look for in messages.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageFilter {
    /// Words, or parts of words, in any spelling; three letters at least. Demanded.
    #[param(min_length = 3, max_length = 100, example = "retorno")]
    q: Option<String>,
    /// In this conversation.
    conversation_id: Option<ConversationId>,
}

/// A message that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FoundMessageView {
    #[serde(flatten)]
    message: MessageView,
    /// With whom.
    contact_id: ContactId,
    /// What they are called.
    contact_name: PersonName,
}

impl View for FoundMessageView {
    fn version(&self) -> Option<Version> {
        self.message.version()
    }
}

impl From<FoundMessage> for FoundMessageView {
    fn from(found: FoundMessage) -> Self {
        let FoundMessage {
            said,
            contact_id,
            contact_name,
        } = found;
        Self {
            message: said.into(),
            contact_id,
            contact_name,
        }
    }
}

/// Finds messages by their words, accents and case aside, the newest first. Notes are found as well.
#[utoipa::path(tag = "conversations", summary = "Searches messages", operation_id = "search_messages",
    security(("bearer" = ["conversations:read"])), params(ListParams, MessageFilter),
    responses((status = 200, body = Page<FoundMessageView>)))]
#[get("/messages/search")]
async fn search_messages(
    caller: Authorized<ConversationsRead>,
    list: ListQuery<MessageFilter>,
) -> Result<HttpResponse, Problem> {
    let mut errors = FieldErrors::new();
    let q = match list.filter.q.as_deref() {
        Some(text) => errors.read("q", words(text)),
        None => {
            errors.push("q", "required", "says what to look for");
            None
        }
    };
    if list.updated_since.is_some() {
        errors.push(
            "updated_since",
            "unknown_parameter",
            "what is found is not listed by changes",
        );
    }
    let q = errors.finish(q)?;
    let paging = caller.paging::<FoundPosition, _>("messages.search", &list, &["-sent_at"])?;
    let plan = ReadPlan::new("messages.search")
        .tag(tags::conversations())
        .tag(tags::contacts())
        .audit(AuditRecord::over("messages.search", "message"));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = list::search(tx, &q, list.filter.conversation_id, &paging).await?;
            let position = |found: &FoundMessage| FoundPosition {
                sent_at: found.said.message.sent_at,
                id: found.said.message.id,
            };
            Ok::<_, RowError>(paging.page(rows, position, FoundMessageView::from))
        })
        .await
}

/// What can be looked for by an index of three letters at a time: one word of three at least.
fn words(text: &str) -> Result<String, InvalidText> {
    let text = bounded(text, 3, 100)?;
    let longest = text.split_whitespace().map(|word| word.chars().count()).max();
    if longest.is_some_and(|longest| longest >= 3) {
        Ok(text)
    } else {
        Err(InvalidText::TooShort(3))
    }
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_messages)
        .service(send_message)
        .service(search_messages)
        .service(get_message)
        .service(resend_message);
}
