//! Passwords: which are allowed (NIST SP 800-63B, revision 4), and how they are hashed (argon2id, RFC 9106).
//!
//! Hashing is meant to be slow, so it runs beside the request threads, a few at a time: a flood of sign-ins waits in line
//! and does not take the machine's memory.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as PhcHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use kernel::email::EmailAddress;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::config::PasswordCost;
use crate::secrets::{RandomnessError, random_bytes};

/// The shortest password, in characters: what NIST asks where a password may be the only factor.
pub const SHORTEST: usize = 15;
/// The longest password, in characters.
pub const LONGEST: usize = 256;
/// A password has at least this many different characters.
const FEWEST_DIFFERENT: usize = 5;

/// The commonest passwords and patterns of fifteen characters and more, in lower case, one on each line.
const COMMON: &str = include_str!("common_passwords.txt");

/// Why a password is not allowed. The texts are meant for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Shorter than [`SHORTEST`].
    #[error("a password has at least 15 characters; a few words make a good one")]
    TooShort,
    /// Longer than [`LONGEST`].
    #[error("a password has at most 256 characters")]
    TooLong,
    /// One that many people use, or one character over and over.
    #[error("this password is one of those that are tried first")]
    Common,
    /// The person's own e-mail address.
    #[error("a password is not the e-mail address")]
    Email,
}

impl WeakPassword {
    /// A stable name of the fault, for clients.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::Common => "password_too_common",
            Self::Email => "password_is_email",
        }
    }
}

/// A password in the one form that is hashed: NFKC, so that it does not matter which keyboard composed an accent.
struct Normalised(Zeroizing<String>);

impl Normalised {
    fn of(password: &SecretString) -> Self {
        Self(Zeroizing::new(password.expose_secret().nfkc().collect()))
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A password that may be set.
pub struct NewPassword(Normalised);

impl NewPassword {
    /// The password that a person with the address `email` chose.
    ///
    /// # Errors
    /// [`WeakPassword`], the first reason not to allow it.
    pub fn choose(password: &SecretString, email: &EmailAddress) -> Result<Self, WeakPassword> {
        let normalised = Normalised::of(password);
        let lower = Zeroizing::new(normalised.0.to_lowercase());
        let length = normalised.0.chars().count();
        if length < SHORTEST {
            Err(WeakPassword::TooShort)
        } else if length > LONGEST {
            Err(WeakPassword::TooLong)
        } else if *lower == email.as_str() {
            Err(WeakPassword::Email)
        } else if is_common(&lower) {
            Err(WeakPassword::Common)
        } else {
            Ok(Self(normalised))
        }
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NewPassword(…)")
    }
}

fn is_common(lower: &str) -> bool {
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    different.len() < FEWEST_DIFFERENT || COMMON.lines().any(|common| common == lower)
}

/// Whether a password was right, and whether its hash was made with today's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password.
    Wrong,
    /// The password.
    Right,
    /// The password; but it should be hashed anew ([`Passwords::rehash`]), since its hash was made at another cost.
    RightButOutdated,
}

impl Verdict {
    /// Whether it was the password.
    #[must_use]
    pub const fn is_right(self) -> bool {
        matches!(self, Self::Right | Self::RightButOutdated)
    }
}

/// Why a password could be neither hashed nor verified.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The stored hash is none, or the cost is one that argon2 does not know.
    #[error("argon2 failed: {0}")]
    Hash(#[from] HashError),
    /// The process is shutting down.
    #[error("the process is shutting down")]
    Stopped,
}

/// Hashes and verifies passwords. Cheap to clone; one line of waiting for the whole process.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    slots: Arc<Semaphore>,
    /// The hash of a password that nobody knows, made at today's cost.
    nobody: Arc<str>,
}

impl Passwords {
    /// Hashing at `cost`. Hashes once.
    ///
    /// # Errors
    /// [`PasswordError`] when argon2 does not know such a cost, or there is no randomness.
    pub fn new(cost: &PasswordCost) -> Result<Self, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(HashError::from)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash_now(&argon2, random_bytes::<32>()?.as_slice())?;
        Ok(Self {
            argon2,
            slots: Arc::new(Semaphore::new(cost.at_once)),
            nobody: nobody.into(),
        })
    }

    /// The hash of `password`, in PHC string form.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn hash(&self, password: NewPassword) -> Result<String, PasswordError> {
        self.hash_normalised(password.0).await
    }

    /// The hash of a `password` that was just found right, at today's cost.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn rehash(&self, password: &SecretString) -> Result<String, PasswordError> {
        self.hash_normalised(Normalised::of(password)).await
    }

    /// Whether `password` is the one that `stored` is the hash of.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn verify(&self, password: &SecretString, stored: &str) -> Result<Verdict, PasswordError> {
        if password.expose_secret().chars().nth(LONGEST).is_some() {
            // No such password was ever set; a long text must not keep the machine busy.
            return self.verify_nobody().await;
        }
        let (password, stored) = (Normalised::of(password), stored.to_owned());
        self.beside(move |argon2| verify_now(argon2, password.bytes(), &stored))
            .await
    }

    /// As slow as [`Self::verify`] and always wrong: for an e-mail that nobody has, or a person without a password, so that the time
    /// of an answer does not tell who has an account.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn verify_nobody(&self) -> Result<Verdict, PasswordError> {
        let stored = Arc::clone(&self.nobody);
        self.beside(move |argon2| verify_now(argon2, b"", &stored)).await
    }

    async fn hash_normalised(&self, password: Normalised) -> Result<String, PasswordError> {
        self.beside(move |argon2| hash_now(argon2, password.bytes())).await
    }

    /// Runs `work` on a thread for blocking work, when one of the slots is free.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .or(Err(PasswordError::Stopped))?;
        let argon2 = self.argon2.clone();
        let work = move || {
            // Held by the work, not by the request: a client that goes away does not make room for more than may run.
            let _slot = slot;
            work(&argon2)
        };
        tokio::task::spawn_blocking(work)
            .await
            .or(Err(PasswordError::Stopped))?
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Passwords")
            .field("free_slots", &self.slots.available_permits())
            .finish_non_exhaustive()
    }
}

