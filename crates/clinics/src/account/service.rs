//! Rules of one's own account. What guards the account is changed only by who proves the present password, and the second
//! factor where there is one.

use auth::passwords::NewPassword;
use auth::recovery_codes::{RecoveryCode, RecoveryCodeHash, hash_all};
use auth::totp::TotpSecret;
use db::{AuditRecord, Db, LookupBy, TenantRead, TenantTx};
use kernel::{Actor, Caller as _, Principal, UserId};
use secrecy::{ExposeSecret, SecretString};

use super::error::AccountError;
use super::model::{Enrolment, Identity};
use super::store;
use crate::accounts::Accounts;
use crate::credentials::{
    self, CredentialError, Credentials, ProvenPassword, SecondFactor, SignInCode, check_second_factor, consume,
    prove_password, seal_totp, set_recovery_codes, totp_secret,
};
use crate::sessions::{self, EndReason, SignedInUser, signed_in_user};

/// What authenticator apps show above the code.
const ISSUER: &str = "TaskMed";

/// Who the caller is.
pub(super) async fn identity(tx: &TenantRead<'_>, principal: &Principal) -> Result<Identity, AccountError> {
    match principal.actor() {
        Actor::User { session, .. } => {
            let person = store::person(tx, session).await?.ok_or(AccountError::Gone)?;
            Ok(Identity::Person(Box::new(person)))
        }
        Actor::ApiKey { key } => store::integration(tx, key)
            .await?
            .map(Identity::Integration)
            .ok_or(AccountError::Gone),
        Actor::System { .. } => Err(AccountError::Gone),
    }
}

/// The caller, with their present password proved.
struct ProvenCaller {
    own: SignedInUser,
    user: Credentials,
    password: ProvenPassword,
}

async fn prove_caller(
    accounts: &Accounts,
    db: &Db,
    principal: &Principal,
    password: &SecretString,
) -> Result<ProvenCaller, AccountError> {
    let own = signed_in_user(principal)?;
    let user = own_credentials(db, own.user).await?;
    let password = prove_password(accounts, db, &user.email, Some(&user), password).await?;
    Ok(ProvenCaller { own, user, password })
}

async fn own_credentials(db: &Db, user: UserId) -> Result<Credentials, AccountError> {
    credentials::find(db, LookupBy::User(user))
        .await?
        .user
        .ok_or(AccountError::Gone)
}

/// A password that is to take another's place, and what proves the caller.
pub(super) struct PasswordChange<'c> {
    pub(super) current: &'c SecretString,
    pub(super) new: &'c SecretString,
    /// Demanded of who has a second factor.
    pub(super) code: Option<&'c SignInCode>,
}

/// Changes the caller's password and ends their other sign-ins, in every clinic.
pub(super) async fn change_password(
    accounts: &Accounts,
    db: &Db,
    principal: &Principal,
    change: PasswordChange<'_>,
) -> Result<(), AccountError> {
    let ProvenCaller { own, user, password } = prove_caller(accounts, db, principal, change.current).await?;
    let factor = check_second_factor(accounts, db, &user, change.code).await?;
    let new = NewPassword::choose(change.new, &user.email)?;
    let password = password.replaced_by(accounts.passwords.hash(new).await?);
    db.write(principal, async |tx| {
        tx.open_user(&LookupBy::User(user.id)).await?;
        consume(tx, &user, &password, &factor).await?;
        store::void_password_resets(tx, user.id).await?;
        sessions::end_of_user(tx, user.id, Some(own.session), EndReason::PasswordChanged).await?;
        note(tx, "account.password_change", user.id);
        Ok(())
    })
    .await
}

/// Begins a second factor: it is asked for once it was confirmed.
pub(super) async fn enrol_totp(
    accounts: &Accounts,
    db: &Db,
    principal: &Principal,
    current: &SecretString,
) -> Result<Enrolment, AccountError> {
    let ProvenCaller { user, password, .. } = prove_caller(accounts, db, principal, current).await?;
    if user.has_second_factor() {
        return Err(AccountError::TotpEnabled);
    }
    let secret = TotpSecret::generate()?;
    let sealed = seal_totp(accounts, user.id, &secret)?;
    let enrolment = Enrolment {
        secret: secret.base32(),
        otpauth_url: secret.otpauth_url(ISSUER, user.email.as_str())?,
    };
    db.write(principal, async |tx| {
        tx.open_user(&LookupBy::User(user.id)).await?;
        consume(tx, &user, &password, &SecondFactor::NotNeeded).await?;
        if !store::enrol(tx, user.id, &sealed).await? {
            return Err(AccountError::TotpEnabled);
        }
        note(tx, "account.totp_enrol", user.id);
        Ok(())
    })
    .await?;
    Ok(enrolment)
}

