//! Who and what the lines of a file speak of, as the clinic knows them.

use std::collections::HashMap;

use db::schema::functions::search_form;
use db::schema::{appointments, clinics, contact_phones, contacts, practitioners, services};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::try_join;
use kernel::fold::fold;
use kernel::{AppointmentId, ContactId, PractitionerId, ServiceId, Timestamp, Zone};

use super::layout::Shape;
use super::person::Person;

/// A practitioner, and the ways in which people write their registration.
#[derive(Debug, Clone, Queryable)]
struct PractitionerRow {
    id: PractitionerId,
    name: String,
    council: String,
    council_number: String,
    council_state: String,
}

/// A service.
#[derive(Debug, Clone, Queryable)]
pub(super) struct ServiceRow {
    pub(super) id: ServiceId,
    name: String,
    duration_minutes: i32,
    buffer_before_minutes: i32,
    buffer_after_minutes: i32,
}

impl ServiceRow {
    /// The time it takes.
    pub(super) fn shape(&self) -> Shape {
        let minutes = |count: i32| chrono::TimeDelta::minutes(i64::from(count));
        Shape {
            duration: minutes(self.duration_minutes),
            before: minutes(self.buffer_before_minutes),
            after: minutes(self.buffer_after_minutes),
        }
    }
}

/// The clinic's zone, practitioners and services, and the contacts that have an id of the other system.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) zone: Zone,
    practitioners: Vec<PractitionerRow>,
    services: Vec<ServiceRow>,
    by_external_id: HashMap<String, ContactId>,
}

impl Directory {
    /// Reads it. `external_id_field` is the custom field that holds the other system's ids.
    pub(super) async fn load(tx: &TenantRead<'_>, external_id_field: &str) -> Result<Self, DbError> {
        let mut connections = (tx.conn(), tx.conn(), tx.conn(), tx.conn());
        let zone = clinics::table
            .filter(clinics::id.eq(tx.clinic()))
            .select(clinics::zone)
            .get_result(&mut connections.0);
        let practitioners = practitioners::table
            .filter(practitioners::clinic_id.eq(tx.clinic()))
            .filter(practitioners::archived_at.is_null())
            .select((
                practitioners::id,
                practitioners::name,
                practitioners::council,
                practitioners::council_number,
                practitioners::council_state,
            ))
            .order((practitioners::name, practitioners::id))
            .load(&mut connections.1);
        let services = services::table
            .filter(services::clinic_id.eq(tx.clinic()))
            .filter(services::archived_at.is_null())
            .select((
                services::id,
                services::name,
                services::duration_minutes,
                services::buffer_before_minutes,
                services::buffer_after_minutes,
            ))
            .load(&mut connections.2);
        let external_ids = contacts::table
            .filter(contacts::clinic_id.eq(tx.clinic()))
            .filter(contacts::archived_at.is_null())
            .filter(contacts::custom_fields.has_key(external_id_field))
            .select((
                contacts::custom_fields.retrieve_as_text(external_id_field),
                contacts::id,
            ))
            .load::<(String, ContactId)>(&mut connections.3);
        let (zone, practitioners, services, external_ids) = try_join!(zone, practitioners, services, external_ids)?;
        Ok(Self {
            zone,
            practitioners,
            services,
            by_external_id: external_ids.into_iter().collect(),
        })
    }

    /// Every practitioner.
    pub(super) fn everybody(&self) -> Vec<PractitionerId> {
        self.practitioners.iter().map(|row| row.id).collect()
    }

    /// The practitioner that `key` names: by id, name or registration.
    pub(super) fn practitioner(&self, key: &str) -> Option<PractitionerId> {
        self.practitioners
            .iter()
            .find(|row| row.answers_to(key))
            .map(|row| row.id)
    }

    /// The service that `key` names: by id or name.
    pub(super) fn service(&self, key: &str) -> Option<&ServiceRow> {
        let folded = fold(key);
        self.services
            .iter()
            .find(|row| fold(&row.name) == folded || row.id.to_string() == folded)
    }

    /// Remembers contacts that were made for people with an id of the other system.
    pub(super) fn remember(&mut self, made: HashMap<String, ContactId>) {
        self.by_external_id.extend(made);
    }

    /// The contact that the other system calls `external_id`.
    pub(super) fn contact(&self, external_id: &str) -> Option<ContactId> {
        self.by_external_id.get(external_id).copied()
    }
}