fn hash_now(argon2: &Argon2<'_>, password: &[u8]) -> Result<String, PasswordError> {
    let salt = random_bytes::<16>()?;
    Ok(argon2.hash_password_with_salt(password, salt.as_slice())?.to_string())
}

fn verify_now(argon2: &Argon2<'_>, password: &[u8], stored: &str) -> Result<Verdict, PasswordError> {
    let hash = PhcHash::new(stored).map_err(HashError::from)?;
    match argon2.verify_password(password, &hash) {
        Ok(()) if is_current(argon2, &hash) => Ok(Verdict::Right),
        Ok(()) => Ok(Verdict::RightButOutdated),
        Err(HashError::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(error.into()),
    }
}

fn is_current(argon2: &Argon2<'_>, hash: &PhcHash) -> bool {
    let today = argon2.params();
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(hash).is_ok_and(|made| {
            (made.m_cost(), made.t_cost(), made.p_cost()) == (today.m_cost(), today.t_cost(), today.p_cost())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn choose(text: &str) -> Result<NewPassword, WeakPassword> {
        NewPassword::choose(&secret(text), &"Ana.Lima@aurora.example".parse().unwrap())
    }

    fn passwords(passes: u32) -> Passwords {
        Passwords::new(&PasswordCost {
            memory_kib: 64,
            passes,
            lanes: 1,
            at_once: 2,
        })
        .unwrap()
    }

    #[test]
    fn long_and_uncommon_is_all_it_takes() {
        assert!(choose("demo-taskmed-2026").is_ok());
        assert!(choose("quatro palavras bem simples").is_ok());
        assert_eq!(choose("curta-2026").unwrap_err(), WeakPassword::TooShort);
        assert_eq!(choose(&"abcdefgh".repeat(33)).unwrap_err(), WeakPassword::TooLong);
        assert_eq!(choose("ana.lima@AURORA.example").unwrap_err(), WeakPassword::Email);
        for common in [
            "123456789012345",
            "Qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaaaaaaa",
            "121212121212121212",
        ] {
            assert_eq!(choose(common).unwrap_err(), WeakPassword::Common, "{common}");
        }
    }

    #[test]
    fn the_list_holds_nothing_that_is_refused_anyway() {
        for common in COMMON.lines() {
            assert!(
                common.chars().count() >= SHORTEST && common == common.to_lowercase(),
                "{common}"
            );
        }
    }

    #[tokio::test]
    async fn the_right_password_is_right_however_it_was_typed() {
        let passwords = passwords(1);
        let hash = passwords.hash(choose("ação e coração 2026").unwrap()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let decomposed = secret("ac\u{327}a\u{303}o e corac\u{327}a\u{303}o 2026");
        assert_eq!(passwords.verify(&decomposed, &hash).await.unwrap(), Verdict::Right);
        assert_eq!(
            passwords.verify(&secret("Ação e coração 2026"), &hash).await.unwrap(),
            Verdict::Wrong
        );
        assert_eq!(
            passwords
                .verify(&secret(&"a".repeat(LONGEST + 1)), &hash)
                .await
                .unwrap(),
            Verdict::Wrong
        );
        assert_eq!(passwords.verify_nobody().await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn an_older_hash_asks_to_be_made_anew() {
        let password = secret("demo-taskmed-2026");
        let old = passwords(1).rehash(&password).await.unwrap();
        let today = passwords(2);
        assert_eq!(today.verify(&password, &old).await.unwrap(), Verdict::RightButOutdated);
        let new = today.rehash(&password).await.unwrap();
        assert_eq!(today.verify(&password, &new).await.unwrap(), Verdict::Right);
        assert_ne!(
            new,
            today.rehash(&password).await.unwrap(),
            "each hash has its own salt"
        );
    }

    #[tokio::test]
    async fn what_is_no_hash_is_an_error() {
        let error = passwords(1)
            .verify(&secret("demo-taskmed-2026"), "plain text")
            .await
            .unwrap_err();
        assert!(matches!(error, PasswordError::Hash(_)));
    }

    #[test]
    fn a_cost_that_is_none_is_an_error() {
        let cost = PasswordCost {
            memory_kib: 1,
            passes: 0,
            lanes: 0,
            at_once: 1,
        };
        assert!(matches!(Passwords::new(&cost), Err(PasswordError::Hash(_))));
    }
}
