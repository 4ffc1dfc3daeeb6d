//! A unit of work inside one clinic: a connection on which row-level security shows that clinic's rows alone.

use std::ops::Deref;

use diesel_async::AsyncPgConnection;
use futures_util::future::try_join_all;
use kernel::{Actor, Caller, ClinicId, EventId, Lane, Origin, Tag, Timestamp};
use serde::Serialize;

use crate::audit::{self, AuditRecord};
use crate::error::{DbError, TxError};
use crate::listener::CommittedEvent;
use crate::lookup::LookupBy;
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
    tags: Vec<Tag>,
    failed: Option<serde_json::Error>,
}

/// An event or a job on its way into the queue.
#[derive(Clone, diesel::Insertable)]
#[diesel(table_name = outbox)]
struct Queued {
    clinic_id: ClinicId,
    id: EventId,
    class: &'static str,
    lane: i16,
    kind: &'static str,
    payload: serde_json::Value,
    created_at: Timestamp,
    available_at: Timestamp,
}

/// The class of what is told.
const EVENT: &str = "event";
/// The class of what is to be done.
const JOB: &str = "job";

/// Work to be done after the commit, at least once.
#[derive(Debug)]
pub struct Job {
    kind: &'static str,
    payload: Result<serde_json::Value, serde_json::Error>,
    lane: Lane,
    due: Option<Timestamp>,
}

impl Job {
    /// Work of `kind` on what `payload` names: ids, not what people wrote. Routine, and due at once, unless said otherwise.
    pub fn new(kind: &'static str, payload: &impl Serialize) -> Self {
        Self {
            kind,
            payload: serde_json::to_value(payload),
            lane: Lane::Routine,
            due: None,
        }
    }

    /// In which lane it waits.
    #[must_use]
    pub const fn lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// Not before `due`.
    #[must_use]
    pub const fn due(mut self, due: Timestamp) -> Self {
        self.due = Some(due);
        self
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

    /// Puts work into the queue, to be done once the transaction has committed and the work is due.
    pub fn enqueue(&mut self, job: Job) {
        self.queue(JOB, job);
    }

    fn queue(&mut self, class: &'static str, job: Job) {
        let Job {
            kind,
            payload,
            lane,
            due,
        } = job;
        match payload {
            Ok(payload) => self.riders.queued.push(Queued {
                clinic_id: self.clinic(),
                id: EventId::new_at(self.now()),
                class,
                lane: lane.number(),
                kind,
                payload,
                created_at: self.now(),
                available_at: due.unwrap_or_else(|| self.now()),
            }),
            // Told before the commit, where there is somebody to tell.
            Err(error) => self.riders.failed = Some(error),
        }
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
        use diesel_async::RunQueryDsl;
        if let Some(error) = self.riders.failed.take() {
            return Err(DbError::Query(diesel::result::Error::SerializationError(Box::new(
                error,
            ))));
        }
        let rows: Vec<_> = self
            .riders
            .audit
            .drain(..)
            .map(|record| record.into_row(&self.read))
            .collect();
        let queued = self.riders.queued.clone();
        let audit_rows = try_join_all(rows.into_iter().map(|row| audit::insert(self.conn(), row)));
        let connection = self.conn();
        let queue_rows = try_join_all(queued.into_iter().map(|queued| async move {
            diesel::insert_into(outbox::table)
                .values(queued)
                .execute(&mut &*connection)
                .await
                .map_err(DbError::from)
        }));
        futures_util::try_join!(audit_rows, queue_rows)?;
        Ok(())
    }

    /// What the listeners are to hear of.
    pub(crate) fn into_told(self) -> Told {
        let Riders { queued, tags, .. } = self.riders;
        let enqueued = !queued.is_empty();
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
