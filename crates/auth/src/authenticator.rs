//! Turns what a request carries into a [`Principal`]: an access token of a person, or an API key.
//!
//! A token's signature is checked once and remembered; session, membership and key are read again when what is known of them
//! is older than a second, by one statement, and once for all requests that wait with the same token.

use std::sync::Arc;

use chrono::TimeDelta;
use db::schema::{api_keys, clinics, memberships, sessions};
use db::{Db, DbError, QueryResultExt as _, named_by, tx_error};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ApiKeyId, ClinicId, Origin, Principal, System, Timestamp};

use crate::access_token::{AccessClaims, AccessTokens, TokenError};
use crate::secrets::{ApiKeyKind, ApiKeyToken, SecretHash, TokenKind as _};
use crate::standing::{ApiKeyRow, SessionRow, standing_of_api_key, standing_of_session};
use crate::verdicts::{Credential, Refusal, Standing, Verdict, Verdicts};

/// The part of the system that reads sessions and keys.
const COMPONENT: &str = "authentication";

/// No token of ours is longer, in bytes.
const LONGEST: usize = 2048;

/// How exact `last_used_at` of an API key is.
const LAST_USE_PRECISION: TimeDelta = TimeDelta::minutes(1);

/// Why a request is nobody's.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// It carries no token.
    #[error("no access token or API key was sent")]
    Missing,
    /// What it carries is no token.
    #[error("what was sent is no access token or API key")]
    Malformed,
    /// The token's time is over.
    #[error("the access token or API key has expired")]
    Expired,
    /// The session was ended, the key archived, the membership removed or the clinic suspended.
    #[error("the access token or API key was revoked")]
    Revoked,
    /// The token was not issued here.
    #[error("the access token or API key is not known")]
    Unknown,
    /// It could not be found out.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(AuthenticationError);

impl From<TokenError> for AuthenticationError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Malformed => Self::Malformed,
            TokenError::NotOurs | TokenError::NotYetValid => Self::Unknown,
            TokenError::Expired => Self::Expired,
        }
    }
}

impl From<Refusal> for AuthenticationError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => Self::Unknown,
            Refusal::Revoked => Self::Revoked,
            Refusal::Expired => Self::Expired,
        }
    }
}

/// Authenticates the requests of one worker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator {
    db: Db,
    tokens: Arc<AccessTokens>,
    verdicts: Verdicts,
}

impl Authenticator {
    /// Authenticates by `tokens` and the rows of `db`, with the memory that all workers share.
    #[must_use]
    pub const fn new(db: Db, tokens: Arc<AccessTokens>, verdicts: Verdicts) -> Self {
        Self { db, tokens, verdicts }
    }

    /// Who sent `bearer`, the token without the word `Bearer`.
    ///
    /// To be called on a worker of the server: the last use of an API key is noted by a task beside the request.
    ///
    /// # Errors
    /// [`AuthenticationError`] says why it is nobody, or that the database could not be asked.
    pub async fn authenticate(&self, bearer: &str, origin: Origin) -> Result<Principal, AuthenticationError> {
        let verdict = self
            .verdicts
            .of(bearer, || self.judge(bearer))
            .map_err(AuthenticationError::from)?;
        let now = self.db.clock().now();
        let standing = match self.verdicts.believed(&verdict, now) {
            Some(standing) => standing,
            None => self.read_again(&verdict).await?,
        };
        Ok(standing.at(now)?.in_request(origin))
    }

    /// Whether `bearer` may cost a look-up in the database that no earlier request has paid for: an API key that was not seen
    /// lately. What is signed by us was handed to somebody.
    #[must_use]
    pub fn must_look_up(&self, bearer: &str) -> bool {
        bearer.starts_with(ApiKeyKind::PREFIX) && !self.verdicts.remembers(bearer)
    }

    /// What `bearer` is, by itself.
    fn judge(&self, bearer: &str) -> Result<Credential, Judgement> {
        if bearer.is_empty() {
            return Err(Judgement::Missing);
        }
        if bearer.len() > LONGEST {
            return Err(Judgement::Refused(TokenError::Malformed));
        }
        if bearer.starts_with(ApiKeyKind::PREFIX) {
            let token = ApiKeyToken::parse(bearer).or(Err(Judgement::Refused(TokenError::Malformed)))?;
            return Ok(Credential::ApiKey {
                clinic: token.scope(),
                hash: token.hash(),
            });
        }
        self.tokens
            .verify(bearer)
            .map(Credential::Access)
            .map_err(Judgement::Refused)
    }

