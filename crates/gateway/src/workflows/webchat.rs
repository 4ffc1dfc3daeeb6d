//! The web chat, as the pages of a clinic use it for their visitors: open to all who hold the inbox's token, which is public.
//!
//! A visitor is known by a secret that the server makes and the page keeps. Nothing is stored before they say something; their
//! first words make a lead. What they say of themselves is noted and never taken as proof of who they are, so that nobody reads
//! another one's messages by naming their address.

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, get, guard, post};
use auth::secrets::{InboxToken, VisitorToken};
use conversations::channels::ChannelKind;
use conversations::error::RowError;
use conversations::identities;
use conversations::inboxes::{self, Inbox, InboxSettings};
use conversations::messages::{self, Delivery, Direction, Inbound, MessageError, MessageText, Said};
use conversations::webchat::identity_of;
use db::DbError;
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::PersonName;
use kernel::{ContactId, FieldErrors, MessageId, System, Timestamp};
use rest::{Problem, Public, Query, Rest, Valid};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::inbound::{self, Arrival, Claims, InboundError};

/// The header in which a visitor's secret travels: an address would be kept in logs.
const VISITOR: HeaderName = HeaderName::from_static("x-visitor-token");

/// The most messages that are given at a time.
const MOST_MESSAGES: i64 = 100;

/// What a visitor is told when they come.
#[derive(Debug, Serialize, ToSchema)]
struct VisitView {
    /// The visitor's secret: to be kept by the page, and sent as `X-Visitor-Token`.
    #[schema(example = "tmv_0192f0c12a3b7c4d8e5f60718293a4b5_jqOtnnLXEjEGEWyGB3Ubeps1cJzLZKQeFFlhVd-2wmE")]
    visitor_token: String,
    /// What to show first.
    greeting: Option<String>,
    /// Whether they have written before.
    is_known: bool,
}

/// A message as a visitor sees it.
#[derive(Debug, Serialize, ToSchema)]
struct VisitorMessage {
    /// The message.
    id: MessageId,
    /// `inbound` from the visitor, `outbound` from the clinic.
    direction: Direction,
    /// What it says.
    body: String,
    /// When it was written.
    sent_at: Timestamp,
    /// When the visitor read it.
    read_at: Option<Timestamp>,
}

impl From<Said> for VisitorMessage {
    fn from(said: Said) -> Self {
        let message = said.message;
        Self {
            id: message.id,
            direction: message.direction,
            body: message.body,
            sent_at: message.sent_at,
            read_at: message.read_at,
        }
    }
}

/// What was said, oldest first.
#[derive(Debug, Serialize, ToSchema)]
struct VisitorMessages {
    /// The messages.
    data: Vec<VisitorMessage>,
}

/// What a visitor says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"body": "Bom dia! Vocês atendem aos sábados?", "name": "Ana"}))]
struct SendVisitorMessage {
    /// Made by the page: the same message sent again is taken once.
    id: Option<Uuid>,
    #[schema(value_type = MessageText)]
    body: String,
    /// Their name; counts with their first words only, as do the two below.
    #[schema(value_type = Option<PersonName>)]
    name: Option<String>,
    #[schema(value_type = Option<EmailAddress>)]
    email: Option<String>,
    #[schema(value_type = Option<PhoneNumber>)]
    phone: Option<String>,
}

/// A message that was taken.
#[derive(Debug, Serialize, ToSchema)]
struct TakenView {
    /// The message.
    id: MessageId,
}

/// From where on to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Since {
    /// The last message that the page has; the latest ones are given when there is none.
    after: Option<MessageId>,
}

/// Which messages the visitor has read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReadMessages {
    #[schema(max_items = 100)]
    ids: Vec<MessageId>,
}

/// The chat that a page opens, once token and origin were found to be right.
struct Chat {
    caller: System,
    inbox: Inbox,
    /// The page's origin, which may use this inbox; none where no browser asks.
    origin: Option<HeaderValue>,
}

