//! What an import is.

use db::schema::imports;
use diesel::pg::Pg;
use diesel::prelude::*;
use files::FileKey;
use kernel::{ClinicId, ImportId, Timestamp, UserId, Version, text_enum};
use serde::Serialize;
use serde_json::Value;
use tabular::{Delimiter, Encoding};

use super::settings::Settings;

text_enum! {
    /// What the rows of a file are.
    pub(crate) enum ImportKind {
        /// People.
        Contacts = "contacts",
        /// Appointments.
        Appointments = "appointments",
    }
    error = InvalidImportKind, code = "unknown_kind";
}

text_enum! {
    /// Where an import stands.
    pub(crate) enum ImportStatus {
        /// The file was read; nothing was tried yet.
        Analysed = "analysed",
        /// It waits for its turn.
        Queued = "queued",
        /// It is at work.
        Running = "running",
        /// It was told to wait.
        Paused = "paused",
        /// It was tried, and nothing was kept.
        Rehearsed = "rehearsed",
        /// Every row was dealt with.
        Completed = "completed",
        /// It was called off; what was in by then is in.
        Cancelled = "cancelled",
        /// It cannot go on; `fault` says why.
        Failed = "failed",
        /// What it had made was taken back.
        Undone = "undone",
    }
    error = InvalidImportStatus, code = "unknown_status";
}

text_enum! {
    /// What an import is at.
    pub(crate) enum ImportWork {
        /// Trying everything and keeping nothing.
        Rehearsal = "rehearsal",
        /// Bringing the rows in.
        Import = "import",
        /// Taking back what was made.
        Undo = "undo",
    }
    error = InvalidImportWork, code = "unknown_work";
}

impl ImportWork {
    /// Where an import stands when the work is done.
    pub(super) const fn end(self) -> ImportStatus {
        match self {
            Self::Rehearsal => ImportStatus::Rehearsed,
            Self::Import => ImportStatus::Completed,
            Self::Undo => ImportStatus::Undone,
        }
    }
}

text_enum! {
    /// What became of a row.
    pub(crate) enum RowKind {
        /// It went in, or would.
        Created = "created",
        /// What it tells was there already.
        Skipped = "skipped",
        /// Something in it is wrong.
        Failed = "failed",
    }
    error = InvalidRowKind, code = "unknown_outcome";
}

/// An import.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = imports, check_for_backend(Pg))]
pub(super) struct Import {
    pub(super) clinic_id: ClinicId,
    pub(super) id: ImportId,
    pub(super) kind: ImportKind,
    pub(super) filename: String,
    pub(super) bytes: i64,
    pub(super) sha256: Vec<u8>,
    pub(super) again: bool,
    encoding: String,
    delimiter: String,
    pub(super) headings: Vec<String>,
    pub(super) sample: Value,
    settings: Value,
    pub(super) status: ImportStatus,
    pub(super) work: Option<ImportWork>,
    pub(super) fault: Option<String>,
    pub(super) rows_total: i64,
    pub(super) rows_done: i64,
    pub(super) created: i64,
    pub(super) skipped: i64,
    pub(super) failed: i64,
    pub(super) removed: i64,
    pub(super) stayed: i64,
    pub(super) created_by: Option<UserId>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) file_removed_at: Option<Timestamp>,
    pub(super) version: Version,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl Import {
    /// Where its file is kept.
    pub(super) fn file(&self) -> FileKey {
        file_of(self.clinic_id, self.id)
    }

    /// How its file is read. Only names of known encodings and delimiters are written; others, of a later version of this program,
    /// are read as the usual ones.
    pub(super) fn format(&self) -> (Encoding, Delimiter) {
        (
            self.encoding.parse().unwrap_or(Encoding::Utf8),
            self.delimiter.parse().unwrap_or(Delimiter::Comma),
        )
    }

    /// What was said about it.
    pub(super) fn settings(&self) -> Settings {
        serde_json::from_value(self.settings.clone()).unwrap_or_default()
    }
}

/// The kind of file that these are, as the store of files has it.
pub(crate) const AREA: &str = "imports";

/// Where the file of an import is kept.
pub(super) fn file_of(clinic: ClinicId, import: ImportId) -> FileKey {
    FileKey::new(clinic, AREA, *import.as_uuid())
}

/// What rows came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) created: i64,
    pub(super) skipped: i64,
    pub(super) failed: i64,
}
