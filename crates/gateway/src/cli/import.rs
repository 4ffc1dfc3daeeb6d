//! `taskmed import`: people or appointments from a CSV file, with a report of every row.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use appointments::import as appointment_import;
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use contacts::import as contact_import;
use indicatif::{ProgressBar, ProgressStyle};
use kernel::System;
use kernel::text::Slug;
use tabular::{ColumnChoice, Progress, ReadOptions, Report, RowOutcome, Table};

use super::{Failure, say, session};
use crate::imports::people::MakeContacts;

/// How many bad rows are printed; the report file has them all.
const PRINTED_ROWS: usize = 20;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Takes people from a CSV file. Who is there already is left out.
    Contacts {
        #[command(flatten)]
        file: Source,
    },
    /// Takes appointments from a CSV file, as they were: past ones too, in any status, but none over another.
    Appointments {
        #[command(flatten)]
        file: Source,
        /// Puts rows whose time is taken over what is there.
        #[arg(long)]
        overbook: bool,
        /// Gives rows with a day and no time of day a free time of a practitioner.
        #[arg(long)]
        lay_out: bool,
        /// Whose the rows without a practitioner are: an id, a name or a registration; may be given several times.
        #[arg(long = "practitioner")]
        practitioners: Vec<String>,
        /// What the rows without a service are for: an id or a name.
        #[arg(long)]
        service: Option<String>,
        /// How many minutes the rows last that do not say so.
        #[arg(long)]
        minutes: Option<u32>,
        /// Only the rows of this unit.
        #[arg(long)]
        unit: Option<String>,
        /// Rejects rows about people who are not there yet, instead of making them.
        #[arg(long)]
        known_people_only: bool,
    },
}

/// The file, and what is said about it.
#[derive(Debug, Args)]
pub(super) struct Source {
    /// The CSV file; `.gz` is unpacked. Encoding and delimiter are found out.
    file: PathBuf,
    /// The clinic's slug.
    #[arg(long)]
    clinic: Slug,
    /// What a column holds, where its heading does not tell: "Nome do paciente=name"; `column=` leaves it out.
    #[arg(long = "map")]
    choices: Vec<ColumnChoice>,
    /// Tries everything and keeps nothing.
    #[arg(long)]
    dry_run: bool,
    /// Writes what became of each row to this file, as JSON lines.
    #[arg(long)]
    report: Option<PathBuf>,
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Contacts { file } => contacts(&file),
        Command::Appointments {
            file,
            overbook,
            lay_out,
            practitioners,
            service,
            minutes,
            unit,
            known_people_only,
        } => {
            let options = appointment_import::ImportOptions {
                choices: file.choices.clone(),
                dry_run: file.dry_run,
                overbook,
                lay_out,
                practitioners,
                service,
                duration: minutes.map(|minutes| TimeDelta::minutes(i64::from(minutes))),
                only_unit: unit,
                ..appointment_import::ImportOptions::default()
            };
            appointments(&file, &options, known_people_only)
        }
    }
}

fn contacts(source: &Source) -> Result<(), Failure> {
    let bytes = read(&source.file)?;
    let report = session::with_database(async |_shared, db| {
        let clinic = session::clinic_named(&db, source.clinic.clone()).await?.id;
        let options = contact_import::ImportOptions {
            read: ReadOptions::default(),
            columns: source.choices.clone(),
            dry_run: source.dry_run,
        };
        let bar = bar();
        let imported = contact_import::run(&db, clinic, &bytes, &options, |progress| show(&bar, progress)).await;
        bar.finish_and_clear();
        let imported = imported.map_err(Failure::failed)?;
        say(format_args!(
            "read as {} with {:?} between columns",
            imported.encoding.name(),
            imported.delimiter.as_char()
        ));
        for (field, heading) in &imported.columns {
            say(format_args!("  {heading:?} is {field}"));
        }
        if !imported.ignored.is_empty() {
            say(format_args!(
                "  left out: {}; name what they hold with --map",
                imported.ignored.join(", ")
            ));
        }
        Ok(imported.report)
    })?;
    tell(source, &report)
}

fn appointments(
    source: &Source,
    options: &appointment_import::ImportOptions,
    known_people_only: bool,
) -> Result<(), Failure> {
    let bytes = read(&source.file)?;
    let table = Table::read(&bytes, ReadOptions::default()).map_err(Failure::usage)?;
    let report = session::with_database(async |_shared, db| {
        let clinic = session::clinic_named(&db, source.clinic.clone()).await?.id;
        let caller = System::acting_for(clinic, "import");
        let bar = bar();
        let progress = |progress| show(&bar, progress);
        let imported = if known_people_only {
            let nobody = appointment_import::OnlyKnownContacts;
            appointment_import::run(&db, &caller, &table, options, &nobody, progress).await
        } else {
            let people = MakeContacts {
                external_id_field: &options.external_id_field,
            };
            appointment_import::run(&db, &caller, &table, options, &people, progress).await
        };
        bar.finish_and_clear();
        imported.map_err(Failure::failed)
    })?;
    tell(source, &report)
}

/// The whole file, unpacked when its name says that it is packed.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    // One byte more than is read, so that a file that is too large is told as such.
    let most = u64::try_from(Table::MOST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(BufReader::new(file))
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    } else {
        BufReader::new(file)
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    Ok(bytes)
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} rows, {per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}

/// Prints what came of it and writes the report file.
fn tell(source: &Source, report: &Report) -> Result<(), Failure> {
    if let Some(path) = &source.report {
        write_report(path, report)
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
    }
    let mut bad = 0_usize;
    for row in &report.rows {
        if let RowOutcome::Rejected { faults } = &row.outcome {
            bad += 1;
            if bad <= PRINTED_ROWS {
                let faults: Vec<_> = faults
                    .iter()
                    .map(|fault| format!("{}: {}", fault.pointer, fault.message))
                    .collect();
                say(format_args!("line {}: {}", row.line, faults.join("; ")));
            }
        }
    }
    if bad > PRINTED_ROWS {
        say(format_args!(
            "and {} more bad rows; --report FILE lists them all",
            bad - PRINTED_ROWS
        ));
    }
    let done = if report.dry_run { "would go in" } else { "went in" };
    say(format_args!(
        "{} {done}, {} were there already, {} rejected",
        report.created, report.duplicates, report.rejected
    ));
    if report.rejected > 0 {
        return Err(Failure::partly(
            "some rows were rejected; mend them and import the same file again",
        ));
    }
    Ok(())
}

fn write_report(path: &Path, report: &Report) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for row in &report.rows {
        serde_json::to_writer(&mut file, row)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}
