//! Mails to the owners of a clinic about a webhook endpoint that was disabled without anybody's doing.
//!
//! The event is followed by a job for each owner, so that one whose mailbox is full keeps it from no other. Whether there is
//! something to tell is asked again when the mail is sent.

mod texts;

use std::sync::Arc;

use clinics::staff::{self, Addressee};
use db::{Db, DbError, Job};
use integrations::endpoints::{DisabledEndpoint, DisabledReason, automatically_disabled};
use integrations::{ENDPOINT_DISABLED, EndpointEvent};
use jobs::{Event, HandlerError, Handlers};
use kernel::{MembershipId, System, WebhookEndpointId};
use serde::{Deserialize, Serialize};

use crate::post::{PostOffice, TIME_LIMIT, tried};
use crate::shared::Shared;

/// The job that mails one owner.
const MAIL: &str = "webhook_mail.endpoint_disabled";

/// Whom the job [`MAIL`] tells of what.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct MailJob {
    webhook_endpoint_id: WebhookEndpointId,
    /// The owner's place in the clinic.
    membership_id: MembershipId,
}

/// Adds what mails the owners. Without a mail server nobody is mailed: the event is told in other ways too.
pub(super) fn handlers(handlers: Handlers, shared: &Shared) -> Handlers {
    let Some(post) = shared.post().map(Arc::clone) else {
        return handlers;
    };
    handlers
        .on(ENDPOINT_DISABLED, tell_owners)
        .on(MAIL, async move |db: &Db, system, event| {
            mail_owner(db, &post, &system, event).await
        })
        .time_limit(TIME_LIMIT)
}

/// Has each owner mailed; what is already in the queue is not put there again.
async fn tell_owners(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let told: EndpointEvent = event.payload()?;
    if told.reason == DisabledReason::Person {
        return Ok(());
    }
    db.write(&system, async |tx| {
        for membership_id in staff::owners(tx).await? {
            let job = MailJob {
                webhook_endpoint_id: told.webhook_endpoint_id,
                membership_id,
            };
            let key = format!("{}.{membership_id}", told.webhook_endpoint_id);
            tx.enqueue(Job::new(MAIL, &job).key(key));
        }
        Ok::<_, DbError>(())
    })
    .await?;
    Ok(())
}

/// Mails an owner, unless they are none any more, or the endpoint is enabled again.
async fn mail_owner(db: &Db, post: &PostOffice, system: &System, event: Event) -> Result<(), HandlerError> {
    let job: MailJob = event.payload()?;
    let found: Option<(Addressee, DisabledEndpoint)> = db
        .read(system, async |tx| {
            let owner = staff::owner(tx, job.membership_id).await?;
            let endpoint = automatically_disabled(tx, job.webhook_endpoint_id).await?;
            Ok::<_, DbError>(owner.zip(endpoint))
        })
        .await?;
    let Some((owner, endpoint)) = found else { return Ok(()) };
    let letter = texts::endpoint_disabled(&owner, &endpoint, post.public_url());
    post.send(&event, owner.to, owner.name.as_str(), letter)
        .await
        .map_err(tried)
}
