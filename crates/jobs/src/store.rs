//! The outbox as the worker's role sees it: claims and what became of them.
//!
//! `available_at` says when a row is next to be looked at. A claim moves it to where the claim ends, so that no look steps over
//! what others hold, and what a dead worker held comes again by itself.

use std::collections::HashSet;

use db::DbError;
use db::schema::outbox;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, SmallInt, Text, Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{ClinicId, EventId, Lane, Timestamp};

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
    #[diesel(sql_type = SmallInt)]
    lane: i16,
    #[diesel(sql_type = Bool)]
    is_job: bool,
}

impl Row {
    fn held_until(self, held_until: Timestamp) -> Event {
        let Self {
            clinic_id,
            id,
            kind,
            payload,
            created_at,
            attempts,
            lane,
            is_job,
        } = self;
        Event {
            clinic: clinic_id,
            id,
            kind,
            payload,
            created_at,
            attempt: attempts,
            // The table checks it.
            lane: Lane::of_number(lane).unwrap_or_default(),
            is_job,
            held_until,
        }
    }
}

/// How many events of a lane are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) lane: Lane,
    pub(crate) events: usize,
}

/// Takes, of each lane, as many events as there is room for that are due at `now` and that nobody holds, until `until`; the
/// longest due first. Rows that another worker is taking at this moment are passed over.
pub(crate) async fn claim(
    connection: &AsyncPgConnection,
    now: Timestamp,
    until: Timestamp,
    rooms: &[Room],
) -> Result<Vec<Event>, DbError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "an update joined to what it picks cannot be said in the typed language; run once for many events"
    )]
    let statement = diesel::sql_query(
        "WITH due AS MATERIALIZED (
             SELECT waiting.clinic_id, waiting.id
             FROM unnest($3, $4) AS room (lane, events)
             CROSS JOIN LATERAL (
                 SELECT clinic_id, id FROM outbox
                 WHERE lane = room.lane AND handled_at IS NULL AND failed_at IS NULL AND available_at <= $1
                     AND (locked_until IS NULL OR locked_until <= $1)
                 ORDER BY available_at LIMIT room.events FOR UPDATE SKIP LOCKED
             ) AS waiting
         )
         UPDATE outbox SET locked_until = $2, available_at = $2, attempts = outbox.attempts + 1
         FROM due WHERE outbox.clinic_id = due.clinic_id AND outbox.id = due.id
         RETURNING outbox.clinic_id, outbox.id, outbox.kind, outbox.payload, outbox.created_at, outbox.attempts, outbox.lane,
             outbox.class = 'job' AS is_job",
    );
    let lanes: Vec<i16> = rooms.iter().map(|room| room.lane.number()).collect();
    let most: Vec<i64> = rooms
        .iter()
        .map(|room| i64::try_from(room.events).unwrap_or(i64::MAX))
        .collect();
    let rows: Vec<Row> = statement
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(until)
        .bind::<Array<SmallInt>, _>(lanes)
        .bind::<Array<BigInt>, _>(most)
        .load(&mut &*connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.held_until(until)).collect())
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

/// The id of a row.
#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Uuid)]
    id: EventId,
}

/// Claims as the columns that statements for many take.
struct Columns {
    clinics: Vec<ClinicId>,
    ids: Vec<EventId>,
    attempts: Vec<i32>,
}

impl Columns {
    fn of(claims: &[Claim]) -> Self {
        Self {
            clinics: claims.iter().map(|claim| claim.clinic).collect(),
            ids: claims.iter().map(|claim| claim.id).collect(),
            attempts: claims.iter().map(|claim| claim.attempt).collect(),
        }
    }
}

// In statements for many, COALESCE keeps the planner from the index of what is open: rows are found by their keys, however few
// the planner believes to be open.

/// These were handled: events stay for those who read them, jobs are nobody's business any more and go. Gives those whose
/// claims held.
pub(crate) async fn finish(
    connection: &AsyncPgConnection,
    claims: &[Claim],
    now: Timestamp,
) -> Result<HashSet<EventId>, DbError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "two writes of rows named by columns of keys cannot be said in the typed language; run once for many events"
    )]
    let statement = diesel::sql_query(
        "WITH handled AS (SELECT * FROM unnest($1, $2, $3) AS handled (clinic_id, id, attempt)),
         gone AS (
             DELETE FROM outbox o USING handled h
             WHERE o.clinic_id = h.clinic_id AND o.id = h.id AND o.attempts = h.attempt AND o.class = 'job'
                 AND o.locked_until IS NOT NULL AND COALESCE(o.handled_at, o.failed_at) IS NULL
             RETURNING o.id
         ),
         noted AS (
             UPDATE outbox o SET handled_at = $4, locked_until = NULL FROM handled h
             WHERE o.clinic_id = h.clinic_id AND o.id = h.id AND o.attempts = h.attempt AND o.class = 'event'
                 AND o.locked_until IS NOT NULL AND COALESCE(o.handled_at, o.failed_at) IS NULL
             RETURNING o.id
         )
         SELECT id FROM gone UNION ALL SELECT id FROM noted",
    );
    let Columns { clinics, ids, attempts } = Columns::of(claims);
    let held: Vec<Id> = statement
        .bind::<Array<Uuid>, _>(clinics)
        .bind::<Array<Uuid>, _>(ids)
        .bind::<Array<Integer>, _>(attempts)
        .bind::<Timestamptz, _>(now)
        .load(&mut &*connection)
        .await?;
    Ok(held.into_iter().map(|row| row.id).collect())
}

