//! Sending what waits: claimed in one transaction, handed to the channel outside of any, and what became of it written in another.
//!
//! A process that is killed in between leaves `attempted_at` behind. Had the content not left, the next one tries again after the
//! lease. Had it (`handed_over_at`), whoever comes then asks the channel, where it can be asked, and says plainly that nothing is
//! known where it cannot: no message is sent twice on a guess.

use std::time::Duration;

use auth::ClinicKeys;
use chrono::TimeDelta;
use db::{Job, TenantTx};
use kernel::pause::doubled;
use kernel::{ConversationId, InboxId, Lane, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

use super::delivery::{apply, told};
use super::error::MessageError;
use super::model::{AuthorKind, Delivery, Message, MessageKind};
use super::store::{self, Change};
use crate::attachments;
use crate::channels::{Accepted, ChannelKind, Content, Outgoing};
use crate::error::{RowError, kind};
use crate::inboxes::{self, InboxError};
use crate::templates::UsedTemplate;
use crate::threads;

/// The job that sends a message.
pub const SEND: &str = "message.send";

/// How long a job that sends may take.
pub const SENDING_LIMIT: Duration = Duration::from_secs(300);

/// How long an attempt may take; longer than a job may, so that no two are under way.
const LEASE: TimeDelta = TimeDelta::minutes(6);

/// After how long it is looked again whether an attempt that is under way has ended.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(2);

/// For how long a message is tried to be sent; a message of yesterday helps nobody.
const TRIED_FOR: TimeDelta = TimeDelta::hours(24);

/// The pause after the first attempt, and the longest.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// How many ids of earlier messages go along, for threads of mail.
const REFERENCES: i64 = 20;

/// One job for each message that waits. It sends the first that waits in the conversation, so that they arrive in order.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SendJob {
    /// The message.
    pub message_id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Since when it waits.
    pub since: Timestamp,
    /// In which lane it waits.
    pub lane: i16,
    /// From which inbox it goes; not named by jobs of former versions.
    #[serde(default)]
    pub inbox_id: Option<InboxId>,
}

impl SendJob {
    /// The job, due at `due` where it is not due at once.
    pub(super) fn enqueue(self, tx: &mut TenantTx<'_>, due: Option<Timestamp>) {
        let job = Job::new(SEND, &self).lane(Lane::of_number(self.lane).unwrap_or_default());
        tx.enqueue(match due {
            Some(due) => job.due(due),
            None => job,
        });
    }
}

/// An attempt that is under way.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// By which channel.
    pub channel: ChannelKind,
    /// What is to be sent.
    pub outgoing: Box<Outgoing>,
    /// How often it was tried, this time included.
    pub number: i32,
    /// The job of the message, which need not be the one that sends it.
    pub job: SendJob,
}

/// What is to be done for a job.
#[derive(Debug, Clone)]
pub enum Claim {
    /// Hand this to the channel.
    Send(Attempt),
    /// Ask the channel for this: an earlier attempt ended without saying how.
    Ask(Attempt),
    /// Look again: the first message that waited does so no more.
    Next,
    /// Nothing: it is sent, or another job sees to it.
    Nothing,
}

