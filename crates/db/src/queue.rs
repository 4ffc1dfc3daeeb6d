//! How events and jobs get into the queue: in the transaction of what they tell or follow.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::upsert::{DecoratableTarget, excluded};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join_all;
use kernel::{ClinicId, EventId, Lane, Tag, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::DbError;
use crate::schema::functions::{earlier, smaller};
use crate::schema::outbox;
use crate::tenant::TenantRead;

/// The class of what is told.
pub(crate) const EVENT: &str = "event";
/// The class of what is to be done.
pub(crate) const JOB: &str = "job";

/// Up to so many rows travel as statements of one row each, which are prepared and sent together; more share statements.
const FEW: usize = 16;

/// The most rows of one statement, of ten values each: the protocol carries 65,535.
const ROWS_AT_ONCE: usize = 500;

/// What makes a row one that waits: the condition of the index `outbox_waiting_once`.
const WAITS: &str = "key IS NOT NULL AND locked_until IS NULL AND handled_at IS NULL AND failed_at IS NULL";

/// Work to be done after the commit, at least once.
#[derive(Debug)]
pub struct Job {
    kind: &'static str,
    payload: Result<serde_json::Value, serde_json::Error>,
    lane: Lane,
    due: Option<Timestamp>,
    key: Option<String>,
}

impl Job {
    /// Work of `kind` on what `payload` names: ids, not what people wrote. Routine, and due at once, unless said otherwise.
    pub fn new(kind: &'static str, payload: &impl Serialize) -> Self {
        Self {
            kind,
            payload: serde_json::to_value(payload),
            lane: Lane::Routine,
            due: None,
            key: None,
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

    /// Names the work: while work of this kind and `key` (1 to 200 characters) waits in the clinic, it is not queued again. What
    /// waits is then due at the earlier of both times, in the more urgent of both lanes, with the payload that it had: the key
    /// says all of it. [`crate::TenantTx::cancel`] takes it back.
    ///
    /// Work that somebody has begun waits no more, and is queued anew. Work that waits while this transaction names it is begun
    /// after this has ended, so that it sees what this wrote.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// What a unit of work made stale, told by the queue: see [`crate::Db::telling_by_queue`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleJob {
    tags: Vec<String>,
}

impl StaleJob {
    pub(crate) fn of(tags: &[Tag]) -> Self {
        Self {
            tags: tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        }
    }

    /// The tags that are stale.
    pub fn into_tags(self) -> impl Iterator<Item = Tag> {
        self.tags.into_iter().map(Tag::told)
    }
}

/// An event or a job on its way into the queue.
#[derive(Insertable)]
#[diesel(table_name = outbox)]
pub(crate) struct Queued {
    clinic_id: ClinicId,
    pub(crate) id: EventId,
    pub(crate) class: &'static str,
    lane: i16,
    pub(crate) kind: &'static str,
    pub(crate) payload: serde_json::Value,
    created_at: Timestamp,
    available_at: Timestamp,
    key: Option<String>,
}

impl Queued {
    /// A row of the clinic of `read`.
    pub(crate) fn new(read: &TenantRead<'_>, class: &'static str, job: Job) -> Result<Self, serde_json::Error> {
        let Job {
            kind,
            payload,
            lane,
            due,
            key,
        } = job;
        Ok(Self {
            clinic_id: read.clinic(),
            id: EventId::new_at(read.now()),
            class,
            lane: lane.number(),
            kind,
            payload: payload?,
            created_at: read.now(),
            available_at: due.unwrap_or_else(|| read.now()),
            key,
        })
    }

    /// Whether it is the work of `kind` and `key`.
    pub(crate) fn is(&self, kind: &str, key: &str) -> bool {
        self.kind == kind && self.key.as_deref() == Some(key)
    }
}

/// Writes `queued`, sent together.
pub(crate) async fn insert(connection: &AsyncPgConnection, queued: &[Queued]) -> Result<(), DbError> {
    let (named, nameless): (Vec<&Queued>, Vec<&Queued>) = queued.iter().partition(|queued| queued.key.is_some());
    let named = try_join_all(named.into_iter().map(|queued| insert_named(connection, queued)));
    let rows_at_once = if nameless.len() > FEW { ROWS_AT_ONCE } else { 1 };
    let nameless = try_join_all(nameless.chunks(rows_at_once).map(async |rows| match rows {
        [row] => insert_one(connection, row).await,
        rows => insert_many(connection, rows).await,
    }));
    futures_util::try_join!(named, nameless)?;
    Ok(())
}

async fn insert_one(connection: &AsyncPgConnection, row: &Queued) -> Result<usize, DbError> {
    let inserted = diesel::insert_into(outbox::table)
        .values(row)
        .execute(&mut &*connection)
        .await?;
    Ok(inserted)
}

async fn insert_many(connection: &AsyncPgConnection, rows: &[&Queued]) -> Result<usize, DbError> {
    let inserted = diesel::insert_into(outbox::table)
        .values(rows.to_vec())
        .execute(&mut &*connection)
        .await?;
    Ok(inserted)
}

/// Inserts work that has a key, unless it waits already. What waits is written all the same: whoever wants to begin it waits
/// for this transaction, or passes it over, and so sees what this transaction did.
async fn insert_named(connection: &AsyncPgConnection, row: &Queued) -> Result<usize, DbError> {
    let inserted = diesel::insert_into(outbox::table)
        .values(row)
        .on_conflict((outbox::clinic_id, outbox::kind, outbox::key))
        .filter_target(sql::<Bool>(WAITS))
        .do_update()
        .set((
            outbox::available_at.eq(earlier(outbox::available_at, excluded(outbox::available_at))),
            outbox::lane.eq(smaller(outbox::lane, excluded(outbox::lane))),
        ))
        .execute(&mut &*connection)
        .await?;
    Ok(inserted)
}
