//! The SQL of the weekly hours.

use db::schema::opening_hours;
use db::{QueryResultExt, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{IsoWeekday, OpeningHoursId, PractitionerId, Timestamp, WallTime};
use rest::Paging;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::http::OpeningHoursFilter;
use super::model::{HoursEntry, NewHours, OpeningHours};
use crate::resource::error::{RowError, kind};
use crate::resource::keyset::changed_since;
use crate::resource::rows::{delete_row, row_store};
use crate::schedule::OwnerKind;

row_store!(opening_hours, OpeningHours, OpeningHoursId, kind::OPENING_HOURS);

delete_row!(opening_hours, OpeningHoursId);

/// Where an entry stands in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HoursPosition {
    weekday: IsoWeekday,
    opens_at: WallTime,
    id: Uuid,
}

impl OpeningHours {
    /// Where the entry stands in the list.
    pub(super) fn position(&self) -> HoursPosition {
        HoursPosition {
            weekday: self.entry.weekday,
            opens_at: self.entry.opens_at,
            id: *self.id.as_uuid(),
        }
    }
}

/// One page of entries, by day and time.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    filter: &OpeningHoursFilter,
    updated_since: Option<Timestamp>,
    paging: &Paging<HoursPosition>,
) -> Result<Vec<OpeningHours>, RowError> {
    use opening_hours::{id, opens_at, weekday};
    let mut query = opening_hours::table
        .filter(opening_hours::clinic_id.eq(tx.clinic()))
        .into_boxed::<Pg>();
    if let Some(practitioner) = filter.practitioner_id {
        query = query.filter(opening_hours::practitioner_id.eq(practitioner));
    }
    query = match filter.owner {
        None => query,
        Some(OwnerKind::Clinic) => query.filter(opening_hours::practitioner_id.is_null()),
        Some(OwnerKind::Practitioner) => query.filter(opening_hours::practitioner_id.is_not_null()),
    };
    if let Some(wanted) = filter.weekday {
        query = query.filter(weekday.eq(wanted));
    }
    if let Some(after) = paging.after() {
        let later_that_day = opens_at
            .gt(after.opens_at)
            .or(opens_at.eq(after.opens_at).and(id.gt(after.id)));
        query = query.filter(
            weekday
                .gt(after.weekday)
                .or(weekday.eq(after.weekday).and(later_that_day)),
        );
    }
    changed_since!(query, opening_hours, updated_since)
        .order((weekday, opens_at, id))
        .limit(paging.fetch())
        .select(OpeningHours::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// All entries of one owner with their ids.
pub(super) async fn of_owner(
    tx: &TenantRead<'_>,
    owner: Option<PractitionerId>,
) -> Result<Vec<(OpeningHoursId, HoursEntry)>, RowError> {
    opening_hours::table
        .filter(opening_hours::clinic_id.eq(tx.clinic()))
        .filter(opening_hours::practitioner_id.is_not_distinct_from(owner))
        .select((opening_hours::id, HoursEntry::as_select()))
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// An entry as a row to be inserted.
#[derive(Insertable)]
#[diesel(table_name = opening_hours, treat_none_as_default_value = false)]
struct Values {
    clinic_id: kernel::ClinicId,
    id: OpeningHoursId,
    practitioner_id: Option<PractitionerId>,
    #[diesel(embed)]
    entry: HoursEntry,
}

/// Inserts entries.
pub(super) async fn insert(tx: &TenantRead<'_>, new: &[NewHours]) -> Result<Vec<OpeningHours>, RowError> {
    let values: Vec<_> = new
        .iter()
        .map(
            |&NewHours {
                 id,
                 practitioner_id,
                 entry,
             }| Values {
                clinic_id: tx.clinic(),
                id: id.unwrap_or_else(|| OpeningHoursId::new_at(tx.now())),
                practitioner_id,
                entry,
            },
        )
        .collect();
    diesel::insert_into(opening_hours::table)
        .values(values)
        .returning(OpeningHours::as_returning())
        .get_results(&mut tx.conn())
        .await
        .on_constraint("opening_hours_pkey", || RowError::IdTaken)
        .or_database()
}

/// Writes an entry's time.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: OpeningHoursId,
    entry: &HoursEntry,
) -> Result<OpeningHours, RowError> {
    diesel::update(opening_hours::table)
        .filter(opening_hours::clinic_id.eq(tx.clinic()).and(opening_hours::id.eq(id)))
        .set(entry)
        .returning(OpeningHours::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Deletes all entries of one owner; says how many there were.
pub(super) async fn delete_of_owner(tx: &TenantRead<'_>, owner: Option<PractitionerId>) -> Result<usize, RowError> {
    diesel::delete(opening_hours::table)
        .filter(opening_hours::clinic_id.eq(tx.clinic()))
        .filter(opening_hours::practitioner_id.is_not_distinct_from(owner))
        .execute(&mut tx.conn())
        .await
        .or_database()
}
