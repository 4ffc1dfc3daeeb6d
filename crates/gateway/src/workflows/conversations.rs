//! What follows in conversations: messages are handed to their channels, and what was put off comes back.

use std::time::Duration;

use auth::ClinicKeys;
use conversations::channels::{Accepted, Channels, Found, SendError};
use conversations::messages::{self, Attempt, Claim, SEND, SENDING_LIMIT, SHOW_READ, SendJob, ShowReadJob};
use conversations::threads::{self, WAKE, WakeJob};
use db::{Db, DbError};
use jobs::{Event, HandlerError, Handlers};
use kernel::{Caller as _, System};
use tokio::time::Instant;

use crate::traffic::Traffic;

/// The handlers of conversations.
pub(super) fn handlers(handlers: Handlers, channels: Channels, keys: ClinicKeys) -> Handlers {
    let (carriers, secrets) = (channels.clone(), keys.clone());
    let traffic = Traffic::default();
    handlers
        .on(WAKE, wake)
        .on(SHOW_READ, async move |db: &Db, system: System, event: Event| {
            show_read(db, &carriers, &secrets, &system, event.payload()?).await
        })
        .on(SEND, async move |db: &Db, system: System, event: Event| {
            send(db, &channels, &keys, &traffic, &system, event.payload()?).await
        })
        .time_limit(SENDING_LIMIT)
        .waits_outside()
}

/// A conversation that was put off comes back.
async fn wake(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let WakeJob { conversation_id } = event.payload()?;
    db.write(&system, async |tx| threads::wake(tx, conversation_id).await)
        .await
        .map_err(failed)?;
    Ok(())
}

/// What kept a handler from its work; only the database does so for a while.
fn failed<E: db::TxError + std::fmt::Display>(error: E) -> HandlerError {
    HandlerError::Retry(error.to_string())
}

/// Shows who wrote that the clinic has read it. What the channel refuses is left: nobody could mend it, and nobody waits for it.
async fn show_read(
    db: &Db,
    channels: &Channels,
    keys: &ClinicKeys,
    system: &System,
    job: ShowReadJob,
) -> Result<(), HandlerError> {
    let read = db
        .read(system, async |tx| messages::read_to_show(tx, keys, job).await)
        .await
        .map_err(failed)?;
    let Some((channel, seen)) = read else {
        return Ok(());
    };
    let Some(channel) = channels.get(channel) else {
        return Ok(());
    };
    match channel.show_read(&seen).await {
        Ok(()) => Ok(()),
        Err(SendError::Rejected { reason }) => {
            tracing::info!(reason, "a channel does not show that a message was read");
            Ok(())
        }
        Err(error @ SendError::RetryLater { after: Some(pause) }) => Err(HandlerError::RetryAfter {
            pause,
            reason: error.to_string(),
        }),
        Err(error @ (SendError::RetryLater { after: None } | SendError::Unknown)) => {
            Err(HandlerError::Retry(error.to_string()))
        }
    }
}

/// The most messages that one job sends.
const MOST_AT_A_TIME: usize = 8;

/// Of each lane so many jobs of a clinic send at a time, so that no clinic's servers take all places.
const MOST_OF_A_CLINIC: usize = 2;

/// How long it may take until the content of a message can leave; then nothing has left.
const PREPARING: Duration = Duration::from_secs(60);

/// How long the channel may take to take the content; it has patience of its own, which is less.
const HANDING_OVER: Duration = Duration::from_secs(160);

/// After so long no further message is begun, so that the one before it ends within [`SENDING_LIMIT`].
const BEGUN_WITHIN: Duration = Duration::from_secs(60);

