//! Why a sign-in could not be listed or ended.

use db::{DbError, tx_error};
use rest::Problem;

/// Why a sign-in could not be listed or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No such open sign-in, or not one that the caller may see.
    #[error("there is no such open sign-in")]
    NotFound,
    /// It is an owner's, and the caller is none.
    #[error("only an owner ends an owner's sign-in")]
    OwnerProtected,
    /// An integration has no sign-in.
    #[error("this is for people who are signed in; an API key has no sign-in")]
    PersonRequired,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(SessionError);

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        let text = error.to_string();
        match error {
            SessionError::NotFound => Self::not_found("session_not_found"),
            SessionError::OwnerProtected => Self::forbidden("owner_protected", text),
            SessionError::PersonRequired => Self::forbidden("person_required", text),
            SessionError::Database(cause) => cause.into(),
        }
    }
}
