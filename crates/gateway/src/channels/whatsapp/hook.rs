//! Where WhatsApp posts: the handshake, and what people wrote and what became of our messages.
//!
//! The address holds the inbox's token; each post is signed with the secret of the inbox's app, and nothing of a post is read
//! before its signature. WhatsApp posts again whatever is not answered by 200, for days: so 200 means that all is stored.

use actix_web::http::header::{CONTENT_TYPE, HeaderName};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use auth::secrets::InboxToken;
use conversations::channels::ChannelKind;
use conversations::error::RowError;
use conversations::inboxes::{self, Inbox, InboxError, InboxSecrets, InboxSettings};
use conversations::{identities, messages};
use db::Job;
use kernel::{Lane, System, Timestamp};
use rest::{Problem, Public, Query, Rest};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use whatsapp::webhook::{check_signature, handshake, parse};
use whatsapp::{Changed, IncomingMessage, StatusUpdate, WebhookEvent};

use super::media::{FETCH, FetchJob};
use super::reading::{self, arrival, report};
use crate::workflows::inbound::{self, InboundError};

/// The longest post: WhatsApp's own limit is 3 MB.
const MOST_BYTES: usize = 3 << 20;

const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// What WhatsApp asks when the address is set.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Handshake {
    /// `subscribe`.
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    /// The word that was agreed: the inbox's secret `verify_token`.
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
    /// What to answer.
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// One answer for whoever is not WhatsApp, whatever is wrong: a token, a signature, a secret that is not set.
fn not_whatsapp() -> Problem {
    Problem::forbidden("not_from_whatsapp", "the token, the signature or the word is not right")
}

/// An inbox whose token was named.
struct Opened {
    caller: System,
    inbox: Inbox,
    secrets: InboxSecrets,
}

async fn open(request: &HttpRequest, public: &Public, rest: &Rest) -> Result<Opened, Problem> {
    let token = InboxToken::parse(request.match_info().query("token")).map_err(|_malformed| not_whatsapp())?;
    let caller = System::acting_for(token.scope(), "whatsapp").in_request(public.origin());
    let found = rest
        .db
        .read(&caller, async |tx| {
            let inbox = inboxes::open(tx, &token).await?;
            let secrets = inboxes::open_secrets(tx, &rest.clinic_keys, inbox.id).await?;
            Ok::<_, InboxError>((inbox, secrets))
        })
        .await;
    match found {
        Ok((inbox, secrets)) if inbox.channel == ChannelKind::Whatsapp => Ok(Opened { caller, inbox, secrets }),
        Ok(_) | Err(InboxError::Row(RowError::NotFound(_))) => Err(not_whatsapp()),
        Err(error) => Err(error.into()),
    }
}

/// Answers the handshake by which WhatsApp tries the address.
#[utoipa::path(tag = "hooks", summary = "Answers WhatsApp's handshake", operation_id = "verify_whatsapp_hook", security(()),
    params(("token" = String, Path, description = "The inbox's token."), Handshake),
    responses((status = 200, description = "The challenge.", content_type = "text/plain", body = String),
        (status = 403, body = Problem, description = "`not_from_whatsapp`")))]
#[get("/hooks/whatsapp/{token}")]
async fn verify(
    request: HttpRequest,
    public: Public,
    rest: Data<Rest>,
    asked: Query<Handshake>,
) -> Result<HttpResponse, Problem> {
    let opened = open(&request, &public, &rest).await?;
    let agreed = opened.secrets.get("verify_token").ok_or_else(not_whatsapp)?;
    let challenge = handshake(
        asked.mode.as_deref(),
        asked.verify_token.as_deref(),
        asked.challenge.as_deref(),
        agreed,
    )
    .map_err(|_stranger| not_whatsapp())?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .body(challenge))
}

