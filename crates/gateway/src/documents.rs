//! The OpenAPI document: put together once from the handlers, served at `/openapi.json`, browsed at `/docs`.

use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app;
use crate::unmatched::Routes;

/// What the document says before any endpoint is added.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "TaskMed",
        description = "The API of TaskMed: people, agenda and staff of a clinic.\n\nSign in with `POST /v1/auth/login` and send \
                       the access token as a bearer token, or use an API key. Ids are UUIDs, times are RFC 3339, money is in \
                       integer cents, errors are `application/problem+json` (RFC 9457) with a stable `code`.",
        license(name = "AGPL-3.0-only", identifier = "AGPL-3.0-only"),
    ),
    tags(
        (name = "sign-in", description = "Signing in and out, renewing, switching clinics, new passwords"),
        (name = "account", description = "The caller: who they are, their password and second factor"),
        (name = "sessions", description = "Open sign-ins"),
        (name = "api-keys", description = "Keys of integrations"),
        (name = "clinic", description = "The clinic's settings"),
        (name = "staff", description = "Who works in the clinic, and what they may do"),
        (name = "practitioners", description = "Who sees patients"),
        (name = "rooms", description = "Where they are seen"),
        (name = "services", description = "What is offered, how long it takes and what it costs"),
        (name = "schedule", description = "Opening hours, time off and holidays"),
        (name = "contacts", description = "Patients and leads"),
        (name = "imports", description = "Files of people or appointments: rehearsed, brought in, watched, undone"),
        (name = "appointments", description = "The agenda"),
        (name = "availability", description = "Who is free when"),
        (name = "waitlist", description = "Who waits for time, and what is offered to them"),
        (name = "reminders", description = "Reminders of appointments, and when patients are written to"),
        (name = "calendar", description = "Feeds for calendar programs"),
        (name = "monitoring", description = "How the queue stands, and what was given up"),
        (name = "webhooks", description = "What other systems are told, and the feed of events that they read"),
        (name = "realtime", description = "What happens, told while it happens, over a WebSocket"),
        (name = "conversations", description = "Talks with patients and leads: threads, messages, files"),
        (name = "inboxes", description = "Where people write to the clinic, and what is written again and again"),
        (name = "webchat", description = "The chat in the clinic's own web pages, as its visitors use it"),
        (name = "hooks", description = "Where providers post what happened with them: by a token, and signed"),
    )
)]
struct Frame;

/// The frame of the document.
#[must_use]
pub fn frame() -> OpenApi {
    let mut frame = Frame::openapi();
    frame.info.version = env!("CARGO_PKG_VERSION").to_owned();
    frame
}

/// The document as it is committed: pretty, with a line at its end.
///
/// # Errors
/// serde's, when the document cannot be written.
pub fn text() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&app::described())?;
    text.push('\n');
    Ok(text)
}

/// The document, made once for all workers, and the addresses it names.
#[derive(Clone)]
pub struct Catalogue {
    json: web::Bytes,
    routes: Data<Routes>,
}

impl Catalogue {
    /// Puts the document together.
    ///
    /// # Errors
    /// serde's, when the document cannot be written.
    pub fn new() -> Result<Self, serde_json::Error> {
        let mut document = app::described();
        let routes = Routes::of(&mut document);
        let json = serde_json::to_vec(&document)?.into();
        Ok(Self {
            json,
            routes: Data::new(routes),
        })
    }

    /// The addresses, for the answer to what matches none.
    pub(crate) fn data(&self) -> Data<Routes> {
        self.routes.clone()
    }
}

/// The document as JSON.
#[get("/openapi.json")]
async fn openapi_json(json: Data<web::Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body((**json).clone())
}

/// `/openapi.json` and `/docs`.
pub(crate) fn routes(config: &mut ServiceConfig, catalogue: &Catalogue) {
    // The page needs its own scripts and styles, and nothing from elsewhere.
    const POLICY: &str =
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";
    let browser = SwaggerUi::new("/{_:.*}").config(
        Config::from("/openapi.json")
            .try_it_out_enabled(true)
            .persist_authorization(false),
    );
    config
        .app_data(Data::new(catalogue.json.clone()))
        .service(openapi_json)
        .service(web::redirect("/docs", "/docs/"))
        .service(
            web::scope("/docs")
                .wrap(DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, POLICY)))
                .service(browser),
        );
}
