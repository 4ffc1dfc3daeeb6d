//! The moves that an appointment has been through.

use db::schema::{appointment_moves, appointments};
use db::{QueryResultExt, TenantRead};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AppointmentId, AppointmentMoveId, Timestamp, Version};
use rest::Paging;
use uuid::Uuid;

use super::error::BookingError;
use super::model::AppointmentStatus;

/// A move, as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = appointment_moves, check_for_backend(diesel::pg::Pg))]
pub(super) struct HistoryRow {
    pub(super) id: AppointmentMoveId,
    pub(super) appointment_version: Version,
    pub(super) action: String,
    pub(super) from_status: Option<AppointmentStatus>,
    pub(super) to_status: AppointmentStatus,
    pub(super) from_starts_at: Option<Timestamp>,
    pub(super) to_starts_at: Timestamp,
    pub(super) reason: Option<String>,
    pub(super) actor_kind: String,
    pub(super) actor_id: Option<Uuid>,
    pub(super) created_at: Timestamp,
}

/// One page of the moves of appointment `id`, oldest first; the position is the version that a move made.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    id: AppointmentId,
    paging: &Paging<Version>,
) -> Result<Vec<HistoryRow>, BookingError> {
    let after = paging.after().copied().unwrap_or(Version::new(0));
    let rows: Vec<HistoryRow> = appointment_moves::table
        .filter(appointment_moves::clinic_id.eq(tx.clinic()))
        .filter(appointment_moves::appointment_id.eq(id))
        .filter(appointment_moves::appointment_version.gt(after))
        .select(HistoryRow::as_select())
        .order(appointment_moves::appointment_version)
        .limit(paging.fetch())
        .load(&mut tx.conn())
        .await
        .or_database::<BookingError>()?;
    if rows.is_empty() && !is_there(tx, id).await? {
        Err(BookingError::NotFound)
    } else {
        Ok(rows)
    }
}

/// Whether there is such an appointment, for one that was loaded in bulk and never moved.
async fn is_there(tx: &TenantRead<'_>, id: AppointmentId) -> Result<bool, BookingError> {
    let appointment = appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::id.eq(id))
        .select(appointments::id);
    diesel::select(exists(appointment))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}
