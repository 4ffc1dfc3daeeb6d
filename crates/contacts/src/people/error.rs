//! What can stand in the way of work on people.

use db::{DbError, tx_error};
use kernel::{ContactId, FieldErrors};
use rest::Problem;

/// Why work on a person came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// There is no such person in the clinic.
    #[error("there is no such contact")]
    NotFound,
    /// The person turned out to be another one.
    #[error("the contact was merged into {into}")]
    Merged {
        /// Whom they turned out to be.
        into: ContactId,
    },
    /// The row was written since the version that the caller read.
    #[error("the contact was changed meanwhile")]
    VersionMismatch,
    /// Another person of the clinic has this CPF.
    #[error("another contact has this CPF")]
    Exists {
        /// Who; not known when they went away at this very moment.
        contact: Option<ContactId>,
    },
    /// The id that the client brought is taken.
    #[error("the id is taken")]
    IdTaken,
    /// The guardian is nobody of this clinic.
    #[error("the guardian is no contact of the clinic")]
    UnknownGuardian,
    /// The guardian was merged into another contact.
    #[error("the guardian was merged into another contact")]
    MergedGuardian,
    /// Values that do not fit what is there.
    #[error("{0}")]
    Invalid(#[from] FieldErrors),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(ContactError);

impl From<ContactError> for Problem {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::NotFound => Self::not_found("contact_not_found"),
            ContactError::Merged { into } => Self::conflict(
                "contact_merged",
                "this contact was merged into another one; go on with that one",
            )
            .with("contact_id", into.to_string()),
            ContactError::VersionMismatch => Self::precondition_failed(),
            ContactError::Exists { contact } => {
                let problem = Self::conflict("contact_exists", "another contact of the clinic has this CPF");
                match contact {
                    Some(contact) => problem.with("contact_id", contact.to_string()),
                    None => problem,
                }
            }
            ContactError::IdTaken => Self::conflict("id_taken", "there is a row with this id already"),
            ContactError::UnknownGuardian => FieldErrors::one(
                "/guardian/contact_id",
                "unknown_contact",
                "there is no such contact in this clinic",
            )
            .into(),
            ContactError::MergedGuardian => FieldErrors::one(
                "/guardian/contact_id",
                "merged_contact",
                "this contact was merged into another one; name that one",
            )
            .into(),
            ContactError::Invalid(errors) => errors.into(),
            ContactError::Database(error) => error.into(),
        }
    }
}
