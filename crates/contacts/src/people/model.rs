//! What a person is to a clinic: types that cannot be wrong.

use chrono::{NaiveDate, TimeDelta};
use db::schema::contacts;
use kernel::documents::{Cns, Cpf};
use kernel::email::EmailAddress;
use kernel::text::{Label, PersonName};
use kernel::{ContactId, Timestamp, Version, text_enum};
use rest::Patch;

use super::address::Address;
use super::custom_fields::CustomFields;
use super::phones::PhoneList;
use crate::consents::{Consent, NewConsent};

text_enum! {
    /// Whether a person is treated here yet.
    pub enum ContactKind {
        /// Treated here.
        Patient = "patient",
        /// Interested, not treated yet.
        Lead = "lead",
    }
    error = InvalidContactKind, code = "unknown_kind";
}

text_enum! {
    /// Where a person stands with the clinic.
    pub enum ContactStatus {
        /// Comes here.
        Active = "active",
        /// Does not come any more; still found by everyone.
        Inactive = "inactive",
        /// Put away: found only by those who ask for the archived.
        Archived = "archived",
    }
    error = InvalidContactStatus, code = "unknown_status";
}

text_enum! {
    /// A person's sex, as clinical work needs it.
    pub enum Sex {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Intersex.
        Intersex = "intersex",
        /// Asked and not known.
        Unknown = "unknown",
    }
    error = InvalidSex, code = "unknown_sex";
}

/// A date on which nobody who lives was born.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBirthDate {
    /// Not a date.
    #[error("a date is written as 1990-12-31")]
    Malformed,
    /// In the future.
    #[error("a birth date is not in the future")]
    InFuture,
    /// Before 1880.
    #[error("a birth date is not before 1880")]
    TooEarly,
}

impl InvalidBirthDate {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "invalid_date",
            Self::InFuture => "in_future",
            Self::TooEarly => "too_early",
        }
    }
}

/// `date`, if a person who lives at `now` may have been born then.
///
/// # Errors
/// [`InvalidBirthDate`] before 1880, and after today in every zone of the world.
pub fn birth_date(date: NaiveDate, now: Timestamp) -> Result<NaiveDate, InvalidBirthDate> {
    // The day begins first where clocks are 14 hours ahead of UTC.
    let latest_today = now.saturating_add(TimeDelta::hours(14)).as_datetime().date_naive();
    if date > latest_today {
        Err(InvalidBirthDate::InFuture)
    } else if NaiveDate::from_ymd_opt(1880, 1, 1).is_some_and(|earliest| date < earliest) {
        Err(InvalidBirthDate::TooEarly)
    } else {
        Ok(date)
    }
}

/// Who answers for a person who cannot alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guardian {
    /// Somebody the clinic knows.
    Contact(ContactId),
    /// Somebody it knows by name only.
    Named(PersonName),
}

impl Guardian {
    /// The two columns.
    pub(crate) fn columns(guardian: Option<&Self>) -> (Option<ContactId>, Option<PersonName>) {
        match guardian {
            None => (None, None),
            Some(Self::Contact(id)) => (Some(*id), None),
            Some(Self::Named(name)) => (None, Some(name.clone())),
        }
    }
}

/// A person to be, checked.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// The id, where the client brought one.
    pub id: Option<ContactId>,
    /// Patient or lead.
    pub kind: ContactKind,
    /// Whether active.
    pub is_active: bool,
    /// The name in documents.
    pub name: PersonName,
    /// The name to be called by.
    pub social_name: Option<PersonName>,
    /// The date of birth.
    pub birth_date: Option<NaiveDate>,
    /// The sex.
    pub sex: Option<Sex>,
    /// The CPF.
    pub cpf: Option<Cpf>,
    /// The CNS.
    pub cns: Option<Cns>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// The phones.
    pub phones: PhoneList,
    /// The address.
    pub address: Option<Address>,
    /// The clinic's labels.
    pub tags: Vec<Label>,
    /// The clinic's own fields.
    pub custom_fields: CustomFields,
    /// Who answers for them.
    pub guardian: Option<Guardian>,
    /// The health insurer.
    pub insurer: Option<String>,
    /// The number of the insurer's card.
    pub insurance_card_number: Option<String>,
    /// How they came to the clinic.
    pub source: Option<String>,
    /// What they said about purposes.
    pub consents: Vec<NewConsent>,
}

