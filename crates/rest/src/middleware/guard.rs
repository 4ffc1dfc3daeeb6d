//! Limits that hold before anyone is known: calls per address, and the time a request may take.

use std::pin::pin;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, ResponseError};

use crate::context::RequestContext;
use crate::limits::Allowance;
use crate::problem::Problem;
use crate::state::Rest;
use crate::upload::Deadline;

/// What the guard holds requests to; part of the application's data.
#[derive(Debug, Clone, Copy)]
pub struct GuardConfig {
    /// How long a request may take before it is given up.
    pub deadline: Duration,
    /// How long a file may take to come, as long as no pause lasts longer than a request may take: see [`crate::Upload`].
    pub upload: Duration,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            upload: Duration::from_secs(600),
        }
    }
}

/// Addresses under which secrets could be guessed.
const GUESSABLE: [&str; 3] = ["/v1/auth/", "/v1/invitations/accept", "/calendar/"];

/// Where providers post what happened with them: much, from few addresses. What they post is signed.
const HOOKS: &str = "/hooks/";

/// Addresses that machines ask all the time, and that cost nothing.
const FREE: [&str; 2] = ["/healthz", "/readyz"];

/// Counts the call for its address and gives up what takes too long. Work that is given up leaves no connection behind: see
/// [`db::Db`].
///
/// # Errors
/// Those of the layers below.
pub async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let allowance = match check_address(&request) {
        Ok(allowance) => allowance,
        Err(problem) => return Ok(request.into_response(problem.error_response()).map_into_right_body()),
    };
    let config = request
        .app_data::<Data<GuardConfig>>()
        .map_or_else(GuardConfig::default, |config| *config.get_ref());
    let deadline = Deadline::after(config.deadline);
    request.extensions_mut().insert(deadline.clone());
    let mut serving = pin!(next.call(request));
    let served = loop {
        let at = deadline.at();
        match tokio::time::timeout_at(at, serving.as_mut()).await {
            Ok(served) => break served,
            // A file that comes has moved it on.
            Err(_elapsed) if deadline.at() > at => {}
            Err(_elapsed) => {
                tracing::warn!("a request was given up at its deadline");
                return Err(Problem::deadline_exceeded().into());
            }
        }
    };
    let mut response = served?;
    if let Some(allowance) = allowance
        && !response.headers().contains_key("ratelimit-limit")
    {
        allowance.write_to(response.headers_mut());
    }
    Ok(response.map_into_left_body())
}

/// Counts the call, unless it is for [`authenticate`](super::authenticate) to say whose it is.
fn check_address(request: &ServiceRequest) -> Result<Option<Allowance>, Problem> {
    // As the routes see it: `%61` is an `a` to them.
    let path = request.match_info().as_str();
    let guessable = GUESSABLE.iter().any(|prefix| path.starts_with(prefix));
    let is_for_a_principal = path.starts_with("/v1/") && request.headers().contains_key(header::AUTHORIZATION);
    let address = request
        .extensions()
        .get::<RequestContext>()
        .and_then(|context| context.origin.address);
    match (request.app_data::<Data<Rest>>(), address) {
        (Some(rest), Some(address)) if path.starts_with(HOOKS) => rest.limits.check_hook(address).map(Some),
        (Some(rest), Some(address)) if guessable || !(is_for_a_principal || FREE.contains(&path)) => {
            rest.limits.check_address(address, guessable).map(Some)
        }
        _ => Ok(None),
    }
}
