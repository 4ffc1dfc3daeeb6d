//! What the process remembers of tokens it has seen: that their signature holds, and how their session stood a moment ago.
//!
//! Shared by all workers. A verdict is kept under the token's hash, never the token, and its standing is good for one second;
//! so a revocation is felt everywhere within that second, and at once in the process that made it: [`Verdicts`] listens
//! to commits, and forgets what is tagged `session:<id>`, `membership:<id>` or `api_key:<id>`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::TimeDelta;
use db::{Commit, CommitListener};
use futures_util::future::{BoxFuture, ready};
use kernel::{ApiKeyId, ClinicId, MembershipId, Principal, SessionId, Tag, Timestamp};
use moka::sync::Cache;
use uuid::Uuid;

use crate::access_token::AccessClaims;
use crate::secrets::{SecretHash, sha256};

/// How long a standing is believed before it is read again.
const BELIEVED_FOR: TimeDelta = TimeDelta::seconds(1);

/// How many tokens are remembered; some hundred bytes each.
const REMEMBERED_TOKENS: u64 = 20_000;

/// A token that nobody used for so long is forgotten.
const REMEMBERED_FOR: Duration = Duration::from_secs(900);

/// In how many groups subjects are forgotten: by the last byte of their id.
const GROUPS: usize = 256;

/// What a token turned out to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credential {
    /// An access token whose signature holds.
    Access(AccessClaims),
    /// Something in the form of an API key.
    ApiKey { clinic: ClinicId, hash: SecretHash },
}

/// Why a token that is well formed opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unknown,
    Revoked,
    Expired,
}

/// How a token stood when it was read.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) outcome: Result<Principal, Refusal>,
    /// The first instant at which it is no longer good, whatever is remembered.
    pub(crate) expires_at: Option<Timestamp>,
    /// Whose change makes this stale: session or key, and membership.
    pub(crate) subjects: [Option<Uuid>; 2],
}

impl Standing {
    /// How a token stands that is refused for good.
    pub(crate) const fn refused(refusal: Refusal) -> Self {
        Self {
            outcome: Err(refusal),
            expires_at: None,
            subjects: [None, None],
        }
    }

    /// The principal, unless the token has run out meanwhile.
    pub(crate) fn at(&self, now: Timestamp) -> Result<Principal, Refusal> {
        if self.expires_at.is_some_and(|end| now >= end) {
            return self.outcome.clone().and(Err(Refusal::Expired));
        }
        self.outcome.clone()
    }
}

/// When something was read: by the clock, and in the order of what was forgotten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadMoment {
    at: Timestamp,
    sequence: u64,
}

/// One remembered token.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) credential: Credential,
    standing: RwLock<Option<(Standing, ReadMoment)>>,
    /// Held while the standing is read again, so that many requests with one token ask the database once.
    pub(crate) flight: tokio::sync::Mutex<()>,
}

/// The memory. Cheap to clone; one for the whole process.
#[derive(Debug, Clone)]
pub struct Verdicts(Arc<Memory>);

#[derive(Debug)]
struct Memory {
    tokens: Cache<[u8; 32], Arc<Verdict>>,
    sequence: AtomicU64,
    /// Of each group of subjects, when one was last forgotten.
    forgotten: [AtomicU64; GROUPS],
}

impl Default for Verdicts {
    fn default() -> Self {
        Self::new()
    }
}

impl Verdicts {
    /// An empty memory.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Memory {
            tokens: Cache::builder()
                .max_capacity(REMEMBERED_TOKENS)
                .time_to_idle(REMEMBERED_FOR)
                .build(),
            sequence: AtomicU64::new(0),
            forgotten: [const { AtomicU64::new(0) }; GROUPS],
        }))
    }

    /// Whether `token` was seen lately.
    pub(crate) fn remembers(&self, token: &str) -> bool {
        self.0.tokens.contains_key(&sha256(token.as_bytes()))
    }

    /// The verdict on `token`, made by `judge` when it is not remembered. A token that `judge` refuses is not remembered.
    pub(crate) fn of<E: Send + Sync + Clone + 'static>(
        &self,
        token: &str,
        judge: impl FnOnce() -> Result<Credential, E>,
    ) -> Result<Arc<Verdict>, E> {
        let hash = sha256(token.as_bytes());
        if let Some(verdict) = self.0.tokens.get(&hash) {
            return Ok(verdict);
        }
        let judged = || {
            let credential = judge()?;
            Ok(Arc::new(Verdict {
                credential,
                standing: RwLock::new(None),
                flight: tokio::sync::Mutex::new(()),
            }))
        };
        self.0
            .tokens
            .try_get_with(hash, judged)
            .map_err(|error: Arc<E>| E::clone(&error))
    }

    /// Notes that something is about to be read at `now`.
    pub(crate) fn begin_reading(&self, now: Timestamp) -> ReadMoment {
        ReadMoment {
            at: now,
            sequence: self.0.sequence.load(Ordering::SeqCst),
        }
    }

    /// The standing of `verdict`, if it may still be believed at `now`.
    pub(crate) fn believed(&self, verdict: &Verdict, now: Timestamp) -> Option<Standing> {
        let remembered = verdict.standing.read().unwrap_or_else(PoisonError::into_inner);
        let (standing, moment) = remembered.as_ref()?;
        let age = now.since(moment.at);
        let recent = age >= TimeDelta::zero() && age < BELIEVED_FOR;
        let untouched = standing
            .subjects
            .iter()
            .flatten()
            .all(|subject| self.last_forgotten(subject) <= moment.sequence);
        (recent && untouched).then(|| standing.clone())
    }

    /// Remembers how `verdict` stood at `moment`.
    pub(crate) fn remember(verdict: &Verdict, standing: Standing, moment: ReadMoment) {
        *verdict.standing.write().unwrap_or_else(PoisonError::into_inner) = Some((standing, moment));
    }

    /// Reads everything about this session anew. After the commit that ended it.
    pub fn forget_session(&self, session: SessionId) {
        self.forget(session.as_uuid());
    }

    /// Reads everything about this membership anew. After the commit that changed its roles or archived it.
    pub fn forget_membership(&self, membership: MembershipId) {
        self.forget(membership.as_uuid());
    }

    /// Reads everything about this API key anew. After the commit that changed or archived it.
    pub fn forget_api_key(&self, key: ApiKeyId) {
        self.forget(key.as_uuid());
    }

    /// Reads everything anew about the session, membership or API key with this id.
    pub fn forget(&self, subject: &Uuid) {
        let sequence = self.0.sequence.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        if let Some(group) = self.0.forgotten.get(group_of(subject)) {
            group.fetch_max(sequence, Ordering::SeqCst);
        }
    }

    fn last_forgotten(&self, subject: &Uuid) -> u64 {
        self.0
            .forgotten
            .get(group_of(subject))
            .map_or(0, |group| group.load(Ordering::SeqCst))
    }
}