/// Confirms the second factor by the code that the app shows now, and gives the recovery codes.
pub(super) async fn confirm_totp(
    accounts: &Accounts,
    db: &Db,
    principal: &Principal,
    code: &SecretString,
) -> Result<Vec<RecoveryCode>, AccountError> {
    let own = signed_in_user(principal)?;
    let user = own_credentials(db, own.user).await?;
    if user.has_second_factor() {
        return Err(AccountError::TotpEnabled);
    }
    let (Some(secret), Some(sealed)) = (totp_secret(accounts, &user)?, &user.totp_sealed) else {
        return Err(AccountError::TotpNotEnrolled);
    };
    let step = secret
        .check(code.expose_secret(), db.clock().now(), user.last_step())
        .ok_or(AccountError::WrongConfirmation)?;
    let (codes, hashes) = new_recovery_codes(user.id).await?;
    db.write(principal, async |tx| {
        tx.open_user(&LookupBy::User(user.id)).await?;
        if !store::confirm(tx, user.id, sealed, step).await? {
            return Err(AccountError::TotpNotEnrolled);
        }
        set_recovery_codes(tx, user.id, &hashes).await?;
        note(tx, "account.totp_confirm", user.id);
        Ok(())
    })
    .await?;
    Ok(codes)
}

/// Takes the second factor away.
pub(super) async fn disable_totp(
    accounts: &Accounts,
    db: &Db,
    principal: &Principal,
    current: &SecretString,
    code: &SignInCode,
) -> Result<(), AccountError> {
    let (user, password, factor) = prove_fully(accounts, db, principal, current, code).await?;
    db.write(principal, async |tx| {
        tx.open_user(&LookupBy::User(user.id)).await?;
        consume(tx, &user, &password, &factor).await?;
        store::disable(tx, user.id).await?;
        set_recovery_codes(tx, user.id, &[]).await?;
        note(tx, "account.totp_disable", user.id);
        Ok(())
    })
    .await
}

/// Gives ten new recovery codes; those from before are good no more.
pub(super) async fn renew_recovery_codes(
    accounts: &Accounts,
    db: &Db,
    principal: &Principal,
    current: &SecretString,
    code: &SignInCode,
) -> Result<Vec<RecoveryCode>, AccountError> {
    let (user, password, factor) = prove_fully(accounts, db, principal, current, code).await?;
    let (codes, hashes) = new_recovery_codes(user.id).await?;
    db.write(principal, async |tx| {
        tx.open_user(&LookupBy::User(user.id)).await?;
        consume(tx, &user, &password, &factor).await?;
        set_recovery_codes(tx, user.id, &hashes).await?;
        note(tx, "account.recovery_codes_renew", user.id);
        Ok::<_, AccountError>(())
    })
    .await?;
    Ok(codes)
}

async fn prove_fully(
    accounts: &Accounts,
    db: &Db,
    principal: &Principal,
    current: &SecretString,
    code: &SignInCode,
) -> Result<(Credentials, ProvenPassword, SecondFactor), AccountError> {
    let ProvenCaller { user, password, .. } = prove_caller(accounts, db, principal, current).await?;
    match check_second_factor(accounts, db, &user, Some(code)).await? {
        SecondFactor::NotNeeded => Err(AccountError::TotpNotEnabled),
        factor => Ok((user, password, factor)),
    }
}

async fn new_recovery_codes(user: UserId) -> Result<(Vec<RecoveryCode>, Vec<RecoveryCodeHash>), CredentialError> {
    let codes = RecoveryCode::generate_all()?;
    let hashes = hash_all(codes.clone(), user).await?;
    Ok((codes, hashes))
}

fn note(tx: &mut TenantTx<'_>, action: &'static str, user: UserId) {
    tx.audit(AuditRecord::new(action, "user", user.as_uuid()));
}
