//! Work that comes by itself: at each time of a schedule, one job for every active clinic, queued once however many nodes there
//! are. After a time without a worker it comes once, not as often as it was missed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use db::DbError;
use db::schema::job_schedules;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, SmallInt, Text, Time, Timestamptz};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{Lane, Timestamp};

/// The day begins first at UTC+14: no clinic's day begins earlier.
const EARLIEST_DAY: TimeDelta = TimeDelta::hours(14);

/// What comes by itself, by kind of job.
///
/// A job of the kind is queued for every active clinic, with an empty object as its payload, and handled as any other:
///
/// ```
/// # use std::time::Duration;
/// # use chrono::NaiveTime;
/// # use jobs::Schedules;
/// # use kernel::Lane;
/// let schedules = Schedules::new()
///     .every("mail.poll_inboxes", Duration::from_secs(60), Lane::Routine)
///     .daily("appointments.close_day", NaiveTime::MIN, Lane::Bulk);
/// ```
///
/// What recurs for a row rather than for a clinic (an external calendar, an inbox) is a job that queues its own successor, in the
/// transaction of its work. The key keeps one of them waiting and no more, also when an attempt is repeated:
///
/// ```
/// # use chrono::TimeDelta;
/// # use db::{Db, DbError, Job};
/// # use jobs::{Event, HandlerError};
/// # use kernel::System;
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Calendar { calendar_id: kernel::CalendarFeedId }
/// const FETCH: &str = "calendars.fetch";
///
/// async fn fetch(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
///     let calendar: Calendar = event.payload()?;
///     // … fetch it; then, with what was found:
///     db.write(&system, async |tx| {
///         // … unless the calendar is gone:
///         let again = tx.now().saturating_add(TimeDelta::minutes(15));
///         tx.enqueue(Job::new(FETCH, &calendar).key(calendar.calendar_id.to_string()).due(again));
///         Ok::<_, DbError>(())
///     })
///     .await?;
///     Ok(())
/// }
/// ```
///
/// It is started where the row is made, and ended by [`db::TenantTx::cancel`] where the row is put away.
#[derive(Debug, Clone, Default)]
pub struct Schedules(Vec<Schedule>);

/// When one kind of job comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    kind: &'static str,
    lane: Lane,
    rhythm: Rhythm,
    at_start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rhythm {
    Every(TimeDelta),
    /// By the clinic's clock, or by that of `zone`.
    Daily {
        at: NaiveTime,
        zone: Option<&'static str>,
    },
}

impl Schedules {
    /// Nothing comes by itself.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A job of `kind` for every active clinic in each `interval` (at least a second), counted from 1970, so that all nodes
    /// agree. The clinics' jobs are spread over the first tenth of the interval.
    #[must_use]
    pub fn every(self, kind: &'static str, interval: Duration, lane: Lane) -> Self {
        let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
        self.with(kind, lane, Rhythm::Every(interval.max(TimeDelta::seconds(1))))
    }

    /// A job of `kind` for every active clinic each day at `at` by the clinic's own clock.
    #[must_use]
    pub fn daily(self, kind: &'static str, at: NaiveTime, lane: Lane) -> Self {
        self.with(kind, lane, Rhythm::Daily { at, zone: None })
    }

    /// A job of `kind` for every active clinic each day at `at`, UTC.
    #[must_use]
    pub fn daily_utc(self, kind: &'static str, at: NaiveTime, lane: Lane) -> Self {
        let zone = Some("UTC");
        self.with(kind, lane, Rhythm::Daily { at, zone })
    }

    fn with(mut self, kind: &'static str, lane: Lane, rhythm: Rhythm) -> Self {
        self.0.push(Schedule {
            kind,
            lane,
            rhythm,
            at_start: false,
        });
        self
    }

    /// The schedule that was named last also comes whenever a worker starts: for what must be seen to after servers were replaced or
    /// a backup was restored.
    #[must_use]
    pub fn and_at_start(mut self) -> Self {
        if let Some(schedule) = self.0.last_mut() {
            schedule.at_start = true;
        }
        self
    }
}

