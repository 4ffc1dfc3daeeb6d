//! What became of a file's rows.

use kernel::FieldError;
use serde::Serialize;
use uuid::Uuid;

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RowOutcome {
    /// It went in.
    Created {
        /// The row it became; `None` when the run was only a rehearsal.
        id: Option<Uuid>,
        /// The person that was made for it, where the row tells of somebody who was not there yet.
        #[serde(skip_serializing_if = "Option::is_none")]
        person: Option<Uuid>,
        /// What the reader of the report should know, such as a rule that imports pass over.
        notes: Vec<String>,
    },
    /// What it tells was there already, so it was left out.
    Duplicate {
        /// The row that was there; `None` when it is another line of the same file.
        of: Option<Uuid>,
        /// By what they are the same, such as `cpf`; or the other line.
        reason: String,
    },
    /// It was left out because something in it is wrong.
    Rejected {
        /// Everything that is wrong; pointers name the field, messages the column.
        faults: Vec<FieldError>,
    },
}

/// What became of something that an import had made, when the import was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// It is away.
    Removed,
    /// It stays: somebody has changed it since.
    Changed,
    /// It stays: something else hangs on it.
    InUse,
    /// It was away already.
    Gone,
}

impl TakenBack {
    /// Every one there is.
    pub const ALL: [Self; 4] = [Self::Removed, Self::Changed, Self::InUse, Self::Gone];

    /// A stable word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::InUse => "in_use",
            Self::Gone => "gone",
        }
    }
}

/// What became of the row on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowReport {
    /// The line's number in the file, the heading's being 1.
    pub line: u64,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: RowOutcome,
}

/// What became of all rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Whether it was a rehearsal: nothing was kept.
    pub dry_run: bool,
    /// How many went in, or would.
    pub created: u64,
    /// How many were there already.
    pub duplicates: u64,
    /// How many have something wrong in them.
    pub rejected: u64,
    /// Each row, in the order of the file.
    pub rows: Vec<RowReport>,
}

impl Report {
    /// The report of a run that has not begun.
    #[must_use]
    pub fn new(dry_run: bool) -> Self {
        Self {
            dry_run,
            ..Self::default()
        }
    }

    /// Adds what became of a row.
    pub fn push(&mut self, row: RowReport) {
        let count = match row.outcome {
            RowOutcome::Created { .. } => &mut self.created,
            RowOutcome::Duplicate { .. } => &mut self.duplicates,
            RowOutcome::Rejected { .. } => &mut self.rejected,
        };
        *count += 1;
        self.rows.push(row);
    }

    /// How many rows were looked at.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.created + self.duplicates + self.rejected
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows dealt with.
    pub done: u64,
    /// Rows there are.
    pub total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_what_became_of_them() {
        let mut report = Report::new(true);
        for outcome in [
            RowOutcome::Created {
                id: None,
                person: None,
                notes: Vec::new(),
            },
            RowOutcome::Duplicate {
                of: None,
                reason: "line 2".to_owned(),
            },
            RowOutcome::Rejected { faults: Vec::new() },
            RowOutcome::Rejected { faults: Vec::new() },
        ] {
            report.push(RowReport {
                line: report.seen() + 2,
                outcome,
            });
        }
        assert_eq!(
            (report.created, report.duplicates, report.rejected, report.seen()),
            (1, 1, 2, 4)
        );
        assert_eq!(report.rows.last().map(|row| row.line), Some(5));
    }
}
