//! Says who calls, before any endpoint is reached, so that its extractors decide in order and no body is read for nothing.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, ResponseError};
use auth::AuthenticationError;
use kernel::{Caller, Principal};

use crate::caller::Authentication;
use crate::context::RequestContext;
use crate::limits::Allowance;
use crate::problem::Problem;
use crate::state::Rest;

/// Authenticates the bearer, when there is one, and counts the call for the principal and the clinic. Whether anyone must be
/// signed in is for the endpoint to say.
///
/// # Errors
/// Those of the endpoint.
pub async fn authenticate<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(rest) = request.app_data::<Data<Rest>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let authentication = match bearer(&request) {
        None => Err(Problem::unauthorized(
            "unauthenticated",
            "sign in, and send the access token as a bearer token",
        )),
        Some(bearer) => {
            let origin = request
                .extensions()
                .get::<RequestContext>()
                .map(|context| context.origin)
                .unwrap_or_default();
            // Of a key that is invented anew each time, only the address can be counted before the database is asked.
            if rest.authenticator.must_look_up(&bearer)
                && let Some(address) = origin.address
                && let Err(problem) = rest.limits.check_address(address, false)
            {
                return Ok(request.into_response(problem.error_response()).map_into_right_body());
            }
            rest.authenticator
                .authenticate(&bearer, origin)
                .await
                .map_err(to_problem)
        }
    };
    let allowance = match count(&rest, &request, authentication.as_ref().ok()) {
        Ok(left) => left,
        Err(problem) => return Ok(request.into_response(problem.error_response()).map_into_right_body()),
    };
    request.extensions_mut().insert(Authentication(authentication));
    let mut response = next.call(request).await?;
    if let Some(allowance) = allowance {
        allowance.write_to(response.headers_mut());
    }
    Ok(response.map_into_left_body())
}

/// Counts the call for the principal and the clinic, or, when a bearer turned out to be nobody, for its address.
fn count(rest: &Rest, request: &ServiceRequest, principal: Option<&Principal>) -> Result<Option<Allowance>, Problem> {
    if let Some(principal) = principal {
        tracing::Span::current().record("clinic_id", tracing::field::display(principal.clinic()));
        return rest.limits.check_principal(principal).map(Some);
    }
    let address = request
        .extensions()
        .get::<RequestContext>()
        .and_then(|context| context.origin.address);
    match address {
        Some(address) if request.headers().contains_key(header::AUTHORIZATION) => {
            rest.limits.check_address(address, false).map(Some)
        }
        _ => Ok(None),
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750).
fn bearer(request: &ServiceRequest) -> Option<String> {
    let value = request.headers().get(header::AUTHORIZATION)?;
    // What is there but is no bearer token is a token that is not valid.
    let text = value.to_str().unwrap_or_default();
    let token = text
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token);
    Some(token.unwrap_or_default().trim().to_owned())
}

fn to_problem(error: AuthenticationError) -> Problem {
    match error {
        AuthenticationError::Database(error) => error.into(),
        AuthenticationError::Expired => Problem::unauthorized(
            "token_expired",
            "the access token has expired; renew it with the refresh token",
        ),
        AuthenticationError::Revoked => {
            Problem::unauthorized("signed_out", "this sign-in or key was ended; sign in again")
        }
        _ => Problem::unauthorized("invalid_token", "the bearer token is not valid"),
    }
}
