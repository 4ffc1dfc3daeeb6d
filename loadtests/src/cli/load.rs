//! `load`: reads the file, plans the clinics, writes them, and says how long it took.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use auth::{ClinicKeys, MasterKeys};
use clap::Args;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use kernel::{Clock, SystemClock};
use loadtests::load::{self, Loaded, OWNER_EMAIL, Target};
use loadtests::vitoria::plan::Plan;
use loadtests::vitoria::record::{self, Recorded};
use secrecy::SecretString;

use super::{say, say_error};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The recorded appointments, as CSV, compressed (.gz) or not.
    file: PathBuf,
    /// What names, phones and ids are drawn from: the same seed gives the same clinics.
    #[arg(long, default_value_t = 2016)]
    seed: u64,
    /// Empties clinics that were loaded before, and loads them anew.
    #[arg(long)]
    again: bool,
    /// The database as a role that row-level security does not bind.
    #[arg(long, env = "TASKMED_DATABASE_MAINTENANCE_URL", hide_env_values = true)]
    maintenance_url: SecretString,
    /// The database as the owner of the tables, for statistics.
    #[arg(long, env = "TASKMED_DATABASE_OWNER_URL", hide_env_values = true)]
    owner_url: SecretString,
    /// The key that wraps the clinics' data keys.
    #[arg(long, env = "TASKMED_MASTER_KEY", hide_env_values = true)]
    master_key: SecretString,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), String> {
    let began = Instant::now();
    let recorded = read(&arguments.file)?;
    for bad in &recorded.bad {
        say_error(bad);
    }
    let plan = Plan::new(&recorded.records, arguments.seed).map_err(text)?;
    let contradictory_ages = plan.contradictory_ages;
    let loaded = write(arguments, plan)?;
    let seconds = began.elapsed().as_secs_f64();
    say(summary(&loaded, &recorded, seconds));
    if contradictory_ages > 0 {
        say(format_args!(
            "{contradictory_ages} people have ages that no one birth date explains; the first one counts"
        ));
    }
    say(format_args!(
        "{OWNER_EMAIL} owns all of them; the password is that of the demonstration data"
    ));
    Ok(())
}

fn text(error: impl Display) -> String {
    error.to_string()
}

fn read(path: &Path) -> Result<Recorded, String> {
    let named = |error: &dyn Display| format!("{} cannot be read: {error}", path.display());
    let file = File::open(path).map_err(|error| named(&error))?;
    let input: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    record::read(input).map_err(|error| named(&error))
}

fn write(arguments: &Arguments, plan: Plan) -> Result<Loaded, String> {
    let master = MasterKeys::parse(&arguments.master_key).map_err(|error| format!("TASKMED_MASTER_KEY {error}"))?;
    let keys = ClinicKeys::new(Arc::new(master));
    let target = Target {
        maintenance: arguments.maintenance_url.clone(),
        owner: arguments.owner_url.clone(),
    };
    let progress = ProgressBar::no_length().with_style(style()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(text)?;
    let work = load::load(&target, &keys, plan, SystemClock.now(), arguments.again, &progress);
    let result = runtime.block_on(work).map_err(text);
    progress.finish_and_clear();
    result
}

fn style() -> Result<ProgressStyle, String> {
    ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} rows, {per_sec}, {eta} left  {msg}").map_err(text)
}

fn summary(loaded: &Loaded, recorded: &Recorded, seconds: f64) -> String {
    let Loaded {
        clinics,
        people,
        appointments,
        rows,
    } = loaded;
    let rows_of_load = u32::try_from(*rows).unwrap_or(u32::MAX);
    let per_second = f64::from(rows_of_load) / seconds;
    let bad = recorded.bad.len();
    format!(
        "{clinics} clinics, {people} people, {appointments} appointments; {bad} bad rows left out\n\
         {rows} rows in {seconds:.1} s: {per_second:.0} rows/s"
    )
}
