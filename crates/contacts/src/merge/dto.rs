//! A merge as clients ask for it.

use kernel::ContactId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::MergeSide;

/// Which contact goes into the one of the path, and whose values to keep where both have one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeContacts {
    /// The contact that goes.
    pub from_id: ContactId,
    /// Whose values to keep where both have one.
    #[serde(default)]
    pub keep: KeepChoices,
}

macro_rules! choices {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// Per field, whose value to keep where both contacts have one: `into` (the one that stays, when nothing is said) or
        /// `from`. A field that only one of them has is kept in any case; phones, tags and consents of both are kept.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct KeepChoices {
            $(
                $(#[$doc])*
                #[serde(default)]
                pub $field: Option<MergeSide>,
            )+
        }
    };
}

choices! {
    /// The name in documents.
    name,
    /// The name to be called by.
    social_name,
    /// Patient or lead.
    kind,
    /// The e-mail address.
    email,
    /// The primary phone.
    phone,
    /// The date of birth.
    birth_date,
    /// The sex.
    sex,
    /// The CPF. Must be chosen where both have one and they differ.
    tax_id,
    /// The CNS.
    national_health_id,
    /// The address.
    address,
    /// Who answers for the person.
    guardian,
    /// The health insurer.
    insurer,
    /// The number of the insurer's card.
    insurance_card_number,
    /// How the person came to the clinic.
    source,
    /// The clinic's own fields: whose value is kept of a field that both have.
    custom_fields,
}
