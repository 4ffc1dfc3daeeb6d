//! Errors that every kind of row of this domain shares.

use db::{DbError, TxError};
use kernel::Version;
use rest::Problem;

/// A kind of row, as errors and the audit log name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A place where people write to the clinic.
    Inbox,
    /// A thread with one person.
    Conversation,
    /// A message.
    Message,
    /// A file of a message.
    Attachment,
    /// A text that is written again and again.
    CannedResponse,
    /// A message that a channel has to approve.
    MessageTemplate,
}

impl Resource {
    /// The kind's name in the audit log and for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Conversation => "conversation",
            Self::Message => "message",
            Self::Attachment => "attachment",
            Self::CannedResponse => "canned_response",
            Self::MessageTemplate => "message_template",
        }
    }

    /// The code of a 404.
    const fn not_found(self) -> &'static str {
        match self {
            Self::Inbox => "inbox_not_found",
            Self::Conversation => "conversation_not_found",
            Self::Message => "message_not_found",
            Self::Attachment => "attachment_not_found",
            Self::CannedResponse => "canned_response_not_found",
            Self::MessageTemplate => "message_template_not_found",
        }
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
    /// The row is archived, and archived rows do not change.
    #[error("the {} is archived", .0.name())]
    Archived(Resource),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for RowError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RowError> for Problem {
    fn from(error: RowError) -> Self {
        match error {
            RowError::NotFound(resource) => Self::not_found(resource.not_found()),
            RowError::VersionMismatch => Self::precondition_failed(),
            RowError::Archived(_) => Self::conflict("archived", format!("{error} and does not change any more")),
            RowError::Database(error) => error.into(),
        }
    }
}

/// Lets a unit of work end with the error `$error`, whose variant `Row` holds a [`RowError`].
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
                    Self::Row(error) => error.db_error(),
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use domain_error;

/// Compares the version that a caller read with the one there is.
///
/// # Errors
/// [`RowError::VersionMismatch`] when they differ.
pub(crate) fn check_version(expected: Option<Version>, found: Version) -> Result<(), RowError> {
    if expected.is_none_or(|expected| expected == found) {
        Ok(())
    } else {
        Err(RowError::VersionMismatch)
    }
}
