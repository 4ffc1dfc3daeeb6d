//! The bodies in which practitioners come in, and how they are read.

use kernel::documents::{Council, CouncilRegistration, RegistrationNumber, StateCode};
use kernel::text::{Label, PersonName};
use kernel::{FieldErrors, MembershipId, PractitionerId, ServiceId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{NewPractitioner, PractitionerChanges, RowChanges};
use rest::{Patch, ReadPatch, as_it_is};

/// A council registration, each part as people write it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationInput {
    #[schema(value_type = Council)]
    council: String,
    #[schema(value_type = RegistrationNumber)]
    number: String,
    #[schema(value_type = StateCode)]
    state: String,
}

impl TryFrom<RegistrationInput> for CouncilRegistration {
    type Error = FieldErrors;

    fn try_from(RegistrationInput { council, number, state }: RegistrationInput) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let council = errors.read("/council", Council::parse(&council.to_ascii_uppercase()));
        let number = errors.read("/number", RegistrationNumber::parse(&number));
        let state = errors.read("/state", StateCode::parse(&state.to_ascii_uppercase()));
        let assemble = || {
            Some(Self {
                council: council?,
                number: number?,
                state: state?,
            })
        };
        errors.finish(assemble())
    }
}

/// A practitioner to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Helena Duarte Lima", "registration": {"council": "CRM", "number": "123456", "state": "SP"},
    "specialty": "Cardiologia", "service_ids": []
}))]
pub(super) struct CreatePractitioner {
    /// Made by the server when not given.
    id: Option<PractitionerId>,
    #[schema(value_type = PersonName)]
    name: String,
    registration: RegistrationInput,
    #[schema(value_type = Option<Label>)]
    specialty: Option<String>,
    /// Their place among the staff, when they sign in. Needs `staff:manage`.
    membership_id: Option<MembershipId>,
    /// The services they offer.
    #[serde(default)]
    service_ids: Vec<ServiceId>,
}

impl TryFrom<CreatePractitioner> for NewPractitioner {
    type Error = FieldErrors;

    fn try_from(body: CreatePractitioner) -> Result<Self, FieldErrors> {
        let CreatePractitioner {
            id,
            name,
            registration,
            specialty,
            membership_id,
            service_ids,
        } = body;
        let mut errors = FieldErrors::new();
        let name = errors.read("/name", PersonName::parse(&name));
        let registration = read_registration(&mut errors, registration);
        let specialty = errors.read_optional("/specialty", specialty, |text| Label::parse(&text));
        let assemble = || {
            let (name, registration, specialty) = (name?, registration?, specialty?);
            Some(Self {
                id,
                membership_id,
                name,
                registration,
                specialty,
                service_ids,
            })
        };
        errors.finish(assemble())
    }
}

/// What changes about a practitioner; what is absent stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"specialty": "Clínica médica"}))]
pub(super) struct PatchPractitioner {
    #[serde(default)]
    #[schema(value_type = Option<PersonName>)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<RegistrationInput>)]
    registration: Patch<RegistrationInput>,
    #[serde(default)]
    #[schema(value_type = Option<Label>)]
    specialty: Patch<String>,
    /// Their place among the staff. Needs `staff:manage`.
    #[serde(default)]
    membership_id: Patch<MembershipId>,
    /// The services they offer from now on.
    #[serde(default)]
    service_ids: Patch<Vec<ServiceId>>,
}

impl TryFrom<PatchPractitioner> for PractitionerChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchPractitioner) -> Result<Self, FieldErrors> {
        let PatchPractitioner {
            name,
            registration,
            specialty,
            membership_id,
            service_ids,
        } = body;
        let mut errors = FieldErrors::new();
        let mut row = RowChanges {
            membership_id: membership_id.into_change(),
            name: errors.read_change("/name", name, |text| PersonName::parse(&text)),
            specialty: errors.read_clearable("/specialty", specialty, |text| Label::parse(&text)),
            ..RowChanges::default()
        };
        let registration = errors.read_change("/registration", registration, as_it_is);
        if let Some(registration) = registration.and_then(|input| read_registration(&mut errors, input)) {
            row.set_registration(registration);
        }
        let service_ids = errors.read_change("/service_ids", service_ids, as_it_is);
        errors.finish(Some(Self { row, service_ids }))
    }
}

fn read_registration(errors: &mut FieldErrors, input: RegistrationInput) -> Option<CouncilRegistration> {
    input
        .try_into()
        .map_err(|inner| errors.nest("/registration", inner))
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_wrong_is_told_at_once() {
        let body: CreatePractitioner = serde_json::from_value(json!({
            "name": " ", "registration": {"council": "CRX", "number": "", "state": "sp"}, "specialty": "a\u{0}b"
        }))
        .unwrap();
        let errors = NewPractitioner::try_from(body).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/name", "/registration/council", "/registration/number", "/specialty"]
        );
    }

    #[test]
    fn a_registration_is_read_as_people_write_it() {
        let body: PatchPractitioner =
            serde_json::from_value(json!({"registration": {"council": "crm", "number": "123.456", "state": "sp"}}))
                .unwrap();
        let changes = PractitionerChanges::try_from(body).unwrap();
        assert_eq!(changes.row.council, Some(Council::Crm));
        assert_eq!(changes.row.council_number, RegistrationNumber::parse("123456").ok());
        assert_eq!(changes.row.fields(), ["registration"]);
    }

    #[test]
    fn a_name_cannot_be_cleared() {
        let body: PatchPractitioner = serde_json::from_value(json!({"name": null, "service_ids": null})).unwrap();
        let errors = PractitionerChanges::try_from(body).unwrap_err();
        assert_eq!(errors.iter().filter(|error| error.code == "required").count(), 2);
    }
}
