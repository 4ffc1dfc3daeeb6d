//! What signing in needs besides the database: one for the whole process.

use std::sync::Arc;

use auth::passwords::Passwords;
use auth::{AccessTokens, MasterKeys};
use chrono::TimeDelta;

use crate::credentials::Strangers;

/// The keys, clocks and memories of sign-in. Cheap to clone; made once for the whole process, so that what one worker learns of
/// guessing holds for all.
#[derive(Debug, Clone)]
pub struct Accounts {
    pub(crate) tokens: Arc<AccessTokens>,
    pub(crate) passwords: Passwords,
    pub(crate) master_keys: Arc<MasterKeys>,
    pub(crate) session_lifetime: TimeDelta,
    pub(crate) strangers: Strangers,
}

impl Accounts {
    /// `session_lifetime` is how long a sign-in lasts after it was last renewed.
    #[must_use]
    pub fn new(
        tokens: Arc<AccessTokens>,
        passwords: Passwords,
        master_keys: Arc<MasterKeys>,
        session_lifetime: TimeDelta,
    ) -> Self {
        Self {
            tokens,
            passwords,
            master_keys,
            session_lifetime,
            strangers: Strangers::new(),
        }
    }

    /// Hashes passwords, for those who make accounts by [`crate::provision`].
    #[must_use]
    pub const fn passwords(&self) -> &Passwords {
        &self.passwords
    }
}
