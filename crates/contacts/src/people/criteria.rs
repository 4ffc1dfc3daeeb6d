//! Which people a list is about: its filter, checked, and as conditions.

use chrono::{Datelike, NaiveDate};
use db::TenantRead;
use db::schema::functions::oldest_open_transaction;
use db::schema::{contact_phones, contacts};
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::documents::Cpf;
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::Label;
use kernel::{FieldErrors, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::model::{ContactKind, ContactStatus, InvalidBirthDate};
use super::search::Search;
use super::store::People;

/// Which people to list. Archived ones are listed only where `status` or `updated_since` asks for them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContactFilter {
    /// Words of the name in any spelling (people whose name begins so come first), the beginning of the e-mail address, or three
    /// and more digits of a phone number, CPF or CNS.
    #[param(max_length = 100, example = "maria silva")]
    q: Option<String>,
    /// Patients or leads.
    #[param(value_type = Option<ContactKind>)]
    kind: Option<String>,
    /// Where they stand.
    #[param(value_type = Option<ContactStatus>)]
    status: Option<String>,
    /// With this tag.
    #[param(value_type = Option<Label>)]
    tag: Option<String>,
    /// With this phone, whole; the ninth digit does not matter.
    #[param(value_type = Option<PhoneNumber>)]
    phone: Option<String>,
    /// With this e-mail address.
    #[param(value_type = Option<EmailAddress>)]
    email: Option<String>,
    /// With this CPF.
    #[param(value_type = Option<Cpf>)]
    tax_id: Option<String>,
    /// Born on this day.
    #[param(value_type = Option<NaiveDate>)]
    birth_date: Option<String>,
}

/// A checked filter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Criteria {
    pub(super) search: Option<Search>,
    kind: Option<ContactKind>,
    status: Option<ContactStatus>,
    tag: Option<Label>,
    phone: Option<PhoneNumber>,
    email: Option<EmailAddress>,
    cpf: Option<Cpf>,
    birth_date: Option<NaiveDate>,
    updated_since: Option<Timestamp>,
}

impl Criteria {
    /// What `filter` asks for.
    pub(crate) fn parse(filter: &ContactFilter, updated_since: Option<Timestamp>) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let found = &mut errors;
        let criteria = Self {
            search: filter.q.as_deref().and_then(|q| Search::parse(q, found)),
            kind: found.read_if_given("kind", filter.kind.as_deref(), ContactKind::parse),
            status: found.read_if_given("status", filter.status.as_deref(), ContactStatus::parse),
            tag: found.read_if_given("tag", filter.tag.as_deref(), Label::parse),
            phone: found.read_if_given("phone", filter.phone.as_deref(), PhoneNumber::parse_international),
            email: found.read_if_given("email", filter.email.as_deref(), EmailAddress::parse),
            cpf: found.read_if_given("tax_id", filter.tax_id.as_deref(), Cpf::parse),
            birth_date: found.read_if_given("birth_date", filter.birth_date.as_deref(), |text| {
                text.parse()
                    .ok()
                    // Years that PostgreSQL has as well.
                    .filter(|date: &NaiveDate| (1..=9999).contains(&date.year()))
                    .ok_or(InvalidBirthDate::Malformed)
            }),
            updated_since,
        };
        errors.finish(Some(criteria))
    }

    /// Whether archived people are wanted: not, only them, or either.
    pub(super) fn archived(&self) -> Option<bool> {
        match self.status {
            Some(status) => Some(status == ContactStatus::Archived),
            None if self.updated_since.is_some() => None,
            None => Some(false),
        }
    }

    /// Whether nothing narrows the list but the search and [`Self::archived`].
    pub(super) const fn only_searches(&self) -> bool {
        let Self {
            search: _,
            kind,
            status,
            tag,
            phone,
            email,
            cpf,
            birth_date,
            updated_since,
        } = self;
        kind.is_none()
            && matches!(status, None | Some(ContactStatus::Archived))
            && tag.is_none()
            && phone.is_none()
            && email.is_none()
            && cpf.is_none()
            && birth_date.is_none()
            && updated_since.is_none()
    }

    /// The people who meet everything but the search.
    pub(super) fn query<'q>(&'q self, tx: &TenantRead<'_>) -> People<'q> {
        let mut query = contacts::table
            .into_boxed::<Pg>()
            .filter(contacts::clinic_id.eq(tx.clinic()));
        match self.archived() {
            Some(true) => query = query.filter(contacts::archived_at.is_not_null()),
            Some(false) => query = query.filter(contacts::archived_at.is_null()),
            None => {}
        }
        if let Some(kind) = &self.kind {
            query = query.filter(contacts::kind.eq(kind));
        }
        if let Some(status) = &self.status {
            query = query.filter(contacts::status.eq(status));
        }
        if let Some(tag) = &self.tag {
            query = query.filter(contacts::tags.contains(vec![tag]));
        }
        if let Some(email) = &self.email {
            query = query.filter(contacts::email.eq(email));
        }
        if let Some(cpf) = &self.cpf {
            query = query.filter(contacts::cpf.eq(cpf));
        }
        if let Some(birth_date) = self.birth_date {
            query = query.filter(contacts::birth_date.eq(birth_date));
        }
        if let Some(phone) = &self.phone {
            query = query.filter(
                contacts::id.eq_any(
                    contact_phones::table
                        .filter(contact_phones::clinic_id.eq(tx.clinic()))
                        .filter(contact_phones::match_key.eq(phone.match_key()))
                        .select(contact_phones::contact_id),
                ),
            );
        }
        if let Some(since) = self.updated_since {
            query = query
                .filter(contacts::updated_at.ge(since))
                .filter(contacts::changed_in.lt(oldest_open_transaction()));
        }
        query
    }
}
