//! One attempt: what is sent, under a deadline for the whole of it, and what came of that.
//!
//! Redirects are not followed: whoever moves sets a new address, and nobody leads us inward. No proxy of the environment is used,
//! and no connection is kept, so that each attempt looks its name up and is judged anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use kernel::{EventId, Timestamp};
use reqwest::header::{self, HeaderMap};
use reqwest::{Response, StatusCode, redirect};

use crate::deliveries::{AttemptError, Outcome};
use crate::settings::WebhookSettings;
use crate::signing::{self, SigningSecret};
use crate::target::{
    AddressNotAllowed, GuardedResolver, LookUp, NameNotResolved, SystemLookUp, TargetRules, TargetUrl,
};

/// The most bytes of an answer that are read.
const MOST_RESPONSE_BYTES: usize = 1024;

/// How long the beginning of an answer's body is waited for, once its status is known.
const PATIENCE: Duration = Duration::from_secs(2);

/// What sends.
pub(crate) struct Client {
    http: reqwest::Client,
    rules: TargetRules,
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
    /// A client that keeps to `settings`.
    ///
    /// # Errors
    /// When the system's certificates cannot be had.
    pub(crate) fn new(settings: &WebhookSettings) -> Result<Self, reqwest::Error> {
        Self::with_look_up(settings, Arc::new(SystemLookUp))
    }

    fn with_look_up(settings: &WebhookSettings, look_up: Arc<dyn LookUp>) -> Result<Self, reqwest::Error> {
        let rules = settings.rules.clone();
        let http = reqwest::Client::builder()
            .user_agent(concat!("TaskMed-Webhooks/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(GuardedResolver::new(rules.clone(), look_up)))
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self {
            http,
            rules,
            deadline: settings.deadline,
        })
    }

    /// Sends `message`.
    pub(crate) async fn send(&self, message: Message<'_>) -> Outcome {
        let begun = Instant::now();
        let mut outcome = match tokio::time::timeout(self.deadline, self.post(&message)).await {
            Ok(Ok(response)) => judge(response, message.at).await,
            Ok(Err(error)) => Outcome::failed(error),
            Err(_elapsed) => Outcome::failed(AttemptError::Timeout),
        };
        outcome.duration = begun.elapsed();
        outcome
    }

    /// The answer as far as its headers.
    async fn post(&self, message: &Message<'_>) -> Result<Response, AttemptError> {
        // Its form was checked when it was set; whether it may be sent to is asked each time, since the operator may have
        // changed their mind.
        let url = TargetUrl::parse(message.url, &self.rules).map_err(|_refused| AttemptError::AddressNotAllowed)?;
        let signature = signing::signatures(message.secrets, message.id, message.at, &message.body);
        self.http
            .post(url.as_url().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id.to_string())
            .header("webhook-timestamp", signing::seconds(message.at))
            .header("webhook-signature", signature)
            .body(message.body.clone())
            .send()
            .await
            .map_err(|error| reason_of(&error))
    }
}

/// Why nothing was answered.
fn reason_of(error: &reqwest::Error) -> AttemptError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(here) = cause {
        if here.is::<AddressNotAllowed>() {
            return AttemptError::AddressNotAllowed;
        }
        if here.is::<NameNotResolved>() {
            return AttemptError::NameNotResolved;
        }
        cause = here.source();
    }
    AttemptError::ConnectionFailed
}

/// What an answer says.
async fn judge(mut response: Response, now: Timestamp) -> Outcome {
    let status = response.status();
    let error = if status.is_success() {
        None
    } else if status.is_redirection() {
        Some(AttemptError::Redirected)
    } else {
        Some(AttemptError::HttpStatus)
    };
    let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let retry_after = if busy {
        retry_after(response.headers(), now)
    } else {
        None
    };
    Outcome {
        http_status: Some(status.as_u16()),
        error,
        retry_after,
        response: beginning_of(&mut response).await,
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

/// The beginning of the body as text that can be kept.
async fn beginning_of(response: &mut Response) -> Option<String> {
    let mut beginning = Vec::new();
    let read = async {
        while beginning.len() < MOST_RESPONSE_BYTES {
            match response.chunk().await {
                Ok(Some(chunk)) => beginning.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
    };
    // What has come by then is enough.
    let _elapsed = tokio::time::timeout(PATIENCE, read).await;
    beginning.truncate(MOST_RESPONSE_BYTES);
    let text: String = String::from_utf8_lossy(&beginning)
        .chars()
        .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use futures_util::future::BoxFuture;
    use kernel::{Clock, SystemClock};

    use super::*;

    /// A name that leads elsewhere each time it is asked for.
    struct Rebinding(Mutex<Vec<&'static str>>);

    impl LookUp for Rebinding {
        fn look_up(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            let next = self.0.lock().unwrap().pop();
            let addresses = next.map(|text| SocketAddr::new(text.parse().unwrap(), 0));
            Box::pin(async move { Ok(addresses.into_iter().collect()) })
        }
    }

    fn settings(allowed: &str) -> WebhookSettings {
        WebhookSettings {
            rules: TargetRules {
                allowed_networks: allowed.parse().unwrap(),
                allow_http: true,
            },
            deadline: Duration::from_secs(10),
        }
    }

    async fn send(client: &Client, url: &str) -> Outcome {
        let now = SystemClock.now();
        let message = Message {
            url,
            secrets: &[],
            id: EventId::new_at(now),
            at: now,
            body: Bytes::from_static(b"{}"),
        };
        client.send(message).await
    }

    /// A listener on loopback that must never be connected to.
    async fn trap() -> (tokio::net::TcpListener, u16) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn assert_untouched(listener: &tokio::net::TcpListener) {
        use futures_util::FutureExt;
        assert!(listener.accept().now_or_never().is_none(), "somebody connected");
    }

    #[tokio::test]
    async fn a_name_that_leads_inward_is_not_connected_to_however_it_answered_before() {
        let (listener, port) = trap().await;
        // 192.0.2.0/24 is nobody's: allowed here, it stands for a public address that does not answer.
        let answers = vec!["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "127.0.0.1"];
        let look_up = Arc::new(Rebinding(Mutex::new(answers)));
        let client = Client::with_look_up(&settings("192.0.2.0/24"), look_up).unwrap();
        for _ in 0..4 {
            let outcome = send(&client, &format!("http://hooks.example:{port}/")).await;
            assert_eq!(outcome.error, Some(AttemptError::AddressNotAllowed));
        }
        // Then it leads nowhere.
        let outcome = send(&client, &format!("http://hooks.example:{port}/")).await;
        assert_eq!(outcome.error, Some(AttemptError::NameNotResolved));
        assert_untouched(&listener);
    }

    #[tokio::test]
    async fn an_address_in_the_url_is_judged_at_each_attempt() {
        let (listener, port) = trap().await;
        let client = Client::new(&settings("192.0.2.0/24")).unwrap();
        for host in ["127.0.0.1", "localhost", "[::ffff:7f00:1]", "2130706433"] {
            let outcome = send(&client, &format!("http://{host}:{port}/")).await;
            assert_eq!(outcome.error, Some(AttemptError::AddressNotAllowed), "{host}");
        }
        assert_untouched(&listener);
    }

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