impl Schedule {
    /// When it next comes, after `now`.
    fn next_after(&self, now: Timestamp) -> Timestamp {
        match self.rhythm {
            Rhythm::Every(interval) => {
                let interval = interval.num_milliseconds().max(1);
                let passed = now.as_datetime().timestamp_millis();
                let past = passed.rem_euclid(interval);
                now.saturating_add(TimeDelta::milliseconds(interval - past))
                    .saturating_add(-TimeDelta::microseconds(below_a_millisecond(now)))
            }
            Rhythm::Daily { .. } => {
                let tomorrow = day_of(now).succ_opt().unwrap_or(NaiveDate::MAX);
                Timestamp::new(DateTime::<Utc>::from_naive_utc_and_offset(
                    tomorrow.and_time(NaiveTime::MIN),
                    Utc,
                ))
                .map_or(now, |midnight| midnight.saturating_add(-EARLIEST_DAY))
            }
        }
    }
}

/// The microseconds of `now` beyond its milliseconds.
fn below_a_millisecond(now: Timestamp) -> i64 {
    now.as_datetime().timestamp_micros().rem_euclid(1_000)
}

/// The latest date that has begun anywhere.
fn day_of(now: Timestamp) -> NaiveDate {
    now.saturating_add(EARLIEST_DAY).as_datetime().date_naive()
}

/// When each schedule is next worth a look, as far as this process knows.
pub(crate) struct Timetable {
    schedules: Schedules,
    /// `None` until the schedules are entered in the database.
    next: Mutex<Option<Vec<Timestamp>>>,
}

impl Timetable {
    pub(crate) const fn of(schedules: Schedules) -> Self {
        Self {
            schedules,
            next: Mutex::new(None),
        }
    }

    pub(crate) fn is_entered(&self) -> bool {
        self.schedules.0.is_empty() || self.next.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What may be due at `now`; whether it is, the database knows.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<&Schedule> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let times = next.iter().flatten();
        let with_times = self.schedules.0.iter().zip(times);
        with_times
            .filter(|(_, next)| **next <= now)
            .map(|(schedule, _)| schedule)
            .collect()
    }

    /// `schedule` was seen to at `now`, by whomever.
    pub(crate) fn ran(&self, schedule: &Schedule, now: Timestamp) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let times = next.iter_mut().flatten();
        for (other, next) in self.schedules.0.iter().zip(times) {
            if other == schedule {
                *next = schedule.next_after(now);
            }
        }
    }
}

/// Enters the schedules where they are not entered yet: a new one comes at its next time, not at once, but for those that come at
/// each start; one that was missed while nobody worked is due already.
pub(crate) async fn enter(
    connection: &AsyncPgConnection,
    timetable: &Timetable,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut next = Vec::new();
    for schedule in &timetable.schedules.0 {
        let entered: Timestamp = diesel::insert_into(job_schedules::table)
            .values((
                job_schedules::kind.eq(schedule.kind),
                job_schedules::next_due.eq(if schedule.at_start {
                    now
                } else {
                    schedule.next_after(now)
                }),
            ))
            .on_conflict(job_schedules::kind)
            .do_update()
            // Its rhythm may be quicker than it was.
            .set(job_schedules::next_due.eq(db::schema::functions::earlier(
                job_schedules::next_due,
                excluded(job_schedules::next_due),
            )))
            .returning(job_schedules::next_due)
            .get_result(&mut &*connection)
            .await?;
        next.push(entered);
    }
    *timetable.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    Ok(())
}

