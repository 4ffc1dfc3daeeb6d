//! The SQL of entries.

use chrono::NaiveDate;
use db::schema::functions::oldest_open_transaction;
use db::schema::{contacts, practitioner_services, practitioners, services, waitlist_entries, waitlist_sweeps};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use kernel::{AppointmentId, ContactId, PractitionerId, ServiceId, Timestamp, WaitlistEntryId};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::error::WaitlistError;
use super::model::{Entry, EntryChanges, EntryStatus, NewEntry};

/// The most entries that are looked through at a time, in their order.
const MOST_CANDIDATES: i64 = 500;

/// Those who wait still.
const OPEN: [EntryStatus; 2] = [EntryStatus::Waiting, EntryStatus::Offered];

/// Where a page ended: the list's own order.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct EntryPosition {
    pub(super) priority: i16,
    pub(super) waiting_since: Timestamp,
    pub(super) number: i64,
}

impl From<&Entry> for EntryPosition {
    fn from(entry: &Entry) -> Self {
        Self {
            priority: entry.priority,
            waiting_since: entry.waiting_since,
            number: entry.number,
        }
    }
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub(super) struct Narrowing<'a> {
    pub(super) contact: Option<ContactId>,
    pub(super) service: Option<ServiceId>,
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) priority: Option<i16>,
    pub(super) statuses: &'a [EntryStatus],
    pub(super) updated_since: Option<Timestamp>,
}

/// One page of entries, in the order in which time is offered.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    narrowing: Narrowing<'_>,
    paging: &Paging<EntryPosition>,
) -> Result<Vec<Entry>, DbError> {
    use waitlist_entries::{number, priority, waiting_since};
    let mut query = waitlist_entries::table
        .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
        .select(Entry::as_select())
        .order((priority, waiting_since, number))
        .limit(paging.fetch())
        .into_boxed();
    if let Some(contact) = narrowing.contact {
        query = query.filter(waitlist_entries::contact_id.eq(contact));
    }
    if let Some(service) = narrowing.service {
        query = query.filter(waitlist_entries::service_id.eq(service));
    }
    if let Some(practitioner) = narrowing.practitioner {
        query = query.filter(waitlist_entries::practitioner_id.eq(practitioner));
    }
    if let Some(wanted) = narrowing.priority {
        query = query.filter(priority.eq(wanted));
    }
    if !narrowing.statuses.is_empty() {
        query = query.filter(waitlist_entries::status.eq_any(narrowing.statuses));
        if narrowing.statuses.iter().all(|status| OPEN.contains(status)) {
            // Says no more than the line above, but is written out, so that the index of those who wait serves.
            query = query.filter(sql::<Bool>("waitlist_entries.status IN ('waiting', 'offered')"));
        }
    }
    if let Some(since) = narrowing.updated_since {
        query = query
            .filter(waitlist_entries::updated_at.ge(since))
            .filter(waitlist_entries::changed_in.lt(oldest_open_transaction()));
    }
    if let Some(after) = paging.after() {
        let later = waiting_since
            .gt(after.waiting_since)
            .or(waiting_since.eq(after.waiting_since).and(number.gt(after.number)));
        query = query
            .filter(priority.ge(after.priority))
            .filter(priority.gt(after.priority).or(later));
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// One entry.
pub(super) async fn find(tx: &TenantRead<'_>, id: WaitlistEntryId) -> Result<Entry, WaitlistError> {
    waitlist_entries::table
        .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::id.eq(id))
        .select(Entry::as_select())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<WaitlistError>()?
        .ok_or(WaitlistError::NotFound)
}

/// Reads an entry and keeps others from changing it until the transaction ends.
pub(super) async fn lock(tx: &TenantRead<'_>, id: WaitlistEntryId) -> Result<Entry, WaitlistError> {
    waitlist_entries::table
        .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::id.eq(id))
        .select(Entry::as_select())
        .for_no_key_update()
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<WaitlistError>()?
        .ok_or(WaitlistError::NotFound)
}

