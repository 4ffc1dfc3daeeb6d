//! `jobs`: measures the queue, and prints the samples.

use clap::Args;
use loadtests::jobs::{self, Amounts, Target};
use secrecy::SecretString;

use super::{say, say_error};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Jobs to be done as fast as they can be.
    #[arg(long, default_value_t = 20_000)]
    jobs: u32,
    /// Bulk jobs that wait while urgent ones come.
    #[arg(long, default_value_t = 50_000)]
    flood: u32,
    /// Urgent jobs, twenty a second.
    #[arg(long, default_value_t = 200)]
    urgent: u32,
    /// The database as the server.
    #[arg(long, env = "TASKMED_DATABASE_URL", hide_env_values = true)]
    server_url: SecretString,
    /// The database as the worker.
    #[arg(long, env = "TASKMED_DATABASE_WORKER_URL", hide_env_values = true)]
    worker_url: SecretString,
    /// The database as a role that row-level security does not bind.
    #[arg(long, env = "TASKMED_DATABASE_MAINTENANCE_URL", hide_env_values = true)]
    maintenance_url: SecretString,
}

pub(super) fn run(arguments: Arguments) -> Result<(), String> {
    let Arguments {
        jobs,
        flood,
        urgent,
        server_url,
        worker_url,
        maintenance_url,
    } = arguments;
    let target = Target {
        server: server_url,
        worker: worker_url,
        maintenance: maintenance_url,
    };
    let amounts = Amounts { jobs, flood, urgent };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let measured = runtime
        .block_on(jobs::measure(target, amounts))
        .map_err(|error| error.to_string())?;
    let milliseconds = |delay: std::time::Duration| delay.as_secs_f64() * 1000.0;
    let delays = &measured.urgent;
    say(format_args!("jobs-idle 0 ours {}", measured.idle_jobs_per_second));
    say(format_args!("jobs-writing 0 ours {}", measured.writing_jobs_per_second));
    say(format_args!("urgent-delay 0 ours {}", milliseconds(delays.longest())));
    say_error(format_args!(
        "urgent jobs under a flood began within {:.1} ms (half), {:.1} ms (99 of 100), {:.1} ms (all)",
        milliseconds(delays.within(0.5)),
        milliseconds(delays.within(0.99)),
        milliseconds(delays.longest()),
    ));
    Ok(())
}
