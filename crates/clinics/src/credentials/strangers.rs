//! Failed sign-ins for e-mails that nobody has: counted as a user's are, so that the delay does not tell who has an account.
//!
//! Nothing is stored of strangers, so the count lives in this process and is forgotten with it.

use std::time::Duration;

use chrono::TimeDelta;
use kernel::Timestamp;
use kernel::email::EmailAddress;
use moka::sync::Cache;

use super::model::{delay_after, wait_until};

/// How many e-mails are remembered; the least used are forgotten first.
const REMEMBERED: u64 = 50_000;
/// How long an e-mail is remembered after it was last tried.
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Failed sign-ins of one e-mail.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: i32,
    locked_until: Option<Timestamp>,
}

impl Failures {
    /// One more failure, unless the e-mail is locked.
    fn and_one_more(self, now: Timestamp) -> Self {
        if wait_until(self.locked_until, now).is_some() {
            return self;
        }
        let count = self.count.saturating_add(1);
        Self {
            count,
            locked_until: delay_after(count).map(|delay| now.saturating_add(delay)),
        }
    }
}

/// The e-mails that were tried and that nobody has. Cheap to clone; one for the whole process.
#[derive(Debug, Clone)]
pub(crate) struct Strangers(Cache<EmailAddress, Failures>);

impl Strangers {
    pub(crate) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(REMEMBERED_FOR)
                .build(),
        )
    }

    /// How long `email` is still locked.
    pub(crate) fn wait(&self, email: &EmailAddress, now: Timestamp) -> Option<TimeDelta> {
        wait_until(self.0.get(email)?.locked_until, now)
    }

    /// Counts a failure for `email`; says how long it was locked already, if it was.
    pub(crate) fn failed(&self, email: &EmailAddress, now: Timestamp) -> Option<TimeDelta> {
        let mut wait = None;
        self.0.entry_by_ref(email).and_upsert_with(|known| {
            let known = known.map(|entry| entry.into_value()).unwrap_or_default();
            wait = wait_until(known.locked_until, now);
            known.and_one_more(now)
        });
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_waits_as_a_user_does() {
        let strangers = Strangers::new();
        let email = EmailAddress::parse("nobody@example.com").unwrap();
        let other = EmailAddress::parse("else@example.com").unwrap();
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(strangers.failed(&email, now), None);
        }
        assert_eq!(strangers.failed(&email, now), Some(TimeDelta::seconds(5)));
        assert_eq!(strangers.wait(&email, now), Some(TimeDelta::seconds(5)));
        assert_eq!(strangers.wait(&other, now), None);

        let later = now.saturating_add(TimeDelta::seconds(5));
        assert_eq!(strangers.wait(&email, later), None);
        assert_eq!(strangers.failed(&email, later), None);
        assert_eq!(strangers.wait(&email, later), Some(TimeDelta::seconds(10)));
    }
}
