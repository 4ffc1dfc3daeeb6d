//! Looks into a mailbox, stores what came, mail by mail, and comes again.
//!
//! No transaction is open while the server is waited for. Each mail is stored in one transaction with the position after it, so
//! that a process that is killed goes on where it was; of two looks at once the second finds that the position has moved.
//!
//! Whatever becomes of a look, another one follows: what went wrong is told with the inbox, and only the database's absence is left
//! to the queue, which is away with it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use auth::ClinicKeys;
use chrono::TimeDelta;
use conversations::channels::imap;
use conversations::error::RowError;
use conversations::inboxes::{self, Inbox, InboxError, InboxSettings, POLL, PollJob, WATCH};
use db::{Db, TxError as _};
use fetch::OutwardRules;
use files::Files;
use futures_util::FutureExt as _;
use jobs::{Event, HandlerError, Handlers};
use kernel::{Caller as _, System, Timestamp};
use mail::{After, Batch, FetchError, FetchLimits, ImapSettings, Position, fetch_new};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::taking::{self, NotTaken};
use crate::shared::Shared;
use crate::traffic::Traffic;

/// The queue's limit of a look, which it never comes to.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// How long a look may take: two and a half minutes to fetch, then to store.
const LOOK: Duration = Duration::from_secs(280);

/// After so long no further mail is stored in this look: what remains is fetched again in the next one.
const STORING: Duration = Duration::from_secs(60);

/// How many mailboxes are looked into at a time, fewer than the lane has places; and of one clinic.
const LOOKS: usize = 3;
const LOOKS_OF_A_CLINIC: usize = 1;

/// When a look that found no room comes again.
const AGAIN: TimeDelta = TimeDelta::seconds(2);

