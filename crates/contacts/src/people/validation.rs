//! From what clients send to what people are: every value checked, everything that is wrong told together.

use std::str::FromStr;

use chrono::NaiveDate;
use kernel::documents::{Cns, Cpf};
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::{Label, PersonName};
use kernel::{FieldErrors, Timestamp};
use rest::Patch;

use super::custom_fields::CustomFields;
use super::dto::{CreateContact, GuardianInput, UpdateContact};
use super::fields::{limited, patched, patched_required};
use super::model::{
    ContactChanges, ContactKind, ContactStatus, Guardian, InvalidBirthDate, NewContact, Sex, birth_date,
};
use super::phones::PhoneList;
use crate::consents::RecordConsent;

const INSURER_CHARS: usize = 120;
const CARD_NUMBER_CHARS: usize = 40;
const SOURCE_CHARS: usize = 80;
const MOST_TAGS: usize = 50;

impl CreateContact {
    /// The person that this describes, as seen at `now`.
    ///
    /// # Errors
    /// Everything that is wrong, each with its pointer.
    pub fn checked(self, now: Timestamp) -> Result<NewContact, FieldErrors> {
        let mut errors = FieldErrors::new();
        let kind = errors.read_if_given("/kind", self.kind.as_deref(), ContactKind::parse);
        let status = errors.read_if_given("/status", self.status.as_deref(), ContactStatus::parse);
        if status == Some(ContactStatus::Archived) {
            errors.push("/status", "not_on_create", "a new contact is active or inactive");
        }
        let name = errors.read("/name", PersonName::parse(&self.name));
        let social_name = errors.read_if_given("/social_name", self.social_name.as_deref(), PersonName::parse);
        let birth_date = errors.read_if_given("/birth_date", self.birth_date.as_deref(), |text| {
            parse_birth_date(text, now)
        });
        let sex = errors.read_if_given("/sex", self.sex.as_deref(), Sex::parse);
        let cpf = errors.read_if_given("/tax_id", self.tax_id.as_deref(), Cpf::parse);
        let cns = errors.read_if_given("/national_health_id", self.national_health_id.as_deref(), Cns::parse);
        let email = errors.read_if_given("/email", self.email.as_deref(), EmailAddress::parse);
        let phone = errors.read_if_given("/phone", self.phone.as_deref(), PhoneNumber::parse_international);
        let phones = match &self.phones {
            None => Patch::Absent,
            Some(inputs) => PhoneList::parse(inputs, &mut errors).map_or(Patch::Absent, Patch::Value),
        };
        let phones = PhoneList::default()
            .changed(phone.map_or(Patch::Absent, Patch::Value), phones)
            .unwrap_or_else(|contradiction| {
                errors.nest("", contradiction);
                PhoneList::default()
            });
        let address = self.address.and_then(|address| address.checked(&mut errors));
        let tags = parse_tags(&self.tags.unwrap_or_default(), &mut errors);
        let custom_fields = self
            .custom_fields
            .and_then(|map| CustomFields::parse(map, &mut errors))
            .unwrap_or_default();
        let guardian = self.guardian.and_then(|guardian| guardian.checked(&mut errors));
        if let (Some(id), Some(Guardian::Contact(guardian))) = (self.id, &guardian)
            && id == *guardian
        {
            errors.push("/guardian/contact_id", "own_guardian", "nobody is their own guardian");
        }
        let insurer = errors.read_if_given("/insurer", self.insurer.as_deref(), limited(INSURER_CHARS));
        let insurance_card_number = errors.read_if_given(
            "/insurance_card_number",
            self.insurance_card_number.as_deref(),
            limited(CARD_NUMBER_CHARS),
        );
        let source = errors.read_if_given("/source", self.source.as_deref(), limited(SOURCE_CHARS));
        let consents = RecordConsent::checked_list(&self.consents.unwrap_or_default(), &mut errors);
        let contact = name.map(|name| NewContact {
            id: self.id,
            kind: kind.unwrap_or(ContactKind::Patient),
            is_active: status != Some(ContactStatus::Inactive),
            name,
            social_name,
            birth_date,
            sex,
            cpf,
            cns,
            email,
            phones,
            address,
            tags,
            custom_fields,
            guardian,
            insurer,
            insurance_card_number,
            source,
            consents,
        });
        errors.finish(contact)
    }
}

