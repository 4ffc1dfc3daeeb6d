//! What is known of a message that WhatsApp did not say yes to. Codes: developers.facebook.com, WhatsApp, "Error codes".

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

/// Codes of messages that will never go through as they are: the recipient, the content or the template is at fault.
const HOPELESS: [i64; 22] = [
    100, 131_005, 131_008, 131_009, 131_021, 131_026, 131_030, 131_045, 131_047, 131_049, 131_050, 131_051, 131_052,
    131_053, 130_472, 132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016,
];

/// Codes that say that nothing was taken: too much at once, an account that is barred, a service that is down or being mended.
const NOT_TAKEN: [i64; 13] = [
    2, 4, 368, 80_007, 130_429, 131_016, 131_031, 131_042, 131_048, 131_056, 131_057, 133_004, 133_010,
];

/// How long to leave one pair of numbers alone: WhatsApp lets one message pass every 6 seconds in the long run.
const PAIR_PAUSE: Duration = Duration::from_secs(6);

/// How long to wait after too many calls or spam: these limits are counted over longer times.
const QUALITY_PAUSE: Duration = Duration::from_secs(15 * 60);

/// The longest wait that is taken from an answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// Why a message was not sent. The text names no person; [`Reason::detail`] may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It will never be taken as it is.
    #[error("WhatsApp refused it: {reason}")]
    Rejected {
        /// Why.
        reason: Reason,
    },
    /// It was not taken now, and nothing was sent: come again.
    #[error("WhatsApp did not take it for now: {reason}")]
    RetryLater {
        /// Why.
        reason: Reason,
        /// When at the soonest, where that is known.
        after: Option<Duration>,
    },
    /// It was asked for, and no answer came: WhatsApp may have taken it. A status with its reference tells, if one comes.
    #[error("WhatsApp may have taken it, and no answer came: {reason}")]
    Unknown {
        /// What happened.
        reason: Reason,
    },
}

impl SendError {
    /// Why.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        match self {
            Self::Rejected { reason } | Self::RetryLater { reason, .. } | Self::Unknown { reason } => reason,
        }
    }

    /// Whether it was refused because the person has not written for 24 hours, so that only a template may be sent.
    #[must_use]
    pub fn is_window_closed(&self) -> bool {
        self.reason().code == Some(131_047)
    }

    /// Whether the access token is at fault: nothing goes through until it is replaced.
    #[must_use]
    pub fn is_about_access(&self) -> bool {
        self.reason().code.is_some_and(is_about_access)
    }

    pub(crate) fn rejected(text: &str) -> Self {
        Self::Rejected {
            reason: Reason::own(text),
        }
    }

    pub(crate) fn later(text: &str) -> Self {
        Self::RetryLater {
            reason: Reason::own(text),
            after: None,
        }
    }

    pub(crate) fn unknown(text: &str) -> Self {
        Self::Unknown {
            reason: Reason::own(text),
        }
    }

    /// The same of a message, which must not be sent twice on a guess: what went wrong on the other side in a way that it does not
    /// name went wrong before it had taken the message, or after. The status tells, by our reference.
    pub(crate) fn of_message(self) -> Self {
        match self {
            Self::RetryLater { reason, .. } if reason.may_have_been_taken() => Self::Unknown { reason },
            other => other,
        }
    }

    /// What an answer that is no success means.
    pub(crate) fn of_answer(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let Ok(GraphAnswer { error }) = serde_json::from_slice(body) else {
            let reason = Reason {
                code: None,
                status: Some(status),
                said: String::new(),
            };
            return match status {
                // A gateway that heard nothing knows nothing.
                502 | 504 => Self::Unknown { reason },
                400 | 405 | 410 | 413 | 414 | 415 | 422 => Self::Rejected { reason },
                _ => Self::RetryLater {
                    reason,
                    after: retry_after,
                },
            };
        };
        let pause = retry_after.or_else(|| pause_of(error.code));
        let is_hopeless = HOPELESS.contains(&error.code) && !error.is_transient;
        let reason = Reason {
            code: Some(error.code),
            status: Some(status),
            said: error.said(),
        };
        if is_hopeless {
            Self::Rejected { reason }
        } else {
            Self::RetryLater { reason, after: pause }
        }
    }
}

/// How long to wait after a refusal with `code`, where the documentation tells.
fn pause_of(code: i64) -> Option<Duration> {
    match code {
        131_056 => Some(PAIR_PAUSE),
        130_429 => Some(Duration::from_secs(1)),
        4 | 80_007 | 131_048 | 131_031 | 368 => Some(QUALITY_PAUSE),
        code if is_about_access(code) => Some(QUALITY_PAUSE),
        _ => None,
    }
}

/// Tokens that are not valid, not allowed, or expired.
const fn is_about_access(code: i64) -> bool {
    matches!(code, 0 | 3 | 10 | 190 | 200..=299)
}

