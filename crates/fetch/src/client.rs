//! The client: one request, its redirects, and an answer of bounded size within bounded time.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};

use crate::error::{FetchError, FetcherError};
use crate::networks::AllowedNetworks;
use crate::resolver::{Guard, ResolveError};
use crate::target::Target;

/// How the server calls itself.
const USER_AGENT: &str = concat!("TaskMed/", env!("CARGO_PKG_VERSION"));

/// What becomes of an answer that is larger than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oversize {
    /// It is no answer.
    Refuse,
    /// Its beginning is kept.
    Cut,
}

/// What one request may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long all of it may take, redirects and the answer's body included.
    pub time: Duration,
    /// How large the answer's body may be, in bytes.
    pub bytes: usize,
    /// What becomes of a larger one.
    pub oversize: Oversize,
    /// How many redirects are followed; an answer that redirects once more is an error, with none it is the answer.
    pub redirects: u32,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address.
    pub target: Target,
    /// The headers. `Authorization` and `Cookie` are not sent on to another host.
    pub headers: HeaderMap,
    /// The body; none is sent when it is empty.
    pub body: Bytes,
    /// What it may cost.
    pub limits: Limits,
}

/// An answer, of whatever status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Whether the body goes on.
    pub cut: bool,
}

/// Calls addresses that users named. Belongs to the runtime in which it is used, since its connections do; cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    encrypted: Client,
    plain: Client,
    allowed: AllowedNetworks,
}

impl Fetcher {
    /// A client that calls what is public and what is in `allowed`.
    ///
    /// # Errors
    /// [`FetcherError`].
    pub fn new(allowed: AllowedNetworks) -> Result<Self, FetcherError> {
        let client = |named_only: bool| {
            let guard = Guard {
                allowed: allowed.clone(),
                named_only,
            };
            Client::builder()
                .user_agent(USER_AGENT)
                .dns_resolver(Arc::new(guard))
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(Duration::from_secs(10))
                .pool_max_idle_per_host(1)
        };
        Ok(Self {
            encrypted: client(false).https_only(true).build()?,
            plain: client(true).build()?,
            allowed,
        })
    }

    /// What may be called besides the public.
    #[must_use]
    pub const fn allowed(&self) -> &AllowedNetworks {
        &self.allowed
    }

    /// Sends `request` and reads the answer.
    ///
    /// # Errors
    /// [`FetchError`]; an answer of whatever status is none.
    pub async fn send(&self, request: Request) -> Result<Answer, FetchError> {
        let time = request.limits.time;
        tokio::time::timeout(time, self.follow(request))
            .await
            .or(Err(FetchError::TimedOut))?
    }

    async fn follow(&self, request: Request) -> Result<Answer, FetchError> {
        let Request {
            mut method,
            mut target,
            mut headers,
            mut body,
            limits,
        } = request;
        let mut left = limits.redirects;
        loop {
            let client = if target.is_plain() {
                &self.plain
            } else {
                &self.encrypted
            };
            let sent = client
                .request(method.clone(), target.url().clone())
                .headers(headers.clone());
            let sent = if body.is_empty() { sent } else { sent.body(body.clone()) };
            let response = sent.send().await.map_err(|error| why(&error))?;
            let status = response.status().as_u16();
            let location = match status {
                301 | 302 | 303 | 307 | 308 if limits.redirects > 0 => response.headers().get(LOCATION),
                _ => None,
            };
            let Some(location) = location else {
                return read(response, limits).await;
            };
            left = left.checked_sub(1).ok_or(FetchError::BadRedirect)?;
            let location = location.to_str().or(Err(FetchError::BadRedirect))?;
            let next = target.follow(location, &self.allowed)?;
            if !next.same_origin(&target) {
                headers.remove(AUTHORIZATION);
                headers.remove(COOKIE);
            }
            // RFC 9110, 15.4: all but 307 and 308 may turn what was sent into a question.
            if !matches!(status, 307 | 308) && method != Method::HEAD {
                method = Method::GET;
                body = Bytes::new();
            }
            target = next;
        }
    }
}

async fn read(mut response: Response, limits: Limits) -> Result<Answer, FetchError> {
    let most = u64::try_from(limits.bytes).unwrap_or(u64::MAX);
    let refuses = limits.oversize == Oversize::Refuse;
    if refuses && response.content_length().is_some_and(|length| length > most) {
        return Err(FetchError::TooLarge);
    }
    let mut body = Vec::new();
    let mut cut = false;
    while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
        let room = limits.bytes.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            if refuses {
                return Err(FetchError::TooLarge);
            }
            cut = true;
            break;
        }
    }
    Ok(Answer {
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body: body.into(),
        cut,
    })
}

/// What a failure of the client comes down to.
fn why(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<ResolveError>() {
            Some(ResolveError::NotPermitted) => return FetchError::NotPublic,
            Some(ResolveError::Unknown) => return FetchError::UnknownHost,
            None => cause = error.source(),
        }
    }
    if error.is_timeout() {
        FetchError::TimedOut
    } else {
        FetchError::Unreachable
    }
}
