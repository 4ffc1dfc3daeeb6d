//! What is known of a mail that the server did not say yes to.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;

use crate::outgoing::Unsendable;
use crate::reach::OutOfReach;

/// The longest answer of a server that is kept.
const MAX_CHARS: usize = 300;

/// Why a mail was not sent. The text names no person; [`Reason::detail`] may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It will never be taken: there is no such mailbox, or the content is refused.
    #[error("the mail was refused: {reason}")]
    Rejected {
        /// Why.
        reason: Reason,
    },
    /// It was not taken now, and nothing was sent: come again.
    #[error("the mail was not taken for now: {reason}")]
    RetryLater {
        /// Why.
        reason: Reason,
        /// When at the soonest, where that is known.
        after: Option<Duration>,
    },
    /// It was handed over, and then nothing was heard: the server may have taken it. Sent again, the mail has the same id, by
    /// which most receivers show it once.
    #[error("the mail was handed over, and no answer came: {reason}")]
    Unknown {
        /// What happened.
        reason: Reason,
    },
}

/// A server that may not be connected to will not be one that may by itself: somebody must change the settings.
impl From<OutOfReach> for SendError {
    fn from(cause: OutOfReach) -> Self {
        let reason = Reason::own(&cause.to_string());
        match cause {
            OutOfReach::UnknownHost => Self::RetryLater { reason, after: None },
            OutOfReach::NotPublic | OutOfReach::OtherPort => Self::Rejected { reason },
        }
    }
}

impl From<Unsendable> for SendError {
    fn from(cause: Unsendable) -> Self {
        Self::Rejected {
            reason: Reason {
                code: None,
                said: cause.to_string(),
                is_ours: true,
            },
        }
    }
}

/// What a server said, or what happened to the connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason {
    code: Option<u16>,
    said: String,
    /// Whether the words are ours, and so name nobody.
    is_ours: bool,
}

impl Reason {
    pub(crate) fn own(text: &str) -> Self {
        Self {
            code: None,
            said: text.to_owned(),
            is_ours: true,
        }
    }

    fn of(error: &SmtpError) -> Self {
        let code = error.status().and_then(|code| code.to_string().parse().ok());
        let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Self {
            code,
            said: said
                .chars()
                .filter(|character| !character.is_control())
                .take(MAX_CHARS)
                .collect(),
            is_ours: code.is_none(),
        }
    }

    /// The server's code (RFC 5321, 4.2), when it answered.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        self.code
    }

    /// The server's status code (RFC 3463), such as `5.1.1`, when it gave one.
    #[must_use]
    pub fn status(&self) -> Option<&str> {
        self.code?;
        let word = self.said.split_whitespace().next()?;
        let numbers: Vec<&str> = word.split('.').collect();
        let is_status = numbers.len() == 3
            && numbers
                .iter()
                .all(|number| (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()));
        is_status.then_some(word)
    }

    /// All that was said, for those who may see the mail: servers quote addresses.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.said
    }
}

impl fmt::Display for Reason {
    /// What names no person.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.status()) {
            (Some(code), Some(status)) => write!(formatter, "the mail server answered {code} {status}"),
            (Some(code), None) => write!(formatter, "the mail server answered {code}"),
            (None, _) if self.is_ours => formatter.write_str(&self.said),
            (None, _) => formatter.write_str("the connection to the mail server failed"),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Reason({self})")
    }
}

/// Where in the dialogue a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before this mail was named: whatever is wrong is wrong with the server or the settings, and not with the mail.
    Connecting,
    /// The sender was named.
    Sender,
    /// A recipient was named, or the content announced.
    Recipient,
    /// The content was on its way.
    Content,
}

impl Stage {
    /// What an error at this stage means for the mail.
    pub(super) fn judge(self, error: &SmtpError) -> SendError {
        let reason = Reason::of(error);
        if error.is_permanent() && self != Self::Connecting && !is_about_us(reason.code) {
            SendError::Rejected { reason }
        } else if self == Self::Content && !error.is_transient() && !error.is_permanent() {
            SendError::Unknown { reason }
        } else {
            SendError::RetryLater { reason, after: None }
        }
    }

    /// What it means that nothing was heard in time.
    pub(super) fn judge_silence(self) -> SendError {
        let reason = Reason::own("the mail server did not answer in time");
        if self == Self::Content {
            SendError::Unknown { reason }
        } else {
            SendError::RetryLater { reason, after: None }
        }
    }
}

/// Permanent refusals of the client and not of the mail: sign-in needed or failed (RFC 4954), no TLS, a dialogue that the server
/// does not understand. Once the settings are mended, the mail goes through.
const fn is_about_us(code: Option<u16>) -> bool {
    matches!(code, Some(500 | 502 | 503 | 530 | 534 | 535 | 538))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: Option<u16>, said: &str) -> Reason {
        Reason {
            code,
            said: said.to_owned(),
            is_ours: code.is_none(),
        }
    }

    #[test]
    fn a_reason_names_nobody() {
        let refused = reason(Some(550), "5.1.1 <maria@example.com>: no such mailbox");
        assert_eq!(refused.to_string(), "the mail server answered 550 5.1.1");
        assert_eq!(format!("{refused:?}"), "Reason(the mail server answered 550 5.1.1)");
        assert!(refused.detail().contains("maria@example.com"));
        assert_eq!(
            reason(Some(550), "maria: unknown").to_string(),
            "the mail server answered 550"
        );
        assert_eq!(reason(Some(550), "1.2.3.4 is blocked").status(), None);
    }

    #[test]
    fn silence_after_the_content_may_mean_anything() {
        assert!(matches!(Stage::Content.judge_silence(), SendError::Unknown { .. }));
        assert!(matches!(Stage::Recipient.judge_silence(), SendError::RetryLater { .. }));
    }
}
