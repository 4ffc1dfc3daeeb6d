//! `taskmed-loadtests live`: measures how soon news reach live connections.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use loadtests::live::{Delays, Plan, measure};

use super::say;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The gateway; its limits on calls and on connections of one person must be raised.
    address: SocketAddr,
    /// An access token that may read and write appointments.
    #[arg(long, env = "BENCH_TOKEN", hide_env_values = true)]
    token: String,
    /// The appointment that is changed again and again.
    #[arg(long)]
    appointment: String,
    /// So many connections.
    #[arg(long, default_value_t = 1000)]
    sockets: usize,
    /// So many commits.
    #[arg(long, default_value_t = 100)]
    commits: usize,
    /// The time from one commit to the next, in milliseconds.
    #[arg(long, default_value_t = 100)]
    pause: u64,
}

/// Writes what was measured as samples of the report.
pub(super) fn run(arguments: &Arguments) -> Result<(), String> {
    let plan = Plan {
        address: arguments.address,
        token: arguments.token.clone(),
        appointment: arguments.appointment.clone(),
        sockets: arguments.sockets,
        commits: arguments.commits,
        pause: Duration::from_millis(arguments.pause),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("there is no runtime: {error}"))?;
    let delays = runtime.block_on(measure(&plan)).map_err(|error| error.to_string())?;
    let Delays { median, p99, latest } = delays;
    let sockets = plan.sockets;
    for (name, value) in [("live-median", median), ("live", p99), ("live-latest", latest)] {
        say(format_args!("{name} {sockets} ours {value:.3}"));
    }
    Ok(())
}