/// Inserts an entry, which waits from now on.
pub(super) async fn insert(tx: &TenantRead<'_>, new: &NewEntry) -> Result<Entry, WaitlistError> {
    let id = new.id.unwrap_or_else(|| WaitlistEntryId::new_at(tx.now()));
    diesel::insert_into(waitlist_entries::table)
        .values((
            waitlist_entries::clinic_id.eq(tx.clinic()),
            waitlist_entries::id.eq(id),
            waitlist_entries::contact_id.eq(new.contact),
            waitlist_entries::service_id.eq(new.service),
            waitlist_entries::practitioner_id.eq(new.practitioner),
            waitlist_entries::windows.eq(&new.windows),
            waitlist_entries::last_date.eq(new.windows.last_date()),
            waitlist_entries::priority.eq(new.priority),
            waitlist_entries::notes.eq(new.notes.as_ref()),
            waitlist_entries::waiting_since.eq(tx.now()),
        ))
        .returning(Entry::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("waitlist_entries_pkey", || WaitlistError::IdTaken)
        .or_database()
}

/// Writes `changes`, of which there is at least one.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: WaitlistEntryId,
    changes: &EntryChanges,
) -> Result<Entry, WaitlistError> {
    diesel::update(waitlist_entries::table)
        .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::id.eq(id))
        .set(changes)
        .returning(Entry::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Writes where an entry stands.
pub(super) async fn set_status(
    tx: &TenantRead<'_>,
    id: WaitlistEntryId,
    status: EntryStatus,
    appointment: Option<AppointmentId>,
) -> Result<Entry, DbError> {
    diesel::update(waitlist_entries::table)
        .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::id.eq(id))
        .set((
            waitlist_entries::status.eq(status),
            waitlist_entries::appointment_id.eq(appointment),
        ))
        .returning(Entry::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// What is known of the rows that an entry names: whether each is archived, none when there is no such row.
#[derive(Debug, Clone, Copy, Default, Queryable)]
pub(super) struct Named {
    pub(super) contact: Option<bool>,
    pub(super) service: Option<bool>,
    pub(super) practitioner: Option<bool>,
    /// Whether the practitioner offers the service.
    pub(super) offered: bool,
}

/// Looks at the rows that an entry names.
pub(super) async fn named(
    tx: &TenantRead<'_>,
    contact: Option<ContactId>,
    service: ServiceId,
    practitioner: Option<PractitionerId>,
) -> Result<Named, DbError> {
    let clinic = tx.clinic();
    let offers = practitioner_services::table
        .filter(practitioner_services::clinic_id.eq(clinic))
        .filter(practitioner_services::service_id.eq(service))
        .filter(practitioner_services::practitioner_id.nullable().eq(practitioner));
    diesel::select((
        contacts::table
            .filter(contacts::clinic_id.eq(clinic))
            .filter(contacts::id.nullable().eq(contact))
            .select(contacts::archived_at.is_not_null())
            .single_value(),
        services::table
            .filter(services::clinic_id.eq(clinic))
            .filter(services::id.eq(service))
            .select(services::archived_at.is_not_null())
            .single_value(),
        practitioners::table
            .filter(practitioners::clinic_id.eq(clinic))
            .filter(practitioners::id.nullable().eq(practitioner))
            .select(practitioners::archived_at.is_not_null())
            .single_value(),
        exists(offers),
    ))
    .get_result(&mut tx.conn())
    .await
    .or_database()
}

/// The first entries that wait and whose contact, service and practitioner are in use, in their order; of those that `practitioner`
/// could serve, when one is named.
pub(super) async fn candidates(
    tx: &TenantRead<'_>,
    practitioner: Option<PractitionerId>,
) -> Result<Vec<Entry>, DbError> {
    let clinic = tx.clinic();
    let in_use = contacts::table
        .filter(contacts::clinic_id.eq(clinic))
        .filter(contacts::id.eq(waitlist_entries::contact_id))
        .filter(contacts::archived_at.is_null());
    let mut query = waitlist_entries::table
        .filter(waitlist_entries::clinic_id.eq(clinic))
        .filter(waitlist_entries::status.eq(EntryStatus::Waiting))
        .filter(exists(in_use))
        .select(Entry::as_select())
        .order((
            waitlist_entries::priority,
            waitlist_entries::waiting_since,
            waitlist_entries::number,
        ))
        .limit(MOST_CANDIDATES)
        .into_boxed();
    if let Some(practitioner) = practitioner {
        let offers = practitioner_services::table
            .filter(practitioner_services::clinic_id.eq(clinic))
            .filter(practitioner_services::practitioner_id.eq(practitioner))
            .filter(practitioner_services::service_id.eq(waitlist_entries::service_id));
        query = query
            .filter(
                waitlist_entries::practitioner_id
                    .is_null()
                    .or(waitlist_entries::practitioner_id.eq(practitioner)),
            )
            .filter(exists(offers));
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Ends the entries whose last date has passed on `today`, but for those with an open offer.
pub(super) async fn expire(tx: &TenantRead<'_>, today: NaiveDate) -> Result<Vec<Entry>, DbError> {
    diesel::update(
        waitlist_entries::table
            .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
            .filter(waitlist_entries::status.eq(EntryStatus::Waiting))
            .filter(waitlist_entries::last_date.lt(today)),
    )
    .set(waitlist_entries::status.eq(EntryStatus::Expired))
    .returning(Entry::as_returning())
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Gives every entry of `from` to `into`; says which.
pub(super) async fn move_contact(
    tx: &TenantRead<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<WaitlistEntryId>, DbError> {
    diesel::update(
        waitlist_entries::table
            .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
            .filter(waitlist_entries::contact_id.eq(from)),
    )
    .set(waitlist_entries::contact_id.eq(into))
    .returning(waitlist_entries::id)
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Gives those of `moved` that are still `from`'s back to `back_to`; says which.
pub(super) async fn restore_contact(
    tx: &TenantRead<'_>,
    moved: &[WaitlistEntryId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<WaitlistEntryId>, DbError> {
    diesel::update(
        waitlist_entries::table
            .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
            .filter(waitlist_entries::id.eq_any(moved))
            .filter(waitlist_entries::contact_id.eq(from)),
    )
    .set(waitlist_entries::contact_id.eq(back_to))
    .returning(waitlist_entries::id)
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Whether anybody is on the list.
pub(super) async fn anybody(tx: &TenantRead<'_>) -> Result<bool, DbError> {
    let open = waitlist_entries::table
        .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::status.eq_any(OPEN));
    diesel::select(exists(open))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Sets when the list is next looked through to `next`, unless that stands already at a time after `overdue`; says whether it did.
pub(super) async fn start_sweeps(tx: &TenantRead<'_>, next: Timestamp, overdue: Timestamp) -> Result<bool, DbError> {
    let upsert = diesel::insert_into(waitlist_sweeps::table)
        .values((
            waitlist_sweeps::clinic_id.eq(tx.clinic()),
            waitlist_sweeps::next_at.eq(next),
        ))
        .on_conflict(waitlist_sweeps::clinic_id)
        .do_update()
        .set(waitlist_sweeps::next_at.eq(next));
    let none_to_come = waitlist_sweeps::next_at
        .is_null()
        .or(waitlist_sweeps::next_at.lt(overdue).assume_not_null());
    let written = diesel::query_dsl::methods::FilterDsl::filter(upsert, none_to_come)
        .execute(&mut tx.conn())
        .await?;
    Ok(written > 0)
}

/// Moves the time of the next sweep from `due` to `next`; says whether `due` was it.
pub(super) async fn turn_sweep(tx: &TenantRead<'_>, due: Timestamp, next: Option<Timestamp>) -> Result<bool, DbError> {
    let turned = diesel::update(
        waitlist_sweeps::table
            .filter(waitlist_sweeps::clinic_id.eq(tx.clinic()))
            .filter(waitlist_sweeps::next_at.eq(due)),
    )
    .set(waitlist_sweeps::next_at.eq(next))
    .execute(&mut tx.conn())
    .await?;
    Ok(turned > 0)
}