impl CommitListener for Verdicts {
    fn committed<'a>(&'a self, commit: Commit<'a>) -> BoxFuture<'a, ()> {
        for subject in commit.tags.iter().filter_map(subject_of) {
            self.forget(&subject);
        }
        Box::pin(ready(()))
    }
}

fn group_of(subject: &Uuid) -> usize {
    let [.., last] = subject.as_bytes();
    usize::from(*last)
}

/// The session, membership or API key that `tag` names: what somebody may do has changed with it.
#[must_use]
pub fn subject_of(tag: &Tag) -> Option<Uuid> {
    let (kind, id) = tag.as_str().split_once(':')?;
    matches!(kind, "session" | "membership" | "api_key")
        .then(|| Uuid::try_parse(id).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn noon() -> Timestamp {
        at("2026-11-20T12:00:00Z")
    }

    fn remembered(verdicts: &Verdicts, subject: Uuid) -> Arc<Verdict> {
        let credential = Credential::ApiKey {
            clinic: ClinicId::from_uuid(Uuid::nil()),
            hash: crate::ApiKeyToken::generate(ClinicId::from_uuid(Uuid::nil()))
                .unwrap()
                .hash(),
        };
        let verdict = verdicts.of::<()>("token", || Ok(credential)).unwrap();
        let moment = verdicts.begin_reading(noon());
        let standing = Standing {
            subjects: [Some(subject), None],
            ..Standing::refused(Refusal::Revoked)
        };
        Verdicts::remember(&verdict, standing, moment);
        verdict
    }

    #[test]
    fn a_standing_is_believed_for_one_second() {
        let verdicts = Verdicts::new();
        let verdict = remembered(&verdicts, Uuid::from_u128(1));
        assert!(verdicts.believed(&verdict, noon()).is_some());
        assert!(verdicts.believed(&verdict, at("2026-11-20T12:00:00.999999Z")).is_some());
        assert!(verdicts.believed(&verdict, at("2026-11-20T12:00:01Z")).is_none());
        assert!(
            verdicts.believed(&verdict, at("2026-11-20T11:59:59Z")).is_none(),
            "clocks may be set back"
        );
    }

    #[test]
    fn a_change_is_felt_at_once_where_it_was_made() {
        let verdicts = Verdicts::new();
        let session = SessionId::from_uuid(Uuid::from_u128(1));
        let verdict = remembered(&verdicts, *session.as_uuid());
        verdicts.forget_session(SessionId::from_uuid(Uuid::from_u128(2)));
        assert!(verdicts.believed(&verdict, noon()).is_some());
        verdicts.forget_session(session);
        assert!(verdicts.believed(&verdict, noon()).is_none());
    }

    #[test]
    fn what_was_being_read_while_it_changed_is_not_believed() {
        let verdicts = Verdicts::new();
        let subject = Uuid::from_u128(1);
        let verdict = remembered(&verdicts, subject);
        let moment = verdicts.begin_reading(noon());
        verdicts.forget_membership(MembershipId::from_uuid(subject));
        let standing = Standing {
            subjects: [None, Some(subject)],
            ..Standing::refused(Refusal::Unknown)
        };
        Verdicts::remember(&verdict, standing, moment);
        assert!(verdicts.believed(&verdict, noon()).is_none());
    }

    #[tokio::test]
    async fn commits_are_listened_to() {
        let verdicts = Verdicts::new();
        let subject = Uuid::from_u128(1);
        let verdict = remembered(&verdicts, subject);
        let clinic = ClinicId::from_uuid(Uuid::nil());
        let stale = async |tags: &[Tag]| {
            let (events, enqueued) = (&[][..], false);
            let commit = Commit {
                clinic,
                tags,
                events,
                enqueued,
            };
            verdicts.committed(commit).await;
        };
        stale(&[Tag::collection("contacts"), Tag::part("contact", subject)]).await;
        assert!(verdicts.believed(&verdict, noon()).is_some());
        stale(&[Tag::part("api_key", subject)]).await;
        assert!(verdicts.believed(&verdict, noon()).is_none());
    }

    #[test]
    fn a_refused_token_is_not_remembered() {
        let verdicts = Verdicts::new();
        assert!(verdicts.of("token", || Err("bad")).is_err());
        let verdict = remembered(&verdicts, Uuid::from_u128(1));
        assert!(Arc::ptr_eq(
            &verdict,
            &verdicts.of("token", || Err("never asked")).unwrap()
        ));
    }
}
