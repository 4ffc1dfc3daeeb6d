//! What free time is computed from: a fixed number of statements, however many practitioners, rooms and slots there are.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate, NaiveTime, Weekday};
use db::schema::{
    clinics, external_busy, holidays, occupancies, opening_hours, practitioner_services, practitioners, rooms,
    service_rooms, services, time_off,
};
use db::{DbError, Literal, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::try_join;
use kernel::{PractitionerId, RoomId, ServiceId, Timestamp, Zone};

use super::model::Reach;
use super::spans::Span;
use super::working_time::WeeklyHours;
use crate::occupancy;

/// What the clinic says about time.
#[derive(Debug, Clone, Copy, Queryable)]
pub(super) struct ClinicRow {
    pub(super) zone: Zone,
    pub(super) slot_step_minutes: i32,
}

/// What a service says about slots.
#[derive(Debug, Clone, Copy, Queryable)]
pub(super) struct ServiceRow {
    pub(super) archived: bool,
    pub(super) duration_minutes: i32,
    pub(super) buffer_before_minutes: i32,
    pub(super) buffer_after_minutes: i32,
    pub(super) slot_step_minutes: Option<i32>,
    pub(super) needs_room: bool,
}

/// An active practitioner.
#[derive(Debug, Clone, Queryable)]
pub(super) struct PractitionerRow {
    pub(super) id: PractitionerId,
    pub(super) name: String,
    /// The link to the service, when they offer it.
    pub(super) offers: Option<PractitionerId>,
}

/// A room, archived ones included.
#[derive(Debug, Clone, Queryable)]
pub(super) struct RoomRow {
    pub(super) id: RoomId,
    pub(super) name: String,
    pub(super) archived: bool,
    /// The link to the service, when it is listed as one of its rooms.
    pub(super) listed: Option<RoomId>,
}

/// Who and what there is.
#[derive(Debug)]
pub(super) struct Practice {
    pub(super) clinic: ClinicRow,
    /// The service asked for, when there is one of that id.
    pub(super) service: Option<ServiceRow>,
    /// In the order of their names.
    pub(super) practitioners: Vec<PractitionerRow>,
    /// In the order of their names.
    pub(super) rooms: Vec<RoomRow>,
}

/// Reads who and what there is: `practitioner` alone where one is named, and what has to do with `service`. Four statements,
/// sent together.
pub(super) async fn practice(
    tx: &TenantRead<'_>,
    practitioner: Option<PractitionerId>,
    service: Option<ServiceId>,
) -> Result<Practice, DbError> {
    let (clinic, service, practitioners, rooms) = try_join!(
        clinic(tx),
        service_row(tx, service),
        practitioner_rows(tx, practitioner, service),
        room_rows(tx, service)
    )?;
    Ok(Practice {
        clinic,
        service,
        practitioners,
        rooms,
    })
}

async fn clinic(tx: &TenantRead<'_>) -> Result<ClinicRow, DbError> {
    let row = clinics::table
        .filter(clinics::id.eq(tx.clinic()))
        .select((clinics::zone, clinics::slot_step_minutes))
        .get_result(&mut tx.conn())
        .await?;
    Ok(row)
}

async fn service_row(tx: &TenantRead<'_>, service: Option<ServiceId>) -> Result<Option<ServiceRow>, DbError> {
    let row = services::table
        .filter(services::clinic_id.eq(tx.clinic()))
        .filter(services::id.nullable().eq(service))
        .select((
            services::archived_at.is_not_null(),
            services::duration_minutes,
            services::buffer_before_minutes,
            services::buffer_after_minutes,
            services::slot_step_minutes,
            services::needs_room,
        ))
        .get_result(&mut tx.conn())
        .await
        .optional()?;
    Ok(row)
}

async fn practitioner_rows(
    tx: &TenantRead<'_>,
    practitioner: Option<PractitionerId>,
    service: Option<ServiceId>,
) -> Result<Vec<PractitionerRow>, DbError> {
    let offered = practitioner_services::clinic_id
        .eq(practitioners::clinic_id)
        .and(practitioner_services::practitioner_id.eq(practitioners::id))
        .and(practitioner_services::service_id.nullable().eq(service));
    let mut query = practitioners::table
        .left_join(practitioner_services::table.on(offered))
        .filter(practitioners::clinic_id.eq(tx.clinic()))
        .filter(practitioners::archived_at.is_null())
        .select((
            practitioners::id,
            practitioners::name,
            practitioner_services::practitioner_id.nullable(),
        ))
        .order((practitioners::name, practitioners::id))
        .into_boxed();
    if let Some(practitioner) = practitioner {
        query = query.filter(practitioners::id.eq(practitioner));
    }
    Ok(query.load(&mut tx.conn()).await?)
}

async fn room_rows(tx: &TenantRead<'_>, service: Option<ServiceId>) -> Result<Vec<RoomRow>, DbError> {
    let listed = service_rooms::clinic_id
        .eq(rooms::clinic_id)
        .and(service_rooms::room_id.eq(rooms::id))
        .and(service_rooms::service_id.nullable().eq(service));
    let rows = rooms::table
        .left_join(service_rooms::table.on(listed))
        .filter(rooms::clinic_id.eq(tx.clinic()))
        .select((
            rooms::id,
            rooms::name,
            rooms::archived_at.is_not_null(),
            service_rooms::room_id.nullable(),
        ))
        .order((rooms::name, rooms::id))
        .load(&mut tx.conn())
        .await?;
    Ok(rows)
}

/// An entry of weekly hours, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct HoursRow {
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) hours: WeeklyHours,
}

