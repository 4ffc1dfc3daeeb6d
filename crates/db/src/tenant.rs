//! A unit of work inside one clinic: a connection on which row-level security shows that clinic's rows alone.

use std::ops::Deref;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join_all;
use kernel::{Actor, Caller, ClinicId, Lane, Origin, Tag, Timestamp};
use serde::Serialize;

use crate::audit::{self, AuditRecord};
use crate::error::{DbError, TxError};
use crate::listener::CommittedEvent;
use crate::lookup::LookupBy;
use crate::queue::{self, EVENT, JOB, Job, Queued, StaleJob};
use crate::schema::outbox;

/// Reads of one clinic's rows. Every statement also names `clinic_id`: the security of rows is the net, not the plan.
pub struct TenantRead<'c> {
    connection: &'c AsyncPgConnection,
    clinic: ClinicId,
    actor: Actor,
    origin: Origin,
    now: Timestamp,
}

impl<'c> TenantRead<'c> {
    pub(crate) fn new(connection: &'c AsyncPgConnection, caller: &impl Caller, now: Timestamp) -> Self {
        Self {
            connection,
            clinic: caller.clinic(),
            actor: caller.actor(),
            origin: caller.origin(),
            now,
        }
    }

    /// The clinic.
    #[must_use]
    pub const fn clinic(&self) -> ClinicId {
        self.clinic
    }

    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// Where the call came from.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// The instant at which this unit of work began.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The connection. Shared, so that statements may be sent together: `query.load(&mut tx.conn())`.
    #[must_use]
    pub const fn conn(&self) -> &'c AsyncPgConnection {
        self.connection
    }
}

/// A writing transaction of one clinic. What rides along (audit rows, events) is written before the commit, what is stale is
/// told after it.
pub struct TenantTx<'c> {
    read: TenantRead<'c>,
    riders: Riders,
}

#[derive(Default)]
struct Riders {
    audit: Vec<AuditRecord>,
    queued: Vec<Queued>,
    /// Places in `queued` that were cancelled again.
    cancelled: Vec<usize>,
    /// Whether there is something to do for the worker besides what is queued.
    awaited: bool,
    tags: Vec<Tag>,
    failed: Option<serde_json::Error>,
}

impl Riders {
    /// Leaves out of the queue what was taken back before it got there.
    fn forget_cancelled(&mut self) {
        let cancelled = std::mem::take(&mut self.cancelled);
        let mut place = 0;
        self.queued.retain(|_| {
            place += 1;
            !cancelled.contains(&(place - 1))
        });
    }
}

impl<'c> Deref for TenantTx<'c> {
    type Target = TenantRead<'c>;

    fn deref(&self) -> &Self::Target {
        &self.read
    }
}

impl<'c> TenantTx<'c> {
    pub(crate) fn new(read: TenantRead<'c>) -> Self {
        Self {
            read,
            riders: Riders::default(),
        }
    }

    /// Tells what happened: to the handlers of its kind, to integrations, and to live screens, once the transaction has committed.
    pub fn emit(&mut self, kind: &'static str, payload: &impl Serialize) {
        self.queue(EVENT, Job::new(kind, payload));
    }

    /// As [`Self::emit`], for what its handlers must not keep waiting, or may: it waits in `lane`.
    pub fn emit_in(&mut self, lane: Lane, kind: &'static str, payload: &impl Serialize) {
        self.queue(EVENT, Job::new(kind, payload).lane(lane));
    }

    /// Puts work into the queue, to be done once the transaction has committed and the work is due.
    pub fn enqueue(&mut self, job: Job) {
        self.queue(JOB, job);
    }

    fn queue(&mut self, class: &'static str, job: Job) {
        match Queued::new(&self.read, class, job) {
            Ok(queued) => self.riders.queued.push(queued),
            // Told before the commit, where there is somebody to tell.
            Err(error) => self.riders.failed = Some(error),
        }
    }

