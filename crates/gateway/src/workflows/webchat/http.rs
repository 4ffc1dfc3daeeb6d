//! The chat's endpoints.

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, guard, post};
use auth::secrets::VisitorToken;
use conversations::inboxes::InboxSettings;
use conversations::messages::{self, Delivery, Inbound, MessageError};
use conversations::webchat::identity_of;
use kernel::{Caller as _, ContactId, FieldErrors, MessageId};
use rest::{Problem, Public, Query, Rest, Valid};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::chat::{Chat, within};
use super::views::{
    ReadMessages, SendVisitorMessage, Since, TakenView, VisitView, VisitorMessage, VisitorMessages, checked,
};
use crate::workflows::inbound::{self, Arrival, InboundError};

/// The most messages that are given at a time.
const MOST_MESSAGES: i64 = 100;

fn json(mut response: HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    response.json(body)
}

/// Begins a visit, or resumes the one whose token comes along.
#[utoipa::path(tag = "webchat", summary = "Begins a visit", operation_id = "begin_webchat_visit", security(()),
    params(("token" = String, Path, description = "The inbox's token."),
        ("X-Visitor-Token" = Option<String>, Header, description = "The visitor's secret, where the page has one.")),
    responses((status = 200, body = VisitView), (status = 403, body = Problem, description = "`origin_not_allowed`")))]
#[post("/webchat/{token}/visits")]
async fn begin_visit(request: HttpRequest, public: Public, rest: Data<Rest>) -> HttpResponse {
    within(&request, &public, &rest, async |chat| {
        let resumed = chat.visitor(&request).ok();
        let is_known = match &resumed {
            Some(visitor) => chat.contact(&rest, visitor).await?.is_some(),
            None => false,
        };
        let visitor = match resumed {
            Some(visitor) => visitor,
            None => VisitorToken::generate(chat.caller.clinic()).map_err(|error| Problem::internal(&error))?,
        };
        let greeting = match chat.inbox.settings() {
            InboxSettings::Webchat(settings) => settings.greeting,
            _ => None,
        };
        let view = VisitView {
            visitor_token: visitor.reveal().expose_secret().to_owned(),
            greeting,
            is_known,
        };
        Ok(json(HttpResponse::Ok(), &view))
    })
    .await
}

/// Says something to the clinic.
#[utoipa::path(tag = "webchat", summary = "Sends a visitor's message", operation_id = "send_webchat_message", security(()),
    params(("token" = String, Path, description = "The inbox's token."),
        ("X-Visitor-Token" = String, Header, description = "The visitor's secret.")),
    request_body = SendVisitorMessage,
    responses((status = 201, body = TakenView), (status = 401, body = Problem, description = "`invalid_visitor`"),
        (status = 403, body = Problem, description = "`origin_not_allowed`")))]
#[post("/webchat/{token}/messages")]
async fn send_visitor_message(
    request: HttpRequest,
    public: Public,
    rest: Data<Rest>,
    body: Valid<SendVisitorMessage>,
) -> HttpResponse {
    within(&request, &public, &rest, async |chat| {
        let visitor = chat.visitor(&request)?;
        let now = rest.db.clock().now();
        let words = checked(body.into_inner(), now)?;
        // Who is not known yet makes a contact by this.
        if chat.contact(&rest, &visitor).await?.is_none() {
            rest.limits.check_stranger(public.origin().address)?;
        }
        let identity = identity_of(&visitor);
        let arrival = Arrival {
            inbox: chat.inbox.clone(),
            message: Inbound {
                // Of two visitors none can take the other's words for sent.
                provider_id: format!("{}/{}", identity.value(), words.id),
                sent_at: now,
                body: words.body.as_str().to_owned(),
                subject: None,
                address: None,
                files: Vec::new(),
                reply_to: None,
            },
            identities: vec![identity],
            claims: words.claims,
            is_automatic: false,
        };
        let received = rest
            .db
            .write(&chat.caller, async |tx| inbound::receive(tx, &arrival).await)
            .await?;
        let status = if received.duplicate {
            HttpResponse::Ok()
        } else {
            HttpResponse::Created()
        };
        Ok(json(status, &TakenView { id: received.message }))
    })
    .await
}

