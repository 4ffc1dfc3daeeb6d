//! What a practitioner is.

use db::schema::practitioners;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::documents::{Council, CouncilRegistration, RegistrationNumber, StateCode};
use kernel::text::{Label, PersonName};
use kernel::{MembershipId, PractitionerId, ServiceId, Timestamp, Version};

use rest::changed;

/// A practitioner as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = practitioners, check_for_backend(Pg))]
pub struct PractitionerRow {
    /// Their id.
    pub id: PractitionerId,
    /// Their place among the staff, when they sign in.
    pub membership_id: Option<MembershipId>,
    /// Their name.
    pub name: PersonName,
    /// Their registration; unique among the clinic's practitioners in use.
    #[diesel(embed)]
    pub registration: RegistrationColumns,
    /// What they specialise in.
    pub specialty: Option<Label>,
    /// When they were put away.
    pub archived_at: Option<Timestamp>,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// A council registration in its three columns.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = practitioners, check_for_backend(Pg))]
pub struct RegistrationColumns {
    /// Who registered.
    pub council: Council,
    /// Under which number.
    pub council_number: RegistrationNumber,
    /// In which state.
    pub council_state: StateCode,
}

impl From<CouncilRegistration> for RegistrationColumns {
    fn from(CouncilRegistration { council, number, state }: CouncilRegistration) -> Self {
        Self {
            council,
            council_number: number,
            council_state: state,
        }
    }
}

impl From<RegistrationColumns> for CouncilRegistration {
    fn from(
        RegistrationColumns {
            council,
            council_number,
            council_state,
        }: RegistrationColumns,
    ) -> Self {
        Self {
            council,
            number: council_number,
            state: council_state,
        }
    }
}

/// A practitioner with the services they offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practitioner {
    /// The row.
    pub row: PractitionerRow,
    /// The services in use that they offer, in order of their ids.
    pub service_ids: Vec<ServiceId>,
}

/// A practitioner to be made.
#[derive(Debug, Clone)]
pub struct NewPractitioner {
    /// Their id, when the caller chose one.
    pub id: Option<PractitionerId>,
    /// Their place among the staff, when they sign in.
    pub membership_id: Option<MembershipId>,
    /// Their name.
    pub name: PersonName,
    /// Their registration.
    pub registration: CouncilRegistration,
    /// What they specialise in.
    pub specialty: Option<Label>,
    /// The services they offer.
    pub service_ids: Vec<ServiceId>,
}

/// What changes about a practitioner; `None` keeps, an inner `None` clears.
#[derive(Debug, Clone, Default)]
pub struct PractitionerChanges {
    /// What changes in the row.
    pub row: RowChanges,
    /// The services they offer from now on.
    pub service_ids: Option<Vec<ServiceId>>,
}

/// What changes in the row itself.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = practitioners)]
pub struct RowChanges {
    /// Their place among the staff.
    pub membership_id: Option<Option<MembershipId>>,
    /// Their name.
    pub name: Option<PersonName>,
    /// Who registered them.
    pub council: Option<Council>,
    /// Under which number.
    pub council_number: Option<RegistrationNumber>,
    /// In which state.
    pub council_state: Option<StateCode>,
    /// What they specialise in.
    pub specialty: Option<Option<Label>>,
}

impl RowChanges {
    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        changed([
            ("membership_id", self.membership_id.is_some()),
            ("name", self.name.is_some()),
            ("registration", self.council.is_some()),
            ("specialty", self.specialty.is_some()),
        ])
    }

    /// Sets all three parts of the registration.
    pub(super) fn set_registration(&mut self, registration: CouncilRegistration) {
        self.council = Some(registration.council);
        self.council_number = Some(registration.number);
        self.council_state = Some(registration.state);
    }
}
