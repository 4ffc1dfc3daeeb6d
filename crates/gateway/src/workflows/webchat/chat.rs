//! The chat that a page opens: whether it may, and who its visitor is.

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use auth::secrets::{InboxToken, VisitorToken};
use conversations::channels::ChannelKind;
use conversations::error::RowError;
use conversations::identities;
use conversations::inboxes::{self, Inbox, InboxSettings};
use conversations::webchat::identity_of;
use db::DbError;
use kernel::{Caller as _, ContactId, System};
use rest::{Problem, Public, Rest};

/// The header in which a visitor's secret travels: an address would be kept in logs.
const VISITOR: HeaderName = HeaderName::from_static("x-visitor-token");

/// The chat that a page opens, once token and origin were found to be right.
pub(super) struct Chat {
    pub(super) caller: System,
    pub(super) inbox: Inbox,
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
    pub(super) async fn contact(&self, rest: &Rest, visitor: &VisitorToken) -> Result<Option<ContactId>, DbError> {
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
    pub(super) fn visitor(&self, request: &HttpRequest) -> Result<VisitorToken, Problem> {
        request
            .headers()
            .get(VISITOR)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| VisitorToken::parse(text).ok())
            .filter(|token| token.scope() == self.caller.clinic())
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
pub(super) async fn within(
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
