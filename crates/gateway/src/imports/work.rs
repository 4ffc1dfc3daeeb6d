//! The job that brings an import further: some parts of the file, then its successor.
//!
//! A job may run twice at once, after a lease ran out. Each part locks the import and goes on only from where it believes to be, so
//! the other stops; and the row of a line can be written once.

use appointments::import::{ImportError as AgendaError, Run};
use db::{Db, DbError};
use files::{Files, FilesError};
use futures_util::StreamExt;
use jobs::{Event, HandlerError, Handlers};
use kernel::System;
use tabular::{Mapping, RecordReader};

use super::control::{self, FORGET, ImportJob, KEPT_FOR, RUN};
use super::model::{Import, ImportKind, ImportStatus, ImportWork};
use super::people::MakeContacts;
use super::store::{self, Change};
use super::target::{IntoAgenda, IntoContacts, Line, Newcomers, Target};
use super::{row_store, undo};

/// How many parts a job deals with before it leaves the rest to its successor: so few that it ends well within its time.
pub(super) const PARTS_AT_ONCE: usize = 5;

/// The handlers of imports.
pub(crate) fn handlers(handlers: Handlers, files: &Files) -> Handlers {
    let (for_run, for_forget) = (files.clone(), files.clone());
    handlers
        .on(RUN, async move |db: &Db, system: System, event: Event| {
            Box::pin(run(db, &for_run, &system, &event)).await
        })
        .given_up(async |db: &Db, system: System, event: Event| {
            let ImportJob { import_id } = event.payload()?;
            db.write(&system, async |tx| control::give_up(tx, import_id).await)
                .await?;
            Ok(())
        })
        .on(FORGET, async move |db: &Db, system: System, event: Event| {
            forget(db, &for_forget, &system, &event).await
        })
}

async fn run(db: &Db, files: &Files, system: &System, event: &Event) -> Result<(), HandlerError> {
    let ImportJob { import_id } = event.payload()?;
    let begun = db.write(system, async |tx| control::begin(tx, import_id).await).await?;
    let Some(import) = begun else { return Ok(()) };
    match import.work {
        Some(ImportWork::Undo) => Ok(undo::some(db, system, &import).await?),
        Some(ImportWork::Rehearsal | ImportWork::Import) => bring_further(db, files, system, &import).await,
        None => Ok(()),
    }
}

/// Brings the next rows of a file in, or has the import fail for what the user can do something about.
async fn bring_further(db: &Db, files: &Files, system: &System, import: &Import) -> Result<(), HandlerError> {
    let settings = import.settings();
    let rehearses = import.work == Some(ImportWork::Rehearsal);
    let Ok(mapping) = settings.mapping(import.kind, &import.headings) else {
        return fail(db, system, import, "the columns do not fit").await;
    };
    let ended = match import.kind {
        ImportKind::Contacts => {
            let target = IntoContacts {
                mapping: &mapping,
                rehearsal: rehearses.then(Default::default),
            };
            some_parts(db, files, system, import, target).await
        }
        ImportKind::Appointments => {
            let options = settings.for_appointments(rehearses);
            let newcomers = if settings.known_people_only {
                Newcomers::Refused
            } else {
                Newcomers::Made(MakeContacts {
                    external_id_field: &options.external_id_field,
                })
            };
            match into_agenda(db, system, &mapping, &options, &newcomers).await {
                Ok(target) => some_parts(db, files, system, import, target).await,
                Err(AgendaError::Database(error)) => return Err(error.into()),
                Err(error) => return fail(db, system, import, &error.to_string()).await,
            }
        }
    };
    match ended {
        Ok(()) => Ok(()),
        Err(Stopped::Database(error)) => Err(error.into()),
        Err(Stopped::Files(FilesError::Missing)) => fail(db, system, import, "the file is not there any more").await,
        Err(Stopped::Files(error)) => Err(HandlerError::Retry(error.to_string())),
        Err(Stopped::Short) => fail(db, system, import, "the file has fewer rows than when it came").await,
    }
}

async fn into_agenda<'r>(
    db: &Db,
    system: &System,
    mapping: &'r Mapping,
    options: &'r appointments::import::ImportOptions,
    newcomers: &'r Newcomers<'r>,
) -> Result<IntoAgenda<'r>, AgendaError> {
    Ok(IntoAgenda(Run::start(db, system, mapping, options, newcomers).await?))
}

async fn fail(db: &Db, system: &System, import: &Import, fault: &str) -> Result<(), HandlerError> {
    db.write(system, async |tx| control::fail(tx, import.id, fault).await)
        .await?;
    Ok(())
}

/// Why the parts of a job ended early.
enum Stopped {
    Database(DbError),
    Files(FilesError),
    /// The file ended before the rows that were counted in it.
    Short,
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<FilesError> for Stopped {
    fn from(error: FilesError) -> Self {
        Self::Files(error)
    }
}

/// The rows of a file after those that were dealt with, gathered into parts while the file is read.
struct Parts<T> {
    target: T,
    reader: RecordReader,
    heading_read: bool,
    /// How many rows were dealt with, by this job and those before it.
    done: i64,
    /// How many rows are still to be passed over.
    to_pass: i64,
    lines: Vec<Line>,
    parts: usize,
}

/// What a job does after a part.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    /// The work has ended, is another's, or goes on in the successor.
    Stop,
}