/// Adds what looks into mailboxes.
pub(crate) fn handlers(handlers: Handlers, shared: &Shared) -> Handlers {
    let (files, keys) = (shared.files().clone(), shared.clinic_keys().clone());
    let rules = shared.config().outward.clone();
    let (traffic, room) = (Traffic::default(), Arc::new(Semaphore::new(LOOKS)));
    handlers
        .on(POLL, async move |db: &Db, system: System, event: Event| {
            let wait = |at| HandlerError::NotBefore {
                at,
                reason: "enough mailboxes are looked into".to_owned(),
            };
            let now = db.clock().now();
            let entered = traffic.enter(system.clinic(), (0, LOOKS_OF_A_CLINIC), None, now).await;
            let _pass = entered.map_err(wait)?;
            let Ok(_room) = room.try_acquire() else {
                return Err(wait(now.saturating_add(AGAIN)));
            };
            poll(db, &files, (&keys, &rules), &system, event.payload()?).await
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

/// What opens a mailbox: the keys of its secrets, and where servers may be.
type Access<'a> = (&'a ClinicKeys, &'a OutwardRules);

fn failed(error: impl std::fmt::Display) -> HandlerError {
    HandlerError::Retry(error.to_string())
}

/// A mailbox to be looked into.
struct Mailbox {
    inbox: Inbox,
    settings: ImapSettings,
    position: Option<Position>,
    last_success_at: Option<Timestamp>,
}

/// What a look came to.
enum Look {
    /// There is no mailbox to look into any more.
    Gone,
    /// What came is stored.
    Done { has_more: bool },
}

/// Why a look failed.
enum Fault {
    /// The database is away: the queue tries again.
    Database(String),
    /// Something else, as a word for programs.
    Told(&'static str),
}

impl From<NotTaken> for Fault {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::Database(cause) => Self::Database(cause),
            NotTaken::NotStorable(cause) => {
                tracing::error!(cause, "a mail cannot be stored");
                Self::Told("mail_not_storable")
            }
        }
    }
}

async fn poll(db: &Db, files: &Files, access: Access<'_>, system: &System, job: PollJob) -> Result<(), HandlerError> {
    let id = job.inbox_id;
    let looking = AssertUnwindSafe(look(db, files, access, system, job)).catch_unwind();
    let looked = match tokio::time::timeout(LOOK, looking).await {
        Ok(Ok(looked)) => looked,
        // What it said is in the log, where all panics are.
        Ok(Err(_panic)) => Err(Fault::Told("mail_not_storable")),
        Err(_elapsed) => Err(Fault::Told("mailbox_too_slow")),
    };
    let told = match looked {
        Ok(Look::Gone) => return Ok(()),
        Ok(Look::Done { has_more }) => {
            db.write(system, async |tx| inboxes::poll_succeeded(tx, id, has_more).await)
                .await
        }
        Err(Fault::Told(word)) => {
            tracing::warn!(inbox = %id, error = word, "a mailbox could not be looked into");
            db.write(system, async |tx| inboxes::poll_failed(tx, id, word).await)
                .await
        }
        Err(Fault::Database(cause)) => return Err(HandlerError::Retry(cause)),
    };
    told.map_err(failed)
}

async fn look(db: &Db, files: &Files, access: Access<'_>, system: &System, job: PollJob) -> Result<Look, Fault> {
    // An inbox that is put away is not looked into again.
    let Some(mailbox) = open(db, access, system, job).await? else {
        return Ok(Look::Gone);
    };
    let after = match mailbox.position {
        // What lay there before the clinic was here is nobody's message of today; nor is what lay there as it was numbered anew.
        None => After::Now,
        Some(position) => After::PositionOrSince(position, mailbox.last_success_at.unwrap_or_else(|| db.clock().now())),
    };
    let batch = fetch_new(&mailbox.settings, after, FetchLimits::default())
        .await
        .map_err(|error| Fault::Told(word_of(&error)))?;
    if batch.is_renumbered {
        tracing::info!(inbox = %mailbox.inbox.id, mails = batch.mails.len(), "a mailbox was numbered anew");
    }
    let has_more = store(db, files, system, &mailbox, &batch).await?;
    Ok(Look::Done { has_more })
}

/// The mailbox of an inbox in use that has one.
async fn open(db: &Db, (keys, rules): Access<'_>, system: &System, job: PollJob) -> Result<Option<Mailbox>, Fault> {
    let opened = db
        .read(system, async |tx| {
            let inbox = inboxes::find(tx, job.inbox_id).await?;
            let secrets = inboxes::open_secrets(tx, keys, inbox.id).await?;
            let poll = inboxes::polls_of(tx, &[inbox.id]).await?.remove(&inbox.id);
            Ok::<_, InboxError>((inbox, secrets, poll))
        })
        .await;
    let (inbox, secrets, poll) = match opened {
        Ok(opened) => opened,
        Err(InboxError::Row(RowError::NotFound(_))) => return Ok(None),
        Err(error) if error.db_error().is_some() => return Err(Fault::Database(error.to_string())),
        Err(error) => {
            tracing::error!(inbox = %job.inbox_id, %error, "the secrets of an inbox cannot be opened");
            return Err(Fault::Told("mailbox_secrets_unreadable"));
        }
    };
    let InboxSettings::Email(settings) = inbox.settings() else {
        return Ok(None);
    };
    if inbox.archived_at.is_some() {
        return Ok(None);
    }
    match imap(&settings, &secrets, rules) {
        Ok(Some(settings)) => Ok(Some(Mailbox {
            inbox,
            settings,
            position: poll.as_ref().and_then(inboxes::Poll::position),
            last_success_at: poll.and_then(|poll| poll.last_success_at),
        })),
        Ok(None) => Ok(None),
        Err(_unusable) => Err(Fault::Told("mailbox_settings_unusable")),
    }
}

/// Stores the mails of `batch`; says whether more waits. Where another look has stored the same ones, that one goes on.
async fn store(db: &Db, files: &Files, system: &System, mailbox: &Mailbox, batch: &Batch) -> Result<bool, Fault> {
    let id = mailbox.inbox.id;
    let mut position = mailbox.position;
    let begun = Instant::now();
    for fetched in &batch.mails {
        if begun.elapsed() > STORING {
            return Ok(true);
        }
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
        taking::pass_over(db, system, id, (position, batch.position)).await?;
    }
    Ok(batch.has_more)
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
