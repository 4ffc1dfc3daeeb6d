//! Writes the clinics of a [`Plan`] into a database by COPY, all of them or none.

mod rows;
mod target;

use std::collections::HashMap;

use auth::config::PasswordCost;
use auth::passwords::{NewPassword, PasswordError, Passwords, WeakPassword};
use auth::{AuthSettings, ClinicKeys, SealingError};
use indicatif::ProgressBar;
use kernel::email::{EmailAddress, InvalidEmailAddress};
use kernel::{ClinicId, MembershipId, Timestamp, UserId};
use secrecy::SecretString;
use tokio_postgres::Transaction;
use uuid::Uuid;

use crate::database::{CopyIn, told};
use crate::vitoria::plan::{Clinic, Plan, SLUG_PREFIX, ZONE};

pub use target::Target;

/// Who signs in to the loaded clinics, as an owner of each.
pub const OWNER_EMAIL: &str = "load@taskmed.example";
/// With this password, which is the one of all demonstration data.
const OWNER_PASSWORD: &str = "demo-taskmed-2026";

/// What a load wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Clinics.
    pub clinics: usize,
    /// People.
    pub people: usize,
    /// Appointments.
    pub appointments: usize,
    /// Rows of all tables together.
    pub rows: u64,
}

/// Why nothing was loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// They were loaded before.
    #[error("{0} of these clinics are in the database already; --again empties them and loads them anew")]
    AlreadyThere(usize),
    /// The database could not be reached, or refused.
    #[error("the database refused: {}", told(.0))]
    Database(#[from] tokio_postgres::Error),
    /// A clinic's data key could not be made.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The owner's password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The owner's password is not allowed any more.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The owner's address is none.
    #[error(transparent)]
    Email(#[from] InvalidEmailAddress),
}

/// Writes all of `plan` in one transaction, then has the tables' statistics made.
///
/// Clinics that are there already are a reason to stop, or `again`: then all but the clinics themselves and their people
/// who sign in is removed from them first.
///
/// # Errors
/// [`LoadError`]; nothing was written then.
pub async fn load(
    target: &Target,
    keys: &ClinicKeys,
    mut plan: Plan,
    now: Timestamp,
    again: bool,
    progress: &ProgressBar,
) -> Result<Loaded, LoadError> {
    let mut connection = target.bulk().await?;
    let transaction = connection.transaction().await?;
    let there = clinics_there(&transaction).await?;
    let known = plan.clinics.iter_mut().filter_map(|clinic| {
        clinic.id = *there.get(clinic.slug.as_str())?;
        Some(*clinic.id.as_uuid())
    });
    let known: Vec<Uuid> = known.collect();
    if !known.is_empty() && !again {
        return Err(LoadError::AlreadyThere(known.len()));
    }
    progress.set_length(rows::total(&plan));
    empty(&transaction, &known).await?;
    let owner = owner(&transaction, now).await?;
    for clinic in &plan.clinics {
        found(&transaction, keys, clinic, owner, now).await?;
    }
    let mut loaded = Loaded {
        clinics: plan.clinics.len(),
        people: plan.people(),
        appointments: plan.appointments(),
        rows: 0,
    };
    for table in rows::TABLES {
        let written = copy(&transaction, table, &plan.clinics, progress).await?;
        loaded.rows = loaded.rows.saturating_add(written);
    }
    transaction.commit().await?;
    target.tidy(rows::TABLES.iter().map(|table| table.name)).await?;
    Ok(loaded)
}

/// The loaded clinics that are in the database, by slug.
async fn clinics_there(transaction: &Transaction<'_>) -> Result<HashMap<String, ClinicId>, LoadError> {
    let rows = transaction
        .query(
            "SELECT slug, id FROM clinics WHERE starts_with(slug, $1)",
            &[&SLUG_PREFIX],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, ClinicId::from_uuid(row.try_get(1)?))))
        .collect()
}

