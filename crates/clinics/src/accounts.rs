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
    pub(crate) mail_is_on: bool,
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
            mail_is_on: false,
        }
    }

    /// The same, with invitations and links for new passwords travelling by mail when `mail_is_on`, instead of through the hands
    /// of who manages the staff. Then somebody must do the jobs [`crate::invitations::MAIL`] and [`crate::password_reset::MAIL`].
    #[must_use]
    pub const fn with_mail(mut self, mail_is_on: bool) -> Self {
        self.mail_is_on = mail_is_on;
        self
    }

    /// Hashes passwords, for those who make accounts by [`crate::provision`].
    #[must_use]
    pub const fn passwords(&self) -> &Passwords {
        &self.passwords
    }
}
