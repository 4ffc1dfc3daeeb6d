//! People as clients see them.

use chrono::NaiveDate;
use kernel::documents::{Cns, Cpf};
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::{Label, PersonName};
use kernel::{ContactId, Timestamp, Version};
use rest::View;
use serde::Serialize;
use utoipa::ToSchema;

use super::address::Address;
use super::custom_fields::CustomFields;
use super::model::{Contact, ContactColumns, ContactKind, ContactStatus, Sex};
use super::phones::Phone;
use crate::consents::ConsentView;

/// Who answers for a person: somebody the clinic knows, or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GuardianView {
    /// A contact of the clinic.
    pub contact_id: Option<ContactId>,
    /// A name, where the clinic knows no more.
    pub name: Option<PersonName>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContactView {
    /// The person's id.
    pub id: ContactId,
    /// Patient or lead.
    pub kind: ContactKind,
    /// Where they stand with the clinic.
    pub status: ContactStatus,
    /// The name in documents.
    pub name: PersonName,
    /// The name to be called by (Decreto 8.727/2016).
    pub social_name: Option<PersonName>,
    /// The date of birth.
    #[schema(example = "1990-12-31")]
    pub birth_date: Option<NaiveDate>,
    /// The sex.
    pub sex: Option<Sex>,
    /// The CPF, bare.
    pub tax_id: Option<Cpf>,
    /// The CNS, bare.
    pub national_health_id: Option<Cns>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// The primary phone.
    pub phone: Option<PhoneNumber>,
    /// Every phone.
    pub phones: Vec<Phone>,
    /// The address.
    pub address: Option<Address>,
    /// The clinic's labels.
    pub tags: Vec<Label>,
    /// The clinic's own fields.
    pub custom_fields: CustomFields,
    /// Who answers for the person.
    pub guardian: Option<GuardianView>,
    /// The health insurer.
    pub insurer: Option<String>,
    /// The number of the insurer's card.
    pub insurance_card_number: Option<String>,
    /// How the person came to the clinic.
    pub source: Option<String>,
    /// The newest answer about each purpose that the person was asked about.
    pub consents: Vec<ConsentView>,
    /// Whom the person turned out to be, where two contacts were merged.
    pub merged_into_id: Option<ContactId>,
    /// Since when the person is archived.
    pub archived_at: Option<Timestamp>,
    /// How often it was changed, for `If-Match`.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl View for ContactView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        let Contact {
            columns,
            phones,
            consents,
        } = contact;
        let ContactColumns {
            guardian_id,
            guardian_name,
            ..
        } = columns;
        let guardian = (guardian_id.is_some() || guardian_name.is_some()).then_some(GuardianView {
            contact_id: guardian_id,
            name: guardian_name,
        });
        Self {
            id: columns.id,
            kind: columns.kind,
            status: columns.status,
            name: columns.name,
            social_name: columns.social_name,
            birth_date: columns.birth_date,
            sex: columns.sex,
            tax_id: columns.cpf,
            national_health_id: columns.cns,
            email: columns.email,
            phone: phones.primary().cloned(),
            phones: phones.into_vec(),
            address: columns.address,
            tags: columns.tags,
            custom_fields: columns.custom_fields,
            guardian,
            insurer: columns.insurer,
            insurance_card_number: columns.insurance_card_number,
            source: columns.source,
            consents: consents.into_iter().map(ConsentView::from).collect(),
            merged_into_id: columns.merged_into_id,
            archived_at: columns.archived_at,
            version: columns.version,
            created_at: columns.created_at,
            updated_at: columns.updated_at,
        }
    }
}
