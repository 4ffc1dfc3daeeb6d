//! Proof of who a person is: the password, the second factor, and the growing delay after failed proofs.
//!
//! Guessing is bounded whoever races: a failure is counted by one statement on the user's row, and a right answer counts only
//! while the row is not locked, so that answers beyond the tenth failure tell nothing. While a password is hashed no
//! database connection is held.

mod error;
mod model;
mod service;
mod store;
mod strangers;

pub use error::CredentialError;
pub use model::{ClinicSummary, SignInCode};
pub(crate) use model::{Credentials, Place, SecondFactor, Visit};
pub(crate) use service::{ProvenPassword, check_second_factor, find, prove_password, seal_totp, totp_secret};
pub(crate) use store::{consume, place_in_clinic, set_recovery_codes};
pub(crate) use strangers::Strangers;
