//! An import from its file to its report.

use db::{Db, DbError, TenantTx, TxError};
use kernel::{ClinicId, FieldErrors, System, Timestamp};
use tabular::{
    BadRecord, ColumnChoice, Delimiter, Encoding, Mapping, MappingError, Progress, ReadOptions, Record, Report,
    RowOutcome, RowReport, Table, TableError,
};

use super::fields::{FIELDS, OPEN_PREFIX};
use super::row;
use super::twice::SeenBefore;
use crate::duplicates::{self, Identity, Likeness};
use crate::people::{self, ContactError, NewContact};

/// How to import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Encoding and delimiter, where they are not to be found out.
    pub read: ReadOptions,
    /// Columns whose headings do not tell what they hold.
    pub columns: Vec<ColumnChoice>,
    /// Do everything, keep nothing.
    pub dry_run: bool,
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// The encoding the file was read in.
    pub encoding: Encoding,
    /// The delimiter it was read with.
    pub delimiter: Delimiter,
    /// Which column held which field: the field's name and the heading.
    pub columns: Vec<(String, String)>,
    /// The headings of columns that were left out.
    pub ignored: Vec<String>,
    /// What became of each row.
    pub report: Report,
}

/// Why an import did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file holds no table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The columns are not as they should be.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Columns(Vec<MappingError>),
    /// The database failed on the way. What is in the report as created is kept (unless it was a rehearsal), and the same file
    /// can be imported again: what is there already is left out then.
    #[error("the import stopped after {} rows: {cause}", .so_far.report.seen())]
    Interrupted {
        /// The failure.
        #[source]
        cause: DbError,
        /// What was done until then.
        so_far: Box<ImportReport>,
    },
}

/// Rows of one transaction: few enough that its locks are short, enough that commits do not dominate.
pub const ROWS_AT_ONCE: usize = 200;

/// Imports the people of the file `bytes` into `clinic`. `progress` is called as rows are dealt with.
///
/// Every row is a person or is reported with what is wrong; people who are there already (by document, or by name with birth
/// date, phone or e-mail address) are left out.
///
/// # Errors
/// [`ImportError`] when the file as a whole cannot be read, or the database fails on the way.
pub async fn run(
    db: &Db,
    clinic: ClinicId,
    bytes: &[u8],
    options: &ImportOptions,
    mut progress: impl FnMut(Progress),
) -> Result<ImportReport, ImportError> {
    let table = Table::read(bytes, options.read)?;
    let mapping = mapping(&table.headings, &options.columns).map_err(ImportError::Columns)?;
    let owned = |text: &str| text.to_owned();
    let mut outcome = ImportReport {
        encoding: table.encoding,
        delimiter: table.delimiter,
        columns: mapping
            .columns()
            .map(|(field, heading)| (owned(field), owned(heading)))
            .collect(),
        ignored: mapping.ignored().map(owned).collect(),
        report: Report::new(options.dry_run),
    };
    let total = u64::try_from(table.records.len()).unwrap_or(u64::MAX);
    let caller = System::acting_for(clinic, "import");
    let mut seen = SeenBefore::default();
    progress(Progress { done: 0, total });
    for batch in table.records.chunks(ROWS_AT_ONCE) {
        let now = db.clock().now();
        let rows: Vec<_> = batch
            .iter()
            .map(|record| prepare(&mapping, record, now, Some(&mut seen)))
            .collect();
        let imported = db
            .write(&caller, async |tx| bring_in(tx, &rows, options.dry_run).await)
            .await;
        match imported {
            Ok(reports) => reports.into_iter().for_each(|row| outcome.report.push(row)),
            Err(cause) => {
                return Err(ImportError::Interrupted {
                    cause,
                    so_far: Box::new(outcome),
                });
            }
        }
        progress(Progress {
            done: outcome.report.seen(),
            total,
        });
    }
    Ok(outcome)
}

/// A row before the database has seen it.
#[derive(Debug)]
pub struct Prepared(Row);

#[derive(Debug)]
enum Row {
    /// It is decided.
    Decided(RowReport),
    /// It may go in.
    Person {
        line: u64,
        person: Box<NewContact>,
        identity: Identity,
    },
}

/// Which column holds which field of a person, by the headings and the `choices` of a user.
///
/// # Errors
/// Everything that does not fit.
pub fn mapping(headings: &[String], choices: &[ColumnChoice]) -> Result<Mapping, Vec<MappingError>> {
    Mapping::new(headings, FIELDS, Some(OPEN_PREFIX), choices)
}

