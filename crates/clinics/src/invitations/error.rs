//! Why nobody was invited, or nobody joined.

use auth::passwords::{PasswordError, WeakPassword};
use auth::secrets::RandomnessError;
use chrono::TimeDelta;
use db::{DbError, TxError};
use kernel::{FieldErrors, Role};
use rest::Problem;

use crate::account::weak_password;
use crate::credentials::CredentialError;
use crate::places::PlaceError;

/// Why nobody was invited, or nobody joined.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// No such invitation in the clinic.
    #[error("there is no such invitation")]
    NotFound,
    /// The text is no secret of an invitation.
    #[error("this is not the secret of an invitation")]
    UnknownToken,
    /// It was accepted or revoked, or its time is over.
    #[error("the invitation was accepted or revoked, or its time is over")]
    Closed,
    /// An invitation for this e-mail is open already.
    #[error("an invitation for this e-mail is open already; revoke it to make a new one")]
    AlreadyInvited,
    /// Nothing is mailed here.
    #[error("this installation sends no mail; revoke the invitation and make another one to get a new link")]
    MailIsOff,
    /// The mail was asked for a moment ago.
    #[error("the mail was asked for a moment ago; it may be on its way, or among the unwanted ones")]
    MailedRecently(TimeDelta),
    /// The person works in the clinic already.
    #[error("this person works in the clinic already")]
    AlreadyMember,
    /// The inviter may not give these roles.
    #[error("you cannot grant what you lack; only an owner makes owners")]
    RoleNotGrantable(Vec<Role>),
    /// Who has an account proves it by its password; who has none chooses one.
    #[error("the password of the account is needed, or a new one by who has no account")]
    PasswordRequired,
    /// The chosen password is not allowed.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The password of the account was not right.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The same person's account was made at the same moment elsewhere.
    #[error("the account was made at this very moment; try again")]
    AccountRace,
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

impl From<PlaceError> for InvitationError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::AccountExists => Self::AccountRace,
            PlaceError::AlreadyMember => Self::AlreadyMember,
            PlaceError::Database(error) => Self::Database(error),
        }
    }
}

impl From<PasswordError> for InvitationError {
    fn from(cause: PasswordError) -> Self {
        Self::Credentials(cause.into())
    }
}

impl TxError for InvitationError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Credentials(error) => error.db_error(),
            _ => None,
        }
    }
}

impl From<InvitationError> for Problem {
    fn from(error: InvitationError) -> Self {
        let text = error.to_string();
        match error {
            InvitationError::NotFound => Self::not_found("invitation_not_found"),
            InvitationError::UnknownToken => FieldErrors::one("/token", "unknown_invitation", text).into(),
            InvitationError::Closed => Self::conflict("invitation_closed", text),
            InvitationError::AlreadyInvited => Self::conflict("invitation_exists", text),
            InvitationError::AlreadyMember => Self::conflict("already_member", text),
            InvitationError::MailIsOff => Self::conflict("mail_is_off", text),
            InvitationError::MailedRecently(wait) => {
                Self::too_many_requests("mailed_recently", text, wait.to_std().unwrap_or_default())
            }
            InvitationError::RoleNotGrantable(roles) => {
                let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
                Self::forbidden("role_not_grantable", text).with("roles", names)
            }
            InvitationError::PasswordRequired => FieldErrors::one("/password", "required", text).into(),
            InvitationError::WeakPassword(weakness) => weak_password("/password", weakness).into(),
            // Nobody signs in here: a wrong password is a wrong value.
            InvitationError::Credentials(CredentialError::Invalid) => {
                FieldErrors::one("/password", "wrong_password", "this is not the password of the account").into()
            }
            InvitationError::Credentials(cause) => cause.into(),
            InvitationError::AccountRace => Self::conflict("account_race", text),
            InvitationError::VersionMismatch => Self::precondition_failed(),
            InvitationError::Randomness(cause) => Self::internal(&cause),
            InvitationError::Database(cause) => cause.into(),
        }
    }
}