/// What is to change of a person, checked.
#[derive(Debug, Clone, Default)]
pub struct ContactChanges {
    pub(crate) kind: Option<ContactKind>,
    pub(crate) status: Option<ContactStatus>,
    pub(crate) name: Option<PersonName>,
    pub(crate) social_name: Patch<PersonName>,
    pub(crate) birth_date: Patch<NaiveDate>,
    pub(crate) sex: Patch<Sex>,
    pub(crate) cpf: Patch<Cpf>,
    pub(crate) cns: Patch<Cns>,
    pub(crate) email: Patch<EmailAddress>,
    pub(crate) phone: Patch<kernel::phone::PhoneNumber>,
    pub(crate) phones: Patch<PhoneList>,
    pub(crate) address: Patch<Address>,
    pub(crate) tags: Option<Vec<Label>>,
    pub(crate) custom_fields: Option<CustomFields>,
    pub(crate) guardian: Patch<Guardian>,
    pub(crate) insurer: Patch<String>,
    pub(crate) insurance_card_number: Patch<String>,
    pub(crate) source: Patch<String>,
}

/// The columns of a person.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = contacts, check_for_backend(diesel::pg::Pg))]
pub struct ContactColumns {
    /// The person.
    pub id: ContactId,
    /// Patient or lead.
    pub kind: ContactKind,
    /// Where they stand.
    pub status: ContactStatus,
    /// The name in documents.
    pub name: PersonName,
    /// The name to be called by.
    pub social_name: Option<PersonName>,
    /// The date of birth.
    pub birth_date: Option<NaiveDate>,
    /// The sex.
    pub sex: Option<Sex>,
    /// The CPF.
    pub cpf: Option<Cpf>,
    /// The CNS.
    pub cns: Option<Cns>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// The address.
    pub address: Option<Address>,
    /// The clinic's labels.
    pub tags: Vec<Label>,
    /// The clinic's own fields.
    pub custom_fields: CustomFields,
    /// Who answers for them, known to the clinic.
    pub guardian_id: Option<ContactId>,
    /// Who answers for them, known by name.
    pub guardian_name: Option<PersonName>,
    /// The health insurer.
    pub insurer: Option<String>,
    /// The number of the insurer's card.
    pub insurance_card_number: Option<String>,
    /// How they came to the clinic.
    pub source: Option<String>,
    /// Whom they turned out to be.
    pub merged_into_id: Option<ContactId>,
    /// Since when they are archived.
    pub archived_at: Option<Timestamp>,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was written last.
    pub updated_at: Timestamp,
}

/// A person, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The row.
    pub columns: ContactColumns,
    /// The phones.
    pub phones: PhoneList,
    /// The newest answer about each purpose.
    pub consents: Vec<Consent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_born_tomorrow_or_in_the_middle_ages() {
        let now: Timestamp = "2026-11-20T11:00:00Z".parse().unwrap();
        let born = |text: &str| birth_date(text.parse().unwrap(), now).map(|date| date.to_string());
        assert_eq!(born("2026-11-20"), Ok("2026-11-20".to_owned()));
        // Already the 21st in Kiribati.
        assert_eq!(born("2026-11-21"), Ok("2026-11-21".to_owned()));
        assert_eq!(born("2026-11-22"), Err(InvalidBirthDate::InFuture));
        assert_eq!(born("1880-01-01"), Ok("1880-01-01".to_owned()));
        assert_eq!(born("1879-12-31"), Err(InvalidBirthDate::TooEarly));
    }
}
