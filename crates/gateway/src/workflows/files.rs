//! Files that nothing tells of are removed: what a process left behind that was killed between keeping a file and writing its row.
//!
//! A file is kept before its row is written, so that no row is without its file; where the row is refused the file is removed at
//! once, and where nobody was left to do that, here. What is younger than [`GRACE`] may yet get its row and is passed over.

use std::collections::HashSet;

use chrono::TimeDelta;
use conversations::attachments;
use db::{AuditRecord, Db, DbError, TenantRead};
use files::{FileKey, Files, FilesError};
use futures_util::StreamExt;
use jobs::{Event, HandlerError, Handlers};
use kernel::{Caller, System};
use serde_json::json;
use uuid::Uuid;

use crate::imports;

/// The job that looks through a clinic's files.
pub(super) const SWEEP: &str = "files.sweep";

/// How old a file must be: longer than any attempt at writing its row goes on.
const GRACE: TimeDelta = TimeDelta::hours(48);

/// How many files are compared with the rows at a time.
const AT_ONCE: usize = 500;

/// Which rows tell of the files of an area.
#[derive(Debug, Clone, Copy)]
enum Area {
    Attachments,
    Imports,
}

impl Area {
    const ALL: [Self; 2] = [Self::Attachments, Self::Imports];

    const fn name(self) -> &'static str {
        match self {
            Self::Attachments => attachments::AREA,
            Self::Imports => imports::AREA,
        }
    }

    /// Those of `ids` of which a row tells.
    async fn told_of(self, tx: &TenantRead<'_>, ids: &[Uuid]) -> Result<HashSet<Uuid>, DbError> {
        match self {
            Self::Attachments => attachments::among(tx, ids).await,
            Self::Imports => imports::with_file_among(tx, ids).await,
        }
    }
}

/// Adds what looks through the files.
pub(super) fn handlers(handlers: Handlers, files: &Files) -> Handlers {
    let files = files.clone();
    handlers.on(SWEEP, async move |db: &Db, system: System, _event: Event| {
        sweep(db, &files, &system).await
    })
}

fn failed(error: FilesError) -> HandlerError {
    HandlerError::Retry(error.to_string())
}

async fn sweep(db: &Db, files: &Files, system: &System) -> Result<(), HandlerError> {
    let latest = db.clock().now().saturating_add(-GRACE);
    for area in Area::ALL {
        let mut removed: u64 = 0;
        let mut stored = files.list(system.clinic(), area.name()).ready_chunks(AT_ONCE);
        while let Some(some) = stored.next().await {
            let some: Vec<_> = some.into_iter().collect::<Result<_, _>>().map_err(failed)?;
            let old: Vec<Uuid> = some
                .iter()
                .filter(|file| file.written_at < latest)
                .map(|file| file.id)
                .collect();
            if old.is_empty() {
                continue;
            }
            // The rows are asked after the files, so that what got its row meanwhile is seen to have it.
            let told_of = db.read(system, async |tx| area.told_of(tx, &old).await).await?;
            for id in old.iter().filter(|id| !told_of.contains(id)) {
                let key = FileKey::new(system.clinic(), area.name(), *id);
                files.remove(&key).await.map_err(failed)?;
                removed = removed.saturating_add(1);
            }
        }
        if removed > 0 {
            tracing::warn!(area = area.name(), removed, "files that nothing told of were removed");
            db.write(system, async |tx| {
                tx.audit(
                    AuditRecord::new("files.sweep", "clinic", tx.clinic().as_uuid())
                        .with_detail(json!({"area": area.name(), "removed": removed})),
                );
                Ok::<_, DbError>(())
            })
            .await?;
        }
    }
    Ok(())
}
