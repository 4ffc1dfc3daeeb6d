//! The server's master keys: they wrap every clinic's data keys and seal what belongs to no clinic.
//!
//! Form of a blob: version, length of the key's name, the key's name, nonce, ciphertext and tag.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::SealingError;
use super::aead::{AeadKey, KEY_LENGTH};
use crate::secrets::sha256;

const VERSION: u8 = 1;

/// The longest name of a master key.
const LONGEST_NAME: usize = 32;

/// Why the setting holds no usable master keys. Says which, never what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasterKeys {
    /// There is none.
    #[error("is not set; make one with `openssl rand -base64 32`")]
    Missing,
    /// One is not 32 bytes in base64.
    #[error("key {0} is not 32 bytes in base64 (`openssl rand -base64 32`)")]
    NotAKey(usize),
    /// A name is empty, too long, or has other characters than letters, digits, `-` and `_`.
    #[error("the name of key {0} is not 1 to 32 letters, digits, '-' or '_'")]
    Name(usize),
    /// A name comes twice.
    #[error("key {0} has the name of an earlier one")]
    Duplicate(usize),
}

struct MasterKey {
    name: String,
    key: AeadKey,
    derivation: hmac::Key,
}

/// The master keys, the sealing one first.
pub struct MasterKeys {
    sealing: MasterKey,
    older: Vec<MasterKey>,
}

impl MasterKeys {
    /// Reads `<base64>` or `<name>:<base64>`, several with commas between them; the first seals, all open. A key without a name
    /// gets one from its own hash, so that it keeps it wherever it stands.
    ///
    /// # Errors
    /// [`InvalidMasterKeys`] says which key is not usable.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidMasterKeys> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for (place, part) in text
            .expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .enumerate()
        {
            let number = place.saturating_add(1);
            let key = MasterKey::parse(part, number)?;
            if keys.iter().any(|earlier| earlier.name == key.name) {
                return Err(InvalidMasterKeys::Duplicate(number));
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let sealing = keys.next().ok_or(InvalidMasterKeys::Missing)?;
        Ok(Self {
            sealing,
            older: keys.collect(),
        })
    }

    /// The name of the key that seals.
    #[must_use]
    pub fn sealing_key(&self) -> &str {
        &self.sealing.name
    }

    /// Seals `plaintext` for the place `context`.
    ///
    /// # Errors
    /// [`SealingError::Randomness`].
    pub fn seal(&self, context: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealingError> {
        self.sealing
            .key
            .seal(&header(&self.sealing.name)?, place(context).as_bytes(), plaintext)
    }

    /// What `sealed` holds, if it was sealed for the place `context` with one of these keys.
    ///
    /// # Errors
    /// [`SealingError::UnknownKey`] or [`SealingError::Damaged`].
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let name = key_name(sealed).ok_or(SealingError::Damaged)?;
        let key = self
            .key(name)
            .ok_or_else(|| SealingError::UnknownKey(name.to_owned()))?;
        let header = header(name)?;
        let rest = sealed.strip_prefix(header.as_slice()).ok_or(SealingError::Damaged)?;
        key.key.open(&header, place(context).as_bytes(), rest)
    }

    /// The same value sealed with the newest key, or nothing when it is already. For the rotation of master keys.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn rewrap(&self, context: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, SealingError> {
        if key_name(sealed) == Some(self.sealing_key()) {
            return Ok(None);
        }
        self.seal(context, &self.open(context, sealed)?).map(Some)
    }

    /// 256 bits for what `parts` name, always the same while the sealing key is: HMAC-SHA-256 (RFC 2104) under a key of its own,
    /// which is made from the sealing one. Each part goes in with its length, so that no two lists of parts are alike.
    pub(crate) fn derive(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.sealing.derivation);
        for part in parts {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        bytes_of(&context.sign())
    }

    fn key(&self, name: &str) -> Option<&MasterKey> {
        std::iter::once(&self.sealing)
            .chain(&self.older)
            .find(|key| key.name == name)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MasterKeys")
            .field("sealing", &self.sealing.name)
            .field("older", &self.older.len())
            .finish()
    }
}

impl MasterKey {
    fn parse(text: &str, number: usize) -> Result<Self, InvalidMasterKeys> {
        let (name, key) = match text.split_once(':') {
            Some((name, key)) => (Some(name), key),
            None => (None, text),
        };
        if name.is_some_and(|name| !is_name(name)) {
            return Err(InvalidMasterKeys::Name(number));
        }
        let unusable = || InvalidMasterKeys::NotAKey(number);
        let bytes = Zeroizing::new(STANDARD.decode(key).or(Err(unusable()))?);
        let bytes = <&[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).or(Err(unusable()))?;
        let name = name.map_or_else(|| name_of(bytes), str::to_owned);
        Ok(Self {
            name,
            key: AeadKey::new(bytes).or(Err(unusable()))?,
            derivation: derivation_key(bytes),
        })
    }
}

/// What secrets are derived with: never the master key itself, which seals.
fn derivation_key(master: &[u8; KEY_LENGTH]) -> hmac::Key {
    let master = hmac::Key::new(hmac::HMAC_SHA256, master);
    let own = bytes_of(&hmac::sign(&master, b"taskmed derived secrets"));
    hmac::Key::new(hmac::HMAC_SHA256, own.as_slice())
}

