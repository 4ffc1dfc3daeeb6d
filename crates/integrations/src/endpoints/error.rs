//! What can be wrong with an endpoint.

use auth::SealingError;
use db::{DbError, TxError};
use kernel::{FieldErrors, Permission, PermissionSet};
use rest::Problem;

use crate::signing::NoRandomness;

/// Why an endpoint cannot be made, changed or shown.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// No such endpoint in the clinic.
    #[error("there is no such webhook endpoint")]
    NotFound,
    /// It was changed since the version that the caller read.
    #[error("it was changed in the meantime")]
    VersionMismatch,
    /// The clinic has as many as it may have.
    #[error("a clinic has twenty webhook endpoints at most; archive one first")]
    TooMany,
    /// The one who chose the events may not hear of some of them.
    #[error("an endpoint hears of no more than the one who chooses its events")]
    NotGrantable(PermissionSet),
    /// It was put away, and does not change any more.
    #[error("the webhook endpoint is archived and does not change any more")]
    Archived,
    /// The id that the caller chose is in use.
    #[error("the id is in use")]
    IdTaken,
    /// Values that are not valid.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The system gave no random bytes.
    #[error("{0}")]
    Randomness(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<NoRandomness> for EndpointError {
    fn from(error: NoRandomness) -> Self {
        Self::Randomness(error.to_string())
    }
}

impl TxError for EndpointError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Sealing(error) => error.db_error(),
            _ => None,
        }
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        let text = error.to_string();
        match error {
            EndpointError::NotFound => Self::not_found("webhook_endpoint_not_found"),
            EndpointError::VersionMismatch => Self::precondition_failed(),
            EndpointError::Archived => Self::conflict("archived", text),
            EndpointError::IdTaken => Self::conflict("id_taken", text),
            EndpointError::TooMany => Self::conflict("too_many_webhook_endpoints", text),
            EndpointError::NotGrantable(lacking) => {
                let names: Vec<_> = lacking.iter().map(Permission::name).collect();
                Self::forbidden("permission_not_grantable", text).with("permissions", names)
            }
            EndpointError::Invalid(errors) => errors.into(),
            EndpointError::Sealing(_) | EndpointError::Randomness(_) => Self::internal(&error),
            EndpointError::Database(cause) => cause.into(),
        }
    }
}