/// Lists what was said, oldest first: what came after the last message that the page has, else the latest hundred.
#[utoipa::path(tag = "webchat", summary = "Lists a visitor's messages", operation_id = "list_webchat_messages", security(()),
    params(("token" = String, Path, description = "The inbox's token."),
        ("X-Visitor-Token" = String, Header, description = "The visitor's secret."), Since),
    responses((status = 200, body = VisitorMessages), (status = 401, body = Problem, description = "`invalid_visitor`"),
        (status = 403, body = Problem, description = "`origin_not_allowed`")))]
#[get("/webchat/{token}/messages")]
async fn list_visitor_messages(
    request: HttpRequest,
    public: Public,
    rest: Data<Rest>,
    since: Query<Since>,
) -> HttpResponse {
    let after = since.after;
    within(&request, &public, &rest, async |chat| {
        let visitor = chat.visitor(&request)?;
        let Some(contact) = chat.contact(&rest, &visitor).await? else {
            return Ok(json(HttpResponse::Ok(), &VisitorMessages { data: Vec::new() }));
        };
        let inbox = chat.inbox.id;
        let said = rest
            .db
            .read(&chat.caller, async |tx| {
                messages::visible_to_visitor(tx, inbox, contact, after, MOST_MESSAGES).await
            })
            .await?;
        let fetched: Vec<MessageId> = said
            .iter()
            .filter(|said| said.message.delivery == Some(Delivery::Sent))
            .map(|said| said.message.id)
            .collect();
        if !fetched.is_empty() {
            note_reached(&rest, chat, contact, &fetched, Delivery::Delivered).await?;
        }
        let data = said.into_iter().map(VisitorMessage::from).collect();
        Ok(json(HttpResponse::Ok(), &VisitorMessages { data }))
    })
    .await
}

async fn note_reached(
    rest: &Rest,
    chat: &Chat,
    contact: ContactId,
    ids: &[MessageId],
    delivery: Delivery,
) -> Result<(), MessageError> {
    let inbox = chat.inbox.id;
    rest.db
        .write(&chat.caller, async |tx| {
            messages::reached(tx, inbox, contact, ids, delivery).await
        })
        .await
}

/// Says which messages the visitor has read.
#[utoipa::path(tag = "webchat", summary = "Marks a visitor's messages as read", operation_id = "read_webchat_messages", security(()),
    params(("token" = String, Path, description = "The inbox's token."),
        ("X-Visitor-Token" = String, Header, description = "The visitor's secret.")),
    request_body = ReadMessages,
    responses((status = 204, description = "noted"), (status = 401, body = Problem, description = "`invalid_visitor`"),
        (status = 403, body = Problem, description = "`origin_not_allowed`")))]
#[post("/webchat/{token}/read")]
async fn read_visitor_messages(
    request: HttpRequest,
    public: Public,
    rest: Data<Rest>,
    body: Valid<ReadMessages>,
) -> HttpResponse {
    within(&request, &public, &rest, async |chat| {
        let visitor = chat.visitor(&request)?;
        let ids = body.into_inner().ids;
        if ids.len() > 100 {
            return Err(FieldErrors::one("/ids", "too_many", "at most 100 messages at a time").into());
        }
        if let Some(contact) = chat.contact(&rest, &visitor).await? {
            note_reached(&rest, chat, contact, &ids, Delivery::Read).await?;
        }
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

/// What a browser asks before it lets a page ask (the CORS protocol of the Fetch standard).
async fn preflight(request: HttpRequest, public: Public, rest: Data<Rest>) -> HttpResponse {
    within(&request, &public, &rest, async |_chat| {
        Ok(HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, x-visitor-token"))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish())
    })
    .await
}

impl From<InboundError> for Problem {
    fn from(error: InboundError) -> Self {
        match error {
            InboundError::Contact(error) => error.into(),
            InboundError::Merge(error) => error.into(),
            InboundError::Message(error) => error.into(),
            InboundError::Reply(error) => error.into(),
            InboundError::Anonymous => Self::internal(&error),
            InboundError::Database(error) => error.into(),
        }
    }
}

/// Registers the endpoints.
pub(in crate::workflows) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(begin_visit)
        .service(send_visitor_message)
        .service(list_visitor_messages)
        .service(read_visitor_messages)
        .map(preflights);
}

/// What browsers ask by themselves: no part of the document, and nobody else's.
fn preflights(config: &mut web::ServiceConfig) -> &mut web::ServiceConfig {
    let asked_by_a_browser = guard::fn_guard(|context| {
        context
            .head()
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    });
    config.service(
        web::resource("/webchat/{token}/{rest:.*}")
            .guard(guard::Options())
            .guard(asked_by_a_browser)
            .to(preflight),
    )
}
