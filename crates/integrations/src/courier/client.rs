//! One attempt: what is sent, under a deadline for the whole of it, and what came of that.
//!
//! Redirects are not followed: whoever moves sets a new address. Where it may lead is judged by [`fetch`], anew at each attempt.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use fetch::{Answer, FetchError, Fetcher, HeaderMap, HeaderName, HeaderValue, Limits, Method, Request, Target, Wanted};
use fetch::{InvalidTarget, header};
use kernel::{EventId, Timestamp};

use crate::deliveries::{AttemptError, Outcome};
use crate::signing::{self, SigningSecret};

/// How we call ourselves.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("TaskMed-Webhooks/", env!("CARGO_PKG_VERSION")));

/// The most bytes of an answer that are read.
const MOST_RESPONSE_BYTES: usize = 1024;

/// How long the beginning of an answer's body is waited for, once its status is known.
const PATIENCE: Duration = Duration::from_secs(2);

/// What sends.
pub(crate) struct Client {
    fetcher: Fetcher,
    deadline: Duration,
}

/// What is to be sent.
pub(crate) struct Message<'m> {
    pub(crate) url: &'m str,
    pub(crate) secrets: &'m [SigningSecret],
    pub(crate) id: EventId,
    pub(crate) at: Timestamp,
    pub(crate) body: Bytes,
}

impl Client {
    /// A client that sends by `fetcher`, and waits as long as `deadline` for a status.
    pub(crate) const fn new(fetcher: Fetcher, deadline: Duration) -> Self {
        Self { fetcher, deadline }
    }

    /// Sends `message`.
    pub(crate) async fn send(&self, message: Message<'_>) -> Outcome {
        let begun = Instant::now();
        let mut outcome = match self.post(&message).await {
            Ok(answer) => judge(&answer, message.at),
            Err(error) => Outcome::failed(error),
        };
        outcome.duration = begun.elapsed();
        outcome
    }

    async fn post(&self, message: &Message<'_>) -> Result<Answer, AttemptError> {
        // Its form was checked when it was set; whether it may be sent to is asked each time, since the operator may have
        // changed their mind.
        let target = Target::parse(message.url, self.fetcher.allowed()).map_err(why_no_target)?;
        let request = Request {
            method: Method::POST,
            target,
            headers: headers_of(message),
            body: message.body.clone(),
            limits: Limits {
                time: self.deadline,
                bytes: MOST_RESPONSE_BYTES,
                wanted: Wanted::Beginning { patience: PATIENCE },
                redirects: 0,
            },
        };
        self.fetcher.send(request).await.map_err(why_no_answer)
    }
}

fn headers_of(message: &Message<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let signature = signing::signatures(message.secrets, message.id, message.at, &message.body);
    for (name, text) in [
        ("webhook-id", message.id.to_string()),
        ("webhook-timestamp", signing::seconds(message.at).to_string()),
        ("webhook-signature", signature),
    ] {
        // Ids, numbers and base64 are what a header may say.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// An address that was taken once is refused for where it leads, or since it leads there without TLS.
fn why_no_target(_refused: InvalidTarget) -> AttemptError {
    AttemptError::AddressNotAllowed
}

const fn why_no_answer(error: FetchError) -> AttemptError {
    match error {
        FetchError::NotPublic => AttemptError::AddressNotAllowed,
        FetchError::UnknownHost => AttemptError::NameNotResolved,
        FetchError::Untrusted => AttemptError::CertificateNotTrusted,
        FetchError::TimedOut => AttemptError::Timeout,
        // The last two come of no request of ours: a beginning is never too large, and redirects are answers.
        FetchError::Unreachable | FetchError::TooLarge | FetchError::BadRedirect => AttemptError::ConnectionFailed,
    }
}

/// What an answer says.
fn judge(answer: &Answer, now: Timestamp) -> Outcome {
    let error = match answer.status {
        200..=299 => None,
        300..=399 => Some(AttemptError::Redirected),
        _ => Some(AttemptError::HttpStatus),
    };
    let is_busy = matches!(answer.status, 429 | 503);
    Outcome {
        http_status: Some(answer.status),
        error,
        retry_after: retry_after(&answer.headers, now).filter(|_| is_busy),
        response: text_of(&answer.body),
        duration: Duration::ZERO,
    }
}

/// `Retry-After` (RFC 9110): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<TimeDelta> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = || {
        value
            .parse::<u32>()
            .ok()
            .map(|seconds| TimeDelta::seconds(seconds.into()))
    };
    let date = || {
        DateTime::parse_from_rfc2822(value)
            .ok()
            .map(|date| date.to_utc() - now.as_datetime())
    };
    seconds().or_else(date).filter(|pause| *pause > TimeDelta::zero())
}

/// The beginning of a body as text that can be kept.
fn text_of(body: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(body)
        .chars()
        .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_to_come() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let pause = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(pause("120"), Some(TimeDelta::seconds(120)));
        assert_eq!(pause("Fri, 20 Nov 2026 12:05:00 GMT"), Some(TimeDelta::minutes(5)));
        for nothing in ["0", "-5", "soon", "Fri, 20 Nov 2026 11:00:00 GMT"] {
            assert_eq!(pause(nothing), None, "{nothing}");
        }
    }
}
