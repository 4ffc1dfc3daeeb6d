//! Fetching a calendar: a job that does it, keeps what it learnt, and enqueues the next one.
//!
//! No transaction is open while the other side is waited for. Each fetch has a turn; whoever finds that the calendar's turn has
//! gone on since (it was edited, refreshed, or another took the same job) leaves it alone.

use std::time::{Duration, Instant};

use auth::ClinicKeys;
use chrono::TimeDelta;
use db::{Db, Job};
use fetch::{Answer, Fetcher, HeaderMap, HeaderValue, Limits, Method, Request, Target, Wanted, header};
use kernel::pause::doubled;
use kernel::{ExternalCalendarId, Lane, System, Timestamp, Zone};
use serde::{Deserialize, Serialize};

use super::error::ExternalError;
use super::expand::{self, BusyBlocks, Unreadable};
use super::model::Fetchable;
use super::service::place;
use super::store::{self, RowChanges};
use crate::availability::spans::Span;
use crate::tags;

/// The job that fetches a calendar; its handler calls [`run`].
pub const FETCH: &str = "external_calendar.fetch";

/// What one fetch may cost.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(20),
    bytes: 2 * 1024 * 1024,
    wanted: Wanted::Whole,
    redirects: 5,
};
/// How long laying a calendar out may take, its zones included. A single step is bounded by the rules themselves, which look no
/// further than a few centuries: the thread cannot be stopped from outside.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far back blocks are kept.
const BACK: TimeDelta = TimeDelta::days(1);
/// How far ahead events are laid out.
const AHEAD: TimeDelta = TimeDelta::days(181);
/// After this long a calendar is read again although it did not change, since the window has moved on.
const EXPAND_AGAIN: TimeDelta = TimeDelta::hours(24);
/// The longest pause after failures.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(24);
/// The longest `ETag` and `Last-Modified` that are kept, in bytes.
const LONGEST_VALIDATOR: usize = 256;

/// Which calendar, in which turn.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FetchJob {
    /// The calendar.
    pub calendar_id: ExternalCalendarId,
    /// The turn for which it is fetched.
    pub turn: i64,
}

/// What a fetch came to.
enum Outcome {
    /// It is as it was.
    Unchanged,
    /// It was laid out.
    Read {
        busy: BusyBlocks,
        etag: Option<String>,
        last_modified: Option<String>,
    },
    /// It failed, with a word for why.
    Failed(String),
}

