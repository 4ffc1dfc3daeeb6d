//! The Ed25519 keys that sign access tokens: several at once, the newest signs, all verify, changed without a restart.
//!
//! In a directory every `*.pem` is read; **the file whose name sorts last signs**. (Names survive copying and mounting, times
//! do not.) Name keys by date, such as `2026-11-20.pem`. Where nodes read separate copies of the directory, give every
//! node the new key under a name that sorts first, so that all can verify it, and rename it afterwards. A key is removed
//! when the last token it signed has expired.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use kernel::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::secrets::sha256;

/// Where the keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Every `*.pem` of a directory.
    Directory(PathBuf),
    /// One or more PEM blocks one after the other, the last one signs. `\n` may stand for a line break.
    Inline(SecretString),
}

/// Why no keys could be loaded. Says where, never what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The directory or a file in it cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// There is no key at all.
    #[error("no signing key in {0}")]
    Empty(String),
    /// Something there is no Ed25519 private key in PKCS#8 PEM form (RFC 8410).
    #[error("{0} holds no Ed25519 private key in PKCS#8 PEM form (`openssl genpkey -algorithm ed25519`)")]
    NotEd25519(String),
}

/// A public key as others read it: RFC 7517 with the parameters of RFC 8037.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    /// Key type: an octet key pair.
    pub kty: &'static str,
    /// Curve.
    pub crv: &'static str,
    /// Public key, base64url.
    pub x: String,
    /// Thumbprint of the key (RFC 7638).
    pub kid: String,
    /// What it is for: signatures.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Signature algorithm.
    pub alg: &'static str,
}

impl Jwk {
    fn of(public_key: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public_key);
        Self {
            kty: "OKP",
            crv: "Ed25519",
            kid: thumbprint(&x),
            x,
            usage: "sig",
            alg: "EdDSA",
        }
    }
}

/// The JWK Set (RFC 7517, section 5) served at `/.well-known/jwks.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwks {
    /// Every key that verifies.
    pub keys: Vec<Jwk>,
}

/// The thumbprint of an Ed25519 public key (RFC 7638; members and their order by RFC 8037, section 2).
fn thumbprint(x: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(
        format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes(),
    ))
}

/// One private key with its public half.
struct Key {
    private: EncodingKey,
    public: Vec<u8>,
}

/// The keys of one moment.
pub struct KeySet {
    signer: EncodingKey,
    signer_id: String,
    verifiers: BTreeMap<String, DecodingKey>,
    jwks: Jwks,
}

impl KeySet {
    /// The set of `keys`; the last one signs.
    fn of(keys: Vec<Key>) -> Option<Self> {
        let jwks = Jwks {
            keys: keys.iter().map(|key| Jwk::of(&key.public)).collect(),
        };
        let verifiers = jwks
            .keys
            .iter()
            .zip(&keys)
            .map(|(jwk, key)| (jwk.kid.clone(), DecodingKey::from_ed_der(&key.public)));
        let verifiers = verifiers.collect();
        let signer_id = jwks.keys.last()?.kid.clone();
        let signer = keys.into_iter().next_back()?.private;
        Some(Self {
            signer,
            signer_id,
            verifiers,
            jwks,
        })
    }

    /// The key that signs, and its id.
    pub(crate) fn signer(&self) -> (&EncodingKey, &str) {
        (&self.signer, &self.signer_id)
    }

    /// The key of that id.
    pub(crate) fn verifier(&self, id: &str) -> Option<&DecodingKey> {
        self.verifiers.get(id)
    }

    /// The public keys, for others to verify with.
    #[must_use]
    pub const fn jwks(&self) -> &Jwks {
        &self.jwks
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeySet")
            .field("signer", &self.signer_id)
            .field("keys", &self.verifiers.len())
            .finish()
    }
}

/// Whether a reload brought anything new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The same keys as before.
    Unchanged,
    /// Other keys than before.
    Changed,
}

/// The signing keys of the process.
#[derive(Debug)]
pub struct SigningKeys {
    source: KeySource,
    current: RwLock<Arc<KeySet>>,
    /// When a token with an unknown key last made us look again, in microseconds since 1970.
    last_sought: AtomicI64,
}

