//! One-time codes for when the second factor is lost: ten of 50 random bits, written `xxxx-xxxx-xx`.
//!
//! They are short enough to write down, so they are stored salted with their user and stretched with PBKDF2 (NIST SP 800-63B,
//! revision 4, section 3.1.2.2). The salt is the user's id, so that a code is found by its hash.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use kernel::UserId;
use secrecy::{ExposeSecret, SecretString};

use crate::secrets::{RandomnessError, random_bytes};

/// How many codes a person gets.
pub const COUNT: usize = 10;

/// Letters and digits that are not mistaken for each other (RFC 4648, section 6, in lower case).
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const LENGTH: usize = 10;
const ITERATIONS: NonZeroU32 = NonZeroU32::new(20_000).unwrap();

/// The hash of a recovery code, as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCodeHash([u8; 32]);

impl RecoveryCodeHash {
    /// The hash as it is stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RecoveryCodeHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecoveryCodeHash(…)")
    }
}

/// A recovery code.
#[derive(Debug, Clone)]
pub struct RecoveryCode(SecretString);

/// Text that is no recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a recovery code is written as xxxx-xxxx-xx")]
pub struct MalformedRecoveryCode;

impl RecoveryCode {
    /// [`COUNT`] new codes.
    ///
    /// # Errors
    /// [`RandomnessError`] when the system gives no random bytes.
    pub fn generate_all() -> Result<Vec<Self>, RandomnessError> {
        (0..COUNT).map(|_| Self::generate()).collect()
    }

    fn generate() -> Result<Self, RandomnessError> {
        let random = random_bytes::<LENGTH>()?;
        let letters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
        Ok(Self(
            letters.map(|letter| char::from(*letter)).collect::<String>().into(),
        ))
    }

    /// The code a person typed: case, spaces and hyphens do not matter.
    ///
    /// # Errors
    /// [`MalformedRecoveryCode`] when it cannot be one.
    pub fn parse(text: &str) -> Result<Self, MalformedRecoveryCode> {
        let mut code = String::with_capacity(LENGTH);
        for letter in text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-') {
            let letter = letter.to_ascii_lowercase();
            if code.len() == LENGTH || !ALPHABET.iter().any(|known| char::from(*known) == letter) {
                return Err(MalformedRecoveryCode);
            }
            code.push(letter);
        }
        if code.len() == LENGTH {
            Ok(Self(code.into()))
        } else {
            Err(MalformedRecoveryCode)
        }
    }

    /// The code as it is shown, once: `xxxx-xxxx-xx`.
    #[must_use]
    pub fn reveal(&self) -> SecretString {
        let mut text = String::with_capacity(LENGTH + 2);
        for (place, letter) in self.0.expose_secret().chars().enumerate() {
            if place == 4 || place == 8 {
                text.push('-');
            }
            text.push(letter);
        }
        text.into()
    }

    /// What is stored of it for `user`. Takes some milliseconds; handlers call [`hash_all`].
    #[must_use]
    pub fn hash(&self, user: UserId) -> RecoveryCodeHash {
        let mut hash = [0; 32];
        let code = self.0.expose_secret().as_bytes();
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ITERATIONS,
            user.as_uuid().as_bytes(),
            code,
            &mut hash,
        );
        RecoveryCodeHash(hash)
    }
}

/// The thread that hashed was stopped.
#[derive(Debug, thiserror::Error)]
#[error("the recovery codes could not be hashed")]
pub struct HashingStopped;

/// What is stored of `codes` for `user`, in the same order, worked out beside the request threads.
///
/// # Errors
/// [`HashingStopped`] when the process is shutting down.
pub async fn hash_all(codes: Vec<RecoveryCode>, user: UserId) -> Result<Vec<RecoveryCodeHash>, HashingStopped> {
    tokio::task::spawn_blocking(move || codes.iter().map(|code| code.hash(user)).collect())
        .await
        .or(Err(HashingStopped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn user(number: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn ten_different_codes_that_read_back() {
        let codes = RecoveryCode::generate_all().unwrap();
        let texts: BTreeSet<String> = codes
            .iter()
            .map(|code| code.reveal().expose_secret().to_owned())
            .collect();
        assert_eq!(texts.len(), COUNT);
        for text in &texts {
            assert!(
                text.len() == 12 && text.split('-').map(str::len).eq([4, 4, 2]),
                "{text}"
            );
            let typed = RecoveryCode::parse(&text.to_uppercase().replace('-', " ")).unwrap();
            assert_eq!(typed.reveal().expose_secret(), text);
        }
    }

    #[test]
    fn a_hash_is_one_persons() {
        let code = RecoveryCode::parse("abcd-efgh-ij").unwrap();
        assert_eq!(
            code.hash(user(1)),
            RecoveryCode::parse("ABCDEFGHIJ").unwrap().hash(user(1))
        );
        assert_ne!(code.hash(user(1)), code.hash(user(2)));
        assert_ne!(
            code.hash(user(1)),
            RecoveryCode::parse("abcd-efgh-ik").unwrap().hash(user(1))
        );
        assert!(!format!("{code:?}").contains("abcd"));
    }

    #[test]
    fn what_cannot_be_a_code_is_refused() {
        for text in [
            "",
            "abcd-efgh-i",
            "abcd-efgh-ijk",
            "abcd-efgh-i1",
            "abcd-efgh-iç",
            "123456",
        ] {
            assert!(RecoveryCode::parse(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn hashing_keeps_the_order() {
        let codes = RecoveryCode::generate_all().unwrap();
        let expected: Vec<RecoveryCodeHash> = codes.iter().map(|code| code.hash(user(1))).collect();
        assert_eq!(hash_all(codes, user(1)).await.unwrap(), expected);
    }
}
