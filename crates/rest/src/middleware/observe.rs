//! The outermost layer: the request's id, its span, its line in the access log, and the headers every answer has.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use kernel::{Origin, RequestId};
use tracing::Instrument;

use crate::context::{self, RequestContext};
use crate::state::Rest;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Gives the request an id and a span named by its route template (never its path: that may hold a secret, and the query a
/// patient's name), counts its statements, and writes one line when it is done.
///
/// # Errors
/// Those of the layers below.
pub async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // What can be got can be asked for without its body (RFC 9110, 9.3.2); the connection knows that it must not send one.
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let rest = request.app_data::<Data<Rest>>().cloned();
    let id = match &rest {
        Some(rest) => RequestId::new_at(rest.db.clock().now()),
        None => RequestId::from_uuid(uuid::Uuid::nil()),
    };
    let address = request.peer_addr().map(|peer| match &rest {
        Some(rest) => rest.trusted_proxies.client(peer.ip(), request.headers()),
        None => peer.ip(),
    });
    request.extensions_mut().insert(RequestContext {
        id,
        origin: Origin {
            request: Some(id),
            address,
        },
    });
    let method = request.method().clone();
    let traceparent = request.headers().get(&TRACEPARENT).cloned();
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        request_id = %id,
        clinic_id = tracing::field::Empty,
    );
    if let Some(traceparent) = traceparent.as_ref().and_then(|value| value.to_str().ok()) {
        let tracestate = request
            .headers()
            .get("tracestate")
            .and_then(|value| value.to_str().ok());
        telemetry::trace::join(&span, traceparent, tracestate);
    }
    let started = std::time::Instant::now();
    let served = context::within(id, db::accounting::counted(next.call(request)));
    let (result, statements) = served.instrument(span.clone()).await;
    let (route, status) = match &result {
        Ok(response) => (response.request().match_pattern(), response.status()),
        Err(error) => (None, error.as_response_error().status_code()),
    };
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    telemetry::trace::describe_exchange(&span, method.as_str(), &route, status.as_u16());
    span.in_scope(|| {
        let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(%method, route, status = status.as_u16(), statements, microseconds, "request served");
    });
    let timing = rest.is_some_and(|rest| rest.server_timing).then_some(statements);
    match result {
        Ok(mut response) => {
            finish(response.headers_mut(), id, traceparent, timing);
            Ok(response)
        }
        Err(error) => {
            let mut response = context::within(id, async { error.error_response() }).await;
            finish(response.headers_mut(), id, traceparent, timing);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// The headers that every answer has.
fn finish(headers: &mut HeaderMap, id: RequestId, traceparent: Option<HeaderValue>, statements: Option<u32>) {
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(traceparent) = traceparent {
        headers.insert(TRACEPARENT, traceparent);
    }
    if let Some(statements) = statements
        && let Ok(value) = HeaderValue::from_str(&format!("db;desc=\"{statements} statements\""))
    {
        headers.insert(SERVER_TIMING, value);
    }
    // Whether or not this answer was compressed, another one under the same address may be.
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    secure(headers);
}

/// Headers that make browsers careful. `Strict-Transport-Security` is the business of whoever ends TLS, see
/// docs/operations.md.
fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
