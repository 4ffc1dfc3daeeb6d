//! What follows when time becomes free: it is offered to those who wait, one after the other.

use std::time::{Duration, Instant};

use appointments::waitlist::{self, Filled, MatchJob, OfferJob, Scope, SweepJob, WaitlistError};
use appointments::{FREED, FreedTime};
use db::{Db, Job};
use jobs::{Event, HandlerError, Handlers};
use kernel::{Lane, System, Timestamp};
use serde::Serialize;

/// The most offers that one job makes; what is left over is for another, so that none runs long.
const MOST_OFFERS: usize = 20;

/// After so long a job leaves the rest to another, well before its own time is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// Adds the handlers of the waiting list.
pub(super) fn handlers(handlers: Handlers) -> Handlers {
    handlers
        .on(FREED, offer_freed_time)
        .on(waitlist::MATCH, look_for_time)
        .on(waitlist::SWEEP, look_through_all)
        .on(waitlist::LAPSED, let_lapse)
        // Whoever was offered time may have been booked by its hold in another way.
        .on("appointment.booked", settle)
}

/// What went wrong, as the worker has it.
pub(super) fn failure(error: WaitlistError) -> HandlerError {
    match error {
        WaitlistError::Database(error) => HandlerError::Database(error),
        other => HandlerError::Retry(other.to_string()),
    }
}

async fn offer_freed_time(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let freed: FreedTime = event.payload()?;
    offer(db, &system, Scope::Freed(freed), |at| job(FREED, &freed, at)).await
}

async fn look_for_time(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let wanted: MatchJob = event.payload()?;
    offer(db, &system, Scope::Everything, |at| {
        waitlist::match_job(wanted.entry_id).due(at)
    })
    .await
}

async fn look_through_all(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let sweep: SweepJob = event.payload()?;
    let go_on = db
        .write(&system, async |tx| waitlist::sweep(tx, sweep).await)
        .await
        .map_err(failure)?;
    if !go_on {
        return Ok(());
    }
    let began = Instant::now();
    for _ in 0..MOST_OFFERS {
        if began.elapsed() > PATIENCE {
            break;
        }
        let filled = db
            .write(&system, async |tx| waitlist::fill(tx, Scope::Everything).await)
            .await
            .map_err(failure)?;
        if !matches!(filled, Filled::Offered(_)) {
            break;
        }
    }
    // What is left over, or falls into the night, is for the next sweep.
    Ok(())
}

fn job(kind: &'static str, payload: &impl Serialize, at: Timestamp) -> Job {
    Job::new(kind, payload).lane(Lane::Clinical).due(at)
}

/// Makes offers in `scope` as long as there is somebody for them; what cannot be offered now is left as `again` for later.
async fn offer(db: &Db, system: &System, scope: Scope, again: impl Fn(Timestamp) -> Job) -> Result<(), HandlerError> {
    let began = Instant::now();
    for _ in 0..MOST_OFFERS {
        if began.elapsed() > PATIENCE {
            break;
        }
        let go_on = db
            .write(system, async |tx| {
                let filled = waitlist::fill(tx, scope).await?;
                if let Filled::Asleep(until) = filled {
                    tx.enqueue(again(until));
                }
                Ok::<_, WaitlistError>(matches!(filled, Filled::Offered(_)))
            })
            .await
            .map_err(failure)?;
        if !go_on {
            return Ok(());
        }
    }
    db.write(system, async |tx| {
        let now = tx.now();
        tx.enqueue(again(now));
        Ok::<_, HandlerError>(())
    })
    .await
}

async fn let_lapse(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let OfferJob { offer_id } = event.payload()?;
    db.write(&system, async |tx| waitlist::lapse(tx, offer_id).await)
        .await
        .map_err(failure)?;
    Ok(())
}

async fn settle(db: &Db, system: System, _event: Event) -> Result<(), HandlerError> {
    db.write(&system, async |tx| waitlist::settle(tx).await)
        .await
        .map_err(failure)
}
