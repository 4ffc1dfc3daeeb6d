//! Free text with bounds, and the named kinds of it.

mod column;

use crate::text_column;

/// Text that a field does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing but white space where something is demanded.
    #[error("must not be blank")]
    Blank,
    /// Fewer characters than the field demands.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// More characters than the field takes.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// A control character, which no keyboard types and PostgreSQL (NUL) or a log would choke on.
    #[error("must not contain control characters")]
    ControlCharacter,
}

impl InvalidText {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
            Self::ControlCharacter => "control_character",
        }
    }
}

/// One line of text: `value` without outer white space, `min_chars` to `max_chars` characters long.
///
/// # Errors
/// [`InvalidText`] when the length is wrong or a control character (line breaks and tabs included) is inside.
pub fn bounded(value: &str, min_chars: usize, max_chars: usize) -> Result<String, InvalidText> {
    let trimmed = value.trim();
    if trimmed.chars().any(char::is_control) {
        return Err(InvalidText::ControlCharacter);
    }
    check_length(trimmed, min_chars, max_chars)?;
    Ok(trimmed.to_owned())
}

/// A name: one line of 1 to `max_chars` characters, its words one space apart.
fn spaced_once(value: &str, max_chars: usize) -> Result<String, InvalidText> {
    let single_line = bounded(value, 1, usize::MAX)?;
    let words: Vec<_> = single_line.split_whitespace().collect();
    bounded(&words.join(" "), 1, max_chars)
}

/// Several lines of text: as [`bounded`], but with tabs and line breaks, the latter always written `\n`.
///
/// # Errors
/// [`InvalidText`] when the length is wrong or another control character is inside.
pub fn multiline(value: &str, min_chars: usize, max_chars: usize) -> Result<String, InvalidText> {
    let text = value.trim().replace("\r\n", "\n").replace('\r', "\n");
    if text
        .chars()
        .any(|character| character.is_control() && !matches!(character, '\n' | '\t'))
    {
        return Err(InvalidText::ControlCharacter);
    }
    check_length(&text, min_chars, max_chars)?;
    Ok(text)
}

fn check_length(text: &str, min_chars: usize, max_chars: usize) -> Result<(), InvalidText> {
    let length = text.chars().count();
    if length == 0 && min_chars > 0 {
        Err(InvalidText::Blank)
    } else if length < min_chars {
        Err(InvalidText::TooShort(min_chars))
    } else if length > max_chars {
        Err(InvalidText::TooLong(max_chars))
    } else {
        Ok(())
    }
}

/// What may be shown of personal data where a developer looks: the first character.
pub(crate) fn first_only(text: &str) -> String {
    format!("{}***", text.chars().next().unwrap_or('*'))
}

/// What may be shown of a personal number where a developer looks: the last two digits.
pub(crate) fn last_two(text: &str) -> &str {
    text.len()
        .checked_sub(2)
        .and_then(|start| text.get(start..))
        .unwrap_or_default()
}

text_column! {
    /// A person's name: 1 to 200 characters, its parts one space apart.
    #[derive(PartialOrd, Ord)]
    #[schema(min_length = 1, max_length = 200, example = "Maria Aparecida da Silva")]
    pub struct PersonName(String);
    error = InvalidText;
    parse = Self::parse;
    stored = Self::parse;
    debug = first_only;
}

impl PersonName {
    /// The name that `text` is, spaces at its ends and doubled ones inside removed.
    ///
    /// # Errors
    /// [`InvalidText`] when it is blank, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        spaced_once(text, 200).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_column! {
    /// The name of a thing in a clinic, such as a room, a service or a tag: 1 to 80 characters on one line, its
    /// words one space apart.
    #[derive(PartialOrd, Ord)]
    #[schema(min_length = 1, max_length = 80, example = "Sala 2")]
    pub struct Label(String);
    error = InvalidText;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| format!("{text:?}");
}

impl Label {
    /// The label that `text` is, spaces at its ends and doubled ones inside removed.
    ///
    /// # Errors
    /// [`InvalidText`] when it is blank, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        spaced_once(text, 80).map(Self)
    }

    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that is no slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlug {
    /// Not 2 to 63 characters.
    #[error("must have 2 to 63 characters")]
    Length,
    /// Other characters, or hyphens at an end or next to each other.
    #[error("must be lower-case letters a-z and digits, with single hyphens between them")]
    Characters,
}

