//! The command line of the load tests: one subcommand for each program that `make bench` needs.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::run(cli::Arguments::parse())
}
