//! Mails about accounts: an invitation, a link for a new password. What they say is made when they are sent.
//!
//! Nothing is sent within a transaction: the secret's hash is committed before the mail goes, and what became of it after.

mod texts;

use std::sync::Arc;

use auth::MasterKeys;
use clinics::invitations::mailing::{self as invitations, InvitationMailJob, MailState};
use clinics::password_reset::mailing::{self as password_resets, PasswordResetMailJob};
use db::Db;
use jobs::{Event, HandlerError, Handlers};
use kernel::System;
use mail::SendError;

use crate::post::{PostOffice, TIME_LIMIT, tried};
use crate::shared::Shared;

/// Adds the handlers of mails about accounts. Without a mail server there are none: what waits is done by a node that has one, or
/// given up in the end.
pub(super) fn handlers(handlers: Handlers, shared: &Shared) -> Handlers {
    let Some(post) = shared.post() else { return handlers };
    let post = Office {
        post: Arc::clone(post),
        keys: Arc::clone(&shared.config().auth.master_keys),
    };
    let for_resets = post.clone();
    handlers
        .on(invitations::MAIL, async move |db: &Db, system, event| {
            post.mail_invitation(db, system, event).await
        })
        .time_limit(TIME_LIMIT)
        .waits_outside()
        .on(password_resets::MAIL, async move |db: &Db, system, event| {
            for_resets.mail_password_reset(db, system, event).await
        })
        .time_limit(TIME_LIMIT)
        .waits_outside()
}

/// What mails with secrets take.
#[derive(Clone)]
struct Office {
    post: Arc<PostOffice>,
    keys: Arc<MasterKeys>,
}

impl Office {
    async fn mail_invitation(&self, db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
        let InvitationMailJob { invitation_id } = event.payload()?;
        let prepared = db
            .write(&system, async |tx| {
                invitations::prepare(tx, &self.keys, invitation_id, event.id()).await
            })
            .await?;
        let Some(invitation) = prepared else { return Ok(()) };
        let letter = texts::invitation(&invitation, self.post.public_url());
        let sent = self
            .post
            .send(&event, invitation.to, invitation.name.as_str(), letter)
            .await;
        let state = match &sent {
            Ok(()) => MailState::Sent,
            Err(SendError::Rejected { .. }) => MailState::Refused,
            Err(SendError::RetryLater { .. } | SendError::Unknown { .. }) => return sent.map_err(tried),
        };
        db.write(&system, async |tx| {
            invitations::note_outcome(tx, invitation_id, event.id(), state).await
        })
        .await?;
        sent.map_err(tried)
    }

    async fn mail_password_reset(&self, db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
        let PasswordResetMailJob { user_id } = event.payload()?;
        let prepared = db
            .write(&system, async |tx| {
                password_resets::prepare(tx, &self.keys, user_id, event.id()).await
            })
            .await?;
        let Some(reset) = prepared else { return Ok(()) };
        let letter = texts::password_reset(&reset, self.post.public_url());
        self.post
            .send(&event, reset.to, reset.name.as_str(), letter)
            .await
            .map_err(tried)
    }
}
