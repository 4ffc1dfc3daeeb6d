//! Looks into a mailbox, stores what came, mail by mail, and comes again.
//!
//! No transaction is open while the server is waited for. Each mail is stored in one transaction with the position after it, so
//! that a process that is killed goes on where it was; of two looks at once the second finds that the position has moved.

use std::time::Duration;

use auth::ClinicKeys;
use conversations::channels::imap;
use conversations::inboxes::{self, Inbox, InboxError, InboxSettings, POLL, PollJob, WATCH};
use db::{Db, DbError};
use fetch::OutwardRules;
use files::Files;
use jobs::{Event, HandlerError, Handlers};
use kernel::System;
use mail::{After, Batch, FetchError, FetchLimits, ImapSettings, Position, fetch_new};

use super::taking;
use crate::shared::Shared;

/// A slow server may take so long over 50 mails.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Adds what looks into mailboxes.
pub(crate) fn handlers(handlers: Handlers, shared: &Shared) -> Handlers {
    let (files, keys) = (shared.files().clone(), shared.clinic_keys().clone());
    let rules = shared.config().outward.clone();
    handlers
        .on(POLL, async move |db: &Db, system: System, event: Event| {
            let job = event.payload()?;
            // An inbox that is put away is not looked into again.
            match open(db, &keys, &rules, &system, job).await.map_err(failed)? {
                Some(mailbox) => poll(db, &files, &system, &mailbox).await,
                None => Ok(()),
            }
        })
        .time_limit(TIME_LIMIT)
        .waits_outside()
        .on(WATCH, watch)
}

/// No mailbox is forgotten, whatever became of the job that should look into it.
async fn watch(db: &Db, system: System, _event: Event) -> Result<(), HandlerError> {
    db.write(&system, async |tx| inboxes::watch_mailboxes(tx).await).await?;
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> HandlerError {
    HandlerError::Retry(error.to_string())
}

/// A mailbox to be looked into.
struct Mailbox {
    inbox: Inbox,
    position: Option<Position>,
    settings: Result<ImapSettings, &'static str>,
}

async fn open(
    db: &Db,
    keys: &ClinicKeys,
    rules: &OutwardRules,
    system: &System,
    job: PollJob,
) -> Result<Option<Mailbox>, InboxError> {
    db.read(system, async |tx| {
        let inbox = inboxes::find(tx, job.inbox_id).await?;
        let InboxSettings::Email(settings) = inbox.settings() else {
            return Ok(None);
        };
        if inbox.archived_at.is_some() {
            return Ok(None);
        }
        let secrets = inboxes::open_secrets(tx, keys, inbox.id).await?;
        let settings = match imap(&settings, &secrets, rules) {
            Ok(Some(settings)) => Ok(settings),
            Ok(None) => return Ok(None),
            Err(_unusable) => Err("mailbox_settings_unusable"),
        };
        let poll = inboxes::polls_of(tx, &[inbox.id]).await?.remove(&inbox.id);
        let position = poll.and_then(|poll| poll.position());
        Ok(Some(Mailbox {
            inbox,
            position,
            settings,
        }))
    })
    .await
}

async fn poll(db: &Db, files: &Files, system: &System, mailbox: &Mailbox) -> Result<(), HandlerError> {
    let id = mailbox.inbox.id;
    let fetched = match &mailbox.settings {
        Ok(settings) => {
            // What lay there before the clinic was here is nobody's message of today.
            let after = mailbox.position.map_or(After::Now, After::Position);
            fetch_new(settings, after, FetchLimits::default())
                .await
                .map_err(|error| word_of(&error))
        }
        Err(word) => Err(*word),
    };
    let batch = match fetched {
        Ok(batch) => batch,
        Err(word) => {
            tracing::warn!(inbox = %id, error = word, "a mailbox could not be looked into");
            return db
                .write(system, async |tx| inboxes::poll_failed(tx, id, word).await)
                .await
                .map_err(failed);
        }
    };
    if !store(db, files, system, mailbox, &batch).await? {
        return Ok(());
    }
    db.write(system, async |tx| inboxes::poll_succeeded(tx, id, batch.has_more).await)
        .await
        .map_err(failed)
}

/// Stores the mails of `batch`; `false` when another look has done so.
async fn store(
    db: &Db,
    files: &Files,
    system: &System,
    mailbox: &Mailbox,
    batch: &Batch,
) -> Result<bool, HandlerError> {
    let id = mailbox.inbox.id;
    let mut position = mailbox.position;
    for fetched in &batch.mails {
        let after = Position {
            uid_validity: batch.position.uid_validity,
            last_uid: fetched.uid,
        };
        if !taking::take(db, files, system, &mailbox.inbox, fetched, (position, after)).await? {
            return Ok(false);
        }
        position = Some(after);
    }
    if position != Some(batch.position) {
        return db
            .write(system, async |tx| {
                if inboxes::take_turn(tx, id, position).await?.is_none() {
                    return Ok(false);
                }
                inboxes::advance(tx, id, batch.position).await?;
                Ok::<_, DbError>(true)
            })
            .await
            .map_err(failed);
    }
    Ok(true)
}

/// Why a look failed, as a word for programs.
const fn word_of(error: &FetchError) -> &'static str {
    match error {
        FetchError::Unreachable(_) => "mailbox_unreachable",
        FetchError::OutOfReach(_) => "mailbox_address_not_allowed",
        FetchError::SignInRefused => "mailbox_sign_in_refused",
        FetchError::NoMailbox => "mailbox_not_found",
        FetchError::Protocol => "mailbox_answers_nonsense",
    }
}
