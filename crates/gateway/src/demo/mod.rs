//! Demo data: two believable clinics with people, an agenda a month back and ahead, a few talks, and sign-ins that everybody knows.
//!
//! Made through the domains' own services. What is there already stays: seeding again adds what is missing, such as the days
//! that have come within a month since.

mod agenda;
mod people;
mod practice;
mod talks;

use chrono::TimeDelta;
use clinics::provision::{self, NewClinic, NewMember, ProvisionError};
use db::schema::{clinics as clinic_rows, contacts as contact_rows, memberships};
use db::{Db, DbError, LookupBy, QueryResultExt as _, tx_error};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::email::EmailAddress;
use kernel::money::Currency;
use kernel::text::{Label, PersonName, Slug};
use kernel::{ClinicId, FieldErrors, MembershipId, Role, System, Zone};
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::SecretString;

use crate::shared::Shared;

/// The password of every demo account.
pub const PASSWORD: &str = "demo-taskmed-2026";

/// The part of the system that makes demo data.
const COMPONENT: &str = "demo";

/// How far back and ahead the agenda goes.
const DAYS: TimeDelta = TimeDelta::days(30);

/// A demo clinic.
#[derive(Debug, Clone, Copy)]
pub struct DemoClinic {
    /// Its slug, also the first part of its domain.
    pub slug: &'static str,
    name: &'static str,
    zone: &'static str,
    state: &'static str,
    area_code: &'static str,
    seed: u64,
}

/// The demo clinics.
pub const CLINICS: [DemoClinic; 2] = [
    DemoClinic {
        slug: "aurora",
        name: "Clínica Aurora",
        zone: "America/Sao_Paulo",
        state: "SP",
        area_code: "11",
        seed: 1,
    },
    DemoClinic {
        slug: "horizonte",
        name: "Clínica Horizonte",
        zone: "America/Manaus",
        state: "AM",
        area_code: "92",
        seed: 2,
    },
];

/// The demo accounts: the part before the @, the name, the roles.
const ACCOUNTS: [(&str, &str, &[Role]); 6] = [
    ("owner", "Helena Prado", &[Role::Owner]),
    ("admin", "Marcos Tavares", &[Role::Admin]),
    ("practitioner", "Beatriz Lima", &[Role::Practitioner]),
    ("reception", "Joana Ferraz", &[Role::Receptionist]),
    ("billing", "Caio Nogueira", &[Role::Billing]),
    ("auditor", "Sílvia Campos", &[Role::Auditor]),
];

/// What was added.
#[derive(Debug, Clone, Copy, Default)]
pub struct Added {
    /// People.
    pub contacts: usize,
    /// Appointments.
    pub appointments: usize,
    /// Conversations.
    pub conversations: usize,
}

/// Why demo data could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A clinic or an account.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// A value of ours that is not valid; a mistake in this module.
    #[error("a demo value is not valid: {0}")]
    Value(String),
    /// Something that a service refused.
    #[error("{0}")]
    Refused(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(DemoError);

impl From<FieldErrors> for DemoError {
    fn from(errors: FieldErrors) -> Self {
        Self::Value(errors.to_string())
    }
}

/// A value of ours, parsed.
fn value<T: std::str::FromStr>(text: &str) -> Result<T, DemoError>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| DemoError::Value(format!("{text:?}: {error}")))
}

/// Makes `clinic`, or adds what it lacks; `progress` hears of each day done.
///
/// # Errors
/// [`DemoError`].
pub async fn seed(
    db: &Db,
    shared: &Shared,
    clinic: DemoClinic,
    progress: impl Fn(u64, u64),
) -> Result<Added, DemoError> {
    let zone: Zone = value(clinic.zone)?;
    let id = ensure_clinic(db, shared, clinic, zone).await?;
    let caller = System::acting_for(id, COMPONENT);
    let practitioner = ensure_accounts(db, shared, clinic, id).await?;
    practice::ensure(db, &caller, clinic, practitioner).await?;
    let mut random = StdRng::seed_from_u64(clinic.seed);
    let contacts = people::ensure(db, &caller, clinic, &mut random).await?;
    let appointments = agenda::ensure(db, &caller, zone, clinic.seed, progress).await?;
    let conversations = talks::ensure(db, shared, &caller).await?;
    Ok(Added {
        contacts,
        appointments,
        conversations,
    })
}

async fn ensure_clinic(db: &Db, shared: &Shared, clinic: DemoClinic, zone: Zone) -> Result<ClinicId, DemoError> {
    let slug: Slug = value(clinic.slug)?;
    let present: Option<ClinicId> = db
        .lookup(LookupBy::Clinic(slug.clone()), async |lookup| {
            clinic_rows::table
                .filter(clinic_rows::slug.eq(&slug))
                .select(clinic_rows::id)
                .first(&mut lookup.conn())
                .await
                .optional()
                .or_database::<DbError>()
        })
        .await?;
    if let Some(id) = present {
        return Ok(id);
    }
    let name: Label = value(clinic.name)?;
    let new = NewClinic {
        slug,
        legal_name: name.clone(),
        trade_name: name,
        cnpj: None,
        zone,
        locale: clinics::clinic::Locale::PtBr,
        currency: Currency::BRL,
    };
    Ok(provision::create_clinic(db, shared.clinic_keys(), &new).await?)
}

/// Makes the accounts that are missing; gives the place of the one who treats patients.
async fn ensure_accounts(
    db: &Db,
    shared: &Shared,
    clinic: DemoClinic,
    id: ClinicId,
) -> Result<Option<MembershipId>, DemoError> {
    let mut practitioner = None;
    let members: i64 = db
        .read(&System::acting_for(id, COMPONENT), async |tx| {
            memberships::table
                .filter(memberships::clinic_id.eq(tx.clinic()))
                .count()
                .get_result(&mut tx.conn())
                .await
                .or_database::<DbError>()
        })
        .await?;
    for (local, name, roles) in ACCOUNTS.iter().skip(usize::try_from(members).unwrap_or(usize::MAX)) {
        let new = NewMember {
            email: value::<EmailAddress>(&format!("{local}@{}.example", clinic.slug))?,
            name: value::<PersonName>(name)?,
            password: SecretString::from(PASSWORD),
            roles: roles.to_vec(),
        };
        let made = provision::create_user_with_membership(db, shared.accounts().passwords(), id, &new).await?;
        if roles.contains(&Role::Practitioner) {
            practitioner = Some(made.membership);
        }
    }
    Ok(practitioner)
}

/// How many contacts the clinic has.
async fn contact_count(db: &Db, caller: &System) -> Result<i64, DbError> {
    db.read(caller, async |tx| {
        contact_rows::table
            .filter(contact_rows::clinic_id.eq(tx.clinic()))
            .count()
            .get_result(&mut tx.conn())
            .await
            .or_database::<DbError>()
    })
    .await
}