/// Claims what is to be sent for `job`.
///
/// A message that has waited for more than a day is given up, whatever kept it; so that of an inbox whose secrets cannot be opened.
///
/// # Errors
/// The database's failure.
pub async fn claim(tx: &mut TenantTx<'_>, keys: &ClinicKeys, job: SendJob) -> Result<Claim, MessageError> {
    let Some(message) = store::lock_first_queued(tx, job.conversation_id).await? else {
        return Ok(Claim::Nothing);
    };
    let now = tx.now();
    let under_way_until = message.attempted_at.map(|at| at.saturating_add(LEASE));
    let not_before = [under_way_until, message.next_attempt_at].into_iter().flatten().max();
    if let Some(due) = not_before.filter(|due| *due > now) {
        // Another job has it, or the channel asked to be left alone: this one comes back then.
        let due = if message.attempted_at.is_some() {
            due.min(now.saturating_add(LOOK_AGAIN))
        } else {
            due
        };
        job.enqueue(tx, Some(due));
        return Ok(Claim::Nothing);
    }
    // Before it was noted when the content left, an attempt that had begun may have come that far.
    let asks = message.handed_over_at.is_some() || message.attempted_at.is_some() && message.queued_at.is_none();
    if !asks && now.since(waiting_since(&message)) > TRIED_FOR {
        give_up(tx, message.id).await?;
        return Ok(Claim::Next);
    }
    let conversation = threads::find(tx, job.conversation_id).await?;
    let inbox = inboxes::find(tx, conversation.inbox_id).await?;
    let job = SendJob {
        message_id: message.id,
        since: waiting_since(&message),
        inbox_id: Some(inbox.id),
        ..job
    };
    let sendable = match (inbox.archived_at, conversation.address.clone(), content(&message)) {
        (Some(_), ..) => Err("inbox_archived"),
        (None, None, _) => Err("no_address"),
        (None, Some(_), None) => Err("template_unreadable"),
        (None, Some(to), Some(content)) => Ok((to, content)),
    };
    let (to, content) = match sendable {
        Ok(sendable) => sendable,
        Err(reason) => {
            rejected(tx, message.id, reason).await?;
            return Ok(Claim::Next);
        }
    };
    let secrets = match inboxes::open_secrets(tx, keys, inbox.id).await {
        Ok(secrets) => secrets,
        Err(InboxError::Sealing(error)) if !asks => {
            tracing::error!(%error, inbox = %inbox.id, "the secrets of an inbox cannot be opened; its messages wait");
            let change = Change {
                attempts: Some(message.attempts.saturating_add(1)),
                ..Change::default()
            };
            store::update(tx, message.id, change).await?;
            put_off(tx, message.id, job, None).await?;
            return Ok(Claim::Nothing);
        }
        // Without its secrets nobody can be asked either.
        Err(InboxError::Sealing(_)) => {
            unconfirmed(tx, message.id).await?;
            return Ok(Claim::Next);
        }
        Err(error) => return Err(error.into()),
    };
    let reply_to = match message.reply_to_id {
        Some(id) => store::provider_id_of(tx, id).await?,
        None => None,
    };
    let outgoing = Outgoing {
        clinic: tx.clinic(),
        inbox: inbox.id,
        settings: inbox.settings(),
        secrets,
        reference: message.id,
        conversation: conversation.id,
        to,
        subject: conversation.subject.clone(),
        content,
        is_automatic: message.author_kind == AuthorKind::System,
        reply_to,
        references: store::latest_provider_ids(tx, conversation.id, REFERENCES).await?,
        attachments: attachments::outgoing(tx, message.id).await?,
    };
    let number = message.attempts.saturating_add(i32::from(!asks));
    let change = Change {
        attempts: Some(number),
        attempted_at: Some(Some(now)),
        next_attempt_at: Some(None),
        ..Change::default()
    };
    store::update(tx, message.id, change).await?;
    let attempt = Attempt {
        channel: inbox.channel,
        outgoing: Box::new(outgoing),
        number,
        job,
    };
    Ok(if asks {
        Claim::Ask(attempt)
    } else {
        Claim::Send(attempt)
    })
}

/// Since when a message waits to be sent.
fn waiting_since(message: &Message) -> Timestamp {
    message.queued_at.unwrap_or(message.sent_at)
}

/// The content of the attempt number `number` leaves from now on. `false` when it must not: another one has taken the message over,
/// or it does not wait any more.
///
/// # Errors
/// The database's failure.
pub async fn handing_over(tx: &mut TenantTx<'_>, id: MessageId, number: i32) -> Result<bool, MessageError> {
    let message = store::lock(tx, id).await?;
    let is_ours = message.attempts == number && message.attempted_at.is_some();
    if !is_ours || message.delivery != Some(Delivery::Queued) {
        return Ok(false);
    }
    let change = Change {
        handed_over_at: Some(Some(tx.now())),
        ..Change::default()
    };
    store::update(tx, id, change).await?;
    Ok(true)
}

/// What the channel is to say; none where the template that was used cannot be read. It is not sent as free text then: that may
/// go where templates alone may.
fn content(message: &Message) -> Option<Content> {
    if message.kind != MessageKind::Template {
        return Some(Content::Text(message.body.clone()));
    }
    let used = UsedTemplate::deserialize(message.template.as_ref()?).ok()?;
    Some(Content::Template {
        name: used.name.as_str().to_owned(),
        language: used.language.as_str().to_owned(),
        parameters: used.parameters,
        text: message.body.clone(),
    })
}

/// The channel has taken the message. What it told of it before is not lost.
///
/// # Errors
/// The database's failure.
pub async fn accepted(tx: &mut TenantTx<'_>, id: MessageId, accepted: &Accepted) -> Result<(), MessageError> {
    let message = store::find(tx, id).await?;
    let (inbox, _contact) = store::place_of(tx, message.conversation_id).await?;
    let place = (message.conversation_id, id);
    let known = store::note_provider_id(tx, inbox, &accepted.provider_id, place).await?;
    let now = tx.now();
    apply(tx, id, Delivery::Sent, now, None).await?;
    if let Some(early) = known.early_delivery.filter(|early| *early != Delivery::Sent) {
        apply(tx, id, early, known.early_at.unwrap_or(now), known.early_reason).await?;
    }
    Ok(())
}

