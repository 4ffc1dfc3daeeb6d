//! What a cached answer depends on, named so that a write can say what it made stale.

use std::borrow::Cow;
use std::fmt;

/// A name for a row, a day or a collection of one clinic, such as `contact:0192…` or `contacts`.
///
/// A cached answer is tagged with all that it was computed from; a write touches the tags of all that it changed.
/// Tags are always used together with a clinic: the same tag in two clinics is two things.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Cow<'static, str>);

impl Tag {
    /// A whole collection, such as `contacts`.
    #[must_use]
    pub const fn collection(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// One part of a collection, such as `contact:0192…` or `agenda:2026-11-20`.
    #[must_use]
    pub fn part(name: &'static str, part: impl fmt::Display) -> Self {
        Self(Cow::Owned(format!("{name}:{part}")))
    }

    /// The tag that another process wrote as `text`.
    #[must_use]
    pub const fn told(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The tag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
