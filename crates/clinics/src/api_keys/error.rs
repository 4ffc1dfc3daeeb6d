//! Why a key could not be made or revoked.

use auth::secrets::RandomnessError;
use db::{DbError, TxError};
use kernel::{Permission, PermissionSet};
use rest::Problem;

use crate::sessions::SessionError;

/// Why a key could not be made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// No such key in the clinic.
    #[error("there is no such API key")]
    NotFound,
    /// The maker lacks these permissions.
    #[error("a key may do no more than its maker")]
    NotGrantable(PermissionSet),
    /// Keys are made by people.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// It was changed since the version that the caller read.
    #[error("it was changed in the meantime")]
    VersionMismatch,
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for ApiKeyError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Session(error) => error.db_error(),
            _ => None,
        }
    }
}

impl From<ApiKeyError> for Problem {
    fn from(error: ApiKeyError) -> Self {
        let text = error.to_string();
        match error {
            ApiKeyError::NotFound => Self::not_found("api_key_not_found"),
            ApiKeyError::NotGrantable(lacking) => {
                let names: Vec<_> = lacking.iter().map(Permission::name).collect();
                Self::forbidden("permission_not_grantable", text).with("permissions", names)
            }
            ApiKeyError::Session(cause) => cause.into(),
            ApiKeyError::VersionMismatch => Self::precondition_failed(),
            ApiKeyError::Randomness(cause) => Self::internal(&cause),
            ApiKeyError::Database(cause) => cause.into(),
        }
    }
}
