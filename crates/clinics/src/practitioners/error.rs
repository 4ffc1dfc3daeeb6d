//! What can be wrong with a practitioner.

use kernel::FieldErrors;
use rest::Problem;

use crate::resource::error::{RowError, domain_error};

/// Why a practitioner cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PractitionerError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Another practitioner of the clinic has this council registration.
    #[error("another practitioner of the clinic has this council registration")]
    RegistrationTaken,
    /// The member of the staff is another practitioner already.
    #[error("this member of the staff is another practitioner already")]
    MembershipTaken,
    /// Ids that the clinic does not have.
    #[error("{0}")]
    UnknownIds(FieldErrors),
}

domain_error!(PractitionerError);

impl From<FieldErrors> for PractitionerError {
    fn from(errors: FieldErrors) -> Self {
        Self::UnknownIds(errors)
    }
}

impl From<PractitionerError> for Problem {
    fn from(error: PractitionerError) -> Self {
        match error {
            PractitionerError::Row(error) => error.into(),
            PractitionerError::RegistrationTaken => Self::conflict("registration_exists", error.to_string()),
            PractitionerError::MembershipTaken => Self::conflict("membership_taken", error.to_string()),
            PractitionerError::UnknownIds(errors) => errors.into(),
        }
    }
}
