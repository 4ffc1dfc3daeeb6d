//! CNS: the number of a person's Cartão Nacional de Saúde, by DATASUS's two validation routines.
//!
//! A definitive number (1 or 2 first) is an 11-digit PIS-like base, three digits and a check digit; a provisional one
//! (7, 8 or 9 first) only has to give a weighted sum that 11 divides.

use super::check_digits::{all_digits, part, strip, weighted_sum};
use crate::text::last_two;
use crate::text_column;

/// Text that is no CNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCns {
    /// Something but digits and punctuation.
    #[error("a CNS has only digits")]
    Characters,
    /// Not 15 digits.
    #[error("a CNS has 15 digits")]
    Length,
    /// A first digit that no card has.
    #[error("a CNS begins with 1, 2, 7, 8 or 9")]
    FirstDigit,
    /// The digits do not fit each other.
    #[error("the CNS's check digit does not match: is a digit mistyped?")]
    CheckDigits,
}

impl InvalidCns {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Characters => "invalid_characters",
            Self::Length => "invalid_length",
            Self::FirstDigit => "invalid_first_digit",
            Self::CheckDigits => "invalid_check_digits",
        }
    }
}

text_column! {
    /// A person's CNS: 15 digits; kept and sent bare.
    #[derive(PartialOrd, Ord)]
    #[schema(format = "cns", example = "898000000043208")]
    pub struct Cns(String);
    error = InvalidCns;
    parse = Self::parse;
    stored = Self::parse;
    debug = |digits| format!("*** **** **** **{}", last_two(digits));
}

impl Cns {
    /// The CNS that `text` is, with or without spaces between the digits.
    ///
    /// # Errors
    /// [`InvalidCns`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidCns> {
        let digits = strip(text, &['.', '-']);
        if !all_digits(&digits) {
            return Err(InvalidCns::Characters);
        }
        if digits.len() != 15 {
            return Err(InvalidCns::Length);
        }
        let fits = match digits.as_bytes().first() {
            Some(b'1' | b'2') => definitive(part(&digits, 0, 11)) == digits,
            Some(b'7' | b'8' | b'9') => weighted_sum(&digits, WEIGHTS.rev()).is_multiple_of(11),
            _ => return Err(InvalidCns::FirstDigit),
        };
        if fits {
            Ok(Self(digits))
        } else {
            Err(InvalidCns::CheckDigits)
        }
    }

    /// The definitive CNS over the eleven digits `base`, 1 or 2 first; for made-up people.
    ///
    /// # Errors
    /// [`InvalidCns`] when `base` is not eleven digits or begins otherwise.
    pub fn complete(base: &str) -> Result<Self, InvalidCns> {
        if !all_digits(base) {
            return Err(InvalidCns::Characters);
        }
        if base.len() != 11 {
            return Err(InvalidCns::Length);
        }
        if !base.starts_with(['1', '2']) {
            return Err(InvalidCns::FirstDigit);
        }
        Self::parse(&definitive(base))
    }

    /// The fifteen digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The CNS as the card prints it: `898 0000 0004 3208`.
    #[must_use]
    pub fn formatted(&self) -> String {
        let digits = self.as_str();
        format!(
            "{} {} {} {}",
            part(digits, 0, 3),
            part(digits, 3, 7),
            part(digits, 7, 11),
            part(digits, 11, 15)
        )
    }
}

/// The weights of the places, from the last to the first.
const WEIGHTS: std::ops::RangeInclusive<u32> = 1..=15;

/// The definitive number over an 11-digit base: `000` and what is missing to a multiple of 11; where that would be
/// 10, which is no digit, `001` shifts the sum by 2 and makes it 8.
fn definitive(base: &str) -> String {
    match weighted_sum(base, WEIGHTS.rev()) % 11 {
        0 => format!("{base}0000"),
        1 => format!("{base}0018"),
        remainder => format!("{base}000{}", 11 - remainder),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_health_ministrys_example_is_accepted() {
        let cns = Cns::parse("898 0000 0004 3208").unwrap();
        assert_eq!(cns.as_str(), "898000000043208");
        assert_eq!(cns.formatted(), "898 0000 0004 3208");
        assert_eq!(format!("{cns:?}"), "Cns(*** **** **** **08)");
    }

    #[test]
    fn a_definitive_number_keeps_to_its_form() {
        // Sums of 15 and 23: remainders 4 and 1, the second of which takes the detour over 001.
        assert_eq!(Cns::complete("10000000000").unwrap().as_str(), "100000000000007");
        assert_eq!(Cns::complete("10000001000").unwrap().as_str(), "100000010000018");
        // Divisible by 11, yet not of the form: 100 in place of 000 or 001.
        let other_filler = "100000000001003";
        assert_eq!(weighted_sum(other_filler, WEIGHTS.rev()) % 11, 0);
        assert_eq!(Cns::parse(other_filler), Err(InvalidCns::CheckDigits));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(Cns::parse("898000000043209"), Err(InvalidCns::CheckDigits));
        assert_eq!(Cns::parse("89800000004320"), Err(InvalidCns::Length));
        assert_eq!(Cns::parse("398000000043208"), Err(InvalidCns::FirstDigit));
        assert_eq!(Cns::parse("89800000004320a"), Err(InvalidCns::Characters));
        assert_eq!(Cns::complete("30000000000"), Err(InvalidCns::FirstDigit));
    }

    fn provisional() -> impl Strategy<Value = String> {
        // The last two places weigh 2 and 1, enough to reach every remainder.
        "[789][0-9]{12}".prop_map(|start| {
            (0..100)
                .map(|end| format!("{start}{end:02}"))
                .find(|number| weighted_sum(number, WEIGHTS.rev()) % 11 == 0)
                .unwrap()
        })
    }

    fn any_cns() -> impl Strategy<Value = Cns> {
        prop_oneof![
            "[12][0-9]{10}".prop_map(|base| Cns::complete(&base).unwrap()),
            provisional().prop_map(|number| Cns::parse(&number).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn the_written_form_reads_back(cns in any_cns()) {
            prop_assert_eq!(Cns::parse(&cns.formatted()), Ok(cns.clone()));
            let json = serde_json::to_string(&cns).unwrap();
            prop_assert_eq!(serde_json::from_str::<Cns>(&json).unwrap(), cns);
        }

        // The fifth place weighs 11, so the sum is blind to it; every other slip shows.
        #[test]
        fn a_mistyped_digit_is_caught(cns in any_cns(), place in 0_usize..15, digit in 0_u8..10) {
            let mut typed = cns.as_str().to_owned().into_bytes();
            prop_assume!(place != 4 && typed[place] != b'0' + digit);
            typed[place] = b'0' + digit;
            prop_assert!(Cns::parse(&String::from_utf8(typed).unwrap()).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = Cns::parse(&text);
        }
    }
}
