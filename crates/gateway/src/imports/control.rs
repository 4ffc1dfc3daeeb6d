//! What may be done with an import when, and whose turn it is.

use chrono::TimeDelta;
use db::{AuditRecord, DbError, Job, TenantRead, TenantTx};
use kernel::{ImportId, Lane, Version};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::ImportError;
use super::model::{Import, ImportStatus, ImportWork};
use super::settings::column_faults;
use super::store::{self, Change};
use super::{FINISHED, PROGRESS, row_store};

/// The job that brings an import further.
pub(super) const RUN: &str = "import.run";
/// The job that removes an import's file and what became of its rows.
pub(super) const FORGET: &str = "import.forget";

/// How long files, and what became of their rows, are kept: they tell of people, and after that nothing is undone any more.
pub(super) const KEPT_FOR: TimeDelta = TimeDelta::days(30);

/// Of how many parts of the way each is told.
const STEPS_TOLD: i64 = 20;

/// What a job is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct ImportJob {
    pub(super) import_id: ImportId,
}

/// Puts the next part of the work into the queue.
pub(super) fn enqueue(tx: &mut TenantTx<'_>, import_id: ImportId) {
    tx.enqueue(Job::new(RUN, &ImportJob { import_id }).lane(Lane::Bulk));
}

/// Shows an import.
pub(super) async fn get(tx: &TenantRead<'_>, id: ImportId) -> Result<Import, ImportError> {
    store::find(tx, id).await?.ok_or(ImportError::NotFound)
}

/// The import, locked, at the version `expected`.
pub(super) async fn lock(tx: &TenantTx<'_>, id: ImportId, expected: Option<Version>) -> Result<Import, ImportError> {
    let import = store::lock(tx, id).await?.ok_or(ImportError::NotFound)?;
    if expected.is_some_and(|expected| expected != import.version) {
        return Err(ImportError::VersionMismatch);
    }
    Ok(import)
}

/// Has the work begun, or taken up again where it was paused or failed.
pub(super) async fn start(
    tx: &mut TenantTx<'_>,
    id: ImportId,
    expected: Option<Version>,
    work: ImportWork,
    again: bool,
) -> Result<Import, ImportError> {
    use ImportStatus::{Analysed, Cancelled, Completed, Failed, Paused, Rehearsed};
    // Of two with the same content that are begun at once, the second sees the first.
    store::lock_turns(tx).await?;
    let import = lock(tx, id, expected).await?;
    if import.file_removed_at.is_some() {
        return Err(ImportError::FileRemoved);
    }
    let was_at = import.work;
    let goes_on = was_at == Some(work) && matches!(import.status, Paused | Failed);
    let has_made = matches!(was_at, Some(ImportWork::Import));
    let may = goes_on
        || match work {
            // What was begun for good is gone on with or undone, not rehearsed.
            ImportWork::Rehearsal | ImportWork::Import => {
                matches!(import.status, Analysed | Rehearsed)
                    || (was_at == Some(ImportWork::Rehearsal) && matches!(import.status, Paused | Failed))
            }
            ImportWork::Undo => has_made && matches!(import.status, Completed | Cancelled | Failed | Paused),
        };
    if !may {
        return Err(ImportError::IllegalMove { status: import.status });
    }
    let again = again || import.again;
    if work != ImportWork::Undo {
        import
            .settings()
            .mapping(import.kind, &import.headings)
            .map_err(|errors| column_faults(&errors))?;
    }
    if work == ImportWork::Import
        && !again
        && let Some(import) = store::same_content(tx, id, import.kind, &import.sha256).await?
    {
        return Err(ImportError::AlreadyImported { import });
    }
    let mut change = Change {
        work: Some(work),
        again: Some(again),
        fault: Some(None),
        queued_at: Some(tx.now()),
        finished_at: Some(None),
        ..Change::to(ImportStatus::Queued)
    };
    if !goes_on && work != ImportWork::Undo {
        row_store::remove(tx, id).await?;
        change = change.at_the_beginning();
    }
    let import = store::update(tx, id, change).await?;
    note(tx, &import, "imports.start");
    enqueue(tx, id);
    Ok(import)
}

/// Has the work wait; the part that is under way ends first.
pub(super) async fn pause(
    tx: &mut TenantTx<'_>,
    id: ImportId,
    expected: Option<Version>,
) -> Result<Import, ImportError> {
    use ImportStatus::{Paused, Queued, Running};
    store::lock_turns(tx).await?;
    let import = lock(tx, id, expected).await?;
    if !matches!(import.status, Queued | Running) {
        return Err(ImportError::IllegalMove { status: import.status });
    }
    let import = leave(tx, &import, Change::to(Paused)).await?;
    note(tx, &import, "imports.pause");
    Ok(import)
}