impl InvalidSlug {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Length => "invalid_length",
            Self::Characters => "invalid_characters",
        }
    }
}

text_column! {
    /// A short name that may stand in an address: 2 to 63 of `a-z`, `0-9` and single inner hyphens, so that it is
    /// also a DNS label (RFC 1035).
    #[derive(PartialOrd, Ord)]
    #[schema(min_length = 2, max_length = 63, pattern = "^[a-z0-9](-?[a-z0-9])*$", example = "clinica-boa-vista")]
    pub struct Slug(String);
    error = InvalidSlug;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl Slug {
    /// The slug that `text` is, without outer white space.
    ///
    /// # Errors
    /// [`InvalidSlug`] when its length or a character is wrong; nothing is folded to lower case.
    pub fn parse(text: &str) -> Result<Self, InvalidSlug> {
        let trimmed = text.trim();
        if !(2..=63).contains(&trimmed.len()) {
            return Err(InvalidSlug::Length);
        }
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if trimmed.split('-').all(is_word) {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(InvalidSlug::Characters)
        }
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_trimmed_and_counted_in_characters() {
        assert_eq!(bounded("  ação  ", 4, 4), Ok("ação".to_owned()));
        assert_eq!(bounded("ação", 1, 3), Err(InvalidText::TooLong(3)));
        assert_eq!(bounded("a", 2, 3), Err(InvalidText::TooShort(2)));
        assert_eq!(bounded(" \t\n ", 1, 3), Err(InvalidText::Blank));
        assert_eq!(bounded("", 0, 3), Ok(String::new()));
    }

    #[test]
    fn control_characters_are_refused_but_line_breaks_have_their_place() {
        assert_eq!(bounded("a\0b", 1, 9), Err(InvalidText::ControlCharacter));
        assert_eq!(bounded("a\nb", 1, 9), Err(InvalidText::ControlCharacter));
        assert_eq!(multiline("a\r\n\tb\rc", 1, 9), Ok("a\n\tb\nc".to_owned()));
        assert_eq!(multiline("a\0b", 1, 9), Err(InvalidText::ControlCharacter));
        assert_eq!(multiline("a\u{1b}[31m", 1, 9), Err(InvalidText::ControlCharacter));
    }

    #[test]
    fn a_name_has_single_spaces_and_is_masked_for_developers() {
        let name = PersonName::parse("  Maria   da\u{a0} Silva ").unwrap();
        assert_eq!(name.as_str(), "Maria da Silva");
        assert_eq!(format!("{name:?}"), "PersonName(M***)");
        assert_eq!(PersonName::parse(&"é".repeat(201)), Err(InvalidText::TooLong(200)));
        assert!(PersonName::parse(&format!("a{}b", " ".repeat(300))).is_ok());
    }

    #[test]
    fn labels_and_slugs_keep_to_their_form() {
        assert_eq!(Label::parse(" Sala 2 ").unwrap().as_str(), "Sala 2");
        assert_eq!(Label::parse(&"x".repeat(81)), Err(InvalidText::TooLong(80)));
        for good in ["ab", "a1", "a-b", "clinica-boa-vista-2", &"a".repeat(63)] {
            assert_eq!(Slug::parse(good).map(|slug| slug.to_string()), Ok(good.to_owned()));
        }
        for (bad, error) in [
            ("a", InvalidSlug::Length),
            ("", InvalidSlug::Length),
            (&*"a".repeat(64), InvalidSlug::Length),
            ("-ab", InvalidSlug::Characters),
            ("ab-", InvalidSlug::Characters),
            ("a--b", InvalidSlug::Characters),
            ("aB", InvalidSlug::Characters),
            ("açaí", InvalidSlug::Characters),
        ] {
            assert_eq!(Slug::parse(bad), Err(error), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_bounded_accepts_it_accepts_unchanged_again(text in "\\PC{0,40}") {
            if let Ok(once) = bounded(&text, 0, 30) {
                prop_assert_eq!(bounded(&once, 0, 30), Ok(once.clone()));
            }
        }

        #[test]
        fn the_slug_pattern_and_the_parser_agree(slug in "[a-z0-9](-?[a-z0-9]){1,30}") {
            prop_assert!(Slug::parse(&slug).is_ok());
        }
    }
}
