//! The id of a mail (RFC 5322, 3.6.4): what threads and duplicates are told by.

use std::fmt;

use kernel::email::EmailAddress;

/// Longer ids are no use: a header line has at most 998 bytes, and real ids have less than a quarter of that.
const MAX_BYTES: usize = 250;

/// The id of a mail, without its angle brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

/// Text that is no id of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id of a mail is 3 to 250 printable ASCII characters without spaces and angle brackets")]
pub struct InvalidMessageId;

impl MessageId {
    /// The id that `text` is, with or without angle brackets. More is let pass than the standard allows, since clients do not
    /// keep to it; but nothing that could end a header or leave its brackets.
    ///
    /// # Errors
    /// [`InvalidMessageId`].
    pub fn parse(text: &str) -> Result<Self, InvalidMessageId> {
        let text = text.trim();
        let bare = text.strip_prefix('<').unwrap_or(text);
        let bare = bare.strip_suffix('>').unwrap_or(bare);
        let plain = bare
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>');
        if plain && (3..=MAX_BYTES).contains(&bare.len()) {
            Ok(Self(bare.to_owned()))
        } else {
            Err(InvalidMessageId)
        }
    }

    /// The id of the mail that `sender` sends for `thing`, such as a message's id: the same each time, so that a mail that is
    /// sent again is the same mail.
    ///
    /// # Errors
    /// [`InvalidMessageId`] when `thing` is written with anything that has no place in an id.
    pub fn for_sent(thing: impl fmt::Display, sender: &EmailAddress) -> Result<Self, InvalidMessageId> {
        let domain = sender.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
        if domain.is_ascii() {
            Self::parse(&format!("{thing}@{domain}"))
        } else {
            Self::parse(&format!("{thing}@mail.invalid"))
        }
    }

    /// The id without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What [`Self::for_sent`] was made for, when `text` is what it made: the part before the `@`.
    #[must_use]
    pub fn left(&self) -> &str {
        self.0.split_once('@').map_or(self.0.as_str(), |(left, _)| left)
    }
}

impl fmt::Display for MessageId {
    /// As it stands in a header, with its angle brackets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{}>", self.0)
    }
}

impl TryFrom<String> for MessageId {
    type Error = InvalidMessageId;

    fn try_from(text: String) -> Result<Self, InvalidMessageId> {
        Self::parse(&text)
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_with_and_without_brackets() {
        let id = MessageId::parse(" <CAF+x_1@mail.example.com> ").unwrap();
        assert_eq!(MessageId::parse("CAF+x_1@mail.example.com"), Ok(id.clone()));
        assert_eq!(id.to_string(), "<CAF+x_1@mail.example.com>");
        assert_eq!(id.left(), "CAF+x_1");
    }

    #[test]
    fn what_could_leave_its_header_is_no_id() {
        for text in [
            "",
            "<>",
            "a b@c",
            "a@b\r\nBcc: x@y",
            "a@b><c@d",
            "\u{e9}@b",
            "a\0@b",
            &"a".repeat(251),
        ] {
            assert_eq!(MessageId::parse(text), Err(InvalidMessageId), "{text:?}");
        }
    }

    #[test]
    fn the_same_thing_always_has_the_same_id() {
        let sender = EmailAddress::parse("agenda@aurora.example").unwrap();
        let id = MessageId::for_sent("0192f0c1", &sender).unwrap();
        assert_eq!(id.as_str(), "0192f0c1@aurora.example");
        assert_eq!(MessageId::for_sent("0192f0c1", &sender), Ok(id));
        assert!(MessageId::for_sent("two words", &sender).is_err());
    }
}