fn bytes_of(tag: &hmac::Tag) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed)
}

/// The name of a key that was given none: the first bits of its hash, which tell nothing about the key.
fn name_of(key: &[u8; KEY_LENGTH]) -> String {
    let hash = sha256(&[b"taskmed master key".as_slice(), key].concat());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// What stands before the nonce.
fn header(name: &str) -> Result<Vec<u8>, SealingError> {
    let length = u8::try_from(name.len()).or(Err(SealingError::Damaged))?;
    Ok([&[VERSION, length], name.as_bytes()].concat())
}

/// The name of the key that `sealed` was sealed with, if it has the form of a blob.
fn key_name(sealed: &[u8]) -> Option<&str> {
    let (&[version, length], rest) = sealed.split_first_chunk()?;
    let name = rest.get(..usize::from(length))?;
    std::str::from_utf8(name)
        .ok()
        .filter(|name| version == VERSION && is_name(name))
}

/// Keeps what a master key seals apart from what data keys seal.
fn place(context: &str) -> String {
    format!("taskmed/master/{context}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn keys(text: &[(&str, u8)]) -> MasterKeys {
        let parts: Vec<String> = text
            .iter()
            .map(|(name, byte)| format!("{name}:{}", STANDARD.encode([*byte; KEY_LENGTH])))
            .collect();
        MasterKeys::parse(&parts.join(",").into()).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_place_alone() {
        let keys = keys(&[("a", 1)]);
        let sealed = keys.seal("users.totp_sealed/1", b"secret").unwrap();
        assert_eq!(keys.open("users.totp_sealed/1", &sealed).unwrap().as_slice(), b"secret");
        assert!(matches!(
            keys.open("users.totp_sealed/2", &sealed),
            Err(SealingError::Damaged)
        ));
        assert_ne!(
            keys.seal("users.totp_sealed/1", b"secret").unwrap(),
            sealed,
            "no nonce comes twice"
        );
    }

    #[test]
    fn another_key_does_not_open_it() {
        let sealed = keys(&[("a", 1)]).seal("x", b"secret").unwrap();
        assert!(matches!(keys(&[("b", 1)]).open("x", &sealed), Err(SealingError::UnknownKey(name)) if name == "a"));
        assert!(matches!(
            keys(&[("a", 2)]).open("x", &sealed),
            Err(SealingError::Damaged)
        ));
    }

    #[test]
    fn master_keys_rotate() {
        let sealed = keys(&[("old", 1)]).seal("x", b"secret").unwrap();
        let both = keys(&[("new", 2), ("old", 1)]);
        assert_eq!(both.sealing_key(), "new");
        let rewrapped = both.rewrap("x", &sealed).unwrap().unwrap();
        assert!(both.rewrap("x", &rewrapped).unwrap().is_none());
        assert!(matches!(both.rewrap("y", &sealed), Err(SealingError::Damaged)));
        let new_alone = keys(&[("new", 2)]);
        assert_eq!(new_alone.open("x", &rewrapped).unwrap().as_slice(), b"secret");
        assert!(new_alone.open("x", &sealed).is_err());
    }

    #[test]
    fn a_key_without_a_name_keeps_the_one_it_gets() {
        let bare = STANDARD.encode([1; KEY_LENGTH]);
        let sealed = MasterKeys::parse(&bare.as_str().into())
            .unwrap()
            .seal("x", b"secret")
            .unwrap();
        let later = format!("new:{}, {bare}", STANDARD.encode([2; KEY_LENGTH]));
        let later = MasterKeys::parse(&later.into()).unwrap();
        assert_eq!(later.open("x", &sealed).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn what_is_no_key_is_told_by_its_number() {
        let good = STANDARD.encode([1; KEY_LENGTH]);
        let parse = |text: String| MasterKeys::parse(&text.into()).map(|_| ());
        assert_eq!(parse(" , ".to_owned()), Err(InvalidMasterKeys::Missing));
        assert_eq!(parse(format!("{good},short")), Err(InvalidMasterKeys::NotAKey(2)));
        assert_eq!(parse(STANDARD.encode([1; 31])), Err(InvalidMasterKeys::NotAKey(1)));
        assert_eq!(parse(format!("a b:{good}")), Err(InvalidMasterKeys::Name(1)));
        assert_eq!(parse(format!(":{good}")), Err(InvalidMasterKeys::Name(1)));
        assert_eq!(
            parse(format!("a:{good},a:{good}")),
            Err(InvalidMasterKeys::Duplicate(2))
        );
        assert_eq!(parse(format!("{good},{good}")), Err(InvalidMasterKeys::Duplicate(2)));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_any_change_is_noticed(
            plaintext in proptest::collection::vec(any::<u8>(), 0..200),
            context in "[a-z_./0-9]{0,40}",
            place in any::<proptest::sample::Index>(),
            change in 1_u8..,
        ) {
            let keys = keys(&[("a", 1), ("b", 2)]);
            let mut sealed = keys.seal(&context, &plaintext).unwrap();
            let opened = keys.open(&context, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            let place = place.index(sealed.len());
            prop_assert!(keys.open(&context, &sealed[..place]).is_err());
            sealed[place] ^= change;
            prop_assert!(keys.open(&context, &sealed).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(keys(&[("a", 1)]).open("x", &bytes).is_err());
        }
    }
}
