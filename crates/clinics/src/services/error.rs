//! What can be wrong with a service.

use kernel::FieldErrors;
use rest::Problem;

use crate::resource::error::{RowError, domain_error};

/// Why a service cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Another service in use is called the same, accents and case aside.
    #[error("another service has this name")]
    NameTaken,
    /// Ids that the clinic does not have, or values that do not go with those already there.
    #[error("{0}")]
    Invalid(FieldErrors),
}

domain_error!(ServiceError);

impl From<FieldErrors> for ServiceError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Row(error) => error.into(),
            ServiceError::NameTaken => Self::conflict("service_exists", error.to_string()),
            ServiceError::Invalid(errors) => errors.into(),
        }
    }
}
