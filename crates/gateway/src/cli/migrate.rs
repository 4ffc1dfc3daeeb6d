//! `taskmed migrate`: brings the schema up to date.

use clap::Args;
use kernel::{Clock, SystemClock};

use super::{Failure, say};
use crate::config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Changes nothing; fails when a step has not run yet.
    #[arg(long)]
    check: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let owner = config::owner_database().map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(async {
        if arguments.check {
            let pending = db::migrations::pending(&owner).await.map_err(Failure::failed)?;
            if pending.is_empty() {
                say("the schema is up to date");
                return Ok(());
            }
            return Err(Failure::failed(format!(
                "these steps have not run yet: {}",
                pending.join(", ")
            )));
        }
        let ran = db::migrations::run(&owner, SystemClock.now())
            .await
            .map_err(Failure::failed)?;
        if ran.is_empty() {
            say("the schema was up to date");
        } else {
            for step in ran {
                say(format_args!("ran {step}"));
            }
        }
        Ok(())
    })
}