impl Chat {
    /// Opens the chat, or says why not in a form that the page may read.
    async fn open(request: &HttpRequest, public: &Public, rest: &Rest) -> Result<Self, HttpResponse> {
        let unknown = || Problem::not_found("inbox_not_found").error_response();
        // One answer for what is malformed, unknown, renewed or archived.
        let Ok(token) = InboxToken::parse(request.match_info().query("token")) else {
            return Err(unknown());
        };
        let caller = System::acting_for(token.scope(), "webchat").in_request(public.origin());
        let found = rest.db.read(&caller, async |tx| inboxes::open(tx, &token).await).await;
        let inbox = match found {
            Ok(inbox) if inbox.channel == ChannelKind::Webchat => inbox,
            Ok(_) | Err(RowError::NotFound(_)) => return Err(unknown()),
            Err(error) => return Err(Problem::from(error).error_response()),
        };
        let origin = request.headers().get(header::ORIGIN).cloned();
        if let Some(origin) = &origin
            && !allows(&inbox, origin)
        {
            let problem = Problem::forbidden("origin_not_allowed", "this inbox is not for pages of this site");
            return Err(problem.error_response());
        }
        Ok(Self { caller, inbox, origin })
    }

    /// The answer, readable by the page that asked.
    fn answer(&self, result: Result<HttpResponse, Problem>) -> HttpResponse {
        let mut response = result.unwrap_or_else(|problem| problem.error_response());
        let headers = response.headers_mut();
        if let Some(origin) = &self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        headers.insert(header::VARY, HeaderValue::from_static("origin, accept-encoding"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Who the visitor is, when they have written before.
    async fn contact(&self, rest: &Rest, visitor: &VisitorToken) -> Result<Option<ContactId>, DbError> {
        let identity = [identity_of(visitor)];
        let found = rest
            .db
            .read(&self.caller, async |tx| {
                identities::contacts_of(tx, self.inbox.id, &identity).await
            })
            .await?;
        Ok(found.into_iter().flatten().next())
    }

    /// The secret that the page sent, if it is one of this clinic.
    fn visitor(&self, request: &HttpRequest) -> Result<VisitorToken, Problem> {
        request
            .headers()
            .get(VISITOR)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| VisitorToken::parse(text).ok())
            .filter(|token| token.scope() == kernel::Caller::clinic(&self.caller))
            .ok_or_else(|| {
                Problem::unauthorized(
                    "invalid_visitor",
                    "begin a visit, and send its token as X-Visitor-Token",
                )
            })
    }
}

fn allows(inbox: &Inbox, origin: &HeaderValue) -> bool {
    match inbox.settings() {
        InboxSettings::Webchat(settings) => settings
            .allowed_origins
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes()),
        _ => false,
    }
}

/// Opens the chat and answers by `work`.
async fn within(
    request: &HttpRequest,
    public: &Public,
    rest: &Rest,
    work: impl AsyncFnOnce(&Chat) -> Result<HttpResponse, Problem>,
) -> HttpResponse {
    match Chat::open(request, public, rest).await {
        Ok(chat) => {
            let result = work(&chat).await;
            chat.answer(result)
        }
        Err(refusal) => refusal,
    }
}

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
            None => VisitorToken::generate(kernel::Caller::clinic(&chat.caller))
                .map_err(|error| Problem::internal(&error))?,
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

/// What a visitor says, checked.
struct Words {
    id: Uuid,
    body: MessageText,
    claims: Claims,
}

fn checked(body: SendVisitorMessage, now: Timestamp) -> Result<Words, FieldErrors> {
    let mut errors = FieldErrors::new();
    let text = MessageText::parse(&body.body)
        .map_err(|error| errors.push("/body", error.code(), error))
        .ok();
    let name = body.name.as_deref().and_then(|name| {
        PersonName::parse(name)
            .map_err(|error| errors.push("/name", error.code(), error))
            .ok()
    });
    let email = body.email.as_deref().and_then(|email| {
        EmailAddress::parse(email)
            .map_err(|error| errors.push("/email", error.code(), error))
            .ok()
    });
    let phone = body.phone.as_deref().and_then(|phone| {
        PhoneNumber::parse_international(phone)
            .map_err(|error| errors.push("/phone", error.code(), error))
            .ok()
    });
    let id = body.id.unwrap_or_else(|| MessageId::new_at(now).into());
    errors.finish(text.map(|body| Words {
        id,
        body,
        claims: Claims { name, phone, email },
    }))
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
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
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