/// The channel will never take the message.
///
/// # Errors
/// The database's failure.
pub async fn rejected(tx: &mut TenantTx<'_>, id: MessageId, reason: &str) -> Result<(), MessageError> {
    let now = tx.now();
    let short: String = reason.chars().take(300).collect();
    apply(tx, id, Delivery::Failed, now, Some(short)).await?;
    Ok(())
}

/// Whether the channel took the message is not known, and it cannot be asked: a person decides.
///
/// # Errors
/// The database's failure.
pub async fn unconfirmed(tx: &mut TenantTx<'_>, id: MessageId) -> Result<(), MessageError> {
    let now = tx.now();
    apply(tx, id, Delivery::Unconfirmed, now, None).await?;
    Ok(())
}

/// The channel did not take the message, and may later: it is tried again after a pause, for a day.
///
/// # Errors
/// The database's failure.
pub async fn put_off(
    tx: &mut TenantTx<'_>,
    id: MessageId,
    job: SendJob,
    after: Option<Duration>,
) -> Result<(), MessageError> {
    let message = store::lock(tx, id).await?;
    if message.delivery != Some(Delivery::Queued) {
        return Ok(());
    }
    let now = tx.now();
    let asked = after
        .and_then(|after| TimeDelta::from_std(after).ok())
        .unwrap_or_default();
    let next = now.saturating_add(pause(message.attempts).max(asked));
    if next.since(waiting_since(&message)) > TRIED_FOR {
        return give_up(tx, id).await;
    }
    let change = Change {
        attempted_at: Some(None),
        handed_over_at: Some(None),
        next_attempt_at: Some(Some(next)),
        ..Change::default()
    };
    store::update(tx, id, change).await?;
    job.enqueue(tx, Some(next));
    Ok(())
}

/// The channel says that it has not got the message: the next attempt may be made at once.
///
/// # Errors
/// The database's failure.
pub async fn not_accepted(tx: &mut TenantTx<'_>, id: MessageId, job: SendJob) -> Result<(), MessageError> {
    let message = store::lock(tx, id).await?;
    if message.delivery == Some(Delivery::Queued) {
        let change = Change {
            attempted_at: Some(None),
            handed_over_at: Some(None),
            ..Change::default()
        };
        store::update(tx, id, change).await?;
        job.enqueue(tx, None);
    }
    Ok(())
}

/// The channel could not be asked just now: it is asked again when the attempt's lease is over.
pub fn ask_again(tx: &mut TenantTx<'_>, job: SendJob) {
    let due = tx.now().saturating_add(LEASE);
    job.enqueue(tx, Some(due));
}

/// More waits in the conversation than one job sends: another one goes on.
pub fn go_on(tx: &mut TenantTx<'_>, job: SendJob) {
    job.enqueue(tx, None);
}

async fn give_up(tx: &mut TenantTx<'_>, id: MessageId) -> Result<(), MessageError> {
    rejected(tx, id, "channel_unavailable_for_a_day").await
}

/// The pause after attempt number `attempts`: twice as long each time, up to the longest.
fn pause(attempts: i32) -> TimeDelta {
    doubled(FIRST_PAUSE, attempts.saturating_sub(1), LONGEST_PAUSE)
}

/// Puts a message that failed, or of which nothing is known, back into the queue.
pub(super) async fn again(tx: &mut TenantTx<'_>, inbox: InboxId, id: MessageId) -> Result<Message, MessageError> {
    let message = store::lock(tx, id).await?;
    if !message
        .delivery
        .is_some_and(|delivery| Delivery::Queued.reached_from().contains(&delivery))
    {
        return Err(match message.delivery {
            None => MessageError::Row(RowError::NotFound(kind::MESSAGE)),
            Some(_) => MessageError::NotFailed,
        });
    }
    let change = Change {
        delivery: Some(Delivery::Queued),
        failure_reason: Some(None),
        attempts: Some(0),
        attempted_at: Some(None),
        next_attempt_at: Some(None),
        queued_at: Some(Some(tx.now())),
        handed_over_at: Some(None),
        ..Change::default()
    };
    let message = store::update(tx, id, change).await?;
    told(tx, &message).await?;
    SendJob {
        message_id: id,
        conversation_id: message.conversation_id,
        since: tx.now(),
        lane: Lane::Urgent.number(),
        inbox_id: Some(inbox),
    }
    .enqueue(tx, None);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_grow_up_to_the_longest(attempts in any::<i32>()) {
            let one = pause(attempts);
            prop_assert!(one >= FIRST_PAUSE && one <= LONGEST_PAUSE);
            prop_assert!(pause(attempts.saturating_add(1)) >= one);
        }
    }
}
