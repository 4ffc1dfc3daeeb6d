//! What was given up, and how the queue stands, as one clinic sees it: to be looked at, tried again, or put aside.

use db::schema::outbox;
use db::{AuditRecord, DbError, QueryResultExt, TenantRead, TenantTx, tx_error};
use diesel::dsl::{count_star, min};
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

/// A lane's number, and how many.
type OfLane = (i16, i64);

/// As [`OfLane`], and since when the oldest of them is due.
type DueOfLane = (i16, i64, Option<Timestamp>);

/// How the clinic's queue stands, lane by lane.
///
/// # Errors
/// [`DbError`].
pub async fn standing(tx: &TenantRead<'_>) -> Result<Vec<LaneStanding>, DbError> {
    let now = tx.now();
    let open = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::handled_at.is_null())
        .filter(outbox::failed_at.is_null())
        .group_by(outbox::lane);
    let free = outbox::locked_until
        .is_null()
        .or(outbox::locked_until.le(now).assume_not_null());
    let due = open.filter(outbox::available_at.le(now)).filter(free).select((
        outbox::lane,
        count_star(),
        min(outbox::available_at),
    ));
    let waiting = open
        .filter(outbox::available_at.gt(now))
        .filter(outbox::locked_until.is_null())
        .select((outbox::lane, count_star()));
    let in_work = open
        .filter(outbox::locked_until.gt(now))
        .select((outbox::lane, count_star()));
    let failed = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::failed_at.is_not_null())
        .group_by(outbox::lane)
        .select((outbox::lane, count_star()));
    let (mut c1, mut c2, mut c3, mut c4) = (tx.conn(), tx.conn(), tx.conn(), tx.conn());
    let (due, waiting, in_work, failed): (Vec<DueOfLane>, Vec<OfLane>, Vec<OfLane>, Vec<OfLane>) = futures_util::try_join!(
        due.load(&mut c1),
        waiting.load(&mut c2),
        in_work.load(&mut c3),
        failed.load(&mut c4)
    )?;
    let of = |rows: &[OfLane], lane: Lane| {
        let row = rows.iter().find(|(number, _)| *number == lane.number());
        row.map_or(0, |(_, count)| *count)
    };
    let standing = Lane::ALL.map(|lane| {
        let due = due.iter().find(|(number, ..)| *number == lane.number());
        LaneStanding {
            lane,
            waiting: of(&waiting, lane),
            due: due.map_or(0, |(_, count, _)| *count),
            in_work: of(&in_work, lane),
            failed: of(&failed, lane),
            due_since: due.and_then(|(.., since)| *since),
        }
    });
    Ok(standing.into())
}
