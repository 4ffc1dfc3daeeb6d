//! Time that became free, told to whoever may want it.

use db::{Job, TenantTx};
use kernel::{Lane, PractitionerId, Timestamp};
use serde::{Deserialize, Serialize};

/// The job that is left where time of a practitioner became free; its handler offers the time to those who wait for it.
pub const FREED: &str = "agenda.time_freed";

/// Whose time became free, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreedTime {
    /// Whose.
    pub practitioner_id: PractitionerId,
    /// The first free instant.
    pub from: Timestamp,
    /// The first instant after.
    pub until: Timestamp,
}

/// Leaves the job that finds somebody for `freed`; time that has passed is of use to nobody.
pub(crate) fn tell(tx: &mut TenantTx<'_>, freed: FreedTime) {
    if freed.until > tx.now() {
        tx.enqueue(Job::new(FREED, &freed).lane(Lane::Clinical));
    }
}