/// The tables that `--again` empties, those that point before those that are pointed at.
const EMPTIED: &[&str] = &[
    "realtime_tickets",
    "webhook_attempts",
    "webhook_deliveries",
    "webhook_endpoints",
    "import_rows",
    "imports",
    "message_attachments",
    "message_provider_ids",
    "messages",
    "conversations",
    "channel_identities",
    "message_templates",
    "canned_responses",
    "inbox_polls",
    "inboxes",
    "waitlist_offers",
    "waitlist_entries",
    "waitlist_sweeps",
    "appointment_reminders",
    "reminder_rules",
    "outreach_settings",
    "external_busy",
    "external_calendars",
    "occupancies",
    "holds",
    "appointment_moves",
    "appointments",
    "appointment_series",
    "calendar_feeds",
    "contact_merges",
    "contact_consents",
    "contact_phones",
    "contacts",
    "time_off",
    "opening_hours",
    "holidays",
    "service_rooms",
    "practitioner_services",
    "services",
    "rooms",
    "practitioners",
    "invitations",
    "idempotency_keys",
    "outbox",
    "audit_log",
];

async fn empty(transaction: &Transaction<'_>, clinics: &[Uuid]) -> Result<(), LoadError> {
    if clinics.is_empty() {
        return Ok(());
    }
    for table in EMPTIED {
        transaction
            .execute(&format!("DELETE FROM {table} WHERE clinic_id = ANY ($1)"), &[&clinics])
            .await?;
    }
    Ok(())
}

/// The person who owns every loaded clinic.
async fn owner(transaction: &Transaction<'_>, now: Timestamp) -> Result<UserId, LoadError> {
    let known = transaction
        .query_opt("SELECT id FROM users WHERE email = $1", &[&OWNER_EMAIL])
        .await?;
    if let Some(row) = known {
        return Ok(UserId::from_uuid(row.try_get(0)?));
    }
    let email: EmailAddress = OWNER_EMAIL.parse()?;
    let password = NewPassword::choose(&SecretString::from(OWNER_PASSWORD), &email)?;
    let hash = Passwords::new(&password_cost())?.hash(password).await?;
    let user = UserId::new_at(now);
    transaction
        .execute(
            "INSERT INTO users (id, email, name, password_hash) VALUES ($1, $2, $3, $4)",
            &[user.as_uuid(), &email.as_str(), &"Dona das Unidades", &hash],
        )
        .await?;
    Ok(user)
}

/// What the server's settings are when nobody changes them.
fn password_cost() -> PasswordCost {
    let settings = AuthSettings::default();
    PasswordCost {
        memory_kib: settings.password_memory_kib,
        passes: settings.password_passes,
        lanes: settings.password_lanes,
        at_once: 1,
    }
}

/// Makes the clinic, its data key and its owner, where they are not there yet.
async fn found(
    transaction: &Transaction<'_>,
    keys: &ClinicKeys,
    clinic: &Clinic,
    owner: UserId,
    now: Timestamp,
) -> Result<(), LoadError> {
    let id = clinic.id.as_uuid();
    let is_new = transaction
        .execute(
            "INSERT INTO clinics (id, slug, legal_name, trade_name, zone) VALUES ($1, $2, $3, $3, $4) ON CONFLICT DO NOTHING",
            &[id, &clinic.slug.as_str(), &clinic.name, &ZONE],
        )
        .await?;
    if is_new == 0 {
        return Ok(());
    }
    let key = keys.generate(clinic.id, now)?;
    transaction
        .execute(
            "INSERT INTO clinic_keys (clinic_id, id, master_key_id, wrapped) VALUES ($1, $2, $3, $4)",
            &[id, key.id.as_uuid(), &key.master_key_id, &key.wrapped],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO memberships (clinic_id, id, user_id, roles) VALUES ($1, $2, $3, '{owner}')",
            &[id, MembershipId::new_at(now).as_uuid(), owner.as_uuid()],
        )
        .await?;
    Ok(())
}

/// Writes one table's rows of all clinics; says how many.
async fn copy(
    transaction: &Transaction<'_>,
    table: &rows::Table,
    clinics: &[Clinic],
    progress: &ProgressBar,
) -> Result<u64, LoadError> {
    progress.set_message(table.name);
    let mut writing = CopyIn::begin(transaction, table.name, table.columns).await?;
    for clinic in clinics {
        let before = writing.rows.rows();
        (table.rows)(clinic, &mut writing.rows);
        progress.inc(writing.rows.rows().saturating_sub(before));
        writing.pass_on().await?;
    }
    Ok(writing.finish().await?)
}

#[cfg(test)]
mod tests;