    /// Reads how `verdict` stands, unless another request has just done so.
    async fn read_again(&self, verdict: &Verdict) -> Result<Standing, DbError> {
        let _flight = verdict.flight.lock().await;
        let now = self.db.clock().now();
        if let Some(standing) = self.verdicts.believed(verdict, now) {
            return Ok(standing);
        }
        let moment = self.verdicts.begin_reading(now);
        let standing = match &verdict.credential {
            Credential::Access(claims) => self.read_session(claims, now).await?,
            Credential::ApiKey { clinic, hash } => self.read_api_key(*clinic, *hash, now).await?,
        };
        Verdicts::remember(verdict, standing.clone(), moment);
        Ok(standing)
    }

    async fn read_session(&self, claims: &AccessClaims, now: Timestamp) -> Result<Standing, DbError> {
        let subject = claims.subject;
        let system = System::acting_for(subject.clinic, COMPONENT);
        let row = self
            .db
            .read(&system, async |tx| {
                sessions::table
                    .inner_join(named_by!(memberships, sessions::membership_id))
                    .inner_join(clinics::table.on(clinics::id.eq(sessions::clinic_id)))
                    .filter(
                        sessions::clinic_id
                            .eq(tx.clinic())
                            .and(sessions::id.eq(subject.session)),
                    )
                    .select(SessionRow::as_select())
                    .first(&mut tx.conn())
                    .await
                    .optional()
                    .or_database::<DbError>()
            })
            .await?;
        Ok(row.map_or_else(
            || Standing::refused(Refusal::Unknown),
            |row| standing_of_session(claims, &row, now),
        ))
    }

    async fn read_api_key(&self, clinic: ClinicId, hash: SecretHash, now: Timestamp) -> Result<Standing, DbError> {
        let system = System::acting_for(clinic, COMPONENT);
        let row = self
            .db
            .read(&system, async |tx| {
                api_keys::table
                    .inner_join(named_by!(memberships, api_keys::created_by))
                    .inner_join(clinics::table.on(clinics::id.eq(api_keys::clinic_id)))
                    .filter(
                        api_keys::clinic_id
                            .eq(tx.clinic())
                            .and(api_keys::secret_hash.eq(hash.as_bytes())),
                    )
                    .select(ApiKeyRow::as_select())
                    .first(&mut tx.conn())
                    .await
                    .optional()
                    .or_database::<DbError>()
            })
            .await?;
        let Some(row) = row else {
            return Ok(Standing::refused(Refusal::Unknown));
        };
        let standing = standing_of_api_key(clinic, &row, now);
        if standing.outcome.is_ok()
            && row
                .last_used_at
                .is_none_or(|last| now.since(last) >= LAST_USE_PRECISION)
        {
            tokio::task::spawn_local(note_use(self.db.clone(), system, row.key));
        }
        Ok(standing)
    }
}

/// Why a token was refused before anything was read.
#[derive(Debug, Clone, Copy)]
enum Judgement {
    Missing,
    Refused(TokenError),
}

impl From<Judgement> for AuthenticationError {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Missing => Self::Missing,
            Judgement::Refused(error) => error.into(),
        }
    }
}

/// Notes that the key is in use. Beside the request: whether it is noted changes nothing for the caller.
async fn note_use(db: Db, system: System, key: ApiKeyId) {
    let noted: Result<usize, DbError> = db
        .write(&system, async |tx| {
            let due = tx.now().saturating_add(-LAST_USE_PRECISION);
            diesel::update(api_keys::table)
                .filter(api_keys::clinic_id.eq(tx.clinic()).and(api_keys::id.eq(key)))
                .filter(api_keys::last_used_at.is_null().or(api_keys::last_used_at.le(due)))
                .set(api_keys::last_used_at.eq(tx.now()))
                .execute(&mut tx.conn())
                .await
                .or_database()
        })
        .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "the last use of an API key could not be noted; the next use will try again");
    }
}