/// How often, at most, tokens with an unknown key id make the process read its keys again, in microseconds.
const SEEK_INTERVAL_MICROSECONDS: i64 = 1_000_000;

impl SigningKeys {
    /// Loads the keys of `source`.
    ///
    /// # Errors
    /// [`SigningKeyError`] when there is none, or anything there is broken.
    pub fn load(source: KeySource) -> Result<Self, SigningKeyError> {
        let current = RwLock::new(Arc::new(read(&source)?));
        Ok(Self {
            source,
            current,
            last_sought: AtomicI64::new(i64::MIN),
        })
    }

    /// Reads the source again and puts what is there in the place of the old keys, at once and for every thread.
    ///
    /// To be called every half minute. Reads a few small files.
    ///
    /// # Errors
    /// [`SigningKeyError`] when anything there is broken; the old keys stay.
    pub fn reload(&self) -> Result<Reloaded, SigningKeyError> {
        let fresh = read(&self.source)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.jwks == fresh.jwks {
            return Ok(Reloaded::Unchanged);
        }
        *current = Arc::new(fresh);
        Ok(Reloaded::Changed)
    }

    /// The keys as they are now.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys, among them `id` if it exists: one that another node signs with already may be there and not yet read.
    pub(crate) fn with_key(&self, id: &str, now: Timestamp) -> Arc<KeySet> {
        let current = self.current();
        if current.verifier(id).is_some() || !self.may_seek(now) {
            return current;
        }
        if let Err(error) = self.reload() {
            tracing::warn!(%error, "the signing keys could not be read again; the old ones stay");
        }
        self.current()
    }

    fn may_seek(&self, now: Timestamp) -> bool {
        let now = now.as_datetime().timestamp_micros();
        let due = |last: i64| (now >= last.saturating_add(SEEK_INTERVAL_MICROSECONDS)).then_some(now);
        self.last_sought
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, due)
            .is_ok()
    }
}

/// How errors name keys that come from no file.
const INLINE: &str = "the given PEM text";

fn read(source: &KeySource) -> Result<KeySet, SigningKeyError> {
    let (keys, place) = match source {
        KeySource::Directory(path) => (read_directory(path)?, path.display().to_string()),
        KeySource::Inline(pem) => {
            let text = Zeroizing::new(pem.expose_secret().replace("\\n", "\n"));
            (parse(&text, INLINE)?, INLINE.to_owned())
        }
    };
    KeySet::of(keys).ok_or(SigningKeyError::Empty(place))
}

fn read_directory(directory: &Path) -> Result<Vec<Key>, SigningKeyError> {
    let unreadable = |path: &Path, cause| SigningKeyError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|cause| unreadable(directory, cause))? {
        let path = entry.map_err(|cause| unreadable(directory, cause))?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            files.push(path);
        }
    }
    files.sort_unstable();
    let mut keys = Vec::new();
    for file in files {
        let text = Zeroizing::new(std::fs::read_to_string(&file).map_err(|cause| unreadable(&file, cause))?);
        let found = parse(&text, &file.display().to_string())?;
        if found.is_empty() {
            return Err(SigningKeyError::NotEd25519(file.display().to_string()));
        }
        keys.extend(found);
    }
    Ok(keys)
}

const PEM_END: &str = "-----END PRIVATE KEY-----";

/// The keys in `pem`, in their order.
fn parse(pem: &str, place: &str) -> Result<Vec<Key>, SigningKeyError> {
    pem.split_inclusive(PEM_END)
        .filter(|block| !block.trim().is_empty())
        .map(|block| parse_one(block).ok_or_else(|| SigningKeyError::NotEd25519(place.to_owned())))
        .collect()
}

fn parse_one(block: &str) -> Option<Key> {
    let private = EncodingKey::from_ed_pem(block.as_bytes()).ok()?;
    let pair = Ed25519KeyPair::from_pkcs8(private.as_bytes()).ok()?;
    Some(Key {
        public: pair.public_key().as_ref().to_vec(),
        private,
    })
}

#[cfg(test)]
pub(crate) mod tests;