/// Takes in what WhatsApp posts. 200 when all of it is stored; anything else has WhatsApp post it again.
#[utoipa::path(tag = "hooks", summary = "Takes in what WhatsApp posts", operation_id = "receive_whatsapp_hook", security(()),
    params(("token" = String, Path, description = "The inbox's token."),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=` and the hexadecimal HMAC-SHA256 of the body with the app's secret.")),
    request_body(content = Object, description = "As the documentation of the WhatsApp Cloud API says; at most 3 MiB."),
    responses((status = 200, description = "All of it is stored."), (status = 403, body = Problem, description = "`not_from_whatsapp`"),
        (status = 413, body = Problem, description = "more than 3 MiB"),
        (status = 422, body = Problem, description = "`not_a_whatsapp_webhook`")))]
#[post("/hooks/whatsapp/{token}")]
async fn receive(
    request: HttpRequest,
    public: Public,
    rest: Data<Rest>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let opened = open(&request, &public, &rest).await?;
    let secret = opened.secrets.get("app_secret").ok_or_else(not_whatsapp)?;
    let body = payload
        .to_bytes_limited(MOST_BYTES)
        .await
        .map_err(|_longer| Problem::payload_too_large(MOST_BYTES))?
        .map_err(|_broken| Problem::bad_request("incomplete_body", "the body did not arrive whole"))?;
    let signature = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok());
    check_signature(signature, &body, std::slice::from_ref(secret)).map_err(|_stranger| not_whatsapp())?;
    let events = parse(&body).map_err(|error| Problem::unprocessable("not_a_whatsapp_webhook", error.to_string()))?;
    let mut failure = None;
    for event in &events {
        // One that fails holds up no other; all come again, and those that are stored change nothing.
        if let Err(error) = take(&rest, &opened, event).await {
            tracing::warn!(%error, inbox = %opened.inbox.id, "a part of a post of WhatsApp could not be stored");
            failure = Some(error);
        }
    }
    match failure {
        None => Ok(HttpResponse::Ok().finish()),
        Some(error) => Err(comes_again(error)),
    }
}

/// Whatever kept something from being stored, it is to be posted again: no answer says that it is WhatsApp's fault.
fn comes_again(error: InboundError) -> Problem {
    let problem = Problem::from(error);
    if problem.status().is_server_error() {
        problem
    } else {
        Problem::unavailable()
    }
}

/// Stores one thing, in a transaction of its own.
async fn take(rest: &Rest, opened: &Opened, event: &WebhookEvent) -> Result<(), InboundError> {
    let now = rest.db.clock().now();
    match event {
        WebhookEvent::Message(message) if is_ours(&opened.inbox, &message.phone_number_id) => {
            take_message(rest, opened, message, now).await
        }
        WebhookEvent::Status(update) if is_ours(&opened.inbox, &update.phone_number_id) => {
            take_status(rest, opened, update, now).await
        }
        WebhookEvent::Changed(changed) if is_ours(&opened.inbox, &changed.phone_number_id) => {
            take_change(rest, opened, changed).await
        }
        WebhookEvent::AccountError(error) => {
            tracing::warn!(inbox = %opened.inbox.id, code = error.code, "WhatsApp has trouble with an account");
            Ok(())
        }
        // An account has several numbers, and posts for all of them to one address unless told otherwise.
        WebhookEvent::Message(_) | WebhookEvent::Status(_) | WebhookEvent::Changed(_) => {
            tracing::warn!(inbox = %opened.inbox.id, "WhatsApp posted something of another number; it is passed over");
            Ok(())
        }
    }
}

fn is_ours(inbox: &Inbox, phone_number_id: &str) -> bool {
    matches!(inbox.settings(), InboxSettings::Whatsapp(settings) if settings.phone_number_id == phone_number_id)
}

async fn take_message(
    rest: &Rest,
    opened: &Opened,
    message: &IncomingMessage,
    now: Timestamp,
) -> Result<(), InboundError> {
    let (arrival, file) = arrival(&opened.inbox, message, now);
    rest.db
        .write(&opened.caller, async |tx| {
            let received = inbound::receive(tx, &arrival).await?;
            if let Some(file) = &file
                && !received.duplicate
            {
                let job = FetchJob {
                    inbox_id: opened.inbox.id,
                    message_id: received.message,
                    media_id: file.id.clone(),
                    kind: file.kind.clone(),
                    named_by_words: file.caption.is_none() && file.file_name.is_some(),
                };
                // Not urgent: whoever sends large files must not keep what people type.
                tx.enqueue(Job::new(FETCH, &job).lane(Lane::Routine));
            }
            Ok::<_, InboundError>(())
        })
        .await
}

async fn take_status(rest: &Rest, opened: &Opened, update: &StatusUpdate, now: Timestamp) -> Result<(), InboundError> {
    let report = report(opened.inbox.id, update, now);
    rest.db
        .write(&opened.caller, async |tx| messages::delivered(tx, &report).await)
        .await?;
    Ok(())
}

/// Somebody has another number or id now: what leads to them by the one they had leads to them by the new one too.
async fn take_change(rest: &Rest, opened: &Opened, changed: &Changed) -> Result<(), InboundError> {
    let before = reading::identities(&changed.before);
    let after = reading::identities(&whatsapp::Person {
        phone: changed.phone.clone(),
        user_id: changed.user_id.clone(),
    });
    let inbox = opened.inbox.id;
    rest.db
        .write(&opened.caller, async |tx| {
            let all: Vec<_> = before.iter().chain(&after).cloned().collect();
            identities::lock(tx, inbox, &all).await?;
            let known = identities::contacts_of(tx, inbox, &before).await?;
            if let Some(contact) = known.into_iter().flatten().next() {
                for identity in &after {
                    identities::note(tx, inbox, identity, contact).await?;
                }
            }
            Ok::<_, InboundError>(())
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(verify).service(receive);
}
