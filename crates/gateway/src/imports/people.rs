//! Makes contacts of the people of an appointments file whom the clinic does not know yet.

use appointments::import::{NewContactError, NewContacts, Person};
use contacts::people::{ContactError, CreateContact, service};
use db::TenantTx;
use kernel::{ContactId, FieldErrors};

/// Makes contacts through the contacts domain's own service.
pub(crate) struct MakeContacts<'o> {
    /// The custom field in which the other system's ids are kept.
    pub(crate) external_id_field: &'o str,
}

impl NewContacts for MakeContacts<'_> {
    async fn create(&self, tx: &mut TenantTx<'_>, person: &Person) -> Result<ContactId, NewContactError> {
        let contact = self
            .contact_of(person)
            .checked(tx.now())
            .map_err(NewContactError::Refused)?;
        service::create(tx, &contact)
            .await
            .map(|contact| contact.columns.id)
            .map_err(|error| match error {
                ContactError::Database(error) => NewContactError::Database(error),
                refused => NewContactError::Refused(FieldErrors::one("contact", "refused", refused)),
            })
    }
}

impl MakeContacts<'_> {
    /// What the file says of the person. One without a name is called by the other system's id, until somebody asks.
    fn contact_of(&self, person: &Person) -> CreateContact {
        let name = match (&person.name, &person.external_id) {
            (Some(name), _) => name.as_str().to_owned(),
            (None, Some(id)) => format!("Paciente {id}"),
            (None, None) => String::new(),
        };
        let mut custom_fields = serde_json::Map::new();
        if let Some(id) = &person.external_id {
            custom_fields.insert(self.external_id_field.to_owned(), id.clone().into());
        }
        if let Some(age) = person.age {
            custom_fields.insert("age_at_import".to_owned(), age.into());
        }
        CreateContact {
            name,
            birth_date: person.birth_date.map(|date| date.to_string()),
            sex: person.sex.as_deref().and_then(sex_of).map(str::to_owned),
            tax_id: person.cpf.as_ref().map(|cpf| cpf.as_str().to_owned()),
            phone: person.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            custom_fields: (!custom_fields.is_empty()).then_some(custom_fields),
            source: Some("import".to_owned()),
            ..CreateContact::default()
        }
    }
}

/// The sex that a file writes in Portuguese or English.
fn sex_of(text: &str) -> Option<&'static str> {
    match text.trim().chars().next().map(|first| first.to_ascii_lowercase()) {
        Some('f') => Some("female"),
        Some('m') => Some("male"),
        _ => None,
    }
}
