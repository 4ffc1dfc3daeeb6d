//! Looking through the whole list every quarter of an hour, as long as somebody is on it.

use chrono::TimeDelta;
use db::{AuditRecord, DbError, Job, TenantTx};
use kernel::{Lane, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::WaitlistError;
use super::{service, store};
use crate::outreach;

/// The job that looks through the list; its handler calls [`sweep`], and then offers what is free.
pub const SWEEP: &str = "waitlist.sweep";
/// How far apart.
const EVERY: TimeDelta = TimeDelta::minutes(15);
/// A sweep that is overdue by so much was given up, and another is begun.
const GIVEN_UP: TimeDelta = TimeDelta::hours(1);

/// Which sweep.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SweepJob {
    /// The time for which it was set: by this a job that is handled again knows that another has taken its place.
    pub at: Timestamp,
}

/// Sets the first sweep, unless one is set.
pub(super) async fn keep_up(tx: &mut TenantTx<'_>) -> Result<(), DbError> {
    let at = tx.now().saturating_add(EVERY);
    let overdue = tx.now().saturating_add(-GIVEN_UP);
    if store::start_sweeps(tx, at, overdue).await? {
        enqueue(tx, at);
    }
    Ok(())
}

fn enqueue(tx: &mut TenantTx<'_>, at: Timestamp) {
    tx.enqueue(Job::new(SWEEP, &SweepJob { at }).lane(Lane::Clinical).due(at));
}

/// Ends what has expired and sets the next sweep; says whether the list is to be looked through now. Not when this sweep was done
/// before, nor when nobody is left.
///
/// # Errors
/// The database's failure.
pub async fn sweep(tx: &mut TenantTx<'_>, job: SweepJob) -> Result<bool, WaitlistError> {
    let here = outreach::store::load(tx).await?;
    let today = tx.now().date_in(here.zone);
    for entry in store::expire(tx, today).await? {
        tx.audit(AuditRecord::new(
            "waitlist.expire",
            "waitlist_entry",
            entry.id.as_uuid(),
        ));
        service::tell(tx, "waitlist.expired", &entry);
    }
    let next = store::anybody(tx).await?.then(|| tx.now().saturating_add(EVERY));
    if !store::turn_sweep(tx, job.at, next).await? {
        return Ok(false);
    }
    if let Some(at) = next {
        enqueue(tx, at);
    }
    Ok(next.is_some())
}