/// Reads a row as a person, as seen at `now`. Where `seen` is given, whoever came before in the file is known by it.
#[must_use]
pub fn prepare(
    mapping: &Mapping,
    record: &Result<Record, BadRecord>,
    now: Timestamp,
    seen: Option<&mut SeenBefore>,
) -> Prepared {
    let decided = |line, outcome| Prepared(Row::Decided(RowReport { line, outcome }));
    let record = match record {
        Ok(record) => record,
        Err(bad) => return decided(bad.line(), rejected(FieldErrors::one("", bad.code(), bad))),
    };
    let line = record.line;
    match row::person(mapping, record, now) {
        Err(faults) => decided(line, rejected(faults)),
        Ok(person) => {
            let identity = Identity::from(&person);
            match seen.and_then(|seen| seen.line_of(&identity, line)) {
                Some(before) => decided(
                    line,
                    RowOutcome::Duplicate {
                        of: None,
                        reason: format!("the same person as on line {before}"),
                    },
                ),
                None => Prepared(Row::Person {
                    line,
                    person: Box::new(person),
                    identity,
                }),
            }
        }
    }
}

fn rejected(faults: FieldErrors) -> RowOutcome {
    RowOutcome::Rejected {
        faults: faults.into_vec(),
    }
}

/// How the transaction of a batch ends early.
enum BatchEnd {
    /// It was a rehearsal: what was done is undone.
    Rehearsed(Vec<RowReport>),
    Failed(DbError),
}

impl From<DbError> for BatchEnd {
    fn from(error: DbError) -> Self {
        Self::Failed(error)
    }
}

impl TxError for BatchEnd {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Rehearsed(_) => None,
        }
    }
}

/// Brings the people of some rows in, within the caller's transaction; a rehearsal tries it and takes it back.
///
/// # Errors
/// The database's failure; a row that does not go in is none.
pub async fn bring_in(tx: &mut TenantTx<'_>, rows: &[Prepared], dry_run: bool) -> Result<Vec<RowReport>, DbError> {
    if !dry_run {
        return import_rows(tx, rows).await;
    }
    let rehearsed = tx
        .savepoint(async |tx| match import_rows(tx, rows).await {
            Ok(reports) => Err::<Vec<RowReport>, _>(BatchEnd::Rehearsed(without_ids(reports))),
            Err(error) => Err(BatchEnd::Failed(error)),
        })
        .await;
    match rehearsed {
        Ok(reports) | Err(BatchEnd::Rehearsed(reports)) => Ok(reports),
        Err(BatchEnd::Failed(error)) => Err(error),
    }
}

async fn import_rows(tx: &mut TenantTx<'_>, rows: &[Prepared]) -> Result<Vec<RowReport>, DbError> {
    let mut reports = Vec::with_capacity(rows.len());
    for Prepared(row) in rows {
        reports.push(match row {
            Row::Decided(report) => report.clone(),
            Row::Person { line, person, identity } => RowReport {
                line: *line,
                outcome: import_person(tx, person, identity).await?,
            },
        });
    }
    Ok(reports)
}

/// Ids of rows that were undone lead nowhere.
fn without_ids(mut reports: Vec<RowReport>) -> Vec<RowReport> {
    for report in &mut reports {
        if let RowOutcome::Created { id, .. } = &mut report.outcome {
            *id = None;
        }
    }
    reports
}

async fn import_person(tx: &mut TenantTx<'_>, person: &NewContact, identity: &Identity) -> Result<RowOutcome, DbError> {
    let found = duplicates::service::find(tx, identity, None).await?;
    let (alike, certain): (Vec<_>, Vec<_>) = found.into_iter().partition(|(likeness, _)| !likeness.certain);
    if let Some((likeness, contact)) = certain.into_iter().next() {
        return Ok(RowOutcome::Duplicate {
            of: Some(contact.columns.id.into()),
            reason: reasons(&likeness),
        });
    }
    match tx.savepoint(async |tx| people::service::create(tx, person).await).await {
        Ok(contact) => {
            let note = alike.first().map(|(likeness, other)| {
                format!(
                    "looks like contact {} ({} of 100: {})",
                    other.columns.id,
                    likeness.score,
                    reasons(likeness)
                )
            });
            Ok(RowOutcome::Created {
                id: Some(contact.columns.id.into()),
                person: None,
                notes: note.into_iter().collect(),
            })
        }
        Err(ContactError::Exists { contact }) => Ok(RowOutcome::Duplicate {
            of: contact.map(Into::into),
            reason: "same_tax_id".to_owned(),
        }),
        Err(ContactError::Database(error)) if !matches!(error, DbError::Query(_)) => Err(error),
        Err(error) => Ok(rejected(FieldErrors::one("", "refused", error))),
    }
}

fn reasons(likeness: &Likeness) -> String {
    likeness
        .reasons
        .iter()
        .map(|reason| reason.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