impl PractitionerRow {
    fn answers_to(&self, key: &str) -> bool {
        let folded = fold(key);
        if fold(&self.name) == folded || self.id.to_string() == folded {
            return true;
        }
        let bare: String = folded.chars().filter(char::is_ascii_alphanumeric).collect();
        let Self {
            council,
            council_number: number,
            council_state: state,
            ..
        } = self;
        [
            format!("{council}{number}{state}"),
            format!("{council}{state}{number}"),
            format!("{council}{number}"),
            number.clone(),
        ]
        .iter()
        .any(|written| written.to_lowercase() == bare)
    }
}

/// What looking for a contact came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// This one.
    One(ContactId),
    /// Several, of whom none may be guessed.
    Several,
    /// Nobody.
    Nobody,
}

/// Looks for the contact of `person` by CPF, else by phone, else by name and date of birth.
pub(super) async fn find_contact(tx: &TenantRead<'_>, person: &Person) -> Result<Match, DbError> {
    if let Some(cpf) = &person.cpf {
        let found = active(tx).filter(contacts::cpf.eq(cpf)).load(&mut tx.conn()).await?;
        return Ok(only(&found));
    }
    if let Some(phone) = &person.phone {
        let has_phone = contact_phones::table
            .filter(contact_phones::clinic_id.eq(contacts::clinic_id))
            .filter(contact_phones::contact_id.eq(contacts::id))
            .filter(contact_phones::match_key.eq(phone.match_key()));
        let found: Vec<ContactId> = active(tx).filter(exists(has_phone)).load(&mut tx.conn()).await?;
        if found.len() == 1 || person.name.is_none() {
            return Ok(only(&found));
        }
    }
    if let (Some(name), Some(birth_date)) = (&person.name, person.birth_date) {
        let found = active(tx)
            .filter(contacts::birth_date.eq(birth_date))
            .filter(search_form(contacts::name).eq(search_form(name.as_str())))
            .load(&mut tx.conn())
            .await?;
        return Ok(only(&found));
    }
    Ok(Match::Nobody)
}

/// The clinic's contacts that are not archived, two at most: enough to see that one is not alone.
#[diesel::dsl::auto_type]
fn active<'t>(tx: &'t TenantRead<'t>) -> _ {
    let clinic: kernel::ClinicId = tx.clinic();
    contacts::table
        .filter(contacts::clinic_id.eq(clinic))
        .filter(contacts::archived_at.is_null())
        .select(contacts::id)
}

fn only(found: &[ContactId]) -> Match {
    match found {
        [] => Match::Nobody,
        [one] => Match::One(*one),
        _ => Match::Several,
    }
}

/// The appointment `id`, when it is there: a line that came in before.
pub(super) async fn is_there(tx: &TenantRead<'_>, id: AppointmentId) -> Result<bool, DbError> {
    let appointment = appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::id.eq(id));
    diesel::select(exists(appointment))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// The appointment of `contact` with `practitioner` that begins at `starts_at`, when there is one.
pub(super) async fn same(
    tx: &TenantRead<'_>,
    contact: ContactId,
    practitioner: PractitionerId,
    starts_at: Timestamp,
) -> Result<Option<AppointmentId>, DbError> {
    appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::contact_id.eq(contact))
        .filter(appointments::starts_at.eq(starts_at))
        .filter(appointments::practitioner_id.eq(practitioner))
        .select(appointments::id)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn directory() -> Directory {
        Directory {
            zone: Zone::UTC,
            practitioners: vec![PractitionerRow {
                id: PractitionerId::from_uuid(Uuid::from_u128(1)),
                name: "Dra. Helena Lima".to_owned(),
                council: "CRM".to_owned(),
                council_number: "123456".to_owned(),
                council_state: "ES".to_owned(),
            }],
            services: vec![ServiceRow {
                id: ServiceId::from_uuid(Uuid::from_u128(2)),
                name: "Consulta de Pediatria".to_owned(),
                duration_minutes: 30,
                buffer_before_minutes: 0,
                buffer_after_minutes: 5,
            }],
            by_external_id: HashMap::new(),
        }
    }

    #[test]
    fn practitioners_are_known_by_name_and_registration() {
        let directory = directory();
        let id = directory.everybody().into_iter().next();
        for key in [
            "dra. helena  LIMA",
            "CRM-ES 123456",
            "CRM 123456/ES",
            "crm 123456",
            "123456",
            "00000000-0000-0000-0000-000000000001",
        ] {
            assert_eq!(directory.practitioner(key), id, "{key}");
        }
        for key in ["Helena", "CRM-SP 123456", "12345", ""] {
            assert_eq!(directory.practitioner(key), None, "{key}");
        }
    }

    #[test]
    fn services_are_known_by_name() {
        assert!(directory().service("consulta de pediatria").is_some());
        assert!(directory().service("Consulta").is_none());
    }
}
