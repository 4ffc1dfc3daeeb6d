//! Phone numbers in E.164, with Brazil's ninth digit settled.
//!
//! Between 2012 and 2016 Anatel put a 9 before every Brazilian mobile number of eight digits (Resolução 553/2010).
//! People, old lists and messaging services still use the short form, so it is read as the number it became.
//! Landlines kept their eight digits and never gain a 9.

mod region;

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, Type, country};

use crate::text::last_two;
use crate::{text_column, text_enum};

pub use region::{InvalidRegion, Region};

/// More than the longest number with country, carrier and trunk digits; what is longer is something else.
const MAX_DIGITS: usize = 20;

/// Brazil's country code, as E.164 begins there.
const BRAZIL: &str = "+55";

text_enum! {
    /// What kind of line a number leads to, as far as the number tells.
    pub enum PhoneKind {
        /// A mobile phone: it can take messages.
        Mobile = "mobile",
        /// A landline.
        Landline = "landline",
        /// One or the other: some countries, such as the United States, number both alike.
        MobileOrLandline = "mobile_or_landline",
        /// A line over the internet, at no fixed place.
        Voip = "voip",
        /// No person's line: free of charge, premium, shared cost and the like.
        Service = "service",
    }
    error = InvalidPhoneKind, code = "unknown_phone_kind";
}

/// Text that is no phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhoneNumber {
    /// Something but digits, spaces, `+`, `(`, `)`, `-`, `.` and `/`; an extension, for instance.
    #[error("a phone number has only digits and a leading +, without an extension")]
    Characters,
    /// Too few or too many digits for any number.
    #[error("a phone number has between 3 and 20 digits")]
    Length,
    /// No number of the country it would belong to.
    #[error("no such phone number exists: is the area code there and every digit right?")]
    Unassigned,
}

impl InvalidPhoneNumber {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Characters => "invalid_characters",
            Self::Length => "invalid_length",
            Self::Unassigned => "invalid_phone",
        }
    }
}

text_column! {
    /// A phone number in E.164: `+`, country code and national number, a Brazilian mobile always with its ninth digit.
    #[derive(PartialOrd, Ord)]
    #[schema(format = "phone", pattern = "^\\+[1-9][0-9]{2,14}$", example = "+5511987654321")]
    pub struct PhoneNumber(String);
    error = InvalidPhoneNumber;
    parse = Self::parse_international;
    stored = Self::from_e164;
    debug = |number| format!("+***{}", last_two(number));
}

impl PhoneNumber {
    /// The number that `text` is: anywhere when it begins with `+`, else as dialled in `default_region`.
    ///
    /// # Errors
    /// [`InvalidPhoneNumber`] says what is wrong.
    pub fn parse(text: &str, default_region: Region) -> Result<Self, InvalidPhoneNumber> {
        let dialled = dialled(text)?;
        if dialled.starts_with('+') {
            return read(None, &dialled)
                .and_then(Self::assigned)
                .ok_or(InvalidPhoneNumber::Unassigned);
        }
        // The parser takes an area code for the country code of the same digits (55 in Brazil, 39 in Italy), so a
        // number is first read as one that lacks its country code only.
        default_region
            .country_code()
            .and_then(|country_code| read(None, &format!("+{country_code}{dialled}")))
            .and_then(Self::assigned)
            .or_else(|| read(Some(default_region.id()), &dialled).and_then(Self::assigned))
            .ok_or(InvalidPhoneNumber::Unassigned)
    }

    /// The number that `text` is: anywhere when it begins with `+`, else as dialled in Brazil.
    ///
    /// # Errors
    /// [`InvalidPhoneNumber`] says what is wrong.
    pub fn parse_international(text: &str) -> Result<Self, InvalidPhoneNumber> {
        Self::parse(text, Region::BRAZIL)
    }

    /// The number in its one spelling, if such a number exists and its spelling reads back as itself.
    fn assigned(number: phonenumber::PhoneNumber) -> Option<Self> {
        let number = Self::from_e164(&with_ninth_digit(e164(&number))).ok()?;
        let again = read(None, &number.0)?;
        (again.is_valid() && e164(&again) == number.0).then_some(number)
    }

