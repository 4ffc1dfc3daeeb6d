//! What follows in conversations: messages are handed to their channels, and what was put off comes back.

use auth::ClinicKeys;
use conversations::channels::{Channels, Found, SendError};
use conversations::messages::{self, Attempt, Claim, SEND, SHOW_READ, SendJob, ShowReadJob};
use conversations::threads::{self, WAKE, WakeJob};
use db::Db;
use jobs::{Event, HandlerError, Handlers};
use kernel::System;

/// The handlers of conversations.
pub(super) fn handlers(handlers: Handlers, channels: Channels, keys: ClinicKeys) -> Handlers {
    let (carriers, secrets) = (channels.clone(), keys.clone());
    handlers
        .on(WAKE, wake)
        .on(SHOW_READ, async move |db: &Db, system: System, event: Event| {
            show_read(db, &carriers, &secrets, &system, event.payload()?).await
        })
        .on(SEND, async move |db: &Db, system: System, event: Event| {
            send(db, &channels, &keys, &system, event.payload()?).await
        })
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

/// The most messages that one job sends: what remains has jobs of its own.
const MOST_AT_A_TIME: usize = 8;

/// Sends what waits in the conversation of `job`, one message after the other: each claimed, handed over outside of any
/// transaction, and what became of it written down. So a job that finds another one at work leaves nothing waiting.
///
/// # Errors
/// [`HandlerError::Retry`] when the database failed: what was claimed is asked for after its lease.
pub async fn send(
    db: &Db,
    channels: &Channels,
    keys: &ClinicKeys,
    system: &System,
    job: SendJob,
) -> Result<(), HandlerError> {
    for _ in 0..MOST_AT_A_TIME {
        let claim = db
            .write(system, async |tx| messages::claim(tx, keys, job).await)
            .await
            .map_err(failed)?;
        match claim {
            Claim::Nothing => return Ok(()),
            Claim::Send(attempt) => {
                if !hand_over(db, channels, system, job, &attempt).await? {
                    return Ok(());
                }
            }
            Claim::Ask(attempt) => ask(db, channels, system, job, &attempt).await?,
        }
    }
    Ok(())
}

/// Hands a message over; says whether the channel takes messages.
async fn hand_over(
    db: &Db,
    channels: &Channels,
    system: &System,
    job: SendJob,
    attempt: &Attempt,
) -> Result<bool, HandlerError> {
    let id = attempt.outgoing.reference;
    let sent = match channels.get(attempt.channel) {
        Some(channel) => channel.send(&attempt.outgoing).await,
        None => Err(SendError::Rejected {
            reason: "channel_unavailable".to_owned(),
        }),
    };
    let written = db
        .write(system, async |tx| match &sent {
            Ok(accepted) => messages::accepted(tx, id, accepted).await,
            Err(SendError::Rejected { reason }) => messages::rejected(tx, id, reason).await,
            Err(SendError::RetryLater { after }) => messages::put_off(tx, id, job, *after).await,
            Err(SendError::Unknown) => Ok(()),
        })
        .await;
    written.map_err(failed)?;
    if sent == Err(SendError::Unknown) {
        ask(db, channels, system, job, attempt).await?;
    }
    Ok(!matches!(sent, Err(SendError::RetryLater { .. })))
}

/// Asks the channel for a message of which no answer came, and says plainly that nothing is known where it cannot tell.
async fn ask(
    db: &Db,
    channels: &Channels,
    system: &System,
    job: SendJob,
    attempt: &Attempt,
) -> Result<(), HandlerError> {
    let id = attempt.outgoing.reference;
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
