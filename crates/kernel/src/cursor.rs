//! Cursors of lists: where the next page starts, as text that only this service can make.
//!
//! A cursor is the base64url of a truncated HMAC-SHA-256 and the position as JSON. The list it belongs to is part of
//! what is authenticated, so that a cursor of another list, clinic, order or filter is refused. It is signed and not
//! encrypted: a position holds no more than the row it stands on already showed to the reader.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Half of an HMAC-SHA-256, the least that RFC 2104 advises to keep of one.
const TAG_BYTES: usize = 16;

/// Longer than any cursor this service makes: the longest sort key is a name of 200 characters.
const MAX_CHARS: usize = 2048;

/// A key shorter than what it produces would weaken it (RFC 2104, 3).
const MIN_KEY_BYTES: usize = 32;

/// A secret that is too short to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor key has at least 32 bytes")]
pub struct WeakCursorKey;

/// Text that is no cursor of the list it was given to.
///
/// Malformed, forged, and made for another list are not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor does not belong to this list with these filters; start again without one")]
pub struct InvalidCursor;

impl InvalidCursor {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_cursor"
    }
}

/// The secret that cursors are signed with.
#[derive(Clone)]
pub struct CursorKey(hmac::Key);

impl fmt::Debug for CursorKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CursorKey(***)")
    }
}

impl CursorKey {
    /// The key that `secret` is.
    ///
    /// # Errors
    /// [`WeakCursorKey`] when it has fewer than 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, WeakCursorKey> {
        if secret.len() < MIN_KEY_BYTES {
            return Err(WeakCursorKey);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// A cursor at `position` of the list that `scope` names (list, clinic, order and filters).
    ///
    /// A position that JSON cannot hold (a map with keys that are no text) gives a cursor that [`Self::open`] refuses.
    #[must_use]
    pub fn seal<T: Serialize>(&self, scope: &str, position: &T) -> String {
        let payload = serde_json::to_vec(position).unwrap_or_default();
        let tag = self.tag(scope, &payload);
        let kept = tag.as_ref().iter().take(TAG_BYTES);
        URL_SAFE_NO_PAD.encode(kept.chain(&payload).copied().collect::<Vec<u8>>())
    }

    /// The position that `cursor` stands for.
    ///
    /// # Errors
    /// [`InvalidCursor`] when it was not sealed by this key for this `scope`, or is no `T`.
    pub fn open<T: DeserializeOwned>(&self, scope: &str, cursor: &str) -> Result<T, InvalidCursor> {
        if cursor.len() > MAX_CHARS {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).or(Err(InvalidCursor))?;
        let (claimed, payload) = bytes.split_at_checked(TAG_BYTES).ok_or(InvalidCursor)?;
        let tag = self.tag(scope, payload);
        let expected = tag.as_ref().get(..TAG_BYTES).ok_or(InvalidCursor)?;
        constant_time::verify_slices_are_equal(claimed, expected).or(Err(InvalidCursor))?;
        serde_json::from_slice(payload).or(Err(InvalidCursor))
    }

    /// The HMAC over scope and payload; the scope's length goes first, so that nothing can move from one to the other.
    fn tag(&self, scope: &str, payload: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"taskmed cursor 1\0");
        context.update(&u64::try_from(scope.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(scope.as_bytes());
        context.update(payload);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Position {
        name: String,
        number: i64,
    }

    fn key() -> CursorKey {
        CursorKey::new(&[7; 32]).unwrap()
    }

    fn position() -> Position {
        Position {
            name: "Maria".to_owned(),
            number: 3,
        }
    }

    #[test]
    fn a_cursor_opens_only_with_its_key_and_scope() {
        let cursor = key().seal("contacts", &position());
        assert_eq!(key().open("contacts", &cursor), Ok(position()));
        assert_eq!(
            key().open::<Position>("contacts?sort=name", &cursor),
            Err(InvalidCursor)
        );
        assert_eq!(
            CursorKey::new(&[8; 32]).unwrap().open::<Position>("contacts", &cursor),
            Err(InvalidCursor)
        );
        assert_eq!(key().open::<u64>("contacts", &cursor), Err(InvalidCursor));
    }

    #[test]
    fn a_scope_does_not_run_into_the_payload() {
        let cursor = key().seal("list", &12);
        let mut bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
        assert_eq!(bytes.remove(TAG_BYTES), b'1');
        assert_eq!(
            key().open::<u64>("list1", &URL_SAFE_NO_PAD.encode(bytes)),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn nonsense_is_refused() {
        let padded = format!("{}=", key().seal("list", &1));
        for cursor in ["", "a", "====", "não", &*padded, &"A".repeat(MAX_CHARS + 1)] {
            assert_eq!(key().open::<u64>("list", cursor), Err(InvalidCursor), "{cursor}");
        }
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(
            key().open::<serde_json::Value>("list", &key().seal("list", &unwritable)),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn the_longest_name_still_fits() {
        let longest = Position {
            name: "\u{10ffff}".repeat(200),
            number: i64::MIN,
        };
        assert_eq!(key().open("list", &key().seal("list", &longest)), Ok(longest));
    }

    #[test]
    fn the_key_is_strong_and_not_shown() {
        assert_eq!(CursorKey::new(&[7; 31]).unwrap_err(), WeakCursorKey);
        assert_eq!(format!("{:?}", key()), "CursorKey(***)");
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_refused(place in any::<proptest::sample::Index>(), flip in 1_u8..) {
            let cursor = key().seal("contacts", &position());
            let mut bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            prop_assert_eq!(key().open::<Position>("contacts", &URL_SAFE_NO_PAD.encode(bytes)), Err(InvalidCursor));
        }

        #[test]
        fn every_position_comes_back(scope in "\\PC*", name in "\\PC{0,40}", number: i64) {
            let position = Position { name, number };
            prop_assert_eq!(key().open(&scope, &key().seal(&scope, &position)), Ok(position));
        }
    }
}
