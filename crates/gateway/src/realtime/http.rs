//! Live connections over HTTP: the ticket, and the upgrade.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, get, post, rt};
use auth::{RealtimeTicket, SignIn};
use kernel::{Actor, Caller, Timestamp};
use rest::permissions::SignedIn;
use rest::{Authorized, Problem, Query, Reply, Rest, View};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Live;
use super::place::Place;
use super::seats::NoSeat;
use super::socket::Socket;
use super::tickets::{self, TicketError};

/// How soon one may come again when the process has no seat.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// A ticket for one live connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketView {
    /// To be sent as `GET /v1/realtime?ticket=…`, once.
    #[schema(example = "tmw_0192f0c12a3b7c4d8e5f60718293a4b5_…")]
    ticket: String,
    /// Until when it may be used.
    expires_at: Timestamp,
}

impl View for TicketView {}

/// Makes a ticket that opens one live connection, shortly and once.
///
/// A browser cannot send a token with a WebSocket, and one in the address would stand in logs. The connection has the rights of
/// the sign-in or key that asked for the ticket, for as long as that has them.
#[utoipa::path(tag = "realtime", summary = "Makes a ticket for a live connection", operation_id = "create_realtime_ticket",
    security(("bearer" = [])), responses((status = 201, body = TicketView)))]
#[post("/realtime/tickets")]
pub(super) async fn create_ticket(caller: Authorized<SignedIn>, live: Data<Live>) -> Result<HttpResponse, Problem> {
    let lifetime = live.0.config.ticket;
    caller
        .write_unrecorded(async |tx| {
            let (ticket, expires_at) = tickets::issue(tx, &caller, lifetime).await?;
            let view = TicketView {
                ticket: ticket.reveal().expose_secret().to_owned(),
                expires_at,
            };
            Ok::<_, TicketError>(Reply::created("/v1/realtime", view))
        })
        .await
}

/// How a live connection is opened.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OpenParams {
    /// The ticket, from `POST /v1/realtime/tickets`.
    ticket: String,
}

/// Opens a live connection (a WebSocket, RFC 6455) with a ticket.
///
/// Both sides send JSON as text. The client sends objects with any of these members:
/// - `subscribe` and `unsubscribe`: lists of topics. A topic is a collection (`appointments`, `conversations`, `contacts`) or
///   one row (`appointment:<id>`, `conversation:<id>`, `contact:<id>`, `practitioner:<id>`: what happens to it, and what
///   names it). Answered by `{"type": "subscribed", "topics": […]}`, and for each topic that cannot be had by
///   `{"type": "refused", "topic", "code", "permission"?, "detail"}` with the code `unknown_topic`, `too_many_topics` or
///   `permission_denied`.
/// - `resume`: the id of the last event seen. What has happened since, of the topics subscribed to, is told again in order,
///   then `{"type": "resumed", "events": <how many>}`. It may repeat events already seen, and never leaves one out: pass over
///   ids that you know. `{"type": "gap", "code", "detail"}` (`event_too_old` after an hour, `unknown_event`) says that it
///   cannot be told: load everything anew.
/// - `typing`: `{"conversation_id", "active"}`, shown to others who are subscribed to that conversation, and never stored.
///
/// The server sends events as `{"id", "type", "occurred_at", "topic", "topics", "data"}`: `type` is the event's kind, `topic`
/// its collection, `topics` all under which it is found, `data` ids and states. Each arrives once per connection as a rule,
/// and may arrive twice. `{"type": "ping", "at"}` comes now and then; `{"type": "error", "code", "detail"}` answers what was
/// not understood.
///
/// Close codes: 1001 the server stops, 1013 what has happened cannot be read just now, 4400 an unreadable frame, 4401 the
/// sign-in or key was ended, 4403 a permission for a subscribed topic was taken away, 4408 frames were not read fast enough,
/// 4410 nothing was heard for long, 4429 too many frames were sent. After 1001, 1013, 4408 and 4410: get a new ticket, connect,
/// subscribe and resume.
#[utoipa::path(tag = "realtime", summary = "Opens a live connection", operation_id = "open_realtime", security(()),
    params(OpenParams), responses(
        (status = 101, description = "The connection is a WebSocket from now on."),
        (status = 400, body = Problem, description = "`not_a_websocket`"),
        (status = 401, body = Problem, description = "`invalid_ticket`: unknown, used or too old"),
        (status = 403, body = Problem, description = "`origin_not_allowed`"),
        (status = 429, body = Problem, description = "`too_many_connections` of one person or key")))]
#[get("/realtime")]
pub(super) async fn open(
    request: HttpRequest,
    payload: web::Payload,
    params: Query<OpenParams>,
    rest: Data<Rest>,
    live: Data<Live>,
) -> Result<HttpResponse, Problem> {
    check_origin(&request, &live)?;
    if live.is_leaving() {
        return Err(Problem::unavailable());
    }
    let OpenParams { ticket } = params.into_inner();
    let ticket = RealtimeTicket::parse(&ticket).or(Err(invalid_ticket()))?;
    // Before the ticket is taken: what is no handshake costs nobody a ticket.
    let (response, session, stream) = actix_ws::handle(&request, payload).or(Err(Problem::bad_request(
        "not_a_websocket",
        "this address is for WebSockets: connect with an upgrade (RFC 6455)",
    )))?;
    let admission = tickets::redeem(&rest.db, ticket.scope(), ticket.hash())
        .await?
        .ok_or_else(invalid_ticket)?;
    let principal = admission.still.principal.clone();
    let seat = live.0.seats.take(owner_of_seat(&principal.actor(), admission.sign_in));
    let seat = seat.map_err(|none| match none {
        NoSeat::InAll => Problem::unavailable(),
        NoSeat::OfOne => Problem::too_many_requests(
            "too_many_connections",
            "close one of your other live connections first",
            COME_AGAIN,
        ),
    })?;
    let place = Place::take(&live, admission.sign_in, &admission.still, admission.since);
    let socket = Socket::new(
        (**live).clone(),
        rest.db.clone(),
        principal,
        place,
        seat,
        session,
        stream,
    );
    rt::spawn(Box::pin(socket.run()));
    Ok(response)
}

fn invalid_ticket() -> Problem {
    Problem::unauthorized(
        "invalid_ticket",
        "the ticket is not known, was used, or is too old; get a new one",
    )
}

/// Whose seat it is: a member's, whatever sign-ins they have, or a key's.
const fn owner_of_seat(actor: &Actor, sign_in: SignIn) -> Uuid {
    match (actor, sign_in) {
        (Actor::User { membership, .. }, _) => *membership.as_uuid(),
        (_, SignIn::Session(session)) => *session.as_uuid(),
        (_, SignIn::ApiKey(key)) => *key.as_uuid(),
    }
}

/// Refuses the pages of strangers. Nothing but a ticket lets anyone in, so this is a second wall: browsers say which page
/// connects, and it must be of this address or of one that is set. What is no browser says nothing.
fn check_origin(request: &HttpRequest, live: &Live) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let of_origin = origin.split_once("://").map_or("", |(_, host)| host);
    let same = !host.is_empty() && of_origin.eq_ignore_ascii_case(host);
    if same || live.0.config.origins.iter().any(|allowed| allowed == origin) {
        Ok(())
    } else {
        Err(Problem::forbidden(
            "origin_not_allowed",
            "live connections are not opened from pages of this address",
        ))
    }
}
