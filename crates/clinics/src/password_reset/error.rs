//! Why no link was handed out, or no password set.

use auth::passwords::{PasswordError, WeakPassword};
use auth::secrets::RandomnessError;
use db::{DbError, tx_error};
use kernel::FieldErrors;
use rest::Problem;

use crate::account::weak_password;

/// Why no link was handed out, or no password set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordResetError {
    /// No such member of the staff.
    #[error("there is no such member of the staff")]
    NotFound,
    /// One's own password is changed with the present one.
    #[error("change your own password with the present one")]
    OwnPassword,
    /// The member holds roles that the caller may not give: whoever has the link could take them.
    #[error("this person may do what you may not grant; an owner can hand out the link")]
    NotPermitted,
    /// The member works in other clinics too, over which this one has no say.
    #[error("this person works in other clinics too, so that no clinic alone can hand out the link")]
    WorksElsewhere,
    /// The text is no secret of a link, or one that was used, replaced or whose time is over.
    #[error("the link is not good, or not any more; ask for a new one")]
    InvalidToken,
    /// The new password is not allowed.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The new password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(PasswordResetError);

impl From<PasswordResetError> for Problem {
    fn from(error: PasswordResetError) -> Self {
        let text = error.to_string();
        match error {
            PasswordResetError::NotFound => Self::not_found("staff_not_found"),
            PasswordResetError::OwnPassword => Self::forbidden("own_password", text),
            PasswordResetError::NotPermitted => Self::forbidden("password_reset_not_permitted", text),
            PasswordResetError::WorksElsewhere => Self::forbidden("works_elsewhere", text),
            PasswordResetError::InvalidToken => FieldErrors::one("/token", "invalid_password_reset", text).into(),
            PasswordResetError::WeakPassword(weakness) => weak_password("/new_password", weakness).into(),
            PasswordResetError::Password(PasswordError::Stopped) => Self::unavailable(),
            PasswordResetError::Password(cause) => Self::internal(&cause),
            PasswordResetError::Randomness(cause) => Self::internal(&cause),
            PasswordResetError::Database(cause) => cause.into(),
        }
    }
}
