//! What was given up, and how the queue stands, as one clinic sees it: to be looked at, tried again, or put aside.

use db::schema::outbox;
use db::{AuditRecord, DbError, QueryResultExt, TenantRead, TenantTx, tx_error};
use diesel::dsl::{count, count_star, min};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{EventId, Lane, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Work that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox, check_for_backend(Pg))]
pub struct DeadLetter {
    /// Its id.
    pub id: EventId,
    /// What happened, or what was to be done.
    pub kind: String,
    /// `event` or `job`.
    pub class: String,
    /// The number of its lane.
    #[diesel(column_name = lane)]
    lane_number: i16,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it failed the last time.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was given up.
    #[diesel(select_expression = outbox::failed_at.assume_not_null())]
    pub failed_at: Timestamp,
}

impl DeadLetter {
    /// The lane in which it waited.
    #[must_use]
    pub fn lane(&self) -> Lane {
        // The table checks it.
        Lane::of_number(self.lane_number).unwrap_or_default()
    }

    /// Where it stands in the list.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            failed_at: self.failed_at,
            id: self.id,
        }
    }
}

/// A place in the list of what was given up.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Position {
    failed_at: Timestamp,
    id: EventId,
}

/// Why one cannot be tried again or put aside.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The clinic has none of that id: it was not given up, or is no more.
    #[error("the clinic has given up no such work")]
    NotFound,
    /// The same work waits already.
    #[error("the same work was queued anew and waits: discard this one")]
    Waits,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(DeadLetterError);

/// What was given up, of one `kind` or any, `since` an instant or ever: `most` after the position `after`, the latest first.
///
/// # Errors
/// [`DbError`].
pub async fn list(
    tx: &TenantRead<'_>,
    kind: Option<&str>,
    since: Option<Timestamp>,
    after: Option<&Position>,
    most: i64,
) -> Result<Vec<DeadLetter>, DbError> {
    let mut query = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::failed_at.is_not_null())
        .select(DeadLetter::as_select())
        .order((outbox::failed_at.desc(), outbox::id.desc()))
        .limit(most)
        .into_boxed();
    if let Some(kind) = kind {
        query = query.filter(outbox::kind.eq(kind));
    }
    if let Some(since) = since {
        query = query.filter(outbox::failed_at.ge(since));
    }
    if let Some(Position { failed_at, id }) = after {
        let earlier = outbox::failed_at.lt(*failed_at);
        let as_early = outbox::failed_at.eq(*failed_at).and(outbox::id.lt(*id));
        // The bound serves the index; what follows cuts among those of one instant.
        query = query
            .filter(outbox::failed_at.le(*failed_at))
            .filter(earlier.or(as_early).assume_not_null());
    }
    Ok(query.load(&mut tx.conn()).await?)
}

/// Has `id` tried again from the beginning: at once, and as often as new work.
///
/// # Errors
/// [`DeadLetterError`].
pub async fn retry(tx: &mut TenantTx<'_>, id: EventId) -> Result<(), DeadLetterError> {
    let kind: Option<String> = diesel::update(outbox::table)
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::id.eq(id))
        .filter(outbox::failed_at.is_not_null())
        .set((
            outbox::failed_at.eq(None::<Timestamp>),
            outbox::attempts.eq(0),
            outbox::available_at.eq(tx.now()),
        ))
        .returning(outbox::kind)
        .get_result(&mut tx.conn())
        .await
        .optional()
        .on_constraint("outbox_waiting_once", || DeadLetterError::Waits)
        .or_database()?;
    let kind = kind.ok_or(DeadLetterError::NotFound)?;
    tx.audit(AuditRecord::new("dead_letters.retry", "dead_letter", id.as_uuid()).with_detail(json!({ "kind": kind })));
    tx.awaits_work();
    Ok(())
}

