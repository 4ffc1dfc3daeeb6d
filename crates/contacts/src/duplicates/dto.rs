//! Duplicates as clients ask for and see them.

use kernel::documents::{Cns, Cpf};
use kernel::email::EmailAddress;
use kernel::fold::fold;
use kernel::phone::PhoneNumber;
use kernel::text::PersonName;
use kernel::{FieldErrors, Timestamp};
use rest::View;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::likeness::{DuplicateReason, Identity};
use crate::people::ContactView;
use crate::people::validation::parse_birth_date;

/// Somebody who may be in the books already.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateCheck {
    /// The name.
    #[serde(default)]
    #[schema(value_type = Option<PersonName>)]
    pub name: Option<String>,
    /// The date of birth.
    #[serde(default)]
    #[schema(value_type = Option<chrono::NaiveDate>, example = "1990-12-31")]
    pub birth_date: Option<String>,
    /// The CPF.
    #[serde(default)]
    #[schema(value_type = Option<Cpf>)]
    pub tax_id: Option<String>,
    /// The CNS.
    #[serde(default)]
    #[schema(value_type = Option<Cns>)]
    pub national_health_id: Option<String>,
    /// The e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<EmailAddress>)]
    pub email: Option<String>,
    /// A phone.
    #[serde(default)]
    #[schema(value_type = Option<PhoneNumber>)]
    pub phone: Option<String>,
    /// More phones.
    #[serde(default)]
    #[schema(value_type = Option<Vec<PhoneNumber>>, max_items = 20)]
    pub phones: Option<Vec<String>>,
}

impl DuplicateCheck {
    /// Who is looked for.
    ///
    /// # Errors
    /// Everything that is wrong, also when nothing is given that tells people apart.
    pub fn checked(&self, now: Timestamp) -> Result<Identity, FieldErrors> {
        const MOST_PHONES: usize = 20;
        let mut errors = FieldErrors::new();
        let found = &mut errors;
        let name = found.read_if_given("/name", self.name.as_deref(), PersonName::parse);
        let birth_date = found.read_if_given("/birth_date", self.birth_date.as_deref(), |text| {
            parse_birth_date(text, now)
        });
        let cpf = found.read_if_given("/tax_id", self.tax_id.as_deref(), Cpf::parse);
        let cns = found.read_if_given("/national_health_id", self.national_health_id.as_deref(), Cns::parse);
        let email = found.read_if_given("/email", self.email.as_deref(), EmailAddress::parse);
        let phone = found.read_if_given("/phone", self.phone.as_deref(), PhoneNumber::parse_international);
        let mut phone_keys: Vec<String> = phone.iter().map(PhoneNumber::match_key).collect();
        let more = self.phones.as_deref().unwrap_or_default();
        if more.len() > MOST_PHONES {
            found.push(
                "/phones",
                "too_many",
                format!("at most {MOST_PHONES} phones are looked for"),
            );
        } else {
            for (index, text) in more.iter().enumerate() {
                let phone = found.read(&format!("/phones/{index}"), PhoneNumber::parse_international(text));
                phone_keys.extend(phone.map(|phone| phone.match_key()));
            }
        }
        let names = name.iter().map(|name| fold(name.as_str())).collect();
        let identity = Identity {
            names,
            birth_date,
            cpf,
            cns,
            email,
            phone_keys,
        };
        if errors.is_empty() && identity == Identity::default() {
            errors.push("", "nothing_to_look_for", "give at least one of the fields");
        }
        errors.finish(Some(identity))
    }
}

/// A contact that may be the same person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DuplicateView {
    /// How sure it is, 0 to 100.
    #[schema(minimum = 0, maximum = 100, example = 95)]
    pub score: u8,
    /// What speaks for it, and what against.
    pub reasons: Vec<DuplicateReason>,
    /// The contact.
    pub contact: ContactView,
}

/// The contacts that may be the same person, the likeliest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DuplicatesView {
    /// The contacts.
    pub data: Vec<DuplicateView>,
}

impl View for DuplicatesView {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_must_be_given_and_be_right() {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let faults = |check: DuplicateCheck| {
            let errors = check.checked(now).unwrap_err();
            errors
                .iter()
                .map(|error| format!("{} {}", error.pointer, error.code))
                .collect::<Vec<_>>()
        };
        assert_eq!(faults(DuplicateCheck::default()), [" nothing_to_look_for"]);
        let wrong = DuplicateCheck {
            phone: Some("1".to_owned()),
            tax_id: Some("1".to_owned()),
            ..DuplicateCheck::default()
        };
        assert_eq!(faults(wrong), ["/tax_id invalid_length", "/phone invalid_length"]);
    }
}
