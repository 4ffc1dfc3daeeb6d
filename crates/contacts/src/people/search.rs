//! What a person typed to find somebody: digits of a phone or document, an e-mail address, or a name.

use kernel::FieldErrors;
use kernel::fold::fold;
use kernel::phone::{PhoneNumber, digits_of};
use kernel::text::bounded;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Search {
    /// Words of a name, or the beginning of an e-mail address.
    Name(String),
    /// The beginning of an e-mail address with its `@`.
    Email(String),
    /// Digits of a phone number, CPF or CNS.
    Digits {
        /// The digits, as a document begins with them.
        digits: String,
        /// The digits, as a phone number has them: without the zeros that are dialled before an area code.
        dialled: String,
        /// The number that the digits are, where they are a whole one: so that the ninth digit does not matter.
        number: Option<String>,
    },
}

/// The longest text to search for.
const MOST_CHARS: usize = 100;

/// Fewer digits are in nearly every number.
const LEAST_DIGITS: usize = 3;

impl Search {
    /// What `text` looks for, or what is wrong with it under the parameter `q`.
    pub(crate) fn parse(text: &str, errors: &mut FieldErrors) -> Option<Self> {
        let text = errors.read("q", bounded(text, 1, MOST_CHARS))?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.contains('@') {
            return Some(Self::Email(text.to_lowercase()));
        }
        let is_number = text
            .chars()
            .all(|character| character.is_ascii_digit() || " +()-./".contains(character));
        let digits = digits_of(&text);
        if !is_number || digits.is_empty() {
            // Accents without a letter are nothing to search for, and every name begins with nothing.
            if fold(&text).is_empty() {
                errors.push("q", "blank", "must not be blank");
                return None;
            }
            return Some(Self::Name(text));
        }
        if digits.len() < LEAST_DIGITS {
            errors.push(
                "q",
                "too_short",
                format!("a search for a number has at least {LEAST_DIGITS} digits"),
            );
            return None;
        }
        let number = PhoneNumber::parse_international(&text)
            .ok()
            .map(|number| number.match_key());
        let without_zeros = digits.trim_start_matches('0');
        let dialled = if without_zeros.len() < LEAST_DIGITS {
            digits.clone()
        } else {
            without_zeros.to_owned()
        };
        Some(Self::Digits {
            digits,
            dialled,
            number,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Search, Vec<String>> {
        let mut errors = FieldErrors::new();
        Search::parse(text, &mut errors).ok_or_else(|| errors.iter().map(|error| error.code.clone()).collect())
    }

    fn digits(digits: &str, dialled: &str, number: Option<&str>) -> Result<Search, Vec<String>> {
        Ok(Search::Digits {
            digits: digits.to_owned(),
            dialled: dialled.to_owned(),
            number: number.map(str::to_owned),
        })
    }

    #[test]
    fn what_is_typed_tells_what_is_meant() {
        assert_eq!(
            parse("  Maria   da Silva "),
            Ok(Search::Name("Maria da Silva".to_owned()))
        );
        assert_eq!(parse("Maria@Example"), Ok(Search::Email("maria@example".to_owned())));
        assert_eq!(parse("98765"), digits("98765", "98765", None));
        assert_eq!(parse("529.982.247-25"), digits("52998224725", "52998224725", None));
        assert_eq!(
            parse("011 8765-4321"),
            digits("01187654321", "1187654321", Some("+5511987654321"))
        );
        assert_eq!(parse("000"), digits("000", "000", None));
        assert_eq!(parse("João 2"), Ok(Search::Name("João 2".to_owned())));
        assert_eq!(parse("(-)"), Ok(Search::Name("(-)".to_owned())));
    }

    #[test]
    fn what_finds_everybody_is_refused() {
        assert_eq!(parse("12"), Err(vec!["too_short".to_owned()]));
        assert_eq!(parse(" "), Err(vec!["blank".to_owned()]));
        assert_eq!(parse("\u{301}"), Err(vec!["blank".to_owned()]));
        assert_eq!(parse(&"a".repeat(101)), Err(vec!["too_long".to_owned()]));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