/// Time off, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeOffRow {
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) span: Span,
    /// Whether a calendar kept elsewhere says so.
    pub(super) external: bool,
}

/// When work is done.
#[derive(Debug)]
pub(super) struct WorkRows {
    pub(super) hours: Vec<HoursRow>,
    pub(super) time_off: Vec<TimeOffRow>,
    pub(super) holidays: BTreeSet<NaiveDate>,
}

/// When somebody or something is taken.
#[derive(Debug)]
pub(super) struct BusyRows {
    pub(super) practitioners: Vec<(PractitionerId, Span)>,
    pub(super) rooms: Vec<(RoomId, Span)>,
}

/// Reads when `practitioners` work and they and `rooms` are taken, as far as `reach`. Five statements, sent together.
pub(super) async fn agenda(
    tx: &TenantRead<'_>,
    practitioners: &[PractitionerId],
    rooms: &[RoomId],
    reach: &Reach,
) -> Result<(WorkRows, BusyRows), DbError> {
    let (work, practitioners, rooms) = try_join!(
        work(tx, practitioners, reach.work),
        busy_practitioners(tx, practitioners, reach.busy),
        busy_rooms(tx, rooms, reach.busy)
    )?;
    Ok((work, BusyRows { practitioners, rooms }))
}

/// Reads when `practitioners` work, as far as `reach`. Three statements, sent together.
pub(super) async fn work(
    tx: &TenantRead<'_>,
    practitioners: &[PractitionerId],
    reach: Span,
) -> Result<WorkRows, DbError> {
    let (hours, time_off, holidays) = try_join!(
        hours(tx, practitioners),
        time_off_rows(tx, practitioners, reach),
        holiday_dates(tx, reach)
    )?;
    Ok(WorkRows {
        hours,
        time_off,
        holidays,
    })
}

type HoursColumns = (
    Option<PractitionerId>,
    i16,
    NaiveTime,
    NaiveTime,
    Option<NaiveDate>,
    Option<NaiveDate>,
);

async fn hours(tx: &TenantRead<'_>, practitioners: &[PractitionerId]) -> Result<Vec<HoursRow>, DbError> {
    let rows: Vec<HoursColumns> = opening_hours::table
        .filter(opening_hours::clinic_id.eq(tx.clinic()))
        .filter(
            opening_hours::practitioner_id
                .is_null()
                .or(opening_hours::practitioner_id.eq_any(practitioners)),
        )
        .select((
            opening_hours::practitioner_id,
            opening_hours::weekday,
            opening_hours::opens_at,
            opening_hours::closes_at,
            opening_hours::valid_from,
            opening_hours::valid_until,
        ))
        .load(&mut tx.conn())
        .await?;
    Ok(rows.into_iter().filter_map(hours_row).collect())
}

/// The row, unless its weekday is none, which a constraint forbids.
fn hours_row((practitioner, weekday, opens_at, closes_at, valid_from, valid_until): HoursColumns) -> Option<HoursRow> {
    let weekday = u8::try_from(weekday.checked_sub(1)?)
        .ok()
        .and_then(|day| Weekday::try_from(day).ok())?;
    Some(HoursRow {
        practitioner,
        hours: WeeklyHours {
            weekday,
            opens_at,
            closes_at,
            valid_from,
            valid_until,
        },
    })
}

