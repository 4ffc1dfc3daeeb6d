//! `talk`: gives a loaded clinic conversations, and says how long it took.

use std::time::Instant;

use clap::Args;
use kernel::{Clock, SystemClock};
use loadtests::load::Target;
use loadtests::talk::plan::Amounts;
use loadtests::talk::{self, Written};
use secrecy::SecretString;

use super::say;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The clinic that gets them.
    slug: String,
    /// So many conversations.
    #[arg(long, default_value_t = 5_000)]
    conversations: usize,
    /// So many messages, or a few less.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// What they are drawn from: the same seed gives the same conversations.
    #[arg(long, default_value_t = 2016)]
    seed: u64,
    /// The database as a role that row-level security does not bind.
    #[arg(long, env = "TASKMED_DATABASE_MAINTENANCE_URL", hide_env_values = true)]
    maintenance_url: SecretString,
    /// The database as the owner of the tables, for partitions and statistics.
    #[arg(long, env = "TASKMED_DATABASE_OWNER_URL", hide_env_values = true)]
    owner_url: SecretString,
}

pub(super) fn run(arguments: Arguments) -> Result<(), String> {
    let Arguments {
        slug,
        conversations,
        messages,
        seed,
        maintenance_url,
        owner_url,
    } = arguments;
    let target = Target {
        maintenance: maintenance_url,
        owner: owner_url,
    };
    let amounts = Amounts {
        conversations,
        messages,
    };
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let Written {
        conversations,
        messages,
    } = runtime
        .block_on(talk::load(&target, &slug, amounts, seed, SystemClock.now()))
        .map_err(|error| error.to_string())?;
    let seconds = began.elapsed().as_secs_f64();
    say(format_args!(
        "{conversations} conversations with {messages} messages in {seconds:.1} s"
    ));
    Ok(())
}
