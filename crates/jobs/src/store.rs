//! The outbox as the worker's role sees it: claims and what became of them.

use db::DbError;
use db::schema::outbox;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Jsonb, Text, Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{ClinicId, EventId, Timestamp};

use crate::event::Event;

/// The most characters of an error that are kept.
const LONGEST_ERROR: usize = 500;

/// The right to say what became of an event: good as long as nobody has claimed it since, which the number of the attempt shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    pub(crate) clinic: ClinicId,
    pub(crate) id: EventId,
    pub(crate) attempt: i32,
}

/// A claimed row.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Uuid)]
    clinic_id: ClinicId,
    #[diesel(sql_type = Uuid)]
    id: EventId,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    payload: serde_json::Value,
    #[diesel(sql_type = Timestamptz)]
    created_at: Timestamp,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        let Row {
            clinic_id,
            id,
            kind,
            payload,
            created_at,
            attempts,
        } = row;
        Self {
            clinic: clinic_id,
            id,
            kind,
            payload,
            created_at,
            attempt: attempts,
        }
    }
}

/// Takes up to `most` events that are due at `now` and that nobody holds, until `until`; the longest due first. Rows that
/// another worker is taking at this moment are passed over.
pub(crate) async fn claim(
    connection: &AsyncPgConnection,
    now: Timestamp,
    until: Timestamp,
    most: i64,
) -> Result<Vec<Event>, DbError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "an update joined to what it picks cannot be said in the typed language; run once for many events"
    )]
    let statement = diesel::sql_query(
        "WITH due AS MATERIALIZED (
             SELECT clinic_id, id FROM outbox
             WHERE handled_at IS NULL AND failed_at IS NULL AND available_at <= $1
                 AND (locked_until IS NULL OR locked_until <= $1)
             ORDER BY available_at LIMIT $3 FOR UPDATE SKIP LOCKED
         )
         UPDATE outbox SET locked_until = $2, attempts = outbox.attempts + 1
         FROM due WHERE outbox.clinic_id = due.clinic_id AND outbox.id = due.id
         RETURNING outbox.clinic_id, outbox.id, outbox.kind, outbox.payload, outbox.created_at, outbox.attempts",
    );
    let rows: Vec<Row> = statement
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(until)
        .bind::<BigInt, _>(most)
        .load(&mut &*connection)
        .await?;
    Ok(rows.into_iter().map(Event::from).collect())
}

/// Whether the claim still held, so that what was said of the event counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Held,
    Lost,
}

impl From<usize> for Standing {
    fn from(rows: usize) -> Self {
        if rows == 0 { Self::Lost } else { Self::Held }
    }
}

/// The row, as long as `claim` holds.
#[diesel::dsl::auto_type(no_type_alias)]
fn held(claim: Claim) -> _ {
    let (clinic, id, attempt): (ClinicId, EventId, i32) = (claim.clinic, claim.id, claim.attempt);
    outbox::table
        .filter(outbox::clinic_id.eq(clinic))
        .filter(outbox::id.eq(id))
        .filter(outbox::attempts.eq(attempt))
        .filter(outbox::handled_at.is_null())
        .filter(outbox::failed_at.is_null())
}

/// The event was handled.
pub(crate) async fn finish(connection: &AsyncPgConnection, claim: Claim, now: Timestamp) -> Result<Standing, DbError> {
    let rows = diesel::update(held(claim))
        .set((outbox::handled_at.eq(now), outbox::locked_until.eq(None::<Timestamp>)))
        .execute(&mut &*connection)
        .await?;
    Ok(rows.into())
}

/// The event is to be tried again at `available_at`.
pub(crate) async fn try_again(
    connection: &AsyncPgConnection,
    claim: Claim,
    available_at: Timestamp,
    reason: &str,
) -> Result<Standing, DbError> {
    let rows = diesel::update(held(claim))
        .set((
            outbox::available_at.eq(available_at),
            outbox::locked_until.eq(None::<Timestamp>),
            outbox::last_error.eq(shortened(reason)),
        ))
        .execute(&mut &*connection)
        .await?;
    Ok(rows.into())
}

/// The event is given up.
pub(crate) async fn give_up(
    connection: &AsyncPgConnection,
    claim: Claim,
    now: Timestamp,
    reason: &str,
) -> Result<Standing, DbError> {
    let rows = diesel::update(held(claim))
        .set((
            outbox::failed_at.eq(now),
            outbox::locked_until.eq(None::<Timestamp>),
            outbox::last_error.eq(shortened(reason)),
        ))
        .execute(&mut &*connection)
        .await?;
    Ok(rows.into())
}

/// The event goes back as if it had not been claimed.
pub(crate) async fn give_back(connection: &AsyncPgConnection, claim: Claim) -> Result<Standing, DbError> {
    let rows = diesel::update(held(claim))
        .set((
            outbox::locked_until.eq(None::<Timestamp>),
            outbox::attempts.eq(claim.attempt - 1),
        ))
        .execute(&mut &*connection)
        .await?;
    Ok(rows.into())
}

fn shortened(reason: &str) -> String {
    reason.chars().take(LONGEST_ERROR).collect()
}
