//! The body in which the clinic's settings come in, and how it is read.

use kernel::documents::Cnpj;
use kernel::email::EmailAddress;
use kernel::money::Currency;
use kernel::phone::PhoneNumber;
use serde::Deserialize;
use utoipa::ToSchema;

use super::address::{Address, AddressInput};
use super::model::{ClinicChanges, CompanyName, HoldMinutes, Locale};
use crate::services::SlotStepMinutes;
use kernel::{FieldErrors, Zone};
use rest::{Patch, ReadPatch, as_it_is};

/// What changes about the clinic; what is absent stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"trade_name": "Clínica Aurora", "phone": "+551132101234", "slot_step_minutes": 15}))]
pub(super) struct PatchClinic {
    /// The name in the company register.
    #[serde(default)]
    #[schema(value_type = Option<CompanyName>)]
    legal_name: Patch<String>,
    /// The name on the door.
    #[serde(default)]
    #[schema(value_type = Option<CompanyName>)]
    trade_name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Cnpj>)]
    cnpj: Patch<String>,
    /// Where the clinic's days begin and end.
    #[serde(default)]
    #[schema(value_type = Option<Zone>)]
    zone: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Locale>)]
    locale: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Currency>)]
    currency: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<EmailAddress>)]
    email: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<PhoneNumber>)]
    phone: Patch<String>,
    /// Replaces the whole address.
    #[serde(default)]
    #[schema(value_type = Option<AddressInput>)]
    address: Patch<AddressInput>,
    /// How far apart free slots start, for services without a step of their own.
    #[serde(default)]
    #[schema(value_type = Option<SlotStepMinutes>, inline)]
    slot_step_minutes: Patch<i32>,
    /// For how long a slot is held while a booking is finished.
    #[serde(default)]
    #[schema(value_type = Option<HoldMinutes>, inline)]
    hold_minutes: Patch<i32>,
}

impl TryFrom<PatchClinic> for ClinicChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchClinic) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut changes = Self {
            legal_name: errors.read_change("/legal_name", body.legal_name, |text| CompanyName::parse(&text)),
            trade_name: errors.read_change("/trade_name", body.trade_name, |text| CompanyName::parse(&text)),
            cnpj: errors.read_clearable("/cnpj", body.cnpj, |text| Cnpj::parse(&text)),
            zone: errors.read_change("/zone", body.zone, |text| text.parse::<Zone>()),
            locale: errors.read_change("/locale", body.locale, |text| Locale::parse(&text)),
            currency: errors.read_change("/currency", body.currency, |text| Currency::parse(&text)),
            email: errors.read_clearable("/email", body.email, |text| EmailAddress::parse(&text)),
            phone: errors.read_clearable("/phone", body.phone, |text| PhoneNumber::parse_international(&text)),
            address: None,
            slot_step_minutes: errors.read_change("/slot_step_minutes", body.slot_step_minutes, SlotStepMinutes::new),
            hold_minutes: errors.read_change("/hold_minutes", body.hold_minutes, HoldMinutes::new),
        };
        changes.address = match errors.read_clearable("/address", body.address, as_it_is) {
            None => None,
            Some(None) => Some(Address::default()),
            Some(Some(input)) => input
                .try_into()
                .map_err(|inner: FieldErrors| errors.nest("/address", inner))
                .ok(),
        };
        errors.finish(Some(changes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_wrong_is_told_at_once() {
        let body: PatchClinic = serde_json::from_value(json!({
            "legal_name": null, "cnpj": "12", "zone": "Brasil", "locale": "pt", "currency": "reais",
            "email": "nobody", "phone": "1", "address": {"state": "XX"}, "slot_step_minutes": 1, "hold_minutes": 61
        }))
        .unwrap();
        let errors = ClinicChanges::try_from(body).unwrap_err();
        assert_eq!(errors.iter().count(), 10);
        assert!(
            errors
                .iter()
                .any(|error| error.pointer == "/address/state" && error.code == "unknown_state")
        );
    }

    #[test]
    fn null_empties_the_address() {
        let body: PatchClinic = serde_json::from_value(json!({"address": null, "cnpj": null})).unwrap();
        let changes = ClinicChanges::try_from(body).unwrap();
        assert_eq!(changes.address, Some(Address::default()));
        assert_eq!(changes.fields(), ["cnpj", "address"]);
    }
}
