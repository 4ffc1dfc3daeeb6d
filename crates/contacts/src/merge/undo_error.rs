//! What can stand in the way of undoing a merge.

use db::{DbError, TxError};
use kernel::{ContactId, ContactMergeId, Timestamp};
use rest::Problem;

use super::model::MergeSide;
use crate::people::ContactError;

/// Why a merge was not undone.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There is no such merge.
    #[error("there is no such merge")]
    NotFound,
    /// It was undone already.
    #[error("the merge was undone at {at}")]
    Undone {
        /// When.
        at: Timestamp,
    },
    /// One of the two was part of a later merge that still holds.
    #[error("a later merge of one of the contacts still holds")]
    NotLatest {
        /// The newest of these, which is to be undone first.
        first: ContactMergeId,
    },
    /// It is too long ago.
    #[error("the merge could be undone until {until}")]
    TooOld {
        /// Until when it could be.
        until: Timestamp,
    },
    /// It was made before merges wrote down what they changed values to.
    #[error("the merge did not write down what undoing it needs")]
    NotRecorded,
    /// A CPF that one of the two would have again is another's by now.
    #[error("a CPF is another contact's by now")]
    TaxIdTaken {
        /// Which of the two would have it.
        side: MergeSide,
        /// Who has it; not known when they came to it at this very moment.
        holder: Option<ContactId>,
    },
    /// Work on one of the two failed.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for UndoError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Contact(error) => error.db_error(),
            _ => None,
        }
    }
}

impl From<UndoError> for Problem {
    fn from(error: UndoError) -> Self {
        match error {
            UndoError::NotFound => Self::not_found("merge_not_found"),
            UndoError::Undone { at } => {
                Self::conflict("merge_undone", "this merge was undone already").with("undone_at", at.to_string())
            }
            UndoError::NotLatest { first } => Self::conflict(
                "merge_not_latest",
                "one of the contacts was merged again since; undo that merge first",
            )
            .with("merge_id", first.to_string()),
            UndoError::TooOld { until } => Self::conflict("merge_too_old", "this merge is too long ago to be undone")
                .with("undoable_until", until.to_string()),
            UndoError::NotRecorded => Self::conflict(
                "merge_not_recorded",
                "this merge was made before merges could be undone, and did not write down what that needs",
            ),
            UndoError::TaxIdTaken { side, holder } => {
                let problem = Self::conflict(
                    "tax_id_taken",
                    "a CPF that one of the contacts would have again is another contact's by now",
                )
                .with("side", side.as_str());
                match holder {
                    Some(holder) => problem.with("contact_id", holder.to_string()),
                    None => problem,
                }
            }
            UndoError::Contact(error) => error.into(),
            UndoError::Database(error) => error.into(),
        }
    }
}