/// Puts `id` aside for good: a job goes; an event, which is told to others as well, stays as one that was handled.
///
/// # Errors
/// [`DeadLetterError`].
pub async fn discard(tx: &mut TenantTx<'_>, id: EventId) -> Result<(), DeadLetterError> {
    let job: Option<String> = diesel::delete(outbox::table)
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::id.eq(id))
        .filter(outbox::class.eq("job"))
        .filter(outbox::failed_at.is_not_null())
        .returning(outbox::kind)
        .get_result(&mut tx.conn())
        .await
        .optional()
        .map_err(DbError::from)?;
    let kind = match job {
        Some(kind) => Some(kind),
        None => diesel::update(outbox::table)
            .filter(outbox::clinic_id.eq(tx.clinic()))
            .filter(outbox::id.eq(id))
            .filter(outbox::class.eq("event"))
            .filter(outbox::failed_at.is_not_null())
            .set((outbox::failed_at.eq(None::<Timestamp>), outbox::handled_at.eq(tx.now())))
            .returning(outbox::kind)
            .get_result(&mut tx.conn())
            .await
            .optional()
            .map_err(DbError::from)?,
    };
    let kind = kind.ok_or(DeadLetterError::NotFound)?;
    tx.audit(
        AuditRecord::new("dead_letters.discard", "dead_letter", id.as_uuid()).with_detail(json!({ "kind": kind })),
    );
    Ok(())
}

/// How one lane of the queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneStanding {
    /// The lane.
    pub lane: Lane,
    /// Not due yet: delayed, or failed and to be tried again.
    pub waiting: i64,
    /// Due, and nobody works on it.
    pub due: i64,
    /// Somebody works on it.
    pub in_work: i64,
    /// Given up.
    pub failed: i64,
    /// Since when the oldest that is due has been so.
    pub due_since: Option<Timestamp>,
}

/// The open rows of a lane: its number, how many are due, since when the oldest is, how many wait, and how many are in work.
type OpenOfLane = (i16, i64, Option<Timestamp>, i64, i64);

/// How the clinic's queue stands, lane by lane: what is open by one statement, what was given up by another.
///
/// # Errors
/// [`DbError`].
pub async fn standing(tx: &TenantRead<'_>) -> Result<Vec<LaneStanding>, DbError> {
    let now = tx.now();
    let free = outbox::locked_until
        .is_null()
        .or(outbox::locked_until.le(now).assume_not_null());
    let is_due = outbox::available_at.le(now).and(free);
    let waits = outbox::available_at.gt(now).and(outbox::locked_until.is_null());
    let is_in_work = outbox::locked_until.gt(now).assume_not_null();
    let open = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::handled_at.is_null())
        .filter(outbox::failed_at.is_null())
        .group_by(outbox::lane)
        .select((
            outbox::lane,
            count(outbox::lane).aggregate_filter(is_due),
            min(outbox::available_at).aggregate_filter(is_due),
            count(outbox::lane).aggregate_filter(waits),
            count(outbox::lane).aggregate_filter(is_in_work),
        ));
    let failed = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::failed_at.is_not_null())
        .group_by(outbox::lane)
        .select((outbox::lane, count_star()));
    let (mut c1, mut c2) = (tx.conn(), tx.conn());
    let (open, failed): (Vec<OpenOfLane>, Vec<(i16, i64)>) =
        futures_util::try_join!(open.load(&mut c1), failed.load(&mut c2))?;
    let standing = Lane::ALL.map(|lane| {
        let open = open.iter().find(|(number, ..)| *number == lane.number());
        let failed = failed.iter().find(|(number, _)| *number == lane.number());
        let (_, due, due_since, waiting, in_work) = open.copied().unwrap_or((lane.number(), 0, None, 0, 0));
        LaneStanding {
            lane,
            waiting,
            due,
            in_work,
            failed: failed.map_or(0, |(_, count)| *count),
            due_since,
        }
    });
    Ok(standing.into())
}
