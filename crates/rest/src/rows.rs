//! What can be wrong with any row that is looked for or written, whatever it is.

use db::{DbError, tx_error};
use kernel::Version;

use crate::problem::Problem;

/// A kind of row, as errors and the audit log name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    name: &'static str,
    not_found: &'static str,
}

impl Resource {
    /// The kind `name`, whose 404 has the code `not_found`.
    #[must_use]
    pub const fn new(name: &'static str, not_found: &'static str) -> Self {
        Self { name, not_found }
    }

    /// The kind's name in the audit log and for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// What can be wrong with any row that is looked for or written.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The clinic has no such row.
    #[error("the clinic has no such {}", .0.name())]
    NotFound(Resource),
    /// The row was written since the version that the caller read.
    #[error("the row was changed in the meantime")]
    VersionMismatch,
    /// The id that the caller chose is in use.
    #[error("the id is in use")]
    IdTaken,
    /// The row is archived, and archived rows do not change.
    #[error("the {} is archived", .0.name())]
    Archived(Resource),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(RowError);

impl From<RowError> for Problem {
    fn from(error: RowError) -> Self {
        match error {
            RowError::NotFound(resource) => Self::not_found(resource.not_found),
            RowError::VersionMismatch => Self::precondition_failed(),
            RowError::IdTaken => Self::conflict("id_taken", error.to_string()),
            RowError::Archived(_) => Self::conflict("archived", format!("{error} and does not change any more")),
            RowError::Database(error) => error.into(),
        }
    }
}

/// Lets a unit of work end with the error `$error`, whose variant `Row` holds a [`RowError`](crate::RowError).
#[macro_export]
macro_rules! domain_error {
    ($error:ty) => {
        impl From<::db::DbError> for $error {
            fn from(error: ::db::DbError) -> Self {
                Self::Row(error.into())
            }
        }

        impl ::db::TxError for $error {
            fn db_error(&self) -> Option<&::db::DbError> {
                match self {
                    Self::Row(error) => ::db::TxError::db_error(error),
                    _ => None,
                }
            }
        }
    };
}

/// Compares the version that a caller read with the one there is.
///
/// # Errors
/// [`RowError::VersionMismatch`] when they differ.
pub fn check_version(expected: Option<Version>, found: Version) -> Result<(), RowError> {
    if expected.is_none_or(|expected| expected == found) {
        Ok(())
    } else {
        Err(RowError::VersionMismatch)
    }
}
