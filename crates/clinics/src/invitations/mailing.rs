//! Invitations that travel by mail: what the mail says, and what became of it.
//!
//! No secret waits in the queue. The job that mails makes it from the master key and its own id, so that each attempt makes the
//! same link; the row gets the hash before the mail goes.

use auth::{InvitationToken, MasterKeys};
use db::{AuditRecord, DbError, Job, TenantTx};
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{EventId, InvitationId, Lane, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accept::is_still_meant;
use super::model::InvitationStatus;
pub use super::model::MailState;
use super::store;
use crate::credentials::ClinicSummary;

/// The job that mails an invitation.
pub const MAIL: &str = "account_mail.invitation";

/// What the job [`MAIL`] is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct InvitationMailJob {
    /// The invitation.
    pub invitation_id: InvitationId,
}

/// What the mail tells.
#[derive(Debug)]
pub struct InvitationLetter {
    /// Where it goes.
    pub to: EmailAddress,
    /// Who is invited.
    pub name: PersonName,
    /// To which clinic.
    pub clinic: ClinicSummary,
    /// The secret to join with.
    pub token: SecretString,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Has the invitation mailed.
pub(super) fn enqueue(tx: &mut TenantTx<'_>, id: InvitationId) {
    let job = Job::new(MAIL, &InvitationMailJob { invitation_id: id });
    tx.enqueue(job.lane(Lane::Urgent).key(id.to_string()));
}

/// The mail that `job` is to send, whose secret is good from now on; nothing when there is nothing to send any more: the
/// invitation is no longer open or meant, the clinic is closed, or a later job mails it.
///
/// # Errors
/// The database's.
pub async fn prepare(
    tx: &mut TenantTx<'_>,
    keys: &MasterKeys,
    id: InvitationId,
    job: EventId,
) -> Result<Option<InvitationLetter>, DbError> {
    let Some(invitation) = store::lock(tx, id).await? else {
        return Ok(None);
    };
    let Some(clinic) = store::active_clinic(tx).await? else {
        return Ok(None);
    };
    if invitation.status(tx.now()) != InvitationStatus::Open || !is_still_meant(tx, &invitation).await? {
        return Ok(None);
    }
    let (mailed_by, stored) = store::mailed_secret(tx, id).await?;
    // Ids of jobs sort by when they were made.
    if mailed_by.is_some_and(|other| other.as_uuid() > job.as_uuid()) {
        return Ok(None);
    }
    let token = InvitationToken::derive(keys, tx.clinic(), job.as_uuid());
    if mailed_by != Some(job) || !token.hash().matches(&stored) {
        store::set_mailed_secret(tx, id, job, token.hash()).await?;
    }
    Ok(Some(InvitationLetter {
        to: invitation.email,
        name: invitation.name,
        clinic,
        token: token.reveal(),
        expires_at: invitation.expires_at,
    }))
}

/// Notes what became of the mail of `job`.
///
/// # Errors
/// The database's.
pub async fn note_outcome(
    tx: &mut TenantTx<'_>,
    id: InvitationId,
    job: EventId,
    state: MailState,
) -> Result<(), DbError> {
    if store::set_mail_state(tx, id, job, state).await? {
        let record = AuditRecord::new("invitations.mail", "invitation", id.as_uuid());
        tx.audit(record.with_detail(json!({ "outcome": state })));
    }
    Ok(())
}
