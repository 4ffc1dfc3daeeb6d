//! The subcommands, one a file.

mod bare;
mod cache_hit;
mod jobs;
mod live;
mod load;
mod report;
mod talk;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What TaskMed is measured with.
#[derive(Debug, Parser)]
#[command(name = "taskmed-loadtests", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes 81 clinics of the recorded appointments of Vitória (vitoria-appointments-2016.csv or .csv.gz).
    Load(load::Arguments),
    /// Gives a loaded clinic inboxes and conversations with its people.
    Talk(talk::Arguments),
    /// Serves the files of a directory and does nothing else: the ceiling of cached reads.
    Bare(bare::Arguments),
    /// Measures a hit of the in-process cache.
    CacheHit,
    /// Measures the queue: small jobs a second, and the delay of urgent ones under a flood of bulk work.
    Jobs(jobs::Arguments),
    /// Measures how soon after a commit the news of it reach live connections.
    Live(live::Arguments),
    /// Makes the report of what was measured.
    Report(report::Arguments),
}

/// Runs the command; 0 when it did what was asked, 1 when not.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Load(arguments) => load::run(&arguments),
        Command::Talk(arguments) => talk::run(arguments),
        Command::Bare(arguments) => bare::run(&arguments),
        Command::CacheHit => cache_hit::run(),
        Command::Jobs(arguments) => jobs::run(arguments),
        Command::Live(arguments) => live::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say_error(message);
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard output; a reader that has gone away is no failure.
fn say(line: impl Display) {
    let _reader_gone = writeln!(std::io::stdout(), "{line}");
}

/// Writes a line to standard error.
fn say_error(line: impl Display) {
    let _reader_gone = writeln!(std::io::stderr(), "{line}");
}