async fn some_parts<T: Target>(
    db: &Db,
    files: &Files,
    system: &System,
    import: &Import,
    target: T,
) -> Result<(), Stopped> {
    let (encoding, delimiter) = import.format();
    let mut parts = Parts {
        target,
        reader: RecordReader::new(encoding, delimiter),
        heading_read: false,
        done: import.rows_done,
        to_pass: import.rows_done,
        lines: Vec::new(),
        parts: 0,
    };
    let mut chunks = files.read(&import.file()).await?.chunks;
    while let Some(chunk) = chunks.next().await {
        parts.reader.feed(&chunk?);
        if parts.take(db, system, import).await? == Next::Stop {
            return Ok(());
        }
    }
    parts.reader.finish();
    if parts.take(db, system, import).await? == Next::Stop {
        return Ok(());
    }
    // The last part is as large as what is left; it ends the work, where the file is what it was.
    if parts.bring_in(db, system, import).await? == Next::Stop {
        return Ok(());
    }
    Err(Stopped::Short)
}

impl<T: Target> Parts<T> {
    /// Takes the rows that are at hand.
    async fn take(&mut self, db: &Db, system: &System, import: &Import) -> Result<Next, Stopped> {
        while let Some(line) = self.reader.next_record() {
            if !self.heading_read {
                self.heading_read = true;
                self.reader.expect_width(import.headings.len());
            } else if self.to_pass > 0 {
                self.to_pass -= 1;
                self.target.pass(&line, db.clock().now());
            } else {
                self.lines.push(line);
                if self.lines.len() >= T::ROWS_AT_ONCE && self.bring_in(db, system, import).await? == Next::Stop {
                    return Ok(Next::Stop);
                }
            }
        }
        Ok(Next::GoOn)
    }

    /// Brings the rows that were gathered in: what they do, what became of them, and how far the work has come, in one transaction.
    async fn bring_in(&mut self, db: &Db, system: &System, import: &Import) -> Result<Next, Stopped> {
        let lines = std::mem::take(&mut self.lines);
        let rows = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        let ready = self.target.read(lines, db.clock().now());
        self.parts += 1;
        let (target, done, is_last) = (&self.target, self.done, self.parts >= PARTS_AT_ONCE);
        let kept = db
            .write(system, async |tx| {
                // The turns before the row, as everybody takes them.
                let ends = done.saturating_add(rows) >= import.rows_total;
                if ends {
                    store::lock_turns(tx).await?;
                }
                let Some(now) = store::lock(tx, import.id).await? else {
                    return Ok(None);
                };
                if now.status != ImportStatus::Running || now.work != import.work || now.rows_done != done {
                    return Ok(None);
                }
                let came_to = target.bring_in(tx, &ready).await?;
                let reports = T::reports(&came_to);
                row_store::insert(tx, import.id, reports).await?;
                let further = Change::further(&now, rows, row_store::counts(reports));
                control::tell_progress(tx, import.id, (done, done.saturating_add(rows)), import.rows_total);
                if let (true, Some(work)) = (ends, now.work) {
                    let change = Change {
                        status: Some(work.end()),
                        ..further
                    };
                    control::leave(tx, &now, change).await?;
                } else {
                    store::update(tx, import.id, further).await?;
                    if is_last {
                        control::enqueue(tx, import.id);
                    }
                }
                Ok::<_, DbError>(Some((came_to, ends)))
            })
            .await?;
        let Some((came_to, ends)) = kept else {
            return Ok(Next::Stop);
        };
        self.target.keep(came_to);
        self.done = self.done.saturating_add(rows);
        Ok(if ends || is_last { Next::Stop } else { Next::GoOn })
    }
}

/// Removes the file of an import, what became of its rows, and what the file's headings and first rows looked like. One that is at
/// work then is left until it is done.
async fn forget(db: &Db, files: &Files, system: &System, event: &Event) -> Result<(), HandlerError> {
    let ImportJob { import_id } = event.payload()?;
    let file = db
        .write(system, async |tx| {
            let Some(import) = store::lock(tx, import_id).await? else {
                return Ok(None);
            };
            if matches!(import.status, ImportStatus::Queued | ImportStatus::Running) {
                let job = db::Job::new(FORGET, &ImportJob { import_id }).lane(kernel::Lane::Bulk);
                tx.enqueue(job.due(tx.now().saturating_add(chrono::TimeDelta::days(1))));
                return Ok(None);
            }
            if import.file_removed_at.is_none() {
                row_store::remove(tx, import_id).await?;
                let change = Change {
                    file_removed_at: Some(tx.now()),
                    headings: Some(Vec::new()),
                    sample: Some(serde_json::json!([])),
                    ..Change::default()
                };
                store::update(tx, import_id, change).await?;
                tx.audit(db::AuditRecord::new("imports.forget", "import", import_id.as_uuid()));
            }
            Ok::<_, DbError>(Some(import.file()))
        })
        .await?;
    match file {
        // Again after a failure between the two: removing what is not there is done already.
        Some(file) => files
            .remove(&file)
            .await
            .map_err(|error| HandlerError::Retry(error.to_string())),
        None => Ok(()),
    }
}

/// When what an import keeps is to be removed.
pub(super) fn kept_until(import: &Import) -> kernel::Timestamp {
    import.created_at.saturating_add(KEPT_FOR)
}
