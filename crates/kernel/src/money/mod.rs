//! Money: whole minor units of one currency, with arithmetic that never rounds, wraps or mixes currencies.

mod currency;

use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use currency::{Currency, InvalidCurrency};

/// Arithmetic that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two amounts of different currencies.
    #[error("{0} and {1} cannot be reckoned together")]
    CurrencyMismatch(Currency, Currency),
    /// A result beyond what 64 bits hold.
    #[error("the amount is too large")]
    Overflow,
}

impl MoneyError {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CurrencyMismatch(..) => "currency_mismatch",
            Self::Overflow => "amount_too_large",
        }
    }
}

/// An amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount_cents": 12500, "currency": "BRL"}))]
pub struct Money {
    /// How many minor units: cents, where the currency has a hundred of them; negative when owed or given back.
    pub amount_cents: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// `amount_cents` minor units of `currency`.
    #[must_use]
    pub const fn new(amount_cents: i64, currency: Currency) -> Self {
        Self { amount_cents, currency }
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.amount_cents == 0
    }

    /// Whether it is less than nothing.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.amount_cents < 0
    }

    /// Both amounts together.
    ///
    /// # Errors
    /// [`MoneyError`] when the currencies differ or the sum is too large.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// This amount less the `other`.
    ///
    /// # Errors
    /// [`MoneyError`] when the currencies differ or the difference is too large.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    /// The amount the other way round: what was owed is now given.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for the least amount there is.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        self.amount_cents
            .checked_neg()
            .map(|cents| Self::new(cents, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    /// `times` this amount.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when the product is too large.
    pub fn checked_mul(self, times: i64) -> Result<Self, MoneyError> {
        self.amount_cents
            .checked_mul(times)
            .map(|cents| Self::new(cents, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    /// The amount in `parts` that sum to it and differ by one minor unit at most, the larger ones first: R$ 100,00 in
    /// three instalments is 33,34 and twice 33,33.
    #[must_use]
    pub fn split(self, parts: NonZeroU16) -> Vec<Self> {
        let count = i64::from(parts.get());
        let (share, remainder) = (self.amount_cents / count, self.amount_cents % count);
        (0..count)
            .map(|index| {
                let extra = if index < remainder.abs() { remainder.signum() } else { 0 };
                Self::new(share + extra, self.currency)
            })
            .collect()
    }

    fn combine(self, other: Self, operation: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        operation(self.amount_cents, other.amount_cents)
            .map(|cents| Self::new(cents, self.currency))
            .ok_or(MoneyError::Overflow)
    }
}

impl fmt::Display for Money {
    /// In no one's locale: `BRL 125.00`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.minor_digits();
        let unit = 10_u64.pow(u32::from(digits));
        let cents = self.amount_cents.unsigned_abs();
        let sign = if self.is_negative() { "-" } else { "" };
        write!(formatter, "{} {sign}{}", self.currency, cents / unit)?;
        if digits > 0 {
            write!(formatter, ".{:0width$}", cents % unit, width = usize::from(digits))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reais(cents: i64) -> Money {
        Money::new(cents, Currency::BRL)
    }

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn json_is_an_object_of_cents_and_currency() {
        let json = r#"{"amount_cents":12500,"currency":"BRL"}"#;
        assert_eq!(serde_json::to_string(&reais(12_500)).unwrap(), json);
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), reais(12_500));
        for bad in [
            r#"{"amount_cents":125.5,"currency":"BRL"}"#,
            r#"{"amount_cents":"125","currency":"BRL"}"#,
            r#"{"amount_cents":125,"currency":"brl"}"#,
            r#"{"amount_cents":125}"#,
            r#"{"amount_cents":125,"currency":"BRL","amount":1}"#,
        ] {
            assert!(serde_json::from_str::<Money>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arithmetic_neither_wraps_nor_mixes() {
        assert_eq!(reais(2).checked_add(reais(3)), Ok(reais(5)));
        assert_eq!(reais(2).checked_sub(reais(3)), Ok(reais(-1)));
        assert_eq!(reais(2).checked_mul(-3), Ok(reais(-6)));
        assert_eq!(reais(2).checked_neg(), Ok(reais(-2)));
        let dollars = Money::new(1, currency("USD"));
        let mismatch = MoneyError::CurrencyMismatch(Currency::BRL, dollars.currency);
        assert_eq!(reais(1).checked_add(dollars), Err(mismatch));
        assert_eq!(reais(1).checked_sub(dollars), Err(mismatch));
        assert_eq!(reais(i64::MAX).checked_add(reais(1)), Err(MoneyError::Overflow));
        assert_eq!(reais(i64::MIN).checked_sub(reais(1)), Err(MoneyError::Overflow));
        assert_eq!(reais(i64::MIN).checked_neg(), Err(MoneyError::Overflow));
        assert_eq!(reais(i64::MAX).checked_mul(2), Err(MoneyError::Overflow));
    }

    #[test]
    fn the_first_instalments_bear_the_remainder() {
        let three = NonZeroU16::new(3).unwrap();
        assert_eq!(reais(10_000).split(three), [reais(3334), reais(3333), reais(3333)]);
        assert_eq!(reais(-5).split(three), [reais(-2), reais(-2), reais(-1)]);
        assert_eq!(reais(1).split(three), [reais(1), reais(0), reais(0)]);
    }

    #[test]
    fn amounts_are_written_with_the_currencys_digits() {
        assert_eq!(reais(12_500).to_string(), "BRL 125.00");
        assert_eq!(reais(-5).to_string(), "BRL -0.05");
        assert_eq!(Money::new(1500, currency("PYG")).to_string(), "PYG 1500");
        assert_eq!(Money::new(1500, currency("KWD")).to_string(), "KWD 1.500");
        assert_eq!(reais(i64::MIN).to_string(), "BRL -92233720368547758.08");
    }

    proptest! {
        #[test]
        fn instalments_sum_to_the_whole(cents: i64, parts in 1_u16..400) {
            let instalments = reais(cents).split(NonZeroU16::new(parts).unwrap());
            prop_assert_eq!(instalments.len(), usize::from(parts));
            let sum = instalments.iter().try_fold(reais(0), |sum, part| sum.checked_add(*part));
            prop_assert_eq!(sum, Ok(reais(cents)));
            let sizes = instalments.iter().map(|part| part.amount_cents.unsigned_abs()).collect::<Vec<_>>();
            prop_assert!(sizes.is_sorted_by(|earlier, later| earlier >= later));
            prop_assert!(sizes[0] - sizes[sizes.len() - 1] <= 1);
        }

        #[test]
        fn what_is_added_can_be_taken_away(left: i64, right: i64) {
            if let Ok(sum) = reais(left).checked_add(reais(right)) {
                prop_assert_eq!(sum.checked_sub(reais(right)), Ok(reais(left)));
            }
        }
    }
}