/// The wait that a header names, in seconds.
pub(crate) fn retry_after(value: Option<&str>) -> Option<Duration> {
    let seconds = value?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// What WhatsApp said, or what happened to the connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason {
    code: Option<i64>,
    status: Option<u16>,
    said: String,
}

impl Reason {
    pub(crate) fn own(text: &str) -> Self {
        Self {
            code: None,
            status: None,
            said: text.to_owned(),
        }
    }

    /// Whether this was said by something that may have taken the message before: that broke within (500), or waited in vain (408).
    /// What is unavailable (503) or has too much to do (429) has taken nothing.
    fn may_have_been_taken(&self) -> bool {
        match self.code {
            Some(code) => {
                let is_named = NOT_TAKEN.contains(&code) || is_about_access(code);
                !is_named && self.status.is_some_and(|status| status >= 500 || status == 408)
            }
            None => matches!(self.status, Some(408 | 500)),
        }
    }

    /// WhatsApp's code, when it gave one.
    #[must_use]
    pub const fn code(&self) -> Option<i64> {
        self.code
    }

    /// All that was said, for those who may see the message.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.said
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.status) {
            (Some(code), _) => write!(formatter, "error {code}"),
            (None, Some(status)) => write!(formatter, "HTTP {status}"),
            (None, None) => formatter.write_str(&self.said),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Reason({self})")
    }
}

#[derive(Deserialize)]
struct GraphAnswer {
    error: GraphError,
}

/// An error as the Graph API words it.
#[derive(Deserialize)]
struct GraphError {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_data: Option<ErrorData>,
    #[serde(default)]
    is_transient: bool,
}

#[derive(Deserialize)]
struct ErrorData {
    #[serde(default)]
    details: String,
}

impl GraphError {
    fn said(&self) -> String {
        let details = self.error_data.as_ref().map_or("", |data| data.details.as_str());
        let said = if details.is_empty() { &self.message } else { details };
        said.chars()
            .filter(|character| !character.is_control())
            .take(300)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, code: i64) -> (&'static str, Option<u64>) {
        let body =
            format!(r#"{{"error":{{"message":"(#{code}) x","type":"OAuthException","code":{code},"unknown":1}}}}"#);
        match SendError::of_answer(status, None, body.as_bytes()) {
            SendError::Rejected { .. } => ("rejected", None),
            SendError::RetryLater { after, .. } => ("later", after.map(|after| after.as_secs())),
            SendError::Unknown { .. } => ("unknown", None),
        }
    }

    #[test]
    fn codes_mean_what_the_documentation_says() {
        for code in [131_026, 131_047, 131_051, 132_000, 132_001, 132_015, 100, 131_009] {
            assert_eq!(judged(400, code), ("rejected", None), "{code}");
        }
        for code in [1, 2, 131_000, 131_016, 133_004] {
            assert_eq!(judged(500, code).0, "later", "{code}");
        }
        assert_eq!(judged(400, 130_429), ("later", Some(1)));
        assert_eq!(judged(400, 131_056), ("later", Some(6)));
        assert_eq!(judged(400, 131_048), ("later", Some(900)));
        assert_eq!(judged(401, 190), ("later", Some(900)));
    }

    #[test]
    fn of_a_message_what_is_not_named_may_have_been_taken() {
        let judge = |status, code: Option<i64>| {
            let body = code.map_or_else(String::new, |code| format!(r#"{{"error":{{"code":{code}}}}}"#));
            match SendError::of_answer(status, None, body.as_bytes()).of_message() {
                SendError::Rejected { .. } => "rejected",
                SendError::RetryLater { .. } => "later",
                SendError::Unknown { .. } => "unknown",
            }
        };
        for (status, code) in [
            (500, None),
            (408, None),
            (502, None),
            (500, Some(131_000)),
            (500, Some(1)),
            (503, Some(99)),
        ] {
            assert_eq!(judge(status, code), "unknown", "{status} {code:?}");
        }
        for (status, code) in [
            (503, None),
            (429, None),
            (500, Some(131_016)),
            (503, Some(2)),
            (400, Some(130_429)),
            (500, Some(190)),
        ] {
            assert_eq!(judge(status, code), "later", "{status} {code:?}");
        }
        assert_eq!(judge(400, Some(131_026)), "rejected");
    }

    #[test]
    fn answers_without_a_code_are_judged_by_their_status() {
        let judge = |status| SendError::of_answer(status, Some(Duration::from_secs(7)), b"<html>");
        assert!(matches!(judge(503), SendError::RetryLater { after: Some(_), .. }));
        assert!(matches!(judge(429), SendError::RetryLater { after: Some(_), .. }));
        assert!(matches!(judge(502), SendError::Unknown { .. }));
        assert!(matches!(judge(400), SendError::Rejected { .. }));
        assert_eq!(retry_after(Some(" 30 ")), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(Some("99999999999")), Some(LONGEST_PAUSE));
        assert_eq!(retry_after(Some("Wed, 21 Oct 2026")), None);
    }
}