/// Calls an import off; what is in stays in, and can be undone.
pub(super) async fn cancel(
    tx: &mut TenantTx<'_>,
    id: ImportId,
    expected: Option<Version>,
) -> Result<Import, ImportError> {
    use ImportStatus::{Analysed, Cancelled, Failed, Paused, Queued, Rehearsed, Running};
    store::lock_turns(tx).await?;
    let import = lock(tx, id, expected).await?;
    let is_open = matches!(import.status, Analysed | Rehearsed | Queued | Running | Paused | Failed);
    if !is_open || import.work == Some(ImportWork::Undo) {
        return Err(ImportError::IllegalMove { status: import.status });
    }
    let import = leave(tx, &import, Change::to(Cancelled)).await?;
    note(tx, &import, "imports.cancel");
    Ok(import)
}

fn note(tx: &mut TenantTx<'_>, import: &Import, action: &'static str) {
    tx.audit(
        AuditRecord::new(action, "import", import.id.as_uuid())
            .with_detail(json!({"kind": import.kind, "work": import.work, "rows_done": import.rows_done})),
    );
}

/// Takes the clinic's turn, if it is free; `None` when the import is not to be worked on now.
pub(super) async fn begin(tx: &mut TenantTx<'_>, id: ImportId) -> Result<Option<Import>, DbError> {
    store::lock_turns(tx).await?;
    let Some(import) = store::lock(tx, id).await? else {
        return Ok(None);
    };
    match import.status {
        ImportStatus::Running => Ok(Some(import)),
        // Whoever is at work wakes it when they are done.
        ImportStatus::Queued if store::is_any_running(tx).await? => Ok(None),
        ImportStatus::Queued => {
            let change = Change {
                started_at: Some(tx.now()),
                ..Change::to(ImportStatus::Running)
            };
            Ok(Some(store::update(tx, id, change).await?))
        }
        _ => Ok(None),
    }
}

/// Ends the work of an import, as `change` has it, and gives the turn to the next one. The turns are locked.
pub(super) async fn leave(tx: &mut TenantTx<'_>, import: &Import, mut change: Change) -> Result<Import, DbError> {
    change.finished_at = Some(Some(tx.now()));
    let had_turn = import.status == ImportStatus::Running;
    let after = store::update(tx, import.id, change).await?;
    tx.emit(
        FINISHED,
        &json!({"import_id": after.id, "status": after.status, "work": after.work}),
    );
    if had_turn && let Some(next) = store::next_waiting(tx).await? {
        enqueue(tx, next);
    }
    Ok(after)
}

/// Ends the work for a reason that the user can do something about.
pub(super) async fn fail(tx: &mut TenantTx<'_>, id: ImportId, fault: &str) -> Result<(), DbError> {
    store::lock_turns(tx).await?;
    if let Some(import) = store::lock(tx, id).await?
        && import.status == ImportStatus::Running
    {
        let change = Change {
            fault: Some(Some(fault.to_owned())),
            ..Change::to(ImportStatus::Failed)
        };
        leave(tx, &import, change).await?;
    }
    Ok(())
}

/// What an import says whose work was given up.
const GIVEN_UP: &str = "the work was given up after it had failed again and again; once the cause is mended (the dead letters name \
                        it), start the import again: it goes on where it stopped";

/// Ends the work, or the wait for it, of an import whose job was given up. It can be started again, and goes on where it stopped.
pub(super) async fn give_up(tx: &mut TenantTx<'_>, id: ImportId) -> Result<(), DbError> {
    store::lock_turns(tx).await?;
    if let Some(import) = store::lock(tx, id).await?
        && matches!(import.status, ImportStatus::Running | ImportStatus::Queued)
    {
        let change = Change {
            fault: Some(Some(GIVEN_UP.to_owned())),
            ..Change::to(ImportStatus::Failed)
        };
        let import = leave(tx, &import, change).await?;
        note(tx, &import, "imports.give_up");
    }
    Ok(())
}

/// Tells how far the work has come, when that is a step further.
pub(super) fn tell_progress(tx: &mut TenantTx<'_>, import: ImportId, (before, after): (i64, i64), total: i64) {
    let step = |done: i64| done.saturating_mul(STEPS_TOLD).checked_div(total).unwrap_or(STEPS_TOLD);
    if step(before) != step(after) {
        tx.emit(
            PROGRESS,
            &json!({"import_id": import, "rows_done": after, "rows_total": total}),
        );
    }
}
