//! CNPJ: the number of a company in the Receita Federal's register, letters included (IN RFB 2.229/2024).
//!
//! Since July 2026 the first twelve places may hold letters; the arithmetic stayed, with a character's value being
//! its ASCII code less 48. Numbers given out before remain as they are, so both forms are read by one rule.

use super::check_digits::{all_digits, all_equal, check_digit, part, strip, weighted_sum};
use crate::text_column;

/// Text that is no CNPJ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCnpj {
    /// Something but letters A–Z, digits and `.`, `-`, `/`; or a letter among the check digits.
    #[error("a CNPJ has twelve letters or digits and two final digits, with dots, a slash and a hyphen between them")]
    Characters,
    /// Not 14 characters.
    #[error("a CNPJ has 14 characters")]
    Length,
    /// One digit fourteen times.
    #[error("a CNPJ is not the same digit fourteen times")]
    AllEqual,
    /// The last two digits do not follow from the others.
    #[error("the CNPJ's check digits do not match: is a character mistyped?")]
    CheckDigits,
}

impl InvalidCnpj {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Characters => "invalid_characters",
            Self::Length => "invalid_length",
            Self::AllEqual => "all_digits_equal",
            Self::CheckDigits => "invalid_check_digits",
        }
    }
}

text_column! {
    /// A company's CNPJ: twelve capital letters or digits and two check digits; kept and sent bare. Never a number:
    /// letters and leading zeros count.
    #[derive(PartialOrd, Ord)]
    #[schema(format = "cnpj", example = "12ABC34501DE35")]
    pub struct Cnpj(String);
    error = InvalidCnpj;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl Cnpj {
    /// The CNPJ that `text` is, with or without punctuation, letters of either case.
    ///
    /// # Errors
    /// [`InvalidCnpj`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidCnpj> {
        let characters = strip(text, &['.', '-', '/']).to_ascii_uppercase();
        if !characters.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(InvalidCnpj::Characters);
        }
        if characters.len() != 14 {
            return Err(InvalidCnpj::Length);
        }
        if !all_digits(part(&characters, 12, 14)) {
            return Err(InvalidCnpj::Characters);
        }
        if all_equal(&characters) {
            return Err(InvalidCnpj::AllEqual);
        }
        if with_check_digits(part(&characters, 0, 12)) != characters {
            return Err(InvalidCnpj::CheckDigits);
        }
        Ok(Self(characters))
    }

    /// The CNPJ that begins with the twelve characters `base`, its check digits computed; for made-up companies.
    ///
    /// # Errors
    /// [`InvalidCnpj`] when `base` is not twelve letters or digits, or zeros only.
    pub fn complete(base: &str) -> Result<Self, InvalidCnpj> {
        let base = base.to_ascii_uppercase();
        if !base.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(InvalidCnpj::Characters);
        }
        if base.len() != 12 {
            return Err(InvalidCnpj::Length);
        }
        Self::parse(&with_check_digits(&base))
    }

    /// The fourteen characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The CNPJ as people write it: `12.ABC.345/01DE-35`.
    #[must_use]
    pub fn formatted(&self) -> String {
        let text = self.as_str();
        format!(
            "{}.{}.{}/{}-{}",
            part(text, 0, 2),
            part(text, 2, 5),
            part(text, 5, 8),
            part(text, 8, 12),
            part(text, 12, 14)
        )
    }
}

fn with_check_digits(base: &str) -> String {
    // From the right the weights are 2 to 9, again and again.
    let first = check_digit(weighted_sum(base, (2..=5).rev().chain((2..=9).rev())));
    let thirteen = format!("{base}{first}");
    let second = check_digit(weighted_sum(&thirteen, (2..=6).rev().chain((2..=9).rev())));
    format!("{thirteen}{second}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_published_example_and_older_numbers_are_accepted() {
        let cnpj = Cnpj::parse("12.ABC.345/01DE-35").unwrap();
        assert_eq!(cnpj.as_str(), "12ABC34501DE35");
        assert_eq!(cnpj.formatted(), "12.ABC.345/01DE-35");
        assert_eq!(Cnpj::parse("12abc34501de35"), Ok(cnpj));
        // Banco do Brasil; Petrobras; a widely printed example.
        for text in ["00.000.000/0001-91", "33.000.167/0001-01", "11.222.333/0001-81"] {
            assert_eq!(Cnpj::parse(text).map(|cnpj| cnpj.formatted()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(Cnpj::parse("12.ABC.345/01DE-36"), Err(InvalidCnpj::CheckDigits));
        assert_eq!(Cnpj::parse("12.ABC.345/01DE-3"), Err(InvalidCnpj::Length));
        assert_eq!(Cnpj::parse("12.ABC.345/01DE-3A"), Err(InvalidCnpj::Characters));
        assert_eq!(Cnpj::parse("12.ÁBC.345/01DE-35"), Err(InvalidCnpj::Characters));
        assert_eq!(Cnpj::parse("00.000.000/0000-00"), Err(InvalidCnpj::AllEqual));
        assert_eq!(Cnpj::complete("000000000000"), Err(InvalidCnpj::AllEqual));
        assert_eq!(Cnpj::complete("0000"), Err(InvalidCnpj::Length));
    }

    proptest! {
        #[test]
        fn the_written_form_reads_back(base in "[0-9A-Z]{12}") {
            if let Ok(cnpj) = Cnpj::complete(&base) {
                prop_assert_eq!(Cnpj::parse(&cnpj.formatted()), Ok(cnpj.clone()));
                prop_assert_eq!(Cnpj::parse(&cnpj.as_str().to_lowercase()), Ok(cnpj.clone()));
                let json = serde_json::to_string(&cnpj).unwrap();
                prop_assert_eq!(serde_json::from_str::<Cnpj>(&json).unwrap(), cnpj);
            }
        }

        // Characters 11 codes apart weigh the same, and a first check digit of 0 stands for two remainders; any other
        // slip shows.
        #[test]
        fn a_mistyped_character_is_caught(base in "[0-9A-Z]{12}", place in 0_usize..14, typed in "[0-9A-Z]") {
            let number = with_check_digits(&base);
            let mut changed = number.clone().into_bytes();
            let typed = typed.as_bytes()[0];
            prop_assume!(place >= 12 || number.as_bytes()[12] != b'0');
            prop_assume!(changed[place].abs_diff(typed) % 11 != 0);
            changed[place] = typed;
            prop_assert!(Cnpj::parse(&String::from_utf8(changed).unwrap()).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = Cnpj::parse(&text);
        }
    }
}
