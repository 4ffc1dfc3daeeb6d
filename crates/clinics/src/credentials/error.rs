//! Why a proof of identity was not accepted.

use auth::SealingError;
use auth::passwords::PasswordError;
use auth::recovery_codes::HashingStopped;
use auth::secrets::RandomnessError;
use auth::totp::InvalidTotp;
use chrono::TimeDelta;
use db::{DbError, tx_error};
use rest::Problem;

/// Why a proof of identity was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// No such person, no such password, or a proof that was used up meanwhile: the caller is not told which.
    #[error("e-mail or password is not right")]
    Invalid,
    /// Too many failures; no answer is given for this long, right or wrong.
    #[error("too many failed sign-ins")]
    Locked(TimeDelta),
    /// The password was right; the second factor is missing.
    #[error("the code of the second factor is needed")]
    CodeRequired,
    /// The password was right; the code is wrong, or was used before.
    #[error("the code of the second factor is not right, or was used before")]
    WrongCode,
    /// A password could be neither hashed nor verified.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The process is shutting down.
    #[error(transparent)]
    Stopped(#[from] HashingStopped),
    /// The stored secret of the second factor cannot be read.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The stored secret of the second factor is none.
    #[error(transparent)]
    Totp(#[from] InvalidTotp),
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(CredentialError);

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        let text = error.to_string();
        match error {
            CredentialError::Invalid => Self::unauthorized("invalid_credentials", text),
            CredentialError::Locked(wait) => {
                Self::too_many_requests("too_many_failed_sign_ins", text, wait.to_std().unwrap_or_default())
            }
            CredentialError::CodeRequired => Self::unauthorized("totp_required", text),
            CredentialError::WrongCode => Self::unauthorized("invalid_totp_code", text),
            CredentialError::Password(PasswordError::Stopped) | CredentialError::Stopped(_) => Self::unavailable(),
            CredentialError::Password(cause) => Self::internal(&cause),
            CredentialError::Sealing(cause) => Self::internal(&cause),
            CredentialError::Totp(cause) => Self::internal(&cause),
            CredentialError::Randomness(cause) => Self::internal(&cause),
            CredentialError::Database(cause) => cause.into(),
        }
    }
}
