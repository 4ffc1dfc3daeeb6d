//! Currencies: the alphabetic codes of ISO 4217 that are money in circulation.
//!
//! The list is written out: it changes about once a year, and a currency that is dropped from it may still stand in
//! old rows, which only we can decide about. Funds, metals and test codes are left out.

use crate::text_column;

/// Hundred minor units to the unit.
const TWO_DIGITS: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BMD", "BND", "BOB", "BRL",
    "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DKK", "DOP",
    "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL",
    "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR",
    "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN",
    "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB",
    "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB",
    "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VED", "VES", "WST", "XCD", "XCG",
    "YER", "ZAR", "ZMW", "ZWG",
];

/// No minor unit.
const NO_DIGITS: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
];

/// Thousand minor units to the unit.
const THREE_DIGITS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Text that names no currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is a code of ISO 4217 in capital letters, such as BRL")]
pub struct InvalidCurrency;

impl InvalidCurrency {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "unknown_currency"
    }
}

text_column! {
    /// A currency, by its three letters in ISO 4217.
    #[derive(Copy, PartialOrd, Ord)]
    #[schema(min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$", example = "BRL")]
    pub struct Currency(&'static str);
    error = InvalidCurrency;
    parse = Self::parse;
    stored = Self::parse;
    debug = |code: &str| code.to_owned();
}

impl Currency {
    /// The Brazilian real.
    pub const BRL: Self = Self("BRL");

    /// The currency that `text` names.
    ///
    /// # Errors
    /// [`InvalidCurrency`] when it names none, or in other letters than capitals.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        [TWO_DIGITS, NO_DIGITS, THREE_DIGITS]
            .into_iter()
            .flatten()
            .find(|code| **code == text)
            .map(|code| Self(code))
            .ok_or(InvalidCurrency)
    }

    /// The three letters.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.0
    }

    /// How many decimal digits its minor unit makes: 2 where a hundred of them are one unit, as with the real.
    #[must_use]
    pub fn minor_digits(&self) -> u8 {
        if NO_DIGITS.contains(&self.0) {
            0
        } else if THREE_DIGITS.contains(&self.0) {
            3
        } else {
            2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_currencies_in_circulation_are_known() {
        assert_eq!(Currency::parse("BRL"), Ok(Currency::BRL));
        assert_eq!(Currency::BRL.minor_digits(), 2);
        assert_eq!(Currency::parse("PYG").unwrap().minor_digits(), 0);
        assert_eq!(Currency::parse("KWD").unwrap().minor_digits(), 3);
        for text in ["", "brl", "BR", "XXX", "XAU", "HRK", "BRL ", "ABC"] {
            assert_eq!(Currency::parse(text), Err(InvalidCurrency), "{text}");
        }
    }

    #[test]
    fn no_code_is_listed_twice() {
        let all = [TWO_DIGITS, NO_DIGITS, THREE_DIGITS].concat();
        let distinct = all.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(distinct.len(), all.len());
        assert!(
            all.iter()
                .all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        );
    }
}
