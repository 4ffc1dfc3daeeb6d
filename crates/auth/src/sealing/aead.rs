//! One AES-256-GCM key with random nonces: `header | nonce | ciphertext and tag`, the header authenticated too.
//!
//! Random nonces of 96 bits are safe for 2³² messages of one key (NIST SP 800-38D, section 8.3), far more than a clinic seals.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use secrecy::zeroize::Zeroizing;

use super::SealingError;
use crate::secrets::RandomnessError;

/// The bytes of a key.
pub(super) const KEY_LENGTH: usize = 32;

/// Makes room for the tag, so that a plaintext is never copied while it is sealed.
const TAG_LENGTH: usize = 16;

#[derive(Debug)]
pub(super) struct AeadKey(RandomizedNonceKey);

impl AeadKey {
    pub(super) fn new(bytes: &[u8; KEY_LENGTH]) -> Result<Self, RandomnessError> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes)
            .map(Self)
            .or(Err(RandomnessError))
    }

    /// `plaintext`, sealed for `place`, behind `header`.
    pub(super) fn seal(&self, header: &[u8], place: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealingError> {
        let mut text = Vec::with_capacity(plaintext.len().saturating_add(TAG_LENGTH));
        text.extend_from_slice(plaintext);
        let nonce = self
            .0
            .seal_in_place_append_tag(bound(header, place), &mut text)
            .or(Err(RandomnessError))?;
        Ok([header, nonce.as_ref(), &text].concat())
    }

    /// What `sealed` (all that stood behind `header`) holds, if it was sealed for `place`.
    pub(super) fn open(&self, header: &[u8], place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(SealingError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).or(Err(SealingError::Damaged))?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self.0.open_in_place(nonce, bound(header, place), &mut text);
        let length = opened.or(Err(SealingError::Damaged))?.len();
        text.truncate(length);
        Ok(text)
    }
}

/// The header tells its own length, so that header and place cannot be cut differently.
fn bound(header: &[u8], place: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([header, place].concat())
}
