//! Imports and their rows as clients see them.

use kernel::{FieldError, ImportId, Timestamp, UserId, Version};
use rest::View;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{Import, ImportKind, ImportStatus, ImportWork, RowKind};
use super::row_store::ImportRow;
use super::settings::{Settings, column_faults};
use super::work::kept_until;

/// A column of a file.
#[derive(Debug, Serialize, ToSchema)]
struct ColumnView {
    /// Its heading.
    heading: String,
    /// The field that it holds; null when it is left out.
    field: Option<String>,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportView {
    id: ImportId,
    kind: ImportKind,
    filename: String,
    bytes: i64,
    status: ImportStatus,
    /// What it is at, or was at last.
    work: Option<ImportWork>,
    /// Why it failed.
    fault: Option<String>,
    /// In which encoding the file is read.
    encoding: String,
    /// What stands between the columns.
    delimiter: &'static str,
    /// The columns, in the order of the file.
    columns: Vec<ColumnView>,
    /// What is to be mended about the columns before the import can begin.
    problems: Vec<FieldError>,
    /// The first rows, masked: the shape of each cell, and nothing that it says.
    #[schema(value_type = Vec<Vec<String>>)]
    sample: Value,
    settings: Settings,
    rows_total: i64,
    /// How many rows were dealt with.
    rows_done: i64,
    /// How many went in, or would.
    created: i64,
    /// How many were there already.
    skipped: i64,
    /// How many have something wrong in them.
    failed: i64,
    /// Of those that went in, how many undoing took back.
    removed: i64,
    /// And how many stayed, since they were changed or are in use.
    stayed: i64,
    created_by: Option<UserId>,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    /// Until when the file and what became of its rows are kept, and the import can be undone.
    kept_until: Timestamp,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for ImportView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        let (encoding, delimiter) = import.format();
        let settings = import.settings();
        let mapping = settings.mapping(import.kind, &import.headings);
        let field_of = |heading: &str| {
            let mapping = mapping.as_ref().ok()?;
            let mut columns = mapping.columns();
            columns
                .find(|(_, of_field)| *of_field == heading)
                .map(|(field, _)| field.to_owned())
        };
        let columns = import
            .headings
            .iter()
            .map(|heading| ColumnView {
                heading: heading.clone(),
                field: field_of(heading),
            })
            .collect();
        let problems = match &mapping {
            Err(errors) if import.file_removed_at.is_none() => column_faults(errors).into_vec(),
            _ => Vec::new(),
        };
        Self {
            kept_until: kept_until(&import),
            id: import.id,
            kind: import.kind,
            filename: import.filename,
            bytes: import.bytes,
            status: import.status,
            work: import.work,
            fault: import.fault,
            encoding: encoding.name().to_owned(),
            delimiter: delimiter.name(),
            columns,
            problems,
            sample: import.sample,
            settings,
            rows_total: import.rows_total,
            rows_done: import.rows_done,
            created: import.created,
            skipped: import.skipped,
            failed: import.failed,
            removed: import.removed,
            stayed: import.stayed,
            created_by: import.created_by,
            started_at: import.started_at,
            finished_at: import.finished_at,
            version: import.version,
            created_at: import.created_at,
            updated_at: import.updated_at,
        }
    }
}

/// What became of a row.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportRowView {
    /// The line's number in the file, the heading's being 1.
    line: i64,
    outcome: RowKind,
    /// What the row became; null after a rehearsal.
    created_id: Option<Uuid>,
    /// The contact that was made for an appointment.
    created_contact_id: Option<Uuid>,
    /// What was there already, where it is no other line of the file.
    same_as_id: Option<Uuid>,
    /// By what it is the same.
    reason: Option<String>,
    /// What should be known, such as a rule that imports pass over.
    notes: Vec<String>,
    /// Everything that is wrong: pointers name the field, messages the column.
    errors: Vec<FieldError>,
    /// What undoing did with it: `removed`; `changed` or `in_use` when it stayed; `gone` when it was away already.
    taken_back: Option<String>,
    /// And with the contact that was made for it.
    contact_taken_back: Option<String>,
}

impl View for ImportRowView {}

impl From<ImportRow> for ImportRowView {
    fn from(row: ImportRow) -> Self {
        Self {
            errors: row.faults(),
            line: row.line,
            outcome: row.outcome,
            created_id: row.made_id,
            created_contact_id: row.made_person_id,
            same_as_id: row.same_as_id,
            reason: row.reason,
            notes: row.notes,
            taken_back: row.taken_back,
            contact_taken_back: row.person_taken_back,
        }
    }
}