/// Moves the schedule on and queues its jobs, in one statement; nothing when another node has done it.
pub(crate) async fn run(connection: &AsyncPgConnection, schedule: &Schedule, now: Timestamp) -> Result<usize, DbError> {
    let next = schedule.next_after(now);
    let made = match schedule.rhythm {
        Rhythm::Every(interval) => {
            let spread = (interval.num_milliseconds() / 10).max(1);
            #[expect(
                clippy::disallowed_methods,
                reason = "an insertion of what an update selects cannot be said in the typed language; run once for all clinics"
            )]
            let statement = diesel::sql_query(
                "WITH taken AS (
                     UPDATE job_schedules SET next_due = $2, last_run_at = $3 WHERE kind = $1 AND next_due <= $3 RETURNING kind
                 )
                 INSERT INTO outbox (clinic_id, id, class, lane, kind, key, payload, available_at)
                 SELECT c.id, gen_random_uuid(), 'job', $4, taken.kind, 'every', '{}',
                     $3 + (hashtext(c.id::text)::bigint & 2147483647) % $5 * interval '1 millisecond'
                 FROM clinics c, taken WHERE c.status = 'active'
                 ON CONFLICT (clinic_id, kind, key)
                     WHERE key IS NOT NULL AND locked_until IS NULL AND handled_at IS NULL AND failed_at IS NULL
                 DO NOTHING",
            );
            statement
                .bind::<Text, _>(schedule.kind)
                .bind::<Timestamptz, _>(next)
                .bind::<Timestamptz, _>(now)
                .bind::<SmallInt, _>(schedule.lane.number())
                .bind::<BigInt, _>(spread)
                .execute(&mut &*connection)
                .await?
        }
        Rhythm::Daily { at, zone } => {
            #[expect(
                clippy::disallowed_methods,
                reason = "an insertion of what an update selects cannot be said in the typed language; run once for all clinics"
            )]
            let statement = diesel::sql_query(
                "WITH taken AS (
                     UPDATE job_schedules SET next_due = $2, last_run_at = $3 WHERE kind = $1 AND next_due <= $3 RETURNING kind
                 )
                 INSERT INTO outbox (clinic_id, id, class, lane, kind, key, payload, available_at)
                 SELECT c.id, gen_random_uuid(), 'job', $4, taken.kind, $5::date::text, '{}',
                     ($5::date + $6::time) AT TIME ZONE COALESCE($7, c.zone)
                 FROM clinics c, taken WHERE c.status = 'active'
                 ON CONFLICT (clinic_id, kind, key)
                     WHERE key IS NOT NULL AND locked_until IS NULL AND handled_at IS NULL AND failed_at IS NULL
                 DO NOTHING",
            );
            statement
                .bind::<Text, _>(schedule.kind)
                .bind::<Timestamptz, _>(next)
                .bind::<Timestamptz, _>(now)
                .bind::<SmallInt, _>(schedule.lane.number())
                .bind::<Date, _>(day_of(now))
                .bind::<Time, _>(at)
                .bind::<Nullable<Text>, _>(zone)
                .execute(&mut &*connection)
                .await?
        }
    };
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::new(text.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_interval_is_counted_from_the_epoch() {
        let schedules = Schedules::new().every("test", Duration::from_secs(900), Lane::Routine);
        let next = |now| schedules.0[0].next_after(at(now));
        assert_eq!(next("2026-11-24T10:07:03.000004Z"), at("2026-11-24T10:15:00Z"));
        assert_eq!(next("2026-11-24T10:15:00Z"), at("2026-11-24T10:30:00Z"));
    }

    #[test]
    fn a_day_is_seen_to_when_it_begins_in_the_east() {
        let schedules = Schedules::new().daily("test", NaiveTime::MIN, Lane::Bulk);
        let next = |now| schedules.0[0].next_after(at(now));
        assert_eq!(next("2026-11-24T09:59:59Z"), at("2026-11-24T10:00:00Z"));
        assert_eq!(next("2026-11-24T10:00:00Z"), at("2026-11-25T10:00:00Z"));
        assert_eq!(day_of(at("2026-11-24T10:00:00Z")).to_string(), "2026-11-25");
    }

    proptest! {
        #[test]
        fn the_next_time_is_after_now_and_within_one_interval(
            micros in 0..4_102_444_800_000_000_i64, seconds in 1..1_000_000_i64,
        ) {
            let now = Timestamp::new(DateTime::from_timestamp_micros(micros).unwrap()).unwrap();
            let schedules = Schedules::new().every("test", Duration::from_secs(seconds.unsigned_abs()), Lane::Bulk);
            let next = schedules.0[0].next_after(now);
            prop_assert!(next > now && next.since(now) <= TimeDelta::seconds(seconds));
            prop_assert_eq!(next.as_datetime().timestamp_micros() % (seconds * 1_000_000), 0);
        }
    }
}
