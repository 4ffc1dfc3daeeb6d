//! CPF: the number of a person in the Receita Federal's Cadastro de Pessoas Físicas (IN RFB 2.172/2024).

use super::check_digits::{all_digits, all_equal, check_digit, part, strip, weighted_sum};
use crate::text::last_two;
use crate::text_column;

/// Text that is no CPF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCpf {
    /// Something but digits and `.`, `-`, `/`.
    #[error("a CPF has only digits, dots and a hyphen")]
    Characters,
    /// Not 11 digits.
    #[error("a CPF has 11 digits")]
    Length,
    /// One digit eleven times.
    #[error("a CPF is not the same digit eleven times")]
    AllEqual,
    /// The last two digits do not follow from the others.
    #[error("the CPF's check digits do not match: is a digit mistyped?")]
    CheckDigits,
}

impl InvalidCpf {
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
    /// A person's CPF: 11 digits, the last two of them check digits; kept and sent bare.
    #[derive(PartialOrd, Ord)]
    #[schema(format = "cpf", example = "52998224725")]
    pub struct Cpf(String);
    error = InvalidCpf;
    parse = Self::parse;
    stored = Self::parse;
    debug = |digits| format!("***.***.***-{}", last_two(digits));
}

impl Cpf {
    /// The CPF that `text` is, with or without punctuation.
    ///
    /// # Errors
    /// [`InvalidCpf`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidCpf> {
        let digits = strip(text, &['.', '-', '/']);
        if !all_digits(&digits) {
            return Err(InvalidCpf::Characters);
        }
        if digits.len() != 11 {
            return Err(InvalidCpf::Length);
        }
        if all_equal(&digits) {
            return Err(InvalidCpf::AllEqual);
        }
        if with_check_digits(part(&digits, 0, 9)) != digits {
            return Err(InvalidCpf::CheckDigits);
        }
        Ok(Self(digits))
    }

    /// The CPF that begins with the nine digits `base`, its check digits computed; for made-up people.
    ///
    /// # Errors
    /// [`InvalidCpf`] when `base` is not nine digits, or all of them and the check digits are equal.
    pub fn complete(base: &str) -> Result<Self, InvalidCpf> {
        if !all_digits(base) {
            return Err(InvalidCpf::Characters);
        }
        if base.len() != 9 {
            return Err(InvalidCpf::Length);
        }
        Self::parse(&with_check_digits(base))
    }

    /// The eleven digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The CPF as people write it: `529.982.247-25`.
    #[must_use]
    pub fn formatted(&self) -> String {
        let digits = self.as_str();
        format!(
            "{}.{}.{}-{}",
            part(digits, 0, 3),
            part(digits, 3, 6),
            part(digits, 6, 9),
            part(digits, 9, 11)
        )
    }
}

fn with_check_digits(base: &str) -> String {
    let first = check_digit(weighted_sum(base, (2..=10).rev()));
    let ten = format!("{base}{first}");
    let second = check_digit(weighted_sum(&ten, (2..=11).rev()));
    format!("{ten}{second}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_numbers_are_accepted_in_every_spelling() {
        for text in [
            "529.982.247-25",
            "52998224725",
            " 529 982 247 25 ",
            "111.444.777-35",
            "123.456.789-09",
        ] {
            assert!(Cpf::parse(text).is_ok(), "{text}");
        }
        let cpf = Cpf::parse("529.982.247-25").unwrap();
        assert_eq!(cpf.as_str(), "52998224725");
        assert_eq!(cpf.formatted(), "529.982.247-25");
        assert_eq!(format!("{cpf:?}"), "Cpf(***.***.***-25)");
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(Cpf::parse("529.982.247-26"), Err(InvalidCpf::CheckDigits));
        assert_eq!(Cpf::parse("529.982.247-2"), Err(InvalidCpf::Length));
        assert_eq!(Cpf::parse(""), Err(InvalidCpf::Length));
        assert_eq!(Cpf::parse("529.982.247-2x"), Err(InvalidCpf::Characters));
        assert_eq!(Cpf::parse("\u{ff15}2998224725"), Err(InvalidCpf::Characters));
        for digit in '0'..='9' {
            assert_eq!(Cpf::parse(&digit.to_string().repeat(11)), Err(InvalidCpf::AllEqual));
        }
        assert_eq!(Cpf::complete("1234"), Err(InvalidCpf::Length));
    }

    proptest! {
        #[test]
        fn the_written_form_reads_back(base in "[0-9]{9}") {
            if let Ok(cpf) = Cpf::complete(&base) {
                prop_assert_eq!(Cpf::parse(&cpf.formatted()), Ok(cpf.clone()));
                let json = serde_json::to_string(&cpf).unwrap();
                prop_assert_eq!(serde_json::from_str::<Cpf>(&json).unwrap(), cpf);
            }
        }

        // A first check digit of 0 stands for two remainders, so only behind another one is every slip sure to show.
        #[test]
        fn a_mistyped_digit_is_caught(base in "[0-9]{9}", place in 0_usize..11, digit in 0_u8..10) {
            let number = with_check_digits(&base);
            let mut typed = number.clone().into_bytes();
            typed[place] = b'0' + digit;
            let typed = String::from_utf8(typed).unwrap();
            prop_assume!(typed != number && (place >= 9 || number.as_bytes()[9] != b'0'));
            prop_assert!(Cpf::parse(&typed).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = Cpf::parse(&text);
        }
    }
}
