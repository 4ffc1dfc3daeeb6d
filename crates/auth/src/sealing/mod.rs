//! Secrets that must be read back, sealed with AES-256-GCM (NIST SP 800-38D) for the one place where they are stored.
//!
//! Master keys come from the configuration and wrap each clinic's data keys, which seal that clinic's secrets; what belongs to
//! no clinic is sealed by a master key itself. Every blob carries the id of its key, and is bound to a *context* that
//! names table, column and row ([`cell`]), so that a blob moved to another place, or to another clinic, does not open.

mod aead;
mod clinic_keys;
mod master_keys;

use db::{DbError, tx_error};
use uuid::Uuid;

pub use clinic_keys::{ClinicKeys, ClinicSealer, NewDataKey};
pub use master_keys::{InvalidMasterKeys, MasterKeys};

use crate::secrets::RandomnessError;

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The system gave no random bytes, or the cipher refused to work.
    #[error("nothing can be sealed: {0}")]
    Randomness(#[from] RandomnessError),
    /// The clinic has no data key.
    #[error("the clinic has no data key")]
    NoKey,
    /// Sealed with a key that is not among ours.
    #[error("sealed with the key {0}, which is not known")]
    UnknownKey(String),
    /// Changed, cut off, moved from another place, or sealed with another key of the same name.
    #[error("the sealed value is damaged or not from this place")]
    Damaged,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(SealingError);

/// The context of one stored value: its table, column and row.
#[must_use]
pub fn cell(table: &str, column: &str, row: &Uuid) -> String {
    format!("{table}.{column}/{row}")
}
