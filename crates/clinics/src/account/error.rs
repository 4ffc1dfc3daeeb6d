//! Why something about one's own account could not be done.

use auth::SealingError;
use auth::passwords::{PasswordError, WeakPassword};
use auth::recovery_codes::HashingStopped;
use auth::secrets::RandomnessError;
use auth::totp::InvalidTotp;
use db::{DbError, TxError};
use kernel::FieldErrors;
use rest::Problem;

use crate::credentials::CredentialError;
use crate::sessions::SessionError;

/// Why something about one's own account could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The caller is no person.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The present password or the code was not right.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The new password is not allowed.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// There is a second factor already.
    #[error("a second factor is set up already; disable it first")]
    TotpEnabled,
    /// There is no second factor.
    #[error("no second factor is set up")]
    TotpNotEnabled,
    /// No second factor waits to be confirmed, or another one was begun meanwhile.
    #[error("no second factor waits to be confirmed; begin with a new one")]
    TotpNotEnrolled,
    /// The code that should have confirmed the second factor is not of this moment.
    #[error("the code is not the one that the app shows now")]
    WrongConfirmation,
    /// The account or key is gone.
    #[error("the account is gone")]
    Gone,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for AccountError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Credentials(error) => error.db_error(),
            Self::Session(error) => error.db_error(),
            _ => None,
        }
    }
}

macro_rules! through_credentials {
    ($($cause:ty),+) => {$(
        impl From<$cause> for AccountError {
            fn from(cause: $cause) -> Self {
                Self::Credentials(cause.into())
            }
        }
    )+};
}

through_credentials!(
    PasswordError,
    HashingStopped,
    SealingError,
    InvalidTotp,
    RandomnessError
);

/// What is wrong with the password at `pointer`.
pub(crate) fn weak_password(pointer: &str, weakness: WeakPassword) -> FieldErrors {
    FieldErrors::one(pointer, weakness.code(), weakness)
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let text = error.to_string();
        match error {
            AccountError::Session(cause) => cause.into(),
            // The caller is signed in: a wrong password is a wrong value here, not a missing sign-in.
            AccountError::Credentials(CredentialError::Invalid) => FieldErrors::one(
                "/current_password",
                "wrong_password",
                "this is not the present password",
            )
            .into(),
            AccountError::Credentials(cause @ CredentialError::CodeRequired) => {
                FieldErrors::one("/totp_code", "totp_required", cause).into()
            }
            AccountError::Credentials(cause @ CredentialError::WrongCode) => {
                FieldErrors::one("/totp_code", "invalid_totp_code", cause).into()
            }
            AccountError::Credentials(cause) => cause.into(),
            AccountError::WeakPassword(weakness) => weak_password("/new_password", weakness).into(),
            AccountError::TotpEnabled => Self::conflict("totp_enabled", text),
            AccountError::TotpNotEnabled => Self::conflict("totp_not_enabled", text),
            AccountError::TotpNotEnrolled => Self::conflict("totp_not_enrolled", text),
            AccountError::WrongConfirmation => FieldErrors::one("/totp_code", "invalid_totp_code", text).into(),
            AccountError::Gone => Self::not_found("account_not_found"),
            AccountError::Database(cause) => cause.into(),
        }
    }
}
