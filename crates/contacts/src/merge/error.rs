//! What can stand in the way of a merge.

use db::{DbError, TxError};
use kernel::{ContactId, FieldErrors};
use rest::Problem;

use super::model::MergeSide;
use crate::people::ContactError;

/// Why two contacts were not merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The contact that was to stay does not exist.
    #[error("there is no such contact")]
    NotFound,
    /// The contact that was to go does not exist.
    #[error("the other contact does not exist")]
    UnknownFrom,
    /// Both are one.
    #[error("a contact is not merged into itself")]
    IntoItself,
    /// One of them was merged into another one before.
    #[error("one of the contacts was merged before")]
    Merged {
        /// Which of the two.
        side: MergeSide,
        /// Whom it turned out to be.
        survivor: ContactId,
    },
    /// One of them is archived.
    #[error("one of the contacts is archived")]
    Archived {
        /// Which of the two.
        side: MergeSide,
    },
    /// They have different CPFs, and nobody said which is right.
    #[error("the contacts have different CPFs")]
    DifferentTaxIds,
    /// The one that stays was changed since the version that the caller read.
    #[error("the contact was changed meanwhile")]
    VersionMismatch,
    /// Work on one of the two failed.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for MergeError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Contact(error) => error.db_error(),
            _ => None,
        }
    }
}

impl From<MergeError> for Problem {
    fn from(error: MergeError) -> Self {
        let at_from = |code, message| FieldErrors::one("/from_id", code, message).into();
        match error {
            MergeError::NotFound => Self::not_found("contact_not_found"),
            MergeError::UnknownFrom => at_from("unknown_contact", "there is no such contact in this clinic"),
            MergeError::IntoItself => at_from("same_contact", "a contact cannot be merged into itself"),
            MergeError::Merged { side, survivor } => Self::conflict(
                "contact_merged",
                "one of the contacts was merged into another one before",
            )
            .with("side", side.as_str())
            .with("contact_id", survivor.to_string()),
            MergeError::Archived { side } => Self::conflict(
                "contact_archived",
                "one of the contacts is archived; bring it back first",
            )
            .with("side", side.as_str()),
            MergeError::DifferentTaxIds => Self::conflict(
                "different_tax_ids",
                "the contacts have different CPFs, so they look like two people; say in keep.tax_id which one is right",
            ),
            MergeError::VersionMismatch => Self::precondition_failed(),
            MergeError::Contact(error) => error.into(),
            MergeError::Database(error) => error.into(),
        }
    }
}