    /// A number that was parsed before. Only its form is looked at: which numbers exist changes with every numbering
    /// plan, and a stored number stays readable when its plan is gone.
    fn from_e164(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let digits = text.strip_prefix('+').ok_or(InvalidPhoneNumber::Characters)?;
        if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidPhoneNumber::Characters);
        }
        if (3..=15).contains(&digits.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPhoneNumber::Length)
        }
    }

    /// The number in E.164, such as `+5511987654321`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number's digits, country code first, without `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// What two spellings of one number have in common: a Brazilian mobile has the same key with and without its
    /// ninth digit, and no landline has a mobile's.
    #[must_use]
    pub fn match_key(&self) -> String {
        with_ninth_digit(self.0.clone())
    }

    /// What kind of line it is.
    #[must_use]
    pub fn kind(&self) -> PhoneKind {
        match read(None, &self.0).map(|number| number.number_type(&DATABASE)) {
            Some(Type::Mobile) => PhoneKind::Mobile,
            Some(Type::FixedLine) => PhoneKind::Landline,
            Some(Type::FixedLineOrMobile) => PhoneKind::MobileOrLandline,
            Some(Type::Voip) => PhoneKind::Voip,
            _ => PhoneKind::Service,
        }
    }

    /// Whether it is a mobile phone for sure.
    #[must_use]
    pub fn is_mobile(&self) -> bool {
        self.kind() == PhoneKind::Mobile
    }

    /// The number in groups, for people: `+55 11 98765-4321`.
    #[must_use]
    pub fn formatted(&self) -> String {
        read(None, &self.0).map_or_else(
            || self.0.clone(),
            |number| number.format().mode(Mode::International).to_string(),
        )
    }
}

/// The digits in `text`, for a search by part of a number.
#[must_use]
pub fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// What would be dialled: digits, after a `+` where `text` begins with one.
fn dialled(text: &str) -> Result<String, InvalidPhoneNumber> {
    let plain = text
        .chars()
        .filter(|character| !is_decoration(*character))
        .collect::<String>();
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidPhoneNumber::Characters);
    }
    if (3..=MAX_DIGITS).contains(&digits.len()) {
        Ok(plain)
    } else {
        Err(InvalidPhoneNumber::Length)
    }
}

/// What people and address books put between digits: white space, brackets, dashes, and marks of writing direction.
fn is_decoration(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '(' | ')' | '-' | '.' | '/' | '\u{2010}'..='\u{2015}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn read(country: Option<country::Id>, dialled: &str) -> Option<phonenumber::PhoneNumber> {
    phonenumber::parse(country, dialled).ok()
}

fn e164(number: &phonenumber::PhoneNumber) -> String {
    format!("+{}{}", number.code().value(), number.national())
}