    /// Takes back the work of `kind` and `key` that waits, also what this transaction itself has put into the queue; says whether
    /// there was any. Work that somebody has begun is not stopped: its handler looks at how things stand.
    ///
    /// # Errors
    /// [`DbError`] when the queue cannot be asked.
    pub async fn cancel(&mut self, kind: &'static str, key: &str) -> Result<bool, DbError> {
        let riders = &mut self.riders;
        let own: Vec<usize> = riders
            .queued
            .iter()
            .enumerate()
            .filter(|(place, queued)| queued.is(kind, key) && !riders.cancelled.contains(place))
            .map(|(place, _)| place)
            .collect();
        riders.cancelled.extend(&own);
        let waiting = diesel::delete(outbox::table)
            .filter(outbox::clinic_id.eq(self.clinic()))
            .filter(outbox::kind.eq(kind))
            .filter(outbox::key.eq(key))
            .filter(outbox::class.eq(JOB))
            .filter(outbox::locked_until.is_null())
            .filter(outbox::handled_at.is_null())
            .filter(outbox::failed_at.is_null())
            .execute(&mut self.conn())
            .await?;
        Ok(waiting > 0 || !own.is_empty())
    }

    /// Says that this transaction gives the worker something to do though it queues nothing: work that it has made due.
    pub fn awaits_work(&mut self) {
        self.riders.awaited = true;
    }

    /// Notes in the audit log what this transaction does.
    pub fn audit(&mut self, record: AuditRecord) {
        self.riders.audit.push(record);
    }

    /// Says that answers tagged with `tag` are stale once this has committed.
    pub fn touch(&mut self, tag: Tag) {
        if !self.riders.tags.contains(&tag) {
            self.riders.tags.push(tag);
        }
    }

    /// Queues the job that says which tags this transaction makes stale, if any.
    pub(crate) fn tell_by_queue(&mut self, kind: &'static str) {
        if !self.riders.tags.is_empty() {
            let stale = StaleJob::of(&self.riders.tags);
            self.enqueue(Job::new(kind, &stale).lane(Lane::Urgent));
        }
    }

    /// Opens one user, who belongs to no clinic, to this transaction as well: to accept an invitation, for one.
    ///
    /// # Errors
    /// [`DbError`] when the setting cannot be made.
    pub async fn open_user(&self, by: &LookupBy) -> Result<(), DbError> {
        by.set_locally(self.conn()).await
    }

    /// A part of the work that may fail alone: what it wrote is undone, and the transaction goes on.
    ///
    /// # Errors
    /// What `work` ends with, or the database's failure.
    pub async fn savepoint<T, E: TxError>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        use diesel_async::SimpleAsyncConnection;
        let before = (
            self.riders.audit.len(),
            self.riders.queued.len(),
            self.riders.tags.len(),
            self.riders.cancelled.len(),
        );
        self.conn()
            .batch_execute("SAVEPOINT part")
            .await
            .map_err(DbError::from)?;
        match work(self).await {
            Ok(value) => {
                self.conn()
                    .batch_execute("RELEASE SAVEPOINT part")
                    .await
                    .map_err(DbError::from)?;
                Ok(value)
            }
            Err(error) => {
                self.riders.audit.truncate(before.0);
                self.riders.queued.truncate(before.1);
                self.riders.tags.truncate(before.2);
                self.riders.cancelled.truncate(before.3);
                self.conn()
                    .batch_execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
                    .await
                    .map_err(DbError::from)?;
                Err(error)
            }
        }
    }

    /// Writes the audit rows, events and jobs, all sent together.
    pub(crate) async fn write_riders(&mut self) -> Result<(), DbError> {
        if let Some(error) = self.riders.failed.take() {
            return Err(DbError::unwritable(error));
        }
        let rows: Vec<_> = self
            .riders
            .audit
            .drain(..)
            .map(|record| record.into_row(&self.read))
            .collect();
        self.riders.forget_cancelled();
        let audit_rows = try_join_all(rows.into_iter().map(|row| audit::insert(self.conn(), row)));
        let queue_rows = queue::insert(self.conn(), &self.riders.queued);
        futures_util::try_join!(audit_rows, queue_rows)?;
        Ok(())
    }

    /// What the listeners are to hear of.
    pub(crate) fn into_told(self) -> Told {
        let Riders {
            queued, tags, awaited, ..
        } = self.riders;
        let enqueued = awaited || !queued.is_empty();
        let occurred_at = self.read.now;
        let events = queued
            .into_iter()
            .filter(|queued| queued.class == EVENT)
            .map(|queued| CommittedEvent {
                id: queued.id,
                kind: queued.kind,
                payload: queued.payload,
                occurred_at,
            })
            .collect();
        Told { tags, events, enqueued }
    }
}

/// What the listeners hear of after a commit.
pub(crate) struct Told {
    pub(crate) tags: Vec<Tag>,
    pub(crate) events: Vec<CommittedEvent>,
    pub(crate) enqueued: bool,
}