impl UpdateContact {
    /// The changes that this asks for, as seen at `now`.
    ///
    /// # Errors
    /// Everything that is wrong, each with its pointer.
    pub fn checked(self, now: Timestamp) -> Result<ContactChanges, FieldErrors> {
        let mut errors = FieldErrors::new();
        let found = &mut errors;
        let changes = ContactChanges {
            kind: patched_required(found, "/kind", &self.kind, ContactKind::parse),
            status: patched_required(found, "/status", &self.status, ContactStatus::parse),
            name: patched_required(found, "/name", &self.name, PersonName::parse),
            social_name: patched(found, "/social_name", &self.social_name, PersonName::parse),
            birth_date: patched(found, "/birth_date", &self.birth_date, |text| {
                parse_birth_date(text, now)
            }),
            sex: patched(found, "/sex", &self.sex, Sex::parse),
            cpf: patched(found, "/tax_id", &self.tax_id, Cpf::parse),
            cns: patched(found, "/national_health_id", &self.national_health_id, Cns::parse),
            email: patched(found, "/email", &self.email, EmailAddress::parse),
            phone: patched(found, "/phone", &self.phone, PhoneNumber::parse_international),
            phones: refined(self.phones, |inputs| PhoneList::parse(&inputs, found)),
            address: match self.address {
                Patch::Absent => Patch::Absent,
                Patch::Null => Patch::Null,
                Patch::Value(address) => address.checked(found).map_or(Patch::Null, Patch::Value),
            },
            tags: or_empty(self.tags).map(|tags| parse_tags(&tags, found)),
            custom_fields: or_empty(self.custom_fields).and_then(|map| CustomFields::parse(map, found)),
            guardian: refined(self.guardian, |guardian| guardian.checked(found)),
            insurer: patched(found, "/insurer", &self.insurer, limited(INSURER_CHARS)),
            insurance_card_number: patched(
                found,
                "/insurance_card_number",
                &self.insurance_card_number,
                limited(CARD_NUMBER_CHARS),
            ),
            source: patched(found, "/source", &self.source, limited(SOURCE_CHARS)),
        };
        errors.finish(Some(changes))
    }
}

impl GuardianInput {
    /// The guardian that this names; what is wrong is noted with pointers into `/guardian`.
    fn checked(self, errors: &mut FieldErrors) -> Option<Guardian> {
        match (self.contact_id, self.name) {
            (Some(contact), None) => Some(Guardian::Contact(contact)),
            (None, Some(name)) => errors
                .read("/guardian/name", PersonName::parse(&name))
                .map(Guardian::Named),
            (None, None) | (Some(_), Some(_)) => {
                errors.push(
                    "/guardian",
                    "one_of_two",
                    "a guardian is named by contact_id or by name, one of the two",
                );
                None
            }
        }
    }
}

/// The same with the value refined; one that is refused was noted, so it is as if absent.
fn refined<T, U>(patch: Patch<T>, refine: impl FnOnce(T) -> Option<U>) -> Patch<U> {
    match patch {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Value(value) => refine(value).map_or(Patch::Absent, Patch::Value),
    }
}

/// A collection that null empties.
fn or_empty<T: Default>(patch: Patch<T>) -> Option<T> {
    patch.into_change().map(Option::unwrap_or_default)
}

pub(crate) fn parse_birth_date(text: &str, now: Timestamp) -> Result<NaiveDate, InvalidBirthDate> {
    birth_date(NaiveDate::from_str(text).or(Err(InvalidBirthDate::Malformed))?, now)
}

