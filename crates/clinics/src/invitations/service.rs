//! Rules of inviting.

use auth::InvitationToken;
use db::{AuditRecord, TenantRead, TenantTx};
use kernel::{Actor, Caller as _, InvitationId, Principal, Role, Version};
use secrecy::SecretString;
use serde_json::json;

use super::error::InvitationError;
use super::model::{Invitation, InvitationStatus, NewInvitation};
use super::{mailing, store};
use crate::authority::{Authority, role_names};

/// Invites a person, and gives the secret that lets them join; none where it is mailed.
pub(super) async fn create(
    tx: &mut TenantTx<'_>,
    principal: &Principal,
    new: &NewInvitation,
    is_mailed: bool,
) -> Result<(Invitation, Option<SecretString>), InvitationError> {
    let authority = Authority::of(tx, principal).await?;
    if !authority.may_grant(&new.roles) {
        let lacking: Vec<Role> = new
            .roles
            .iter()
            .copied()
            .filter(|role| !authority.may_grant(&[*role]))
            .collect();
        return Err(InvitationError::RoleNotGrantable(lacking));
    }
    if store::is_member(tx, &new.email).await? {
        return Err(InvitationError::AlreadyMember);
    }
    store::archive_expired(tx, &new.email).await?;
    let invited_by = match principal.actor() {
        Actor::User { membership, .. } => Some(membership),
        Actor::ApiKey { .. } | Actor::System { .. } => None,
    };
    // Where it is mailed, nobody ever hears of this one: the job that mails makes another.
    let token = InvitationToken::generate(tx.clinic())?;
    let invitation = store::insert(tx, new, token.hash(), invited_by, is_mailed).await?;
    if is_mailed {
        mailing::enqueue(tx, invitation.id);
    }
    let record = AuditRecord::new("invitations.create", "invitation", invitation.id.as_uuid());
    tx.audit(record.with_detail(json!({"roles": role_names(&new.roles)})));
    Ok((invitation, (!is_mailed).then(|| token.reveal())))
}

/// Has an invitation mailed again, with a new secret and its whole time; the secret from before is good no more.
pub(super) async fn resend(
    tx: &mut TenantTx<'_>,
    id: InvitationId,
    expected: Option<Version>,
) -> Result<Invitation, InvitationError> {
    let invitation = store::lock(tx, id).await?.ok_or(InvitationError::NotFound)?;
    if expected.is_some_and(|expected| expected != invitation.version) {
        return Err(InvitationError::VersionMismatch);
    }
    match invitation.status(tx.now()) {
        InvitationStatus::Accepted | InvitationStatus::Archived => return Err(InvitationError::Closed),
        InvitationStatus::Open | InvitationStatus::Expired => {}
    }
    if let Some(wait) = invitation.mail_wait(tx.now()) {
        return Err(InvitationError::MailedRecently(wait));
    }
    let invitation = store::ask_for_mail(tx, id).await?;
    mailing::enqueue(tx, id);
    tx.audit(AuditRecord::new("invitations.resend", "invitation", id.as_uuid()));
    Ok(invitation)
}

/// The invitation.
pub(super) async fn get(tx: &TenantRead<'_>, id: InvitationId) -> Result<Invitation, InvitationError> {
    store::find(tx, id).await?.ok_or(InvitationError::NotFound)
}

/// Takes an invitation back. One that was taken back already stays so; one that was accepted is a place now.
pub(super) async fn revoke(
    tx: &mut TenantTx<'_>,
    id: InvitationId,
    expected: Option<Version>,
) -> Result<(), InvitationError> {
    let invitation = store::lock(tx, id).await?.ok_or(InvitationError::NotFound)?;
    if expected.is_some_and(|expected| expected != invitation.version) {
        return Err(InvitationError::VersionMismatch);
    }
    match invitation.status(tx.now()) {
        InvitationStatus::Accepted => Err(InvitationError::Closed),
        InvitationStatus::Archived => Ok(()),
        InvitationStatus::Open | InvitationStatus::Expired => {
            store::archive(tx, id).await?;
            tx.audit(AuditRecord::new("invitations.revoke", "invitation", id.as_uuid()));
            Ok(())
        }
    }
}
