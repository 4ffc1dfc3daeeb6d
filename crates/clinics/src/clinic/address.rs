//! A postal address in Brazil, kept as one JSON value.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, ToSql};
use diesel::sql_types::Jsonb;
use kernel::documents::StateCode;
use kernel::text::bounded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use kernel::{Coded, FieldErrors, text_column};

/// Text that is no CEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a CEP has eight digits, such as 01310-100")]
pub struct InvalidPostalCode;

impl Coded for InvalidPostalCode {
    fn code(&self) -> &'static str {
        "invalid_postal_code"
    }
}

text_column! {
    /// A Brazilian postal code (CEP): eight digits.
    #[schema(pattern = "^[0-9]{8}$", example = "01310100")]
    pub struct PostalCode(String);
    error = InvalidPostalCode;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl PostalCode {
    /// The code that `text` is, with or without its hyphen.
    ///
    /// # Errors
    /// [`InvalidPostalCode`] when it has not eight digits.
    pub fn parse(text: &str) -> Result<Self, InvalidPostalCode> {
        let digits = text.trim().replace('-', "");
        if digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(digits))
        } else {
            Err(InvalidPostalCode)
        }
    }

    /// The eight digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a clinic is. What is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
#[serde(default)]
pub struct Address {
    /// The street.
    #[schema(example = "Avenida Paulista")]
    pub street: Option<String>,
    /// The number in it.
    #[schema(example = "1000")]
    pub number: Option<String>,
    /// Floor, suite and the like.
    #[schema(example = "conjunto 42")]
    pub complement: Option<String>,
    /// The part of the city (bairro).
    #[schema(example = "Bela Vista")]
    pub district: Option<String>,
    /// The city.
    #[schema(example = "São Paulo")]
    pub city: Option<String>,
    /// The state.
    pub state: Option<StateCode>,
    /// The postal code.
    pub postal_code: Option<PostalCode>,
}

impl ToSql<Jsonb, Pg> for Address {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        let value = serde_json::to_value(self)?;
        ToSql::<Jsonb, Pg>::to_sql(&value, &mut out.reborrow())
    }
}

impl FromSql<Jsonb, Pg> for Address {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let value = <serde_json::Value as FromSql<Jsonb, Pg>>::from_sql(value)?;
        Ok(serde_json::from_value(value)?)
    }
}

/// An address as it comes in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressInput {
    #[schema(max_length = 120)]
    street: Option<String>,
    #[schema(max_length = 20)]
    number: Option<String>,
    #[schema(max_length = 80)]
    complement: Option<String>,
    #[schema(max_length = 80)]
    district: Option<String>,
    #[schema(max_length = 80)]
    city: Option<String>,
    #[schema(value_type = Option<StateCode>)]
    state: Option<String>,
    #[schema(value_type = Option<PostalCode>)]
    postal_code: Option<String>,
}

impl TryFrom<AddressInput> for Address {
    type Error = FieldErrors;

    fn try_from(input: AddressInput) -> Result<Self, FieldErrors> {
        let AddressInput {
            street,
            number,
            complement,
            district,
            city,
            state,
            postal_code,
        } = input;
        let mut errors = FieldErrors::new();
        let street = errors.read_optional("/street", street, |text| bounded(&text, 1, 120));
        let number = errors.read_optional("/number", number, |text| bounded(&text, 1, 20));
        let complement = errors.read_optional("/complement", complement, |text| bounded(&text, 1, 80));
        let district = errors.read_optional("/district", district, |text| bounded(&text, 1, 80));
        let city = errors.read_optional("/city", city, |text| bounded(&text, 1, 80));
        let state = errors.read_optional("/state", state, |text| StateCode::parse(&text.to_ascii_uppercase()));
        let postal_code = errors.read_optional("/postal_code", postal_code, |text| PostalCode::parse(&text));
        let assemble = || {
            Some(Self {
                street: street?,
                number: number?,
                complement: complement?,
                district: district?,
                city: city?,
                state: state?,
                postal_code: postal_code?,
            })
        };
        errors.finish(assemble())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_may_have_gaps_and_no_faults() {
        let input: AddressInput = serde_json::from_value(json!({"city": " Manaus ", "state": "am"})).unwrap();
        let address = Address::try_from(input).unwrap();
        assert_eq!(address.city.as_deref(), Some("Manaus"));
        assert_eq!(address.state, Some(StateCode::Am));
        let input: AddressInput =
            serde_json::from_value(json!({"street": "", "state": "XX", "postal_code": "123"})).unwrap();
        assert_eq!(Address::try_from(input).unwrap_err().into_vec().len(), 3);
    }

    #[test]
    fn what_is_stored_is_read_again() {
        assert_eq!(
            serde_json::from_value::<Address>(json!({})).unwrap(),
            Address::default()
        );
        assert_eq!(PostalCode::parse("01310-100").unwrap().as_str(), "01310100");
        assert_eq!(PostalCode::parse("0131010"), Err(InvalidPostalCode));
    }
}
