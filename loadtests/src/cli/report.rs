//! `report`: turns samples into a table and a file of JSON.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use loadtests::report;

use super::say;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What was measured: a line for each sample.
    samples: PathBuf,
    /// The report to be written.
    #[arg(long)]
    json: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), String> {
    let samples = fs::read_to_string(&arguments.samples).map_err(|error| named(&arguments.samples, &error))?;
    let rows = report::rows(&samples).map_err(|error| error.to_string())?;
    let mut json = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
    json.push('\n');
    fs::write(&arguments.json, json).map_err(|error| named(&arguments.json, &error))?;
    say(report::table(&rows));
    Ok(())
}

fn named(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
