//! Rules of links that set a new password.

use auth::PasswordResetToken;
use auth::passwords::NewPassword;
use db::{AuditRecord, Db, DbError, LookupBy, TenantTx};
use kernel::email::EmailAddress;
use kernel::{MembershipId, Origin, Principal, System, UserId};
use secrecy::SecretString;
use serde_json::json;

use super::error::PasswordResetError;
use super::model::IssuedReset;
use super::{mailing, store};
use crate::account::{lock_user, void_password_resets};
use crate::accounts::Accounts;
use crate::authority::Authority;
use crate::credentials;
use crate::sessions::{self, EndReason};

/// The part of the system that sets passwords.
const COMPONENT: &str = "password_reset";

/// Hands out a link for the member of the staff.
pub(super) async fn issue_for_member(
    tx: &mut TenantTx<'_>,
    principal: &Principal,
    membership: MembershipId,
) -> Result<IssuedReset, PasswordResetError> {
    let target = store::target(tx, membership)
        .await?
        .ok_or(PasswordResetError::NotFound)?;
    if principal.user() == Some(target.user_id) {
        return Err(PasswordResetError::OwnPassword);
    }
    let authority = Authority::of(tx, principal).await?;
    tx.open_user(&LookupBy::User(target.user_id)).await?;
    // Joining a clinic writes the user's row: whoever joins another meanwhile is waited for, or waits and voids this link.
    lock_user(tx, target.user_id).await?;
    let works_elsewhere = store::works_elsewhere(tx, target.user_id).await?;
    target.permit(&authority, works_elsewhere)?;
    issue(tx, target.user_id).await
}

/// Has a link mailed to the member of the staff. Nobody else gets to see it, so it is no matter what roles they hold and where
/// else they work.
pub(super) async fn mail_to_member(
    tx: &mut TenantTx<'_>,
    principal: &Principal,
    membership: MembershipId,
) -> Result<(), PasswordResetError> {
    let target = store::target(tx, membership)
        .await?
        .ok_or(PasswordResetError::NotFound)?;
    if principal.user() == Some(target.user_id) {
        return Err(PasswordResetError::OwnPassword);
    }
    note_wish(tx, target.user_id);
    mailing::enqueue(tx, target.user_id);
    Ok(())
}

fn note_wish(tx: &mut TenantTx<'_>, user: UserId) {
    tx.audit(AuditRecord::new("password_reset.request", "user", user.as_uuid()));
}

/// Makes a link for `user`, who is open to the transaction; those from before are good no more.
pub(crate) async fn issue(tx: &mut TenantTx<'_>, user: UserId) -> Result<IssuedReset, PasswordResetError> {
    void_password_resets(tx, user).await?;
    let token = PasswordResetToken::generate(user)?;
    let expires_at = store::insert(tx, user, token.hash()).await?;
    tx.audit(AuditRecord::new("password_reset.issue", "user", user.as_uuid()));
    Ok(IssuedReset {
        token: token.reveal(),
        expires_at,
    })
}

/// Notes in each clinic of the person with this e-mail that they asked for a new password, so that who manages staff there
/// can hand them a link; or, where `is_mailed`, has a link mailed to them. Says nothing of what it found.
pub(super) async fn note_request(db: &Db, email: EmailAddress, origin: Origin, is_mailed: bool) -> Result<(), DbError> {
    let person = credentials::find(db, LookupBy::Email(email)).await?;
    let Some(user) = person.user else { return Ok(()) };
    // The first clinic's queue carries the mail: one is enough.
    for (number, place) in person.places.into_iter().enumerate() {
        let system = System::acting_for(place.clinic.id, COMPONENT).in_request(origin);
        db.write(&system, async |tx| {
            note_wish(tx, user.id);
            if is_mailed && number == 0 {
                mailing::enqueue(tx, user.id);
            }
            Ok::<_, DbError>(())
        })
        .await?;
    }
    Ok(())
}

/// Sets a new password by the secret of a link, and ends every sign-in of the person. What is noted of it is noted in each of
/// their clinics, first where the password is set.
pub(super) async fn complete(
    accounts: &Accounts,
    db: &Db,
    token: &PasswordResetToken,
    new: &SecretString,
    origin: Origin,
) -> Result<(), PasswordResetError> {
    let user = token.scope();
    let is_good = db
        .lookup(LookupBy::User(user), async |lookup| {
            store::is_good(lookup, user, token.hash()).await
        })
        .await?;
    if !is_good {
        return Err(PasswordResetError::InvalidToken);
    }
    let person = credentials::find(db, LookupBy::User(user)).await?;
    let credentials = person.user.ok_or(PasswordResetError::InvalidToken)?;
    let new = NewPassword::choose(new, &credentials.email)?;
    let password_hash = accounts.passwords.hash(new).await?;
    let mut clinics = person.places.into_iter().map(|place| place.clinic.id);
    let first = clinics.next().ok_or(PasswordResetError::InvalidToken)?;
    db.write(&System::acting_for(first, COMPONENT).in_request(origin), async |tx| {
        set_password(tx, token, &password_hash).await
    })
    .await?;
    for clinic in clinics {
        let system = System::acting_for(clinic, COMPONENT).in_request(origin);
        db.write(&system, async |tx| {
            note_completion(tx, user);
            Ok::<_, PasswordResetError>(())
        })
        .await?;
    }
    Ok(())
}

async fn set_password(
    tx: &mut TenantTx<'_>,
    token: &PasswordResetToken,
    password_hash: &str,
) -> Result<(), PasswordResetError> {
    let user = token.scope();
    tx.open_user(&LookupBy::User(user)).await?;
    if !store::use_up(tx, user, token.hash()).await? {
        return Err(PasswordResetError::InvalidToken);
    }
    store::set_password(tx, user, password_hash).await?;
    void_password_resets(tx, user).await?;
    sessions::end_of_user(tx, user, None, EndReason::PasswordChanged).await?;
    note_completion(tx, user);
    Ok(())
}

fn note_completion(tx: &mut TenantTx<'_>, user: UserId) {
    let detail = json!({"ended": "every sign-in"});
    tx.audit(AuditRecord::new("password_reset.complete", "user", user.as_uuid()).with_detail(detail));
}
