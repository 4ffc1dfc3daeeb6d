//! `taskmed partitions`: makes the partitions of the coming months, to be run by a schedule.

use kernel::{Clock, SystemClock};

use super::{Failure, say};
use crate::config;

pub(super) fn run() -> Result<(), Failure> {
    let owner = config::owner_database().map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let made = runtime
        .block_on(db::migrations::make_partitions(&owner, SystemClock.now()))
        .map_err(Failure::failed)?;
    say(format_args!("made {made} partitions"));
    Ok(())
}
