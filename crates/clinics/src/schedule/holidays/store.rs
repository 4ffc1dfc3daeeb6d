//! The SQL of holidays.

use chrono::NaiveDate;
use db::schema::holidays;
use db::{QueryResultExt, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{HolidayId, Timestamp};
use rest::Paging;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::HolidayError;
use super::http::HolidayFilter;
use super::model::{Holiday, HolidayChanges, NewHoliday};
use crate::resource::error::{RowError, kind};
use crate::resource::keyset::{changed_since, is_descending, keyset};
use crate::resource::rows::{delete_row, row_store};

row_store!(holidays, Holiday, HolidayId, kind::HOLIDAY);

delete_row!(holidays, HolidayId);

/// Where a holiday stands in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HolidayPosition {
    date: NaiveDate,
    id: Uuid,
}

impl Holiday {
    /// Where the holiday stands in the list.
    pub(super) fn position(&self) -> HolidayPosition {
        HolidayPosition {
            date: self.date,
            id: *self.id.as_uuid(),
        }
    }
}

/// One page of holidays.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    filter: &HolidayFilter,
    updated_since: Option<Timestamp>,
    paging: &Paging<HolidayPosition>,
) -> Result<Vec<Holiday>, RowError> {
    let mut query = holidays::table
        .filter(holidays::clinic_id.eq(tx.clinic()))
        .into_boxed::<Pg>();
    if let Some(from) = filter.from {
        query = query.filter(holidays::date.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(holidays::date.le(to));
    }
    if let Some(scope) = filter.scope {
        query = query.filter(holidays::scope.eq(scope));
    }
    let query = changed_since!(query, holidays, updated_since);
    keyset!(query, by (holidays::date, holidays::id), descending: is_descending(paging.sort()),
        after: paging.after() => |position| (position.date, position.id))
    .limit(paging.fetch())
    .select(Holiday::as_select())
    .load(&mut tx.conn())
    .await
    .or_database()
}

/// A holiday to be made, as a row.
#[derive(Insertable)]
#[diesel(table_name = holidays)]
struct Values<'n> {
    clinic_id: kernel::ClinicId,
    id: HolidayId,
    date: NaiveDate,
    name: &'n kernel::text::Label,
    scope: super::model::HolidayScope,
}

impl<'n> Values<'n> {
    fn of(tx: &TenantRead<'_>, new: &'n NewHoliday) -> Self {
        Self {
            clinic_id: tx.clinic(),
            id: new.id.unwrap_or_else(|| HolidayId::new_at(tx.now())),
            date: new.date,
            name: &new.name,
            scope: new.scope,
        }
    }
}

/// Inserts a holiday.
pub(super) async fn insert(tx: &TenantRead<'_>, new: &NewHoliday) -> Result<Holiday, HolidayError> {
    diesel::insert_into(holidays::table)
        .values(Values::of(tx, new))
        .returning(Holiday::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("holidays_date_once", || HolidayError::DateTaken)
        .on_constraint("holidays_pkey", || RowError::IdTaken.into())
        .or_database()
}

/// Inserts those of `new` whose day is no holiday yet, and gives these back.
pub(super) async fn insert_missing(tx: &TenantRead<'_>, new: &[NewHoliday]) -> Result<Vec<Holiday>, RowError> {
    let values: Vec<_> = new.iter().map(|holiday| Values::of(tx, holiday)).collect();
    diesel::insert_into(holidays::table)
        .values(values)
        .on_conflict((holidays::clinic_id, holidays::date))
        .do_nothing()
        .returning(Holiday::as_returning())
        .get_results(&mut tx.conn())
        .await
        .on_constraint("holidays_pkey", || RowError::IdTaken)
        .or_database()
}

/// Writes `changes`, of which there is at least one.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: HolidayId,
    changes: &HolidayChanges,
) -> Result<Holiday, HolidayError> {
    diesel::update(holidays::table)
        .filter(holidays::clinic_id.eq(tx.clinic()).and(holidays::id.eq(id)))
        .set(changes)
        .returning(Holiday::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("holidays_date_once", || HolidayError::DateTaken)
        .or_database()
}
