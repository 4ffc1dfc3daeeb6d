//! Access tokens: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), good for some minutes.
//!
//! A token says who signed in where, not what they may do: permissions are read anew while it is used. The algorithm is
//! pinned, the key is ours by its id, and nothing else of the header is believed (RFC 8725).

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use kernel::{ClinicId, Clock, MembershipId, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::TokenConfig;
use crate::secrets::{RandomnessError, random_bytes};
use crate::signing_keys::SigningKeys;

/// How far another node's clock may run ahead of ours.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);

/// No token of ours is longer, in bytes.
const LONGEST: usize = 2048;

/// Who signed in where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessSubject {
    /// The person.
    pub user: UserId,
    /// The clinic they signed in to.
    pub clinic: ClinicId,
    /// Their place in it.
    pub membership: MembershipId,
    /// The sign-in.
    pub session: SessionId,
}

/// What a verified token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who signed in where.
    pub subject: AccessSubject,
    /// When the token was made.
    pub issued_at: Timestamp,
    /// The first instant at which it is no longer good.
    pub expires_at: Timestamp,
}

/// A new token.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token as the client sends it.
    pub token: SecretString,
    /// How long it is good.
    pub lifetime: TimeDelta,
    /// The first instant at which it is no longer good.
    pub expires_at: Timestamp,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No JSON Web Token of ours by its form.
    #[error("the access token is malformed")]
    Malformed,
    /// Another algorithm, an unknown key, a wrong signature, or meant for someone else.
    #[error("the access token was not issued here")]
    NotOurs,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the access token is not valid yet")]
    NotYetValid,
}

/// Why no token could be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The key would not sign.
    #[error("the access token could not be signed: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// The claims as they travel.
#[derive(Serialize, Deserialize)]
struct WireClaims {
    iss: String,
    aud: String,
    sub: UserId,
    cid: ClinicId,
    mid: MembershipId,
    sid: SessionId,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
}

/// Issues and verifies access tokens.
pub struct AccessTokens {
    keys: Arc<SigningKeys>,
    config: TokenConfig,
    validation: Validation,
    clock: Arc<dyn Clock>,
}

impl AccessTokens {
    /// Tokens signed with `keys` as `config` says, by the time of `clock`.
    #[must_use]
    pub fn new(keys: Arc<SigningKeys>, config: TokenConfig, clock: Arc<dyn Clock>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // The library would ask the machine for the time; `check_times` asks our clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            keys,
            config,
            validation,
            clock,
        }
    }

    /// The keys that sign and verify.
    #[must_use]
    pub const fn keys(&self) -> &Arc<SigningKeys> {
        &self.keys
    }

    /// A new token for `subject`, good from now on.
    ///
    /// # Errors
    /// [`IssueError`] when there is no randomness, or the key does not sign.
    pub fn issue(&self, subject: &AccessSubject) -> Result<IssuedToken, IssueError> {
        let lifetime = self.config.access_lifetime;
        let issued_at = self.clock.now().as_datetime().timestamp();
        let claims = WireClaims {
            iss: self.config.issuer.clone(),
            aud: self.config.audience.clone(),
            sub: subject.user,
            cid: subject.clinic,
            mid: subject.membership,
            sid: subject.session,
            iat: issued_at,
            nbf: issued_at,
            exp: issued_at.saturating_add(lifetime.num_seconds()),
            jti: Uuid::from_bytes(*random_bytes::<16>()?),
        };
        let expires_at = instant(claims.exp).unwrap_or_else(|| self.clock.now());
        let keys = self.keys.current();
        let (key, id) = keys.signer();
        let header = Header {
            kid: Some(id.to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        let token = SecretString::from(jsonwebtoken::encode(&header, &claims, key)?);
        Ok(IssuedToken {
            token,
            lifetime,
            expires_at,
        })
    }

    /// What `token` says, if it is ours and of now.
    ///
    /// # Errors
    /// [`TokenError`], which says why it is refused.
    pub fn verify(&self, token: &str) -> Result<AccessClaims, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Malformed);
        }
        let now = self.clock.now();
        let header = jsonwebtoken::decode_header(token).or(Err(TokenError::Malformed))?;
        let id = header
            .kid
            .filter(|_| header.alg == Algorithm::EdDSA)
            .ok_or(TokenError::NotOurs)?;
        let keys = self.keys.with_key(&id, now);
        let key = keys.verifier(&id).ok_or(TokenError::NotOurs)?;
        let decoded = jsonwebtoken::decode(token, key, &self.validation).map_err(|error| refusal(error.kind()))?;
        check_times(&decoded.claims, now)
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AccessTokens")
            .field("keys", &self.keys)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature
        | ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience
        | ErrorKind::MissingRequiredClaim(_) => TokenError::NotOurs,
        _ => TokenError::Malformed,
    }
}

/// The instant a NumericDate (RFC 7519, section 2) stands for.
fn instant(seconds: i64) -> Option<Timestamp> {
    Timestamp::new(DateTime::from_timestamp(seconds, 0)?).ok()
}

fn check_times(claims: &WireClaims, now: Timestamp) -> Result<AccessClaims, TokenError> {
    let at = |seconds| instant(seconds).ok_or(TokenError::Malformed);
    let (issued_at, valid_from, expires_at) = (at(claims.iat)?, at(claims.nbf)?, at(claims.exp)?);
    if now >= expires_at {
        return Err(TokenError::Expired);
    }
    if now.saturating_add(LEEWAY) < issued_at.max(valid_from) {
        return Err(TokenError::NotYetValid);
    }
    let WireClaims {
        sub: user,
        cid: clinic,
        mid: membership,
        sid: session,
        ..
    } = *claims;
    Ok(AccessClaims {
        subject: AccessSubject {
            user,
            clinic,
            membership,
            session,
        },
        issued_at,
        expires_at,
    })
}

#[cfg(test)]
mod tests;