/// The labels that `texts` are, each once.
fn parse_tags(texts: &[String], errors: &mut FieldErrors) -> Vec<Label> {
    if texts.len() > MOST_TAGS {
        errors.push("/tags", "too_many", format!("there are at most {MOST_TAGS} tags"));
        return Vec::new();
    }
    let mut tags = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        if let Some(tag) = errors.read(&format!("/tags/{index}"), Label::parse(text))
            && !tags.contains(&tag)
        {
            tags.push(tag);
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn faults<T>(checked: Result<T, FieldErrors>) -> Vec<String> {
        let Err(errors) = checked else { return Vec::new() };
        errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.code))
            .collect()
    }

    fn create(body: Value) -> Result<NewContact, FieldErrors> {
        serde_json::from_value::<CreateContact>(body).unwrap().checked(now())
    }

    fn update(body: Value) -> Result<ContactChanges, FieldErrors> {
        serde_json::from_value::<UpdateContact>(body).unwrap().checked(now())
    }

    #[test]
    fn a_name_is_enough() {
        let contact = create(json!({"name": " Ana  Lima "})).unwrap();
        assert_eq!(contact.name.as_str(), "Ana Lima");
        assert_eq!(
            (contact.kind, contact.is_active, contact.phones.is_empty()),
            (ContactKind::Patient, true, true)
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_together() {
        let body = json!({
            "name": " ", "kind": "friend", "status": "archived", "email": "x", "phone": "1", "birth_date": "2030-01-01",
            "sex": "f", "tax_id": "52998224726", "national_health_id": "1", "address": {"postal_code": "1"},
            "tags": ["a", " "], "custom_fields": {"": 1}, "guardian": {}, "insurer": "x".repeat(121),
            "consents": [{"purpose": "X", "granted": true, "origin": "form"}],
        });
        assert_eq!(
            faults(create(body)),
            [
                "/kind unknown_kind",
                "/status not_on_create",
                "/name blank",
                "/birth_date in_future",
                "/sex unknown_sex",
                "/tax_id invalid_check_digits",
                "/national_health_id invalid_length",
                "/email invalid_email",
                "/phone invalid_length",
                "/address/postal_code invalid_postal_code",
                "/tags/1 blank",
                "/custom_fields/ invalid_name",
                "/guardian one_of_two",
                "/insurer too_long",
                "/consents/0/purpose invalid_purpose",
            ]
        );
    }

    #[test]
    fn phone_and_phones_must_agree() {
        let body = |phone: &str| json!({"name": "Ana", "phone": phone, "phones": [{"number": "(11) 98765-4321"}, {"number": "(11) 3333-4444"}]});
        assert!(create(body("11 8765-4321")).is_ok());
        assert_eq!(faults(create(body("11 3333-4444"))), ["/phone contradicts_phones"]);
    }

    #[test]
    fn absent_keeps_and_null_clears() {
        let changes = update(json!({"social_name": null, "tags": null, "email": "Ana@Example.com"})).unwrap();
        assert_eq!(changes.social_name, Patch::Null);
        assert_eq!(changes.tags, Some(Vec::new()));
        assert!(matches!(&changes.email, Patch::Value(email) if email.as_str() == "ana@example.com"));
        assert!(changes.birth_date.is_absent() && changes.name.is_none());
        assert_eq!(
            faults(update(json!({"name": null, "kind": null, "sex": "x"}))),
            ["/kind not_nullable", "/name not_nullable", "/sex unknown_sex"]
        );
    }

    #[test]
    fn nobody_is_their_own_guardian() {
        let id = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5";
        let body = json!({"id": id, "name": "Ana", "guardian": {"contact_id": id}});
        assert_eq!(faults(create(body)), ["/guardian/contact_id own_guardian"]);
    }
}