/// Sends what waits in the conversation of `job`, one message after the other: each claimed, handed over outside of any
/// transaction, and what became of it written down. So a job that finds another one at work leaves nothing waiting.
///
/// # Errors
/// [`HandlerError::Retry`] when the database failed: what was claimed is seen to after its lease. [`HandlerError::NotBefore`] when
/// the clinic has enough under way.
async fn send(
    db: &Db,
    channels: &Channels,
    keys: &ClinicKeys,
    traffic: &Traffic,
    system: &System,
    job: SendJob,
) -> Result<(), HandlerError> {
    let (clinic, now) = (system.clinic(), db.clock().now());
    let entered = traffic
        .enter(clinic, (job.lane, MOST_OF_A_CLINIC), job.inbox_id, now)
        .await;
    let mut pass = entered.map_err(|at| HandlerError::NotBefore {
        at,
        reason: "the clinic has enough messages under way, or their server does not answer".to_owned(),
    })?;
    let begun = Instant::now();
    for _ in 0..MOST_AT_A_TIME {
        if begun.elapsed() > BEGUN_WITHIN {
            break;
        }
        let claim = db
            .write(system, async |tx| messages::claim(tx, keys, job).await)
            .await
            .map_err(failed)?;
        match claim {
            Claim::Nothing => return Ok(()),
            Claim::Next => {}
            Claim::Send(attempt) => {
                let started = Instant::now();
                let takes_messages = hand_over(db, channels, system, &attempt).await?;
                pass.ended(takes_messages, started.elapsed(), db.clock().now());
                if !takes_messages {
                    return Ok(());
                }
            }
            Claim::Ask(attempt) => ask(db, channels, system, &attempt).await?,
        }
    }
    db.write(system, async |tx| {
        messages::go_on(tx, job);
        Ok::<_, DbError>(())
    })
    .await
    .map_err(failed)
}

/// Hands a message over; says whether the channel takes messages.
async fn hand_over(db: &Db, channels: &Channels, system: &System, attempt: &Attempt) -> Result<bool, HandlerError> {
    let id = attempt.outgoing.reference;
    let Some(sent) = attempt_at(db, channels, system, attempt).await? else {
        return Ok(true);
    };
    let written = db
        .write(system, async |tx| match &sent {
            Ok(accepted) => messages::accepted(tx, id, accepted).await,
            Err(SendError::Rejected { reason }) => messages::rejected(tx, id, reason).await,
            Err(SendError::RetryLater { after }) => messages::put_off(tx, id, attempt.job, *after).await,
            Err(SendError::Unknown) => Ok(()),
        })
        .await;
    written.map_err(failed)?;
    if sent == Err(SendError::Unknown) {
        ask(db, channels, system, attempt).await?;
    }
    Ok(!matches!(sent, Err(SendError::RetryLater { .. })))
}

/// What becomes of an attempt; none when another one has taken the message over. That the content leaves is noted before it does: so
/// an attempt that is cut off before has sent nothing, and is made again.
async fn attempt_at(
    db: &Db,
    channels: &Channels,
    system: &System,
    attempt: &Attempt,
) -> Result<Option<Result<Accepted, SendError>>, HandlerError> {
    let Some(channel) = channels.get(attempt.channel) else {
        let reason = "channel_unavailable".to_owned();
        return Ok(Some(Err(SendError::Rejected { reason })));
    };
    let later = Err(SendError::RetryLater { after: None });
    let preparing = tokio::time::timeout(PREPARING, channel.prepare(&attempt.outgoing)).await;
    let content = match preparing.unwrap_or(later) {
        Ok(content) => content,
        Err(SendError::Unknown) => return Ok(Some(Err(SendError::RetryLater { after: None }))),
        Err(error) => return Ok(Some(Err(error))),
    };
    let (id, number) = (attempt.outgoing.reference, attempt.number);
    let is_ours = db
        .write(system, async |tx| messages::handing_over(tx, id, number).await)
        .await
        .map_err(failed)?;
    if !is_ours {
        return Ok(None);
    }
    let sent = tokio::time::timeout(HANDING_OVER, content).await;
    Ok(Some(sent.unwrap_or(Err(SendError::Unknown))))
}

/// Asks the channel for a message of which no answer came, and says plainly that nothing is known where it cannot tell.
async fn ask(db: &Db, channels: &Channels, system: &System, attempt: &Attempt) -> Result<(), HandlerError> {
    let (id, job) = (attempt.outgoing.reference, attempt.job);
    let found = match channels.get(attempt.channel) {
        Some(channel) => channel.find(&attempt.outgoing).await,
        None => Ok(Found::CannotTell),
    };
    db.write(system, async |tx| match &found {
        Ok(Found::Accepted(accepted)) => messages::accepted(tx, id, accepted).await,
        Ok(Found::Nothing) => messages::not_accepted(tx, id, job).await,
        Ok(Found::CannotTell) | Err(SendError::Rejected { .. } | SendError::Unknown) => {
            messages::unconfirmed(tx, id).await
        }
        // Asked again after the lease.
        Err(SendError::RetryLater { .. }) => {
            messages::ask_again(tx, job);
            Ok(())
        }
    })
    .await
    .map_err(failed)
}