/// These claims hold until `until`.
pub(crate) async fn renew(
    connection: &AsyncPgConnection,
    claims: &[Claim],
    until: Timestamp,
) -> Result<HashSet<EventId>, DbError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a write of rows named by columns of keys cannot be said in the typed language; run once for many events"
    )]
    let statement = diesel::sql_query(
        "UPDATE outbox o SET locked_until = $4, available_at = $4
         FROM unnest($1, $2, $3) AS h (clinic_id, id, attempt)
         WHERE o.clinic_id = h.clinic_id AND o.id = h.id AND o.attempts = h.attempt
             AND o.locked_until IS NOT NULL AND COALESCE(o.handled_at, o.failed_at) IS NULL
         RETURNING o.id",
    );
    let Columns { clinics, ids, attempts } = Columns::of(claims);
    let held: Vec<Id> = statement
        .bind::<Array<Uuid>, _>(clinics)
        .bind::<Array<Uuid>, _>(ids)
        .bind::<Array<Integer>, _>(attempts)
        .bind::<Timestamptz, _>(until)
        .load(&mut &*connection)
        .await?;
    Ok(held.into_iter().map(|row| row.id).collect())
}

/// The row, as long as `claim` holds.
#[diesel::dsl::auto_type(no_type_alias)]
fn held(claim: Claim) -> _ {
    let (clinic, id, attempt): (ClinicId, EventId, i32) = (claim.clinic, claim.id, claim.attempt);
    outbox::table
        .filter(outbox::clinic_id.eq(clinic))
        .filter(outbox::id.eq(id))
        .filter(outbox::attempts.eq(attempt))
        .filter(outbox::locked_until.is_not_null())
        .filter(outbox::handled_at.is_null())
        .filter(outbox::failed_at.is_null())
}

/// How an event goes back to those that wait.
pub(crate) struct Return<'r> {
    /// When it is next to be looked at.
    pub(crate) at: Timestamp,
    /// How many attempts at it count.
    pub(crate) attempts: i32,
    /// Why it was not handled.
    pub(crate) reason: Option<&'r str>,
}

/// The event waits again. Where the same work was queued anew meanwhile, that is what waits, and this one goes.
pub(crate) async fn put_back(
    connection: &AsyncPgConnection,
    claim: Claim,
    back: &Return<'_>,
) -> Result<Standing, DbError> {
    let put = diesel::update(held(claim))
        .set((
            outbox::available_at.eq(back.at),
            outbox::attempts.eq(back.attempts),
            outbox::locked_until.eq(None::<Timestamp>),
            back.reason.map(|reason| outbox::last_error.eq(shortened(reason))),
        ))
        .execute(&mut &*connection)
        .await
        .map_err(DbError::from);
    match put {
        Err(error) if error.constraint() == Some("outbox_waiting_once") => {
            let gone = diesel::delete(held(claim)).execute(&mut &*connection).await?;
            Ok(gone.into())
        }
        put => Ok(put?.into()),
    }
}

/// The event is given up. Where a job of the kind `follow` is to see to that, it is queued by the same statement.
pub(crate) async fn give_up(
    connection: &AsyncPgConnection,
    claim: Claim,
    now: Timestamp,
    (reason, follow): (&str, Option<&'static str>),
) -> Result<Standing, DbError> {
    if let Some(follow) = follow {
        #[expect(
            clippy::disallowed_methods,
            reason = "an insertion of what an update returns cannot be said in the typed language"
        )]
        let statement = diesel::sql_query(
            "WITH given_up AS (
                 UPDATE outbox SET failed_at = $4, locked_until = NULL, last_error = $5
                 WHERE clinic_id = $1 AND id = $2 AND attempts = $3
                   AND locked_until IS NOT NULL AND handled_at IS NULL AND failed_at IS NULL
                 RETURNING clinic_id, lane, payload
             )
             INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at)
             SELECT clinic_id, gen_random_uuid(), 'job', lane, $6, payload, $4 FROM given_up",
        );
        let rows = statement
            .bind::<Uuid, _>(claim.clinic)
            .bind::<Uuid, _>(claim.id)
            .bind::<Integer, _>(claim.attempt)
            .bind::<Timestamptz, _>(now)
            .bind::<Text, _>(shortened(reason))
            .bind::<Text, _>(follow)
            .execute(&mut &*connection)
            .await?;
        return Ok(rows.into());
    }
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

fn shortened(reason: &str) -> String {
    reason.chars().take(LONGEST_ERROR).collect()
}
