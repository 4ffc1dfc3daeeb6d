//! Proving who a person is, step by step: find, password, second factor. Nothing is used up until [`super::consume`].

use auth::SealingError;
use auth::recovery_codes::hash_all;
use auth::sealing::cell;
use auth::totp::TotpSecret;
use db::{Db, DbError, LookupBy};
use kernel::UserId;
use kernel::email::EmailAddress;
use secrecy::{ExposeSecret, SecretString};

use super::error::CredentialError;
use super::model::{CodeKind, Credentials, Person, SecondFactor, SignInCode, wait_until};
use super::store::{self, NOBODY};
use crate::accounts::Accounts;

/// A password that was right.
pub(crate) struct ProvenPassword {
    /// The hash it was checked against.
    pub(super) verified: String,
    /// The hash to be stored in its place: of the same password at today's cost, or of a new password.
    pub(super) replacement: Option<String>,
}

impl ProvenPassword {
    /// The same proof, with a new password to be stored when it is used up.
    pub(crate) fn replaced_by(self, hash: String) -> Self {
        Self {
            replacement: Some(hash),
            ..self
        }
    }
}

/// The person `by` names and the places they may enter. Costs the same when there is no such person.
pub(crate) async fn find(db: &Db, by: LookupBy) -> Result<Person, DbError> {
    db.lookup(by.clone(), async |lookup| {
        let user = store::find_user(lookup, &by).await?;
        let id = user.as_ref().map_or(NOBODY, |user| user.id);
        lookup.open_user(id).await?;
        let places = store::places(lookup, id).await?;
        Ok(Person { user, places })
    })
    .await
}

/// Checks the password of `user`, who gave the address `email`; for nobody's address it is as slow, and wrong.
pub(crate) async fn prove_password(
    accounts: &Accounts,
    db: &Db,
    email: &EmailAddress,
    user: Option<&Credentials>,
    password: &SecretString,
) -> Result<ProvenPassword, CredentialError> {
    let now = db.clock().now();
    let wait = match user {
        Some(user) => wait_until(user.locked_until, now),
        None => accounts.strangers.wait(email, now),
    };
    if let Some(wait) = wait {
        return Err(CredentialError::Locked(wait));
    }
    let stored = user.and_then(|user| Some((user, user.password_hash.as_deref()?)));
    let Some((user, stored)) = stored else {
        accounts.passwords.verify_nobody().await?;
        return Err(failed(accounts, db, email, user, CredentialError::Invalid).await);
    };
    let verdict = accounts.passwords.verify(password, stored).await?;
    if !verdict.is_right() {
        return Err(failed(accounts, db, email, Some(user), CredentialError::Invalid).await);
    }
    ensure_unlocked(db, user.id).await?;
    let outdated = verdict == auth::passwords::Verdict::RightButOutdated;
    let replacement = if outdated {
        Some(accounts.passwords.rehash(password).await?)
    } else {
        None
    };
    Ok(ProvenPassword {
        verified: stored.to_owned(),
        replacement,
    })
}

/// Checks the code of the second factor, where `user` has one.
pub(crate) async fn check_second_factor(
    accounts: &Accounts,
    db: &Db,
    user: &Credentials,
    code: Option<&SignInCode>,
) -> Result<SecondFactor, CredentialError> {
    if !user.has_second_factor() {
        return Ok(SecondFactor::NotNeeded);
    }
    let code = code.ok_or(CredentialError::CodeRequired)?;
    let factor = match code.kind() {
        CodeKind::Totp(digits) => totp_secret(accounts, user)?
            .and_then(|secret| secret.check(digits.expose_secret(), db.clock().now(), user.last_step()))
            .map(SecondFactor::Totp),
        CodeKind::Recovery(code) => {
            let hash = hash_all(vec![code], user.id).await?.into_iter().next();
            match hash {
                Some(hash) if recovery_code_is_unused(db, user.id, &hash).await? => Some(SecondFactor::Recovery(hash)),
                _ => None,
            }
        }
        CodeKind::Neither => None,
    };
    match factor {
        Some(factor) => Ok(factor),
        None => Err(failed(accounts, db, &user.email, Some(user), CredentialError::WrongCode).await),
    }
}

async fn recovery_code_is_unused(
    db: &Db,
    user: UserId,
    hash: &auth::recovery_codes::RecoveryCodeHash,
) -> Result<bool, DbError> {
    db.lookup(LookupBy::User(user), async |lookup| {
        store::recovery_code_is_unused(lookup, user, hash).await
    })
    .await
}

/// Counts a failure, and says what to answer: `error`, or that the account was locked already.
async fn failed(
    accounts: &Accounts,
    db: &Db,
    email: &EmailAddress,
    user: Option<&Credentials>,
    error: CredentialError,
) -> CredentialError {
    let id = user.map_or(NOBODY, |user| user.id);
    let counted = db
        .lookup(LookupBy::User(id), async |lookup| {
            store::count_failure(lookup, id).await
        })
        .await;
    let wait = match (counted, user) {
        (Err(cause), _) => return cause.into(),
        (Ok(wait), Some(user)) => {
            tracing::info!(user_id = %user.id, "a sign-in failed");
            wait
        }
        (Ok(_nobodys), None) => accounts.strangers.failed(email, db.clock().now()),
    };
    wait.map_or(error, CredentialError::Locked)
}

/// A right password counts only while the account is not locked: otherwise many guesses at once, all begun before the lock,
/// would learn which of them was right.
async fn ensure_unlocked(db: &Db, user: UserId) -> Result<(), CredentialError> {
    let wait = db
        .lookup(LookupBy::User(user), async |lookup| {
            store::wait(lookup.conn(), user, lookup.now()).await
        })
        .await?;
    wait.map_or(Ok(()), |wait| Err(CredentialError::Locked(wait)))
}

/// The secret that the person's app and we share, confirmed or not.
pub(crate) fn totp_secret(accounts: &Accounts, user: &Credentials) -> Result<Option<TotpSecret>, CredentialError> {
    let Some(sealed) = &user.totp_sealed else {
        return Ok(None);
    };
    let bytes = accounts.master_keys.open(&totp_cell(user.id), sealed)?;
    Ok(Some(TotpSecret::from_bytes(&bytes)?))
}

/// `secret` as it is stored for `user`: sealed with a master key, since a person belongs to no clinic.
pub(crate) fn seal_totp(accounts: &Accounts, user: UserId, secret: &TotpSecret) -> Result<Vec<u8>, SealingError> {
    accounts.master_keys.seal(&totp_cell(user), secret.expose())
}

fn totp_cell(user: UserId) -> String {
    cell("users", "totp_sealed", user.as_uuid())
}