/// `e164` with the 9 that a Brazilian mobile number of eight digits lacks: two digits of area code, none of them 0,
/// then 6 to 9 and seven more. Services (800, 300 …) have a 0 in the area code's place, landlines go on with 2 to 5.
fn with_ninth_digit(e164: String) -> String {
    let Some(national) = e164.strip_prefix(BRAZIL) else {
        return e164;
    };
    match national.as_bytes() {
        [b'1'..=b'9', b'1'..=b'9', b'6'..=b'9', _, _, _, _, _, _, _] => {
            let (area, line) = national.split_at(2);
            format!("{BRAZIL}{area}9{line}")
        }
        _ => e164,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn e164_of(text: &str) -> String {
        PhoneNumber::parse_international(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .to_string()
    }

    #[test]
    fn a_brazilian_mobile_is_one_number_however_it_is_written() {
        for text in [
            "+55 11 98765-4321",
            "+55 (11) 98765-4321",
            "+55 (011) 98765-4321",
            "(11) 98765-4321",
            "11987654321",
            "011 98765-4321",
            "0 15 11 98765-4321",
            "5511987654321",
            "+55 11 8765-4321",
            "(11) 8765-4321",
            "551187654321",
            "0 15 11 8765-4321",
            "\u{202a}+55 11 98765\u{2011}4321\u{202c}",
        ] {
            assert_eq!(e164_of(text), "+5511987654321", "{text}");
        }
        let number = PhoneNumber::parse_international("(11) 8765-4321").unwrap();
        assert!(number.is_mobile());
        assert_eq!(number.match_key(), "+5511987654321");
        assert_eq!(number.digits(), "5511987654321");
        assert_eq!(number.formatted(), "+55 11 98765-4321");
        assert_eq!(format!("{number:?}"), "PhoneNumber(+***21)");
    }

    #[test]
    fn the_area_code_55_is_no_country_code() {
        assert_eq!(e164_of("(55) 99999-1234"), "+5555999991234");
        assert_eq!(e164_of("55 9999-1234"), "+5555999991234");
        assert_eq!(e164_of("55 3220-1234"), "+555532201234");
        assert_eq!(e164_of("55 55 9999-1234"), "+5555999991234");
        let italy = Region::parse("IT").unwrap();
        assert_eq!(
            PhoneNumber::parse("391 234 5678", italy).unwrap().as_str(),
            "+393912345678"
        );
    }

    #[test]
    fn a_landline_never_gains_a_digit() {
        let number = PhoneNumber::parse_international("(11) 3333-4444").unwrap();
        assert_eq!(number.as_str(), "+551133334444");
        assert_eq!(number.match_key(), number.as_str());
        assert_eq!(number.kind(), PhoneKind::Landline);
        assert!(!number.is_mobile());
    }

    #[test]
    fn services_and_other_countries_stay_as_they_are() {
        assert_eq!(e164_of("0800 701 1234"), "+558007011234");
        assert_eq!(
            PhoneNumber::parse_international("0800 701 1234").unwrap().kind(),
            PhoneKind::Service
        );
        assert_eq!(e164_of("+351 912 345 678"), "+351912345678");
        assert_eq!(e164_of("+39 02 3661 8300"), "+390236618300");
        assert_eq!(e164_of("+1 (650) 253-0000"), "+16502530000");
        assert_eq!(
            PhoneNumber::parse_international("+1 650 253 0000").unwrap().kind(),
            PhoneKind::MobileOrLandline
        );
        let portugal = Region::parse("PT").unwrap();
        assert_eq!(e164_of("0015 1 650 253 0000"), "+16502530000");
        assert_eq!(
            PhoneNumber::parse("912 345 678", portugal).unwrap().as_str(),
            "+351912345678"
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for (text, error) in [
            ("", InvalidPhoneNumber::Length),
            ("+", InvalidPhoneNumber::Length),
            ("12", InvalidPhoneNumber::Length),
            ("123456789012345678901", InvalidPhoneNumber::Length),
            ("(11) 98765-4321 ramal 2", InvalidPhoneNumber::Characters),
            ("11 98765+4321", InvalidPhoneNumber::Characters),
            ("0800-CLINICA", InvalidPhoneNumber::Characters),
            ("98765-4321", InvalidPhoneNumber::Unassigned),
            ("+55 20 98765-4321", InvalidPhoneNumber::Unassigned),
            ("+55 11 1234-5678", InvalidPhoneNumber::Unassigned),
            ("+999 123 456 789", InvalidPhoneNumber::Unassigned),
        ] {
            assert_eq!(PhoneNumber::parse_international(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_search_looks_for_digits_only() {
        assert_eq!(digits_of("(11) 98765-4321"), "11987654321");
    }

    fn any_region() -> impl Strategy<Value = Region> {
        prop::sample::select(vec![
            "BR", "PT", "AR", "US", "IT", "MX", "DE", "GB", "PY", "UY", "SM", "CI",
        ])
        .prop_map(|code| Region::parse(code).unwrap())
    }

    proptest! {
        #[test]
        fn with_and_without_the_ninth_digit_match(area in prop::sample::select(vec![11, 21, 55, 85]), line in 60_000_000_u32..100_000_000) {
            // Not every block after 9 is given out; where the long form is a number, the short one is the same.
            if let Ok(long) = PhoneNumber::parse_international(&format!("{area}9{line}")) {
                let short = PhoneNumber::parse_international(&format!("{area}{line}"));
                prop_assert_eq!(short.map(|number| number.match_key()), Ok(long.match_key()));
                prop_assert!(long.is_mobile());
            }
        }

        #[test]
        fn landlines_keep_their_eight_digits(area in prop::sample::select(vec![11, 21, 55, 85]), line in 20_000_000_u32..60_000_000) {
            if let Ok(number) = PhoneNumber::parse_international(&format!("{area}{line}")) {
                prop_assert_eq!(number.match_key(), format!("+55{area}{line}"));
            }
        }

        #[test]
        fn what_is_accepted_reads_back_as_itself(text in "\\+?[0-9]{3,20}", region in any_region()) {
            if let Ok(number) = PhoneNumber::parse(&text, region) {
                prop_assert_eq!(PhoneNumber::parse_international(number.as_str()), Ok(number.clone()));
                prop_assert_eq!(PhoneNumber::parse_international(&number.formatted()), Ok(number));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", region in any_region()) {
            let _ = PhoneNumber::parse(&text, region);
        }
    }
}