/// Fetches the calendar that `job` names, unless its turn is over, and enqueues the next fetch. What fails is shown on the
/// subscription; what was known stays.
///
/// # Errors
/// [`ExternalError`] when the database fails or the address cannot be opened.
pub async fn run(
    db: &Db,
    keys: &ClinicKeys,
    fetcher: &Fetcher,
    system: &System,
    job: FetchJob,
) -> Result<(), ExternalError> {
    let id = job.calendar_id;
    let opened = db
        .read(system, async |tx| {
            let Some((fetchable, zone)) = store::fetchable(tx, id).await? else {
                return Ok(None);
            };
            if fetchable.archived_at.is_some() || fetchable.turn != job.turn {
                return Ok(None);
            }
            let url = keys.open(tx, &place(id), &fetchable.url_sealed).await?;
            let url = String::from_utf8_lossy(&url).into_owned();
            Ok::<_, ExternalError>(Some((fetchable, zone, url, tx.now())))
        })
        .await?;
    let Some((fetchable, zone, url, now)) = opened else {
        return Ok(());
    };
    let outcome = Box::pin(attempt(fetcher, &fetchable, zone, &url, now)).await;
    db.write(system, async |tx| {
        let current = store::lock(tx, id).await?;
        if current.archived_at.is_some() || current.turn != job.turn {
            return Ok(());
        }
        let failures = match &outcome {
            Outcome::Failed(_) => fetchable.failures.saturating_add(1),
            Outcome::Unchanged | Outcome::Read { .. } => 0,
        };
        let next = tx.now().saturating_add(pause(fetchable.refresh_minutes, failures));
        let turn = job.turn.saturating_add(1);
        let mut changes = RowChanges {
            turn: Some(turn),
            attempted_at: Some(Some(tx.now())),
            next_attempt_at: Some(Some(next)),
            failures: Some(failures),
            last_error: Some(None),
            ..RowChanges::default()
        };
        match &outcome {
            Outcome::Failed(word) => changes.last_error = Some(Some(word.clone())),
            Outcome::Unchanged => changes.fetched_at = Some(Some(tx.now())),
            Outcome::Read {
                busy,
                etag,
                last_modified,
            } => {
                store::replace_blocks(tx, id, fetchable.practitioner_id, &busy.blocks).await?;
                changes.fetched_at = Some(Some(tx.now()));
                changes.expanded_at = Some(Some(tx.now()));
                changes.etag = Some(etag.clone());
                changes.last_modified = Some(last_modified.clone());
                changes.busy_blocks = Some(count(busy.blocks.len()));
                changes.skipped_events = Some(count(busy.skipped));
            }
        }
        store::update(tx, id, changes).await?;
        tx.touch(tags::external_calendars());
        let job = FetchJob { calendar_id: id, turn };
        tx.enqueue(Job::new(FETCH, &job).lane(Lane::Bulk).due(next));
        Ok::<_, ExternalError>(())
    })
    .await
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

/// How long until the next attempt: the interval, twice as long after each failure in a row, a day at most.
fn pause(refresh_minutes: i32, failures: i32) -> TimeDelta {
    let interval = TimeDelta::minutes(i64::from(refresh_minutes));
    doubled(interval, failures, LONGEST_PAUSE.max(interval))
}

async fn attempt(fetcher: &Fetcher, known: &Fetchable, zone: Zone, url: &str, now: Timestamp) -> Outcome {
    let target = match Target::parse(url, fetcher.allowed()) {
        Ok(target) => target,
        // Allowed when it was named, and not any more.
        Err(error) => return Outcome::Failed(error.code().to_owned()),
    };
    let is_fresh = known.expanded_at.is_some_and(|at| now.since(at) < EXPAND_AGAIN);
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/calendar, */*;q=0.1"));
    if is_fresh {
        for (name, value) in [
            (header::IF_NONE_MATCH, &known.etag),
            (header::IF_MODIFIED_SINCE, &known.last_modified),
        ] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
    }
    let request = Request {
        method: Method::GET,
        target,
        headers,
        body: bytes::Bytes::new(),
        limits: LIMITS,
    };
    match fetcher.send(request).await {
        Err(error) => Outcome::Failed(error.code().to_owned()),
        Ok(answer) if answer.status == 304 && is_fresh => Outcome::Unchanged,
        Ok(answer) if answer.status == 200 => read(answer, zone, now).await,
        Ok(answer) => Outcome::Failed(format!("http_{}", answer.status)),
    }
}

async fn read(answer: Answer, zone: Zone, now: Timestamp) -> Outcome {
    let validator = |name: header::HeaderName| {
        let value = answer.headers.get(name).and_then(|value| value.to_str().ok());
        value
            .filter(|value| value.len() <= LONGEST_VALIDATOR)
            .map(str::to_owned)
    };
    let (etag, last_modified) = (validator(header::ETAG), validator(header::LAST_MODIFIED));
    let Some(window) = Span::new(now.saturating_add(-BACK), now.saturating_add(AHEAD)) else {
        return Outcome::Failed("too_late".to_owned());
    };
    let body = answer.body;
    // Beside the thread that handles jobs, which others wait for; there a panic stays.
    let laid_out = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        expand::busy(&String::from_utf8_lossy(&body), zone, window, || {
            began.elapsed() > PATIENCE
        })
    });
    match laid_out.await {
        Ok(Ok(busy)) => Outcome::Read {
            busy,
            etag,
            last_modified,
        },
        Ok(Err(Unreadable::NotACalendar)) => Outcome::Failed("not_a_calendar".to_owned()),
        Ok(Err(Unreadable::TooComplex)) => Outcome::Failed("too_complex".to_owned()),
        Err(_panicked) => Outcome::Failed("unreadable".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_with_failures_up_to_a_day() {
        let minutes = |refresh, failures| pause(refresh, failures).num_minutes();
        assert_eq!([0, 1, 2].map(|failures| minutes(60, failures)), [60, 120, 240]);
        assert_eq!(minutes(60, 30), 1440);
        assert_eq!(minutes(1440, 3), 1440);
        assert_eq!(minutes(15, 4), 240);
    }
}
