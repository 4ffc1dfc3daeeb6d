//! The run: part after part, each in a transaction of its own.

use std::collections::HashMap;

use db::{Db, DbError, TenantTx};
use kernel::{Caller, ClinicId, FieldErrors, PractitionerId};
use tabular::{BadRecord, ColumnChoice, Mapping, MappingError, Progress, Record, Report, RowOutcome, RowReport, Table};

use super::directory::Directory;
use super::ends::{Done, PartEnd};
use super::layout::Layout;
use super::options::{ImportError, ImportOptions};
use super::person::NewContacts;
use super::row::FIELDS;

/// Lines per transaction: few enough that bookings of the day do not wait long for its locks.
pub const LINES_AT_ONCE: usize = 50;

/// Imports the appointments of `table` for `caller`'s clinic; makes contacts of unknown people by `contacts`; tells `progress`
/// after each part. Lines that came in before are found again and left out, so a run that was cut off is simply repeated.
///
/// # Errors
/// [`ImportError`]; a bad line is none, but a row of the report.
pub async fn run(
    db: &Db,
    caller: &impl Caller,
    table: &Table,
    options: &ImportOptions,
    contacts: &impl NewContacts,
    mut progress: impl FnMut(Progress),
) -> Result<Report, ImportError> {
    let mapping = mapping(&table.headings, &options.choices).map_err(ImportError::Mapping)?;
    let mut run = Run::start(db, caller, &mapping, options, contacts).await?;
    let lines: Vec<_> = table.records.iter().filter(|record| run.concerns(record)).collect();
    let total = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let mut report = Report::new(options.dry_run);
    progress(Progress { done: 0, total });
    let at_once = if options.dry_run {
        lines.len().max(1)
    } else {
        LINES_AT_ONCE
    };
    for part in lines.chunks(at_once) {
        let done = db
            .write(caller, async |tx| run.bring_in(tx, part.iter().copied()).await)
            .await?;
        run.keep(done).into_iter().for_each(|row| report.push(row));
        progress(Progress {
            done: report.seen(),
            total,
        });
    }
    Ok(report)
}

/// Which column holds which field of an appointment, by the headings and the `choices` of a user.
///
/// # Errors
/// Everything that does not fit.
pub fn mapping(headings: &[String], choices: &[ColumnChoice]) -> Result<Mapping, Vec<MappingError>> {
    Mapping::new(headings, FIELDS, None, choices)
}

/// One run: who and what the clinic has, and what was laid out so far.
pub struct Run<'r, C> {
    pub(super) clinic: ClinicId,
    pub(super) mapping: &'r Mapping,
    pub(super) options: &'r ImportOptions,
    pub(super) contacts: &'r C,
    pub(super) directory: Directory,
    layout: Layout,
    pub(super) practitioners: Vec<PractitionerId>,
}

impl<'r, C: NewContacts> Run<'r, C> {
    /// Reads who and what `caller`'s clinic has. A run that was cut off is started anew, for the lines that are left.
    ///
    /// # Errors
    /// [`ImportError`] when the options name what is not there, or the database fails.
    pub async fn start(
        db: &Db,
        caller: &impl Caller,
        mapping: &'r Mapping,
        options: &'r ImportOptions,
        contacts: &'r C,
    ) -> Result<Self, ImportError> {
        let directory = db
            .read(caller, async |tx| Directory::load(tx, &options.external_id_field).await)
            .await?;
        Self::new(caller.clinic(), mapping, options, contacts, directory)
    }

    /// Brings the lines of a part in, within the caller's transaction; a rehearsal tries it and takes it back. Once the transaction
    /// has committed, [`Self::keep`] is told what it came to.
    ///
    /// # Errors
    /// The database's failure; a line that does not go in is none.
    pub async fn bring_in<'l>(
        &self,
        tx: &mut TenantTx<'_>,
        lines: impl Iterator<Item = &'l Result<Record, BadRecord>>,
    ) -> Result<Done, DbError> {
        let lines: Vec<_> = lines.collect();
        if !self.options.dry_run {
            return self.part(tx, &lines).await;
        }
        let rehearsed = tx
            .savepoint(async |tx| match self.part(tx, &lines).await {
                Ok(done) => Err::<Done, _>(PartEnd::Rehearsed(Box::new(done))),
                Err(error) => Err(PartEnd::Database(error)),
            })
            .await;
        match rehearsed {
            Ok(done) => Ok(done),
            Err(PartEnd::Rehearsed(done)) => Ok(*done),
            Err(PartEnd::Database(error)) => Err(error),
        }
    }

    /// Goes on from what a part came to; gives its rows' reports.
    pub fn keep(&mut self, done: Done) -> Vec<RowReport> {
        let Done { rows, layout, made } = done;
        self.layout = layout;
        self.directory.remember(made);
        rows
    }

    fn new(
        clinic: ClinicId,
        mapping: &'r Mapping,
        options: &'r ImportOptions,
        contacts: &'r C,
        directory: Directory,
    ) -> Result<Self, ImportError> {
        let named = options.practitioners.iter().map(|key| {
            directory
                .practitioner(key)
                .ok_or_else(|| ImportError::UnknownPractitioner(key.clone()))
        });
        let practitioners = named.collect::<Result<Vec<_>, _>>()?;
        if let Some(key) = options
            .service
            .as_deref()
            .filter(|key| directory.service(key).is_none())
        {
            return Err(ImportError::UnknownService(key.to_owned()));
        }
        Ok(Self {
            clinic,
            mapping,
            options,
            contacts,
            directory,
            layout: Layout::default(),
            practitioners,
        })
    }

    /// Whether the line is of the unit that is imported; one that cannot be read is reported.
    pub fn concerns(&self, record: &Result<Record, BadRecord>) -> bool {
        match (&self.options.only_unit, record) {
            (Some(unit), Ok(record)) => self
                .mapping
                .get(record, "unit")
                .is_some_and(|of_line| kernel::fold::fold(of_line) == kernel::fold::fold(unit)),
            _ => true,
        }
    }

    /// Brings the lines of a part in.
    async fn part(&self, tx: &mut TenantTx<'_>, lines: &[&Result<Record, BadRecord>]) -> Result<Done, DbError> {
        // A part may be run again after a deadlock, so it starts from the state before it each time.
        let mut done = Done {
            rows: Vec::with_capacity(lines.len()),
            layout: self.layout.clone(),
            made: HashMap::new(),
        };
        for line in lines {
            let row = match line {
                Err(bad) => {
                    let faults = FieldErrors::one("", bad.code(), bad).into_vec();
                    RowReport {
                        line: bad.line(),
                        outcome: RowOutcome::Rejected { faults },
                    }
                }
                Ok(record) => {
                    let outcome = Box::pin(self.line(tx, &mut done, record)).await?;
                    RowReport {
                        line: record.line,
                        outcome,
                    }
                }
            };
            done.rows.push(row);
        }
        Ok(done)
    }
}
