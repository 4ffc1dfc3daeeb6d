//! What is cached: the bytes of a response as they go out, and the tag that names them.

use std::fmt;

use bytes::Bytes;

/// A strong entity tag (RFC 9110, section 8.8.3), quotes included: always fit to be the value of an `ETag` header.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EntityTag(Bytes);

/// Text that cannot stand between the quotes of an entity tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an entity tag holds visible ASCII characters without double quotes")]
pub struct InvalidEntityTag;

impl EntityTag {
    /// The strong tag whose text between the quotes is `opaque`.
    ///
    /// # Errors
    /// [`InvalidEntityTag`] unless `opaque` is visible ASCII without `"`.
    pub fn strong(opaque: &str) -> Result<Self, InvalidEntityTag> {
        if opaque.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
            Ok(Self(Bytes::from(format!("\"{opaque}\""))))
        } else {
            Err(InvalidEntityTag)
        }
    }

    /// The header's value, shared and not copied when cloned.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The header's value as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for EntityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A finished answer. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedAnswer {
    /// The response body, before compression.
    pub body: Bytes,
    /// What the body is called in conditional requests.
    pub etag: EntityTag,
}

impl CachedAnswer {
    /// The same answer in memory of exactly its size, since the buffer it was written into may be much larger.
    pub(crate) fn trimmed(&self) -> Self {
        Self {
            body: Bytes::copy_from_slice(&self.body),
            etag: self.etag.clone(),
        }
    }
}

/// Shows the size and never the body, which may hold personal data.
impl fmt::Debug for CachedAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CachedAnswer({} bytes, {})", self.body.len(), self.etag)
    }
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was there.
    Hit,
    /// This caller filled it.
    Miss,
    /// Another caller was filling it, and this one waited.
    Shared,
}

impl Outcome {
    /// The outcome's name in logs, metrics and headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Shared => "shared",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_is_quoted_and_fit_for_a_header() {
        assert_eq!(EntityTag::strong("7-9f86d081").unwrap().as_str(), "\"7-9f86d081\"");
        for unfit in ["a\"b", "a b", "a\r\nb", "é", "\u{7f}"] {
            assert_eq!(EntityTag::strong(unfit), Err(InvalidEntityTag));
        }
    }

    #[test]
    fn debugging_shows_no_body() {
        let answer = CachedAnswer {
            body: Bytes::from_static(b"Maria"),
            etag: EntityTag::strong("1").unwrap(),
        };
        assert_eq!(format!("{answer:?}"), "CachedAnswer(5 bytes, \"1\")");
    }
}
