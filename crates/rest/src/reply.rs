//! The answer of a write, rendered inside its transaction so that it can be kept for a repeated request.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::view::{View, render};

/// A finished answer: status, headers, body.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<ReplyHeader>,
    pub(crate) body: Bytes,
    /// A view that could not be rendered, told when the reply is used.
    pub(crate) fault: Option<Problem>,
}

/// A header as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReplyHeader {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Reply {
    /// 200 with `view`.
    #[must_use]
    pub fn ok(view: impl View) -> Self {
        Self::with_view(StatusCode::OK, &view)
    }

    /// 201 with `view`, found again at `location`.
    #[must_use]
    pub fn created(location: impl Into<String>, view: impl View) -> Self {
        Self::with_view(StatusCode::CREATED, &view).header(&header::LOCATION, location)
    }

    /// 202 with `view`: it will be done.
    #[must_use]
    pub fn accepted(view: impl View) -> Self {
        Self::with_view(StatusCode::ACCEPTED, &view)
    }

    /// 204.
    #[must_use]
    pub const fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: Vec::new(),
            body: Bytes::new(),
            fault: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &HeaderName, value: impl Into<String>) -> Self {
        self.headers.push(ReplyHeader {
            name: name.as_str().to_owned(),
            value: value.into(),
        });
        self
    }

    fn with_view<V: View>(status: StatusCode, view: &V) -> Self {
        match render(view, None) {
            Ok(answer) => {
                let reply = Self {
                    status,
                    headers: Vec::new(),
                    body: answer.body,
                    fault: None,
                }
                .header(&header::CONTENT_TYPE, "application/json");
                // What shows no row, such as tokens, is nothing to compare with later.
                if view.version().is_some() {
                    reply.header(&header::ETAG, answer.etag.as_str())
                } else {
                    reply
                }
            }
            Err(fault) => Self {
                status,
                headers: Vec::new(),
                body: Bytes::new(),
                fault: Some(fault),
            },
        }
    }

    /// The response; never kept by caches, since it answers a write.
    ///
    /// # Errors
    /// The problem of a view that could not be rendered.
    pub fn into_response(self) -> Result<HttpResponse, Problem> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut response = HttpResponse::build(self.status);
        for ReplyHeader { name, value } in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
                response.insert_header((name, value));
            }
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        Ok(response.body(self.body))
    }
}
