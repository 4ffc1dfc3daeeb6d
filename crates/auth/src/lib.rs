//! Who is it? Tokens and the keys that sign them, passwords, API keys, second factors, and the sealing of secrets at rest.
//!
//! Only this crate makes a [`kernel::Principal`]: the [`authenticator::Authenticator`] turns what a request carries into
//! one. Rules that hold throughout:
//! - Nothing secret is stored as it is: passwords as argon2id, recovery codes as PBKDF2, random secrets as SHA-256, and what
//!   must be read back (a TOTP secret, a stored answer) sealed with AES-256-GCM for its one place.
//! - Nothing secret can be printed: `Debug` masks it.
//! - The time comes from a [`kernel::Clock`], randomness from the system.

pub mod access_token;
pub mod authenticator;
pub mod config;
pub mod passwords;
pub mod recovery_codes;
pub mod sealing;
pub mod secrets;
pub mod signing_keys;
mod standing;
mod still;
pub mod totp;
mod verdicts;

pub use access_token::{AccessClaims, AccessSubject, AccessTokens, IssuedToken, TokenError};
pub use authenticator::{AuthenticationError, Authenticator};
pub use config::{AuthConfig, AuthSettings, ConfigFaults};
pub use sealing::{ClinicKeys, ClinicSealer, MasterKeys, SealingError};
pub use secrets::{
    ApiKeyToken, CalendarFeedToken, InvitationToken, PasswordResetToken, RealtimeTicket, RefreshToken, SecretHash,
};
pub use signing_keys::SigningKeys;
pub use still::{SignIn, Still, still_good};
pub use verdicts::{Verdicts, subject_of};
