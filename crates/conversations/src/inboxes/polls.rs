//! How far the mailbox of an e-mail inbox was read, and how the last look at it went.

use std::collections::HashMap;

use chrono::TimeDelta;
use db::schema::{inbox_polls, inboxes};
use db::{DbError, Job, TenantRead, TenantTx};
use diesel::dsl::{exists, not};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::pause::doubled;
use kernel::{InboxId, Lane, Timestamp};
use mail::Position;
use serde::{Deserialize, Serialize};

use super::model::Inbox;
use super::settings::InboxSettings;
use crate::channels::ChannelKind;
use crate::tags;

/// The job that looks into a mailbox; it queues its own successor.
pub const POLL: &str = "inbox.poll";

/// The pause after a look, and the longest after failures.
const INTERVAL: TimeDelta = TimeDelta::minutes(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// Whose mailbox.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PollJob {
    /// The inbox.
    pub inbox_id: InboxId,
}

impl PollJob {
    fn enqueue(self, tx: &mut TenantTx<'_>, due: Timestamp) {
        let job = Job::new(POLL, &self).key(self.inbox_id.to_string()).lane(Lane::Routine);
        tx.enqueue(job.due(due));
    }
}

/// What is known of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = inbox_polls, check_for_backend(Pg))]
pub struct Poll {
    uid_validity: Option<i64>,
    last_uid: Option<i64>,
    /// When it was last looked into.
    pub last_success_at: Option<Timestamp>,
    /// Why that failed the last time; null once it went well.
    pub last_error: Option<String>,
    /// Since when it fails.
    pub failing_since: Option<Timestamp>,
    /// How often it failed in a row.
    pub failures: i32,
    /// When it is looked into next.
    pub next_poll_at: Option<Timestamp>,
}

impl Poll {
    /// How far it was read.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        Some(Position {
            uid_validity: u32::try_from(self.uid_validity?).ok()?,
            last_uid: u32::try_from(self.last_uid?).ok()?,
        })
    }
}

/// What is known of the mailboxes of `inboxes`.
///
/// # Errors
/// The database's failure.
pub async fn polls_of(tx: &TenantRead<'_>, inboxes: &[InboxId]) -> Result<HashMap<InboxId, Poll>, DbError> {
    let rows: Vec<(InboxId, Poll)> = inbox_polls::table
        .filter(inbox_polls::clinic_id.eq(tx.clinic()))
        .filter(inbox_polls::inbox_id.eq_any(inboxes))
        .select((inbox_polls::inbox_id, Poll::as_select()))
        .load(&mut tx.conn())
        .await?;
    Ok(rows.into_iter().collect())
}

