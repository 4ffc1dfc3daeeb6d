//! The command line: one subcommand a file.

mod clinic;
mod import;
mod migrate;
mod partitions;
mod seed;
mod session;
mod user;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{config, documents, server};

/// TaskMed: a clinic system for many clinics.
#[derive(Debug, Parser)]
#[command(name = "taskmed", version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the API until it is told to stop (SIGINT or SIGTERM).
    Serve,
    /// Brings the database's schema up to date, as the owner of the tables.
    Migrate(migrate::Arguments),
    /// Makes the partitions of the coming months, as the owner of the tables; for a monthly schedule.
    Partitions,
    /// Makes the demo clinics. Never in production.
    SeedDemo,
    /// Prints the OpenAPI document.
    Openapi,
    /// Makes clinics.
    #[command(subcommand)]
    Clinic(clinic::Command),
    /// Makes people who sign in.
    #[command(subcommand)]
    User(user::Command),
    /// Takes people or appointments from a CSV file.
    #[command(subcommand)]
    Import(import::Command),
}

/// How a command ended, when not well.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 1: it was tried and failed; 2: it could not be tried; 3: done in part, the report says what is missing.
    code: u8,
    message: String,
}

impl Failure {
    /// What was asked for cannot be tried: settings, arguments.
    pub(crate) fn usage(message: impl std::fmt::Display) -> Self {
        Self {
            code: 2,
            message: message.to_string(),
        }
    }

    /// What was tried went wrong.
    pub(crate) fn failed(message: impl std::fmt::Display) -> Self {
        Self {
            code: 1,
            message: message.to_string(),
        }
    }

    /// Some of it was done; the report says what was not.
    pub(crate) fn partly(message: impl std::fmt::Display) -> Self {
        Self {
            code: 3,
            message: message.to_string(),
        }
    }
}

/// Runs the command; the exit code says how it ended.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Serve => serve(),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Partitions => partitions::run(),
        Command::SeedDemo => seed::run(),
        Command::Openapi => print_document(),
        Command::Clinic(command) => clinic::run(command),
        Command::User(command) => user::run(command),
        Command::Import(command) => import::run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say_error(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Writes a line to standard output; a reader that has gone away is no failure.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _reader_gone = writeln!(std::io::stdout(), "{line}");
}

/// Writes a line to standard error.
pub(crate) fn say_error(line: impl std::fmt::Display) {
    let _reader_gone = writeln!(std::io::stderr(), "{line}");
}

fn serve() -> Result<(), Failure> {
    let telemetry_config = config::telemetry().map_err(Failure::usage)?;
    let config = config::Config::load().map_err(Failure::usage)?;
    let telemetry = telemetry::start(&telemetry_config).map_err(Failure::usage)?;
    let result = actix_web::rt::System::new().block_on(async {
        let shared = session::shared(config)?;
        server::serve(shared).await.map_err(Failure::failed)
    });
    telemetry.shutdown();
    result
}

fn print_document() -> Result<(), Failure> {
    let text = documents::text().map_err(Failure::failed)?;
    std::io::stdout().write_all(text.as_bytes()).map_err(Failure::failed)
}
