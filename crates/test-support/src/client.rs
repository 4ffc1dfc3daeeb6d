//! A client of the API as one named person: calls, and answers that can be asserted on.

use std::net::SocketAddr;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A server under test.
#[derive(Debug, Clone)]
pub struct Api {
    address: SocketAddr,
    http: reqwest::Client,
}

/// Somebody who calls the API: with a token, or nobody in particular.
#[derive(Debug, Clone)]
pub struct Actor {
    api: Api,
    token: Option<String>,
}

/// One call that is being put together.
#[derive(Debug)]
pub struct Call {
    request: reqwest::RequestBuilder,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub bytes: Bytes,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Api {
    /// The server at `address`.
    ///
    /// # Panics
    /// When the client cannot be made.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client can be made");
        Self { address, http }
    }

    /// Where the server is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Somebody without a token.
    #[must_use]
    pub fn nobody(&self) -> Actor {
        Actor {
            api: self.clone(),
            token: None,
        }
    }

    /// Somebody with `token`.
    #[must_use]
    pub fn bearer(&self, token: impl Into<String>) -> Actor {
        Actor {
            api: self.clone(),
            token: Some(token.into()),
        }
    }
}

impl Actor {
    /// The server that the actor calls.
    #[must_use]
    pub const fn api(&self) -> &Api {
        &self.api
    }

    /// The actor's token.
    ///
    /// # Panics
    /// When the actor has none.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("the actor has a token")
    }

    /// A call of `path`, query included.
    #[must_use]
    pub fn call(&self, method: Method, path: &str) -> Call {
        let mut request = self
            .api
            .http
            .request(method, format!("http://{}{path}", self.api.address));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        Call { request }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path).json(&body).send().await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path).json(&body).send().await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path).json(&body).send().await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }
}

impl Call {
    /// Adds a header, whatever bytes `value` has.
    ///
    /// # Panics
    /// When `value` cannot travel in a header at all (line breaks, NUL).
    #[must_use]
    pub fn header(self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a value that can travel");
        Self {
            request: self.request.header(HeaderName::from_static(name), value),
        }
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self {
            request: self.request.json(body),
        }
    }

    /// Any body.
    #[must_use]
    pub fn bytes(self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            request: self.request.header(CONTENT_TYPE, content_type).body(body.into()),
        }
    }

    /// Sends it.
    ///
    /// # Panics
    /// When there is no answer at all.
    pub async fn send(self) -> Answer {
        self.try_send().await.expect("the server answers")
    }

    /// Sends it; the failure, when there is no answer at all.
    ///
    /// # Errors
    /// What the connection ended with.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let response = self.request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer {
            status,
            headers,
            bytes,
            body,
        })
    }
}

impl Answer {
    /// The header `name`, when it came and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The `ETag`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn etag(&self) -> &str {
        self.header("etag").unwrap_or_else(|| panic!("no ETag: {self}"))
    }

    /// The `id` of the resource in the body.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.body
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no id: {self}"))
    }

    /// The rows of a page.
    ///
    /// # Panics
    /// When the body is no page.
    #[must_use]
    pub fn data(&self) -> &[Value] {
        self.body
            .get("data")
            .and_then(Value::as_array)
            .unwrap_or_else(|| panic!("no page: {self}"))
    }

    /// The `code` of a problem, empty when it is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// How many SQL statements the answer cost, by its `Server-Timing`.
    ///
    /// # Panics
    /// When it does not say.
    #[must_use]
    pub fn statements(&self) -> u32 {
        self.header("server-timing")
            .and_then(|timing| timing.split_once("desc=\"")?.1.split_once(" statement")?.0.parse().ok())
            .unwrap_or_else(|| panic!("no count of statements: {self}"))
    }

    /// The answer, when it has `status`.
    ///
    /// # Panics
    /// When it has another.
    #[must_use = "name it `_` where the status is all that matters"]
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self}");
        self
    }

    /// Asserts that the answer has `status`.
    ///
    /// # Panics
    /// When it has another.
    #[track_caller]
    pub fn assert_status(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{self}");
    }

    /// Asserts that the answer is a problem (RFC 9457) of `status` and `code`, in the one form that problems have.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) {
        self.assert_is_problem();
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{self}");
    }

    /// Asserts that the answer is a whole problem, of whatever status, and names nothing internal.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_is_problem(&self) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        for member in ["type", "title", "status", "detail", "code", "trace_id"] {
            assert!(self.body.get(member).is_some(), "no {member}: {self}");
        }
        assert_eq!(self.body.get("status"), Some(&self.status.as_u16().into()), "{self}");
        let text = String::from_utf8_lossy(&self.bytes).to_lowercase();
        for internal in ["diesel", "postgres", "panicked", ".rs:", "select ", "insert into"] {
            assert!(!text.contains(internal), "tells of {internal}: {self}");
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.bytes);
        let body: String = body.chars().take(2000).collect();
        write!(formatter, "{} {body}\n{:?}", self.status, self.headers)
    }
}
