//! Whom a line is about, and who makes contacts of those that are not known yet.

use std::future::Future;

use chrono::NaiveDate;
use db::{DbError, TenantTx};
use kernel::documents::Cpf;
use kernel::phone::PhoneNumber;
use kernel::text::PersonName;
use kernel::{ContactId, FieldErrors};

/// What a line says of the patient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// What the other system calls them.
    pub external_id: Option<String>,
    /// Their CPF.
    pub cpf: Option<Cpf>,
    /// A number of theirs.
    pub phone: Option<PhoneNumber>,
    /// Their name.
    pub name: Option<PersonName>,
    /// When they were born.
    pub birth_date: Option<NaiveDate>,
    /// How old they were, in years, where the file has no date of birth.
    pub age: Option<u8>,
    /// Their sex, as the file writes it.
    pub sex: Option<String>,
}

impl Person {
    /// Whether there is anything by which a contact could be found.
    #[must_use]
    pub const fn can_be_found(&self) -> bool {
        self.external_id.is_some()
            || self.cpf.is_some()
            || self.phone.is_some()
            || (self.name.is_some() && self.birth_date.is_some())
    }
}

/// Why no contact was made.
#[derive(Debug, thiserror::Error)]
pub enum NewContactError {
    /// What the file says is not enough, or not right; the line is rejected with it.
    #[error("the contact was refused: {0}")]
    Refused(FieldErrors),
    /// The database failed; the import ends.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Makes contacts of people that the clinic does not know yet.
pub trait NewContacts {
    /// Makes the contact. Where `person` has an external id, it is to be kept in the custom field that
    /// [`super::ImportOptions::external_id_field`] names, so that the next import finds the contact by it.
    fn create(
        &self,
        tx: &mut TenantTx<'_>,
        person: &Person,
    ) -> impl Future<Output = Result<ContactId, NewContactError>>;
}

/// Makes none: lines about people who are not known are rejected.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnlyKnownContacts;

impl NewContacts for OnlyKnownContacts {
    async fn create(&self, _tx: &mut TenantTx<'_>, _person: &Person) -> Result<ContactId, NewContactError> {
        let errors = FieldErrors::one("contact", "unknown_contact", "the clinic has no such contact");
        Err(NewContactError::Refused(errors))
    }
}