async fn time_off_rows(
    tx: &TenantRead<'_>,
    practitioners: &[PractitionerId],
    reach: Span,
) -> Result<Vec<TimeOffRow>, DbError> {
    let own = time_off::table
        .filter(time_off::clinic_id.eq(tx.clinic()))
        .filter(time_off::ends_at.gt(reach.starts_at()))
        .filter(time_off::starts_at.lt(reach.ends_at()))
        .filter(
            time_off::practitioner_id
                .is_null()
                .or(time_off::practitioner_id.eq_any(practitioners)),
        )
        .select((
            time_off::practitioner_id,
            time_off::starts_at,
            time_off::ends_at,
            Literal(false),
        ));
    // What practitioners do elsewhere, read along.
    let elsewhere = external_busy::table
        .filter(external_busy::clinic_id.eq(tx.clinic()))
        .filter(external_busy::practitioner_id.eq_any(practitioners))
        .filter(external_busy::ends_at.gt(reach.starts_at()))
        .filter(external_busy::starts_at.lt(reach.ends_at()))
        .select((
            external_busy::practitioner_id.nullable(),
            external_busy::starts_at,
            external_busy::ends_at,
            Literal(true),
        ));
    let rows: Vec<(Option<PractitionerId>, Timestamp, Timestamp, bool)> =
        own.union_all(elsewhere).load(&mut tx.conn()).await?;
    let row = |(practitioner, from, until, external)| {
        Some(TimeOffRow {
            practitioner,
            span: Span::new(from, until)?,
            external,
        })
    };
    Ok(rows.into_iter().filter_map(row).collect())
}

async fn holiday_dates(tx: &TenantRead<'_>, reach: Span) -> Result<BTreeSet<NaiveDate>, DbError> {
    // Whatever the zone, and with the days before from which openings reach over midnight.
    let first = reach.starts_at().date_in(Zone::UTC) - Days::new(4);
    let last = reach.ends_at().date_in(Zone::UTC) + Days::new(3);
    let dates: Vec<NaiveDate> = holidays::table
        .filter(holidays::clinic_id.eq(tx.clinic()))
        .filter(holidays::date.between(first, last))
        .select(holidays::date)
        .load(&mut tx.conn())
        .await?;
    Ok(dates.into_iter().collect())
}

async fn busy_practitioners(
    tx: &TenantRead<'_>,
    practitioners: &[PractitionerId],
    reach: Span,
) -> Result<Vec<(PractitionerId, Span)>, DbError> {
    let query = occupancies::table
        .filter(occupancies::clinic_id.eq(tx.clinic()))
        .into_boxed();
    // Of a list whose length it does not know, the planner would read everybody's time and then look whose it is.
    let query = match practitioners {
        [one] => query.filter(occupancies::practitioner_id.eq(one)),
        many => query.filter(occupancies::practitioner_id.eq_any(many)),
    };
    let rows: Vec<(PractitionerId, Timestamp, Timestamp)> = query
        .filter(occupancies::busy_from.ge(reach.starts_at().saturating_add(-occupancy::LONGEST)))
        .filter(occupancies::busy_from.lt(reach.ends_at()))
        .filter(occupancies::busy_until.gt(reach.starts_at()))
        .filter(
            occupancies::expires_at
                .is_null()
                .or(occupancies::expires_at.gt(tx.now()).assume_not_null()),
        )
        .select((
            occupancies::practitioner_id,
            occupancies::busy_from,
            occupancies::busy_until,
        ))
        .load(&mut tx.conn())
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, from, until)| Some((id, Span::new(from, until)?)))
        .collect())
}

async fn busy_rooms(tx: &TenantRead<'_>, rooms: &[RoomId], reach: Span) -> Result<Vec<(RoomId, Span)>, DbError> {
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(RoomId, Timestamp, Timestamp)> = occupancies::table
        .filter(occupancies::clinic_id.eq(tx.clinic()))
        // Said twice: of a list that it does not know yet, the planner cannot tell that the partial index will do.
        .filter(occupancies::room_id.is_not_null())
        .filter(occupancies::room_id.eq_any(rooms))
        .filter(occupancies::busy_from.ge(reach.starts_at().saturating_add(-occupancy::LONGEST)))
        .filter(occupancies::busy_from.lt(reach.ends_at()))
        .filter(occupancies::busy_until.gt(reach.starts_at()))
        .filter(
            occupancies::expires_at
                .is_null()
                .or(occupancies::expires_at.gt(tx.now()).assume_not_null()),
        )
        .select((
            occupancies::room_id.assume_not_null(),
            occupancies::busy_from,
            occupancies::busy_until,
        ))
        .load(&mut tx.conn())
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, from, until)| Some((id, Span::new(from, until)?)))
        .collect())
}
