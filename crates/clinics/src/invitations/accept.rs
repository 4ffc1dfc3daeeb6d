//! Joining a clinic: the account, new or proved by its password, and the place, all in one transaction.

use auth::InvitationToken;
use auth::passwords::NewPassword;
use db::{AuditRecord, Db, DbError, LookupBy, TenantTx};
use kernel::{MembershipId, Origin, System, UserId};
use serde_json::json;

use super::error::InvitationError;
use super::model::{Acceptance, Invitation, InvitationStatus};
use super::store;
use crate::account::void_password_resets;
use crate::accounts::Accounts;
use crate::authority::{Authority, parse_roles};
use crate::credentials::{self, ClinicSummary, Credentials, ProvenPassword, SecondFactor, consume, prove_password};
use crate::{places, tags};

/// The part of the system that lets people in.
const COMPONENT: &str = "invitations";

/// The account that joins.
enum Account {
    /// One that is there already and whose password was proved.
    Present(Box<Credentials>, ProvenPassword),
    /// One to be made with this password hash.
    New(String),
}

/// A person who has joined.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) user: UserId,
    pub(super) membership: MembershipId,
    pub(super) invitation: Invitation,
    pub(super) clinic: ClinicSummary,
}

/// Lets the person who holds `token` join.
pub(super) async fn accept(
    accounts: &Accounts,
    db: &Db,
    token: &InvitationToken,
    acceptance: &Acceptance,
    origin: Origin,
) -> Result<Joined, InvitationError> {
    let system = System::acting_for(token.scope(), COMPONENT).in_request(origin);
    let (invitation, clinic) = db
        .read(&system, async |tx| {
            let invitation = store::find_by_secret(tx, token.hash())
                .await?
                .ok_or(InvitationError::UnknownToken)?;
            let clinic = store::active_clinic(tx).await?.ok_or(InvitationError::Closed)?;
            Ok::<_, InvitationError>((invitation, clinic))
        })
        .await?;
    if invitation.status(db.clock().now()) != InvitationStatus::Open {
        return Err(InvitationError::Closed);
    }
    let account = account(accounts, db, &invitation, acceptance).await?;
    let (user, membership) = db
        .write(&system, async |tx| join(tx, &invitation, &account, acceptance).await)
        .await?;
    Ok(Joined {
        user,
        membership,
        invitation,
        clinic,
    })
}

/// Finds out who joins. Hashing takes its time here, before the transaction.
async fn account(
    accounts: &Accounts,
    db: &Db,
    invitation: &Invitation,
    acceptance: &Acceptance,
) -> Result<Account, InvitationError> {
    let email = &invitation.email;
    let password = acceptance.password.as_ref().ok_or(InvitationError::PasswordRequired)?;
    match credentials::find(db, LookupBy::Email(email.clone())).await?.user {
        Some(user) => {
            let proven = prove_password(accounts, db, email, Some(&user), password).await?;
            Ok(Account::Present(Box::new(user), proven))
        }
        None => Ok(Account::New(
            accounts.passwords.hash(NewPassword::choose(password, email)?).await?,
        )),
    }
}

async fn join(
    tx: &mut TenantTx<'_>,
    invitation: &Invitation,
    account: &Account,
    acceptance: &Acceptance,
) -> Result<(UserId, MembershipId), InvitationError> {
    if !store::accept(tx, invitation.id).await? || !is_still_meant(tx, invitation).await? {
        return Err(InvitationError::Closed);
    }
    tx.open_user(&LookupBy::Email(invitation.email.clone())).await?;
    let user = match account {
        Account::Present(user, proven) => {
            tx.open_user(&LookupBy::User(user.id)).await?;
            consume(tx, user, proven, &SecondFactor::NotNeeded).await?;
            // A link handed out by one clinic must not open another that the person joins meanwhile.
            void_password_resets(tx, user.id).await?;
            user.id
        }
        Account::New(password_hash) => {
            let name = acceptance.name.as_ref().unwrap_or(&invitation.name);
            places::insert_user(tx, &invitation.email, name, password_hash).await?
        }
    };
    let membership = places::insert_membership(tx, user, &invitation.roles()).await?;
    tx.touch(tags::staff());
    let record = AuditRecord::new("invitations.accept", "invitation", invitation.id.as_uuid());
    tx.audit(record.with_detail(json!({"user_id": user, "membership_id": membership})));
    Ok((user, membership))
}

/// Whether who invited still works here and may still give these roles. What an integration or the operator invited stands
/// until it is taken back.
pub(super) async fn is_still_meant(tx: &TenantTx<'_>, invitation: &Invitation) -> Result<bool, DbError> {
    let Some(inviter) = invitation.invited_by else {
        return Ok(true);
    };
    let roles = store::roles_of_inviter(tx, inviter).await?;
    Ok(roles.is_some_and(|roles| Authority::of_roles(&parse_roles(&roles)).may_grant(&invitation.roles())))
}
