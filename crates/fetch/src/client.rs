//! The client: one request, its redirects, and an answer of bounded size within bounded time.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, Response};
use tokio::time::{Instant, timeout_at};

use crate::error::{FetchError, FetcherError};
use crate::networks::AllowedNetworks;
use crate::resolver::{Guard, LookUp, ResolveError, SystemLookUp};
use crate::roots::is_about_certificate;
use crate::rules::OutwardRules;
use crate::target::Target;

/// How the server calls itself.
const USER_AGENT: &str = concat!("TaskMed/", env!("CARGO_PKG_VERSION"));

/// What of the answer's body is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of it, within the time of the request: what is larger than allowed is no answer.
    Whole,
    /// Its beginning: as many bytes as are allowed, and as come within this time after the status, which is what counts.
    Beginning {
        /// How long they are waited for.
        patience: Duration,
    },
}

/// What one request may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long it may take, from the look-up of the name over all redirects to the end of the answer, or to its status where no
    /// more than the beginning of the body is wanted.
    pub time: Duration,
    /// How much of the answer's body is taken, in bytes.
    pub bytes: usize,
    /// What of the body is wanted.
    pub wanted: Wanted,
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
    /// The headers, over the usual ones. `Authorization` and `Cookie` are not sent on to another host.
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
}

/// Calls addresses that others named. Keeps no connection; cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    encrypted: Client,
    plain: Client,
    allowed: AllowedNetworks,
}

impl Fetcher {
    /// A client that keeps to `rules`.
    ///
    /// # Errors
    /// [`FetcherError`].
    pub fn new(rules: &OutwardRules) -> Result<Self, FetcherError> {
        Self::with_look_up(rules, Arc::new(SystemLookUp))
    }

    fn with_look_up(rules: &OutwardRules, look_up: Arc<dyn LookUp>) -> Result<Self, FetcherError> {
        let roots: Vec<Certificate> = rules.roots.own().map(Certificate::from_der).collect::<Result<_, _>>()?;
        let client = |named_only: bool| {
            let guard = Guard {
                allowed: rules.networks.clone(),
                named_only,
                look_up: Arc::clone(&look_up),
            };
            Client::builder()
                .user_agent(USER_AGENT)
                .dns_resolver(Arc::new(guard))
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(Duration::from_secs(10))
                .pool_max_idle_per_host(0)
                // What is not named here are the system's.
                .tls_certs_merge(roots.iter().cloned())
        };
        Ok(Self {
            encrypted: client(false).https_only(true).build()?,
            plain: client(true).build()?,
            allowed: rules.networks.clone(),
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
        let Limits {
            time, bytes, wanted, ..
        } = request.limits;
        let end = Instant::now() + time;
        let response = timeout_at(end, self.follow(request))
            .await
            .or(Err(FetchError::TimedOut))??;
        match wanted {
            Wanted::Whole => timeout_at(end, whole(response, bytes))
                .await
                .or(Err(FetchError::TimedOut))?,
            Wanted::Beginning { patience } => Ok(beginning(response, bytes, patience).await),
        }
    }

    /// Sends `request` and gives the answer as soon as its headers are there; the body is the caller's to read and to bound, and of
    /// the limits only time (up to the headers) and redirects count.
    ///
    /// # Errors
    /// [`FetchError`]; an answer of whatever status is none.
    pub async fn open(&self, request: Request) -> Result<Response, FetchError> {
        let end = Instant::now() + request.limits.time;
        timeout_at(end, self.follow(request))
            .await
            .or(Err(FetchError::TimedOut))?
    }

    /// The answer at the end of the redirects, as far as its headers.
    async fn follow(&self, request: Request) -> Result<Response, FetchError> {
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
                return Ok(response);
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

/// All of an answer, if its body has no more than `most` bytes.
async fn whole(mut response: Response, most: usize) -> Result<Answer, FetchError> {
    let is_longer = |length: u64| usize::try_from(length).map_or(true, |length| length > most);
    if response.content_length().is_some_and(is_longer) {
        return Err(FetchError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
        if chunk.len() > most.saturating_sub(body.len()) {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(answer(response, body))
}

/// An answer with the `most` first bytes of its body, or with what came of them within `patience`.
async fn beginning(mut response: Response, most: usize, patience: Duration) -> Answer {
    let mut body = Vec::new();
    let reading = async {
        while body.len() < most {
            // One that breaks off has ended.
            let Ok(Some(chunk)) = response.chunk().await else { break };
            body.extend_from_slice(&chunk);
        }
    };
    // What has come by then is enough.
    let _elapsed = tokio::time::timeout(patience, reading).await;
    body.truncate(most);
    answer(response, body)
}

fn answer(mut response: Response, body: Vec<u8>) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body: body.into(),
    }
}

/// What a failure of the client comes down to.
fn why(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<ResolveError>() {
            Some(ResolveError::NotPermitted) => return FetchError::NotPublic,
            Some(ResolveError::Unknown) => return FetchError::UnknownHost,
            None if is_about_certificate(error) => return FetchError::Untrusted,
            None => cause = error.source(),
        }
    }
    if error.is_timeout() {
        FetchError::TimedOut
    } else {
        FetchError::Unreachable
    }
}

#[cfg(test)]
mod tests;
