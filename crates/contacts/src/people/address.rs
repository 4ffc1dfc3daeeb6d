//! Where a person lives.

use diesel::deserialize::{self, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize;
use diesel::sql_types::Jsonb;
use kernel::FieldErrors;
use kernel::documents::StateCode;
use kernel::phone::Region;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::fields::limited;

/// A part of an address that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidAddressPart {
    /// Not a CEP of eight digits.
    #[error("a Brazilian postal code (CEP) has eight digits, such as 01310-100")]
    PostalCode,
    /// Not one of the 27.
    #[error("a Brazilian state is one of 27 codes of two letters, such as SP")]
    State,
    /// Not a country.
    #[error("a country is a code of ISO 3166-1 in two letters, such as BR")]
    Country,
}

impl InvalidAddressPart {
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::PostalCode => "invalid_postal_code",
            Self::State => "unknown_state",
            Self::Country => "unknown_country",
        }
    }
}

/// A postal address. What is not known is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
#[schema(as = ContactAddress)]
#[serde(deny_unknown_fields, default)]
pub struct Address {
    /// The street.
    #[schema(max_length = 200, example = "Avenida Paulista")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// The number in the street; text, since `s/n` and `12-A` are numbers too.
    #[schema(max_length = 20, example = "1578")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Flat, block, floor.
    #[schema(max_length = 100, example = "apto 12")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complement: Option<String>,
    /// The neighbourhood (*bairro*).
    #[schema(max_length = 100, example = "Bela Vista")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    /// The city.
    #[schema(max_length = 100, example = "São Paulo")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The state; in Brazil its two letters.
    #[schema(max_length = 50, example = "SP")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The postal code; in Brazil eight digits, kept bare.
    #[schema(max_length = 16, example = "01310200")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// The country's code of two letters; Brazil when not given.
    #[schema(max_length = 2, example = "BR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Address {
    /// The address that a client sent, tidied; what is wrong is noted with pointers into `/address`. One without any part is
    /// none.
    pub(crate) fn checked(self, errors: &mut FieldErrors) -> Option<Self> {
        let mut found = FieldErrors::new();
        let country = found
            .read_if_given("/country", self.country.as_deref(), |text| {
                Region::parse(&text.trim().to_ascii_uppercase()).or(Err(InvalidAddressPart::Country))
            })
            .map(|region| region.as_str().to_owned());
        let in_brazil = country
            .as_deref()
            .is_none_or(|country| country == Region::BRAZIL.as_str());
        let mut part = |pointer: &str, text: Option<String>, most_chars: usize| {
            found.read_if_given(pointer, text.as_deref(), limited(most_chars))
        };
        let street = part("/street", self.street, 200);
        let number = part("/number", self.number, 20);
        let complement = part("/complement", self.complement, 100);
        let district = part("/district", self.district, 100);
        let city = part("/city", self.city, 100);
        let state = part("/state", self.state, 50);
        let postal_code = part("/postal_code", self.postal_code, 16);
        let state = if in_brazil {
            found.read_if_given("/state", state.as_deref(), brazilian_state)
        } else {
            state
        };
        let postal_code = if in_brazil {
            found.read_if_given("/postal_code", postal_code.as_deref(), brazilian_postal_code)
        } else {
            postal_code
        };
        errors.nest("/address", found);
        let address = Self {
            street,
            number,
            complement,
            district,
            city,
            state,
            postal_code,
            country,
        };
        (address != Self::default()).then_some(address)
    }
}

fn brazilian_state(text: &str) -> Result<String, InvalidAddressPart> {
    let state = StateCode::parse(&text.to_ascii_uppercase()).or(Err(InvalidAddressPart::State))?;
    Ok(state.as_str().to_owned())
}

fn brazilian_postal_code(text: &str) -> Result<String, InvalidAddressPart> {
    let digits: String = text
        .chars()
        .filter(|character| !matches!(character, '.' | '-' | ' '))
        .collect();
    let is_code = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_code {
        Ok(digits)
    } else {
        Err(InvalidAddressPart::PostalCode)
    }
}

impl serialize::ToSql<Jsonb, Pg> for Address {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        let value = serde_json::to_value(self)?;
        serialize::ToSql::<Jsonb, Pg>::to_sql(&value, &mut out.reborrow())
    }
}

impl deserialize::FromSql<Jsonb, Pg> for Address {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let value: Value = deserialize::FromSql::<Jsonb, Pg>::from_sql(value)?;
        Ok(serde_json::from_value(value)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(address: Address) -> Result<Option<Address>, Vec<String>> {
        let mut errors = FieldErrors::new();
        let address = address.checked(&mut errors);
        let faults: Vec<_> = errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.code))
            .collect();
        if faults.is_empty() { Ok(address) } else { Err(faults) }
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_brazilian_address_is_tidied() {
        let address = checked(Address {
            state: text("sp"),
            postal_code: text("01310-200"),
            ..Address::default()
        });
        let address = address.unwrap().unwrap();
        assert_eq!(
            (address.state, address.postal_code, address.country),
            (text("SP"), text("01310200"), None)
        );
        assert_eq!(checked(Address::default()), Ok(None));
    }

    #[test]
    fn other_countries_have_their_own_codes() {
        let address = Address {
            state: text("Lisboa"),
            postal_code: text("1000-001"),
            country: text("pt"),
            ..Address::default()
        };
        assert_eq!(checked(address).unwrap().unwrap().postal_code, text("1000-001"));
        let wrong = Address {
            street: text(" "),
            state: text("XX"),
            postal_code: text("123"),
            country: text("BRA"),
            ..Address::default()
        };
        assert_eq!(
            checked(wrong),
            Err(vec![
                "/address/country unknown_country".to_owned(),
                "/address/street blank".to_owned(),
                "/address/state unknown_state".to_owned(),
                "/address/postal_code invalid_postal_code".to_owned(),
            ])
        );
    }
}
