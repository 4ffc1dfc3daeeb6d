//! A unit of work inside one clinic: a connection on which row-level security shows that clinic's rows alone.

use std::ops::Deref;

use diesel_async::AsyncPgConnection;
use futures_util::future::try_join_all;
use kernel::{Actor, Caller, ClinicId, EventId, Origin, Tag, Timestamp};
use serde::Serialize;

use crate::audit::{self, AuditRecord};
use crate::error::{DbError, TxError};
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
    events: Vec<NewEvent>,
    tags: Vec<Tag>,
    failed: Option<serde_json::Error>,
}

/// An event on its way into the outbox.
#[derive(diesel::Insertable)]
#[diesel(table_name = outbox)]
struct NewEvent {
    clinic_id: ClinicId,
    id: EventId,
    kind: &'static str,
    payload: serde_json::Value,
    available_at: Timestamp,
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

    /// Puts an event into the outbox, to be handled as soon as the transaction has committed.
    pub fn emit(&mut self, kind: &'static str, payload: &impl Serialize) {
        self.emit_at(kind, payload, self.now());
    }

    /// Puts an event into the outbox, to be handled once `available_at` has come.
    pub fn emit_at(&mut self, kind: &'static str, payload: &impl Serialize, available_at: Timestamp) {
        match serde_json::to_value(payload) {
            Ok(payload) => self.riders.events.push(NewEvent {
                clinic_id: self.clinic(),
                id: EventId::new_at(self.now()),
                kind,
                payload,
                available_at,
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
            self.riders.events.len(),
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
                self.riders.events.truncate(before.1);
                self.riders.tags.truncate(before.2);
                self.conn()
                    .batch_execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
                    .await
                    .map_err(DbError::from)?;
                Err(error)
            }
        }
    }

    /// Writes the audit rows and events, all sent together.
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
        let events = std::mem::take(&mut self.riders.events);
        let audit_rows = try_join_all(rows.into_iter().map(|row| audit::insert(self.conn(), row)));
        let connection = self.conn();
        let event_rows = try_join_all(events.into_iter().map(|event| async move {
            diesel::insert_into(outbox::table)
                .values(event)
                .execute(&mut &*connection)
                .await
                .map_err(DbError::from)
        }));
        futures_util::try_join!(audit_rows, event_rows)?;
        Ok(())
    }

    pub(crate) fn into_tags(self) -> Vec<Tag> {
        self.riders.tags
    }
}
