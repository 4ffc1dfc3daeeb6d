//! What can stand in the way of an import.

use db::{DbError, TxError};
use files::FilesError;
use kernel::{FieldErrors, ImportId};
use rest::Problem;

use super::analysis::NotATable;
use super::model::ImportStatus;

/// Why something was not done with an import.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportError {
    #[error("there is no such import")]
    NotFound,
    #[error("the import was changed meanwhile")]
    VersionMismatch,
    #[error("this cannot be done with an import that is {status}")]
    IllegalMove { status: ImportStatus },
    #[error("a file with the same content was imported already")]
    AlreadyImported { import: ImportId },
    #[error("the file and what became of its rows were removed")]
    FileRemoved,
    #[error("the file is no table: {0}")]
    NotATable(#[from] NotATable),
    #[error("{0}")]
    Invalid(#[from] FieldErrors),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for ImportError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::NotFound => Self::not_found("import_not_found"),
            ImportError::VersionMismatch => Self::precondition_failed(),
            ImportError::IllegalMove { status } => {
                Self::conflict("illegal_move", "this cannot be done with the import as it stands")
                    .with("import_status", status.as_str())
            }
            ImportError::AlreadyImported { import } => Self::conflict(
                "already_imported",
                "a file with the same content was imported already; send again=true to import it nevertheless",
            )
            .with("import_id", import.to_string()),
            ImportError::FileRemoved => Self::conflict(
                "file_removed",
                "the file and what became of its rows were removed, since they are kept for 30 days",
            ),
            ImportError::NotATable(error) => FieldErrors::one("", error.code(), error).into(),
            ImportError::Invalid(errors) => errors.into(),
            ImportError::Files(error) => {
                tracing::error!(%error, "a file of an import cannot be had");
                Self::unavailable()
            }
            ImportError::Database(error) => error.into(),
        }
    }
}