/// Has the mailbox of `inbox` looked into from now on, if it has one and is in use; else not any more. Says which.
pub(super) async fn begin(tx: &mut TenantTx<'_>, inbox: &Inbox) -> Result<bool, DbError> {
    tx.cancel(POLL, &inbox.id.to_string()).await?;
    let has_mailbox = matches!(inbox.settings(), InboxSettings::Email(settings) if settings.imap.is_some());
    let begins = has_mailbox && inbox.archived_at.is_none();
    if begins {
        let now = tx.now();
        diesel::insert_into(inbox_polls::table)
            .values((
                inbox_polls::clinic_id.eq(tx.clinic()),
                inbox_polls::inbox_id.eq(inbox.id),
                inbox_polls::next_poll_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(&mut tx.conn())
            .await?;
        PollJob { inbox_id: inbox.id }.enqueue(tx, now);
    }
    Ok(begins)
}

/// The job that sees to it that every mailbox of a clinic is looked into: for one that nobody began to look into, since it was set
/// up before that was done, and for one whose chain of jobs broke.
pub const WATCH: &str = "inbox.watch_mailboxes";

/// So much after its time a look has not merely taken long.
const OVERDUE: TimeDelta = TimeDelta::minutes(10);

/// Has every mailbox looked into that should have been a while ago; says how many.
///
/// # Errors
/// The database's failure.
pub async fn watch(tx: &mut TenantTx<'_>) -> Result<usize, DbError> {
    let overdue_since = tx.now().saturating_add(-OVERDUE);
    let looked_into = inbox_polls::table
        .filter(inbox_polls::clinic_id.eq(inboxes::clinic_id))
        .filter(inbox_polls::inbox_id.eq(inboxes::id))
        .filter(inbox_polls::next_poll_at.gt(overdue_since));
    let forgotten: Vec<Inbox> = inboxes::table
        .filter(inboxes::clinic_id.eq(tx.clinic()))
        .filter(inboxes::channel.eq(ChannelKind::Email))
        .filter(inboxes::archived_at.is_null())
        .filter(not(exists(looked_into)))
        .order(inboxes::id)
        .select(Inbox::as_select())
        .load(&mut tx.conn())
        .await?;
    let mut begun: usize = 0;
    for inbox in &forgotten {
        if begin(tx, inbox).await? {
            tracing::warn!(inbox = %inbox.id, "nobody looked into a mailbox; it is looked into from now on");
            begun = begun.saturating_add(1);
        }
    }
    Ok(begun)
}

/// The mailbox's row, locked: who holds it stores what came. `None` when the position is not `expected` any more, since another
/// look has stored the same mails.
///
/// # Errors
/// The database's failure.
pub async fn take_turn(tx: &TenantTx<'_>, inbox: InboxId, expected: Option<Position>) -> Result<Option<Poll>, DbError> {
    let poll: Option<Poll> = inbox_polls::table
        .filter(inbox_polls::clinic_id.eq(tx.clinic()))
        .filter(inbox_polls::inbox_id.eq(inbox))
        .select(Poll::as_select())
        .for_update()
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(poll.filter(|poll| poll.position() == expected))
}

/// The mailbox was read as far as `position`: in the transaction that stores what it brought.
///
/// # Errors
/// The database's failure.
pub async fn advance(tx: &TenantTx<'_>, inbox: InboxId, position: Position) -> Result<(), DbError> {
    diesel::update(inbox_polls::table)
        .filter(inbox_polls::clinic_id.eq(tx.clinic()))
        .filter(inbox_polls::inbox_id.eq(inbox))
        .set((
            inbox_polls::uid_validity.eq(i64::from(position.uid_validity)),
            inbox_polls::last_uid.eq(i64::from(position.last_uid)),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// A look went well; the next one comes after a minute, or at once where more waits.
///
/// # Errors
/// The database's failure.
pub async fn succeeded(tx: &mut TenantTx<'_>, inbox: InboxId, has_more: bool) -> Result<(), DbError> {
    let now = tx.now();
    let next = if has_more { now } else { now.saturating_add(INTERVAL) };
    diesel::update(inbox_polls::table)
        .filter(inbox_polls::clinic_id.eq(tx.clinic()))
        .filter(inbox_polls::inbox_id.eq(inbox))
        .set((
            inbox_polls::last_success_at.eq(Some(now)),
            inbox_polls::last_error.eq(None::<String>),
            inbox_polls::failing_since.eq(None::<Timestamp>),
            inbox_polls::failures.eq(0),
            inbox_polls::next_poll_at.eq(Some(next)),
        ))
        .execute(&mut tx.conn())
        .await?;
    tx.touch(tags::inboxes());
    PollJob { inbox_id: inbox }.enqueue(tx, next);
    Ok(())
}

/// A look failed, with a word for why; the next one comes after a pause that grows up to an hour.
///
/// # Errors
/// The database's failure.
pub async fn failed(tx: &mut TenantTx<'_>, inbox: InboxId, error: &str) -> Result<(), DbError> {
    let now = tx.now();
    let before: Option<(i32, Option<Timestamp>)> = inbox_polls::table
        .filter(inbox_polls::clinic_id.eq(tx.clinic()))
        .filter(inbox_polls::inbox_id.eq(inbox))
        .select((inbox_polls::failures, inbox_polls::failing_since))
        .for_update()
        .first(&mut tx.conn())
        .await
        .optional()?;
    let Some((failures, failing_since)) = before else {
        return Ok(());
    };
    let failures = failures.saturating_add(1);
    let next = now.saturating_add(pause(failures));
    diesel::update(inbox_polls::table)
        .filter(inbox_polls::clinic_id.eq(tx.clinic()))
        .filter(inbox_polls::inbox_id.eq(inbox))
        .set((
            inbox_polls::last_error.eq(Some(error)),
            inbox_polls::failing_since.eq(failing_since.or(Some(now))),
            inbox_polls::failures.eq(failures),
            inbox_polls::next_poll_at.eq(Some(next)),
        ))
        .execute(&mut tx.conn())
        .await?;
    tx.touch(tags::inboxes());
    PollJob { inbox_id: inbox }.enqueue(tx, next);
    Ok(())
}

/// The pause after so many failures in a row.
fn pause(failures: i32) -> TimeDelta {
    doubled(INTERVAL, failures, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_an_hour() {
        let pauses: Vec<i64> = [1, 2, 5, 6, 100].map(|failures| pause(failures).num_minutes()).to_vec();
        assert_eq!(pauses, [2, 4, 32, 60, 60]);
    }
}
