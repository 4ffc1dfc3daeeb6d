//! The SQL of spans without work.

use db::schema::time_off;
use db::{QueryResultExt, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{TimeOffId, Timestamp};
use rest::Paging;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::http::TimeOffFilter;
use super::model::{NewTimeOff, TimeOff, TimeOffChanges};
use crate::resource::error::{RowError, kind};
use crate::resource::keyset::{changed_since, is_descending, keyset};
use crate::resource::rows::{delete_row, row_store};
use crate::schedule::OwnerKind;

row_store!(time_off, TimeOff, TimeOffId, kind::TIME_OFF);

delete_row!(time_off, TimeOffId);

/// Where a span stands in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TimeOffPosition {
    starts_at: Timestamp,
    id: Uuid,
}

impl TimeOff {
    /// Where the span stands in the list.
    pub(super) fn position(&self) -> TimeOffPosition {
        TimeOffPosition {
            starts_at: self.starts_at,
            id: *self.id.as_uuid(),
        }
    }
}

/// One page of spans.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    filter: &TimeOffFilter,
    updated_since: Option<Timestamp>,
    paging: &Paging<TimeOffPosition>,
) -> Result<Vec<TimeOff>, RowError> {
    let mut query = time_off::table
        .filter(time_off::clinic_id.eq(tx.clinic()))
        .into_boxed::<Pg>();
    if let Some(practitioner) = filter.practitioner_id {
        query = query.filter(time_off::practitioner_id.eq(practitioner));
    }
    query = match filter.owner {
        None => query,
        Some(OwnerKind::Clinic) => query.filter(time_off::practitioner_id.is_null()),
        Some(OwnerKind::Practitioner) => query.filter(time_off::practitioner_id.is_not_null()),
    };
    if let Some(from) = filter.from {
        query = query.filter(time_off::ends_at.gt(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(time_off::starts_at.lt(to));
    }
    let query = changed_since!(query, time_off, updated_since);
    keyset!(query, by (time_off::starts_at, time_off::id), descending: is_descending(paging.sort()),
        after: paging.after() => |position| (position.starts_at, position.id))
    .limit(paging.fetch())
    .select(TimeOff::as_select())
    .load(&mut tx.conn())
    .await
    .or_database()
}

/// Inserts a span.
pub(super) async fn insert(tx: &TenantRead<'_>, new: &NewTimeOff) -> Result<TimeOff, RowError> {
    diesel::insert_into(time_off::table)
        .values((
            time_off::clinic_id.eq(tx.clinic()),
            time_off::id.eq(new.id.unwrap_or_else(|| TimeOffId::new_at(tx.now()))),
            time_off::practitioner_id.eq(new.practitioner_id),
            time_off::starts_at.eq(new.starts_at),
            time_off::ends_at.eq(new.ends_at),
            time_off::reason.eq(&new.reason),
        ))
        .returning(TimeOff::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("time_off_pkey", || RowError::IdTaken)
        .or_database()
}

/// Writes `changes`, of which there is at least one.
pub(super) async fn update(tx: &TenantRead<'_>, id: TimeOffId, changes: &TimeOffChanges) -> Result<TimeOff, RowError> {
    diesel::update(time_off::table)
        .filter(time_off::clinic_id.eq(tx.clinic()).and(time_off::id.eq(id)))
        .set(changes)
        .returning(TimeOff::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}
