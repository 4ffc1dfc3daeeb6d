//! Countries, as far as they say how a phone number is dialled.

use phonenumber::country;
use phonenumber::metadata::DATABASE;

use crate::text_column;

/// Text that names no country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region is a country code of ISO 3166-1 in two capital letters, such as BR")]
pub struct InvalidRegion;

impl InvalidRegion {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "unknown_region"
    }
}

text_column! {
    /// The country whose way of dialling a number without country code is read in; Brazil unless told otherwise.
    #[derive(Copy)]
    #[schema(min_length = 2, max_length = 2, pattern = "^[A-Z]{2}$", example = "BR")]
    pub struct Region(country::Id);
    error = InvalidRegion;
    parse = Self::parse;
    stored = Self::parse;
    debug = |code: &str| code.to_owned();
}

impl Region {
    /// Brazil.
    pub const BRAZIL: Self = Self(country::BR);

    /// The country that `text` names.
    ///
    /// # Errors
    /// [`InvalidRegion`] when it names none that has phone numbers.
    pub fn parse(text: &str) -> Result<Self, InvalidRegion> {
        let id: country::Id = text.parse().or(Err(InvalidRegion))?;
        // The parser of numbers takes for granted that it knows each country it is given.
        if DATABASE.by_id(id.as_ref()).is_some() {
            Ok(Self(id))
        } else {
            Err(InvalidRegion)
        }
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// The country as the parser of numbers knows it.
    pub(super) const fn id(self) -> country::Id {
        self.0
    }

    /// What its numbers begin with from abroad, such as 55.
    pub(super) fn country_code(self) -> Option<u16> {
        DATABASE.by_id(self.as_str()).map(phonenumber::Metadata::country_code)
    }
}

impl Default for Region {
    fn default() -> Self {
        Self::BRAZIL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_countries_with_phones() {
        assert_eq!(Region::default().as_str(), "BR");
        assert_eq!(
            Region::parse("PT").map(|region| region.to_string()),
            Ok("PT".to_owned())
        );
        for text in ["", "br", "XX", "BRA"] {
            assert_eq!(Region::parse(text), Err(InvalidRegion), "{text}");
        }
    }
}
