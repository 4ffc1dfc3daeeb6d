//! Why nobody was signed in.

use auth::access_token::IssueError;
use auth::secrets::RandomnessError;
use db::{DbError, TxError};
use kernel::FieldErrors;
use rest::Problem;
use serde_json::json;

use crate::credentials::{ClinicSummary, CredentialError};
use crate::sessions::SessionError;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The person was not who they said, or could not prove it.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The person works in several clinics and named none.
    #[error("you work in several clinics; say by `clinic_slug` which one you mean")]
    ClinicRequired(Vec<ClinicSummary>),
    /// The person does not work in the clinic they named.
    #[error("you do not work in a clinic with this slug")]
    UnknownClinic,
    /// The person works in no clinic any more.
    #[error("your account belongs to no active clinic")]
    NoClinic,
    /// The refresh token is not good, or not any more.
    #[error("the refresh token is not good, or not any more; sign in again")]
    InvalidRefreshToken,
    /// The caller is no person.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No access token could be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for SignInError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Credentials(error) => error.db_error(),
            Self::Session(error) => error.db_error(),
            _ => None,
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        let text = error.to_string();
        match error {
            SignInError::Credentials(cause) => cause.into(),
            SignInError::ClinicRequired(clinics) => {
                Self::conflict("clinic_required", text).with("clinics", json!(clinics))
            }
            SignInError::UnknownClinic => FieldErrors::one("/clinic_slug", "unknown_clinic", text).into(),
            SignInError::NoClinic => Self::forbidden("no_clinic", text),
            SignInError::InvalidRefreshToken => Self::unauthorized("invalid_refresh_token", text),
            SignInError::Session(cause) => cause.into(),
            SignInError::Issue(cause) => Self::internal(&cause),
            SignInError::Randomness(cause) => Self::internal(&cause),
            SignInError::Database(cause) => cause.into(),
        }
    }
}
