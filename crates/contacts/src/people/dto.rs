//! People as clients send them. Values are checked in `validation`, all of them together.

use kernel::ContactId;
use kernel::documents::{Cns, Cpf};
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::PersonName;
use rest::Patch;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::address::Address;
use super::custom_fields::CustomFields;
use super::model::{ContactKind, ContactStatus, Sex};
use super::phones::PhoneInput;
use crate::consents::RecordConsent;

/// Who answers for a person: somebody the clinic knows, or a name; one of the two.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardianInput {
    /// A contact of the clinic.
    #[serde(default)]
    pub contact_id: Option<ContactId>,
    /// A name, where the clinic knows no more.
    #[serde(default)]
    #[schema(value_type = Option<PersonName>)]
    pub name: Option<String>,
}

/// A person to be.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateContact {
    /// An id of the client's own making, for work without a connection; the server makes one when it is not given.
    #[serde(default)]
    pub id: Option<ContactId>,
    /// The name in documents.
    #[schema(value_type = PersonName)]
    pub name: String,
    /// The name to be called by (Decreto 8.727/2016).
    #[serde(default)]
    #[schema(value_type = Option<PersonName>)]
    pub social_name: Option<String>,
    /// Patient or lead; patient when not given.
    #[serde(default)]
    #[schema(value_type = Option<ContactKind>)]
    pub kind: Option<String>,
    /// `active` or `inactive`; active when not given.
    #[serde(default)]
    #[schema(value_type = Option<ContactStatus>)]
    pub status: Option<String>,
    /// The e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<EmailAddress>)]
    pub email: Option<String>,
    /// The primary phone; must not contradict `phones`.
    #[serde(default)]
    #[schema(value_type = Option<PhoneNumber>)]
    pub phone: Option<String>,
    /// Every phone.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub phones: Option<Vec<PhoneInput>>,
    /// The date of birth.
    #[serde(default)]
    #[schema(value_type = Option<chrono::NaiveDate>, example = "1990-12-31")]
    pub birth_date: Option<String>,
    /// The sex.
    #[serde(default)]
    #[schema(value_type = Option<Sex>)]
    pub sex: Option<String>,
    /// The CPF, with or without punctuation.
    #[serde(default)]
    #[schema(value_type = Option<Cpf>)]
    pub tax_id: Option<String>,
    /// The CNS.
    #[serde(default)]
    #[schema(value_type = Option<Cns>)]
    pub national_health_id: Option<String>,
    /// The address.
    #[serde(default)]
    pub address: Option<Address>,
    /// The clinic's labels.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub tags: Option<Vec<String>>,
    /// The clinic's own fields.
    #[serde(default)]
    #[schema(value_type = Option<CustomFields>)]
    pub custom_fields: Option<Map<String, Value>>,
    /// Who answers for the person.
    #[serde(default)]
    pub guardian: Option<GuardianInput>,
    /// The health insurer.
    #[serde(default)]
    #[schema(max_length = 120, example = "Unimed")]
    pub insurer: Option<String>,
    /// The number of the insurer's card.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub insurance_card_number: Option<String>,
    /// How the person came to the clinic.
    #[serde(default)]
    #[schema(max_length = 80, example = "recommendation")]
    pub source: Option<String>,
    /// What the person said about the use of their data.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub consents: Option<Vec<RecordConsent>>,
}

/// What to change of a person: a field that is not sent stays, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateContact {
    /// The name in documents; cannot be cleared.
    #[schema(value_type = Option<PersonName>)]
    #[serde(default)]
    pub name: Patch<String>,
    /// The name to be called by.
    #[schema(value_type = Option<PersonName>)]
    #[serde(default)]
    pub social_name: Patch<String>,
    /// Patient or lead; cannot be cleared.
    #[schema(value_type = Option<ContactKind>)]
    #[serde(default)]
    pub kind: Patch<String>,
    /// Where the person stands; `archived` puts away, `active` and `inactive` bring back; cannot be cleared.
    #[schema(value_type = Option<ContactStatus>)]
    #[serde(default)]
    pub status: Patch<String>,
    /// The e-mail address.
    #[schema(value_type = Option<EmailAddress>)]
    #[serde(default)]
    pub email: Patch<String>,
    /// The primary phone; null takes it away and the next one becomes primary.
    #[schema(value_type = Option<PhoneNumber>)]
    #[serde(default)]
    pub phone: Patch<String>,
    /// Every phone, in place of those before.
    #[schema(value_type = Option<Vec<PhoneInput>>, max_items = 20)]
    #[serde(default)]
    pub phones: Patch<Vec<PhoneInput>>,
    /// The date of birth.
    #[schema(value_type = Option<chrono::NaiveDate>, example = "1990-12-31")]
    #[serde(default)]
    pub birth_date: Patch<String>,
    /// The sex.
    #[schema(value_type = Option<Sex>)]
    #[serde(default)]
    pub sex: Patch<String>,
    /// The CPF, with or without punctuation.
    #[schema(value_type = Option<Cpf>)]
    #[serde(default)]
    pub tax_id: Patch<String>,
    /// The CNS.
    #[schema(value_type = Option<Cns>)]
    #[serde(default)]
    pub national_health_id: Patch<String>,
    /// The address, whole.
    #[schema(value_type = Option<Address>)]
    #[serde(default)]
    pub address: Patch<Address>,
    /// The clinic's labels, in place of those before.
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    #[serde(default)]
    pub tags: Patch<Vec<String>>,
    /// The clinic's own fields, in place of those before.
    #[schema(value_type = Option<CustomFields>)]
    #[serde(default)]
    pub custom_fields: Patch<Map<String, Value>>,
    /// Who answers for the person.
    #[schema(value_type = Option<GuardianInput>)]
    #[serde(default)]
    pub guardian: Patch<GuardianInput>,
    /// The health insurer.
    #[schema(value_type = Option<String>, max_length = 120)]
    #[serde(default)]
    pub insurer: Patch<String>,
    /// The number of the insurer's card.
    #[schema(value_type = Option<String>, max_length = 40)]
    #[serde(default)]
    pub insurance_card_number: Patch<String>,
    /// How the person came to the clinic.
    #[schema(value_type = Option<String>, max_length = 80)]
    #[serde(default)]
    pub source: Patch<String>,
}
