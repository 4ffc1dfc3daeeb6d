//! Errors as clients see them: `application/problem+json` (RFC 9457), with a stable code and never an internal cause.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use db::DbError;
use kernel::{FieldError, FieldErrors};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::context;

/// What went wrong, for the client.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    extensions: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body of an error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'p> {
    /// `about:blank`: the status says what kind of problem it is, `code` which.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The status in words.
    #[schema(example = "Conflict")]
    title: &'p str,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What happened, as an English sentence for people.
    #[schema(example = "the practitioner is taken at that time")]
    detail: &'p str,
    /// What happened, as a stable word for programs.
    #[schema(example = "appointment_conflict")]
    code: &'static str,
    /// Every value that was wrong, where values were.
    errors: &'p [FieldError],
    /// The request's id, to name when asking for help.
    #[schema(example = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5")]
    trace_id: String,
    /// More facts, named by the code's description.
    #[serde(flatten)]
    #[schema(ignore)]
    extensions: &'p Map<String, Value>,
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        ProblemBody::schema()
    }
}

impl ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ProblemBody::schemas(schemas);
    }
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            extensions: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// 400: the request cannot be read.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: nobody is signed in, or not any more.
    #[must_use]
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, code, detail);
        problem
            .0
            .headers
            .push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        problem
    }

    /// 403: the caller is known and may not.
    #[must_use]
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: not there, or another clinic's, which is the same.
    #[must_use]
    pub fn not_found(code: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, "there is nothing under this address")
    }

    /// 405: the address exists, the method does not.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this address does not take this method",
        )
    }

    /// 408: the body came too slowly; nothing of it was kept.
    #[must_use]
    pub fn upload_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "upload_too_slow",
            "the body came too slowly and nothing of it was kept; send it again over a faster connection",
        )
    }

    /// 409: the state of things is against it.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 410: it was there, and is not any more.
    #[must_use]
    pub fn gone(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, code, detail)
    }

    /// 412: the row was changed since the version in `If-Match`.
    #[must_use]
    pub fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "version_mismatch",
            "it was changed since you read it; read it again and repeat your change",
        )
    }

    /// 413: the body is too large.
    #[must_use]
    pub fn payload_too_large(most_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            format!("the body may have at most {most_bytes} bytes"),
        )
    }

    /// 415: the body is of a kind that is not read here.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send the body as application/json in UTF-8",
        )
    }

    /// 422: the request can be read and makes no sense.
    #[must_use]
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429: too often; `retry_after` says when to come again.
    #[must_use]
    pub fn too_many_requests(code: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail).retry_after(retry_after)
    }

    /// 500: our mistake; its cause goes to the log and nowhere else.
    #[must_use]
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(cause = %Chain(cause), "a request failed for an internal cause");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "something went wrong on our side; it was noted, and trying again may help",
        )
    }

    /// 503: not now; come again in a moment.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the service is busy; come again in a moment",
        )
        .retry_after(Duration::from_secs(1))
    }

    /// 503: the request took longer than it may; whether it took effect is not known.
    #[must_use]
    pub fn deadline_exceeded() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "deadline_exceeded",
            "the request took too long and was given up; repeat it with the same Idempotency-Key",
        )
        .retry_after(Duration::from_secs(1))
    }

    /// Adds a fact that the code's description names.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }
}

/// An error and its causes on one line.
struct Chain<'e>(&'e dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only our own messages: a driver's deeper causes may quote values.
        write!(formatter, "{}", self.0)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}: {}",
            self.0.status.as_u16(),
            self.0.code,
            self.0.detail
        )
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let parts = &*self.0;
        let body = ProblemBody {
            r#type: "about:blank",
            title: parts.status.canonical_reason().unwrap_or("Error"),
            status: parts.status.as_u16(),
            detail: &parts.detail,
            code: parts.code,
            errors: &parts.errors,
            trace_id: context::request_id_text(),
            extensions: &parts.extensions,
        };
        let mut response = HttpResponse::build(parts.status);
        for (name, value) in &parts.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        response.content_type("application/problem+json");
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl From<FieldErrors> for Problem {
    fn from(errors: FieldErrors) -> Self {
        let mut problem = Self::unprocessable("invalid_fields", "some values are not valid; each is named in `errors`");
        problem.0.errors = errors.into_vec();
        problem
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Unavailable { .. } | DbError::TimedOut | DbError::Transient(_) => {
                tracing::warn!(%error, "the database could not serve a request");
                Self::unavailable()
            }
            DbError::CommitUnknown(_) => {
                tracing::error!(%error, "a commit's answer was lost");
                Self::deadline_exceeded()
            }
            DbError::Query(_) => Self::internal(&error),
        }
    }
}
