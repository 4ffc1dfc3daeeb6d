//! Links for new passwords that travel by mail, to nobody but the person.
//!
//! No secret waits in the queue: the job that mails makes it from the master key and its own id, so that each attempt makes the
//! same link. A mailed link voids none from before, since anybody may ask for one: else they could void what the person has.

use auth::{MasterKeys, PasswordResetToken};
use db::{AuditRecord, DbError, Job, LookupBy, TenantTx};
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{EventId, Lane, Timestamp, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::MAILS_IN_WINDOW;
use super::store;
use crate::account::lock_user;
use crate::credentials::{ClinicSummary, place_in_clinic};

/// The job that mails a person a link for a new password.
pub const MAIL: &str = "account_mail.password_reset";

/// What the job [`MAIL`] is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PasswordResetMailJob {
    /// The person.
    pub user_id: UserId,
}

/// What the mail tells.
#[derive(Debug)]
pub struct PasswordResetLetter {
    /// Where it goes.
    pub to: EmailAddress,
    /// Whose password is to be set.
    pub name: PersonName,
    /// A clinic in which they work: its language and zone are those of the mail.
    pub clinic: ClinicSummary,
    /// The secret to set it with.
    pub token: SecretString,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Has a link mailed to `user`, who works in the clinic.
pub(super) fn enqueue(tx: &mut TenantTx<'_>, user: UserId) {
    let job = Job::new(MAIL, &PasswordResetMailJob { user_id: user });
    tx.enqueue(job.lane(Lane::Urgent).key(user.to_string()));
}

/// The mail that `job` is to send, whose link is good from now on; nothing when there is nothing to send: the person works
/// there no more, got enough of them within the hour, or the link was used, voided, or waited for longer than it is good.
///
/// # Errors
/// The database's.
pub async fn prepare(
    tx: &mut TenantTx<'_>,
    keys: &MasterKeys,
    user: UserId,
    job: EventId,
) -> Result<Option<PasswordResetLetter>, DbError> {
    let Some(place) = place_in_clinic(tx, user).await? else {
        return Ok(None);
    };
    tx.open_user(&LookupBy::User(user)).await?;
    // One job after the other, from whichever clinic, so that none is counted too late.
    lock_user(tx, user).await?;
    let token = PasswordResetToken::derive(keys, user, job.as_uuid());
    let expires_at = match store::mailed_link(tx, user, token.hash()).await? {
        Some(Some(expires_at)) => expires_at,
        Some(None) => return Ok(None),
        None if store::mailed_lately(tx, user).await? >= MAILS_IN_WINDOW => return Ok(None),
        None => {
            let record = AuditRecord::new("password_reset.issue", "user", user.as_uuid());
            tx.audit(record.with_detail(json!({"by": "mail"})));
            store::insert_mailed(tx, user, token.hash()).await?
        }
    };
    let (to, name) = store::recipient(tx, user).await?;
    Ok(Some(PasswordResetLetter {
        to,
        name,
        clinic: place.clinic,
        token: token.reveal(),
        expires_at,
    }))
}
