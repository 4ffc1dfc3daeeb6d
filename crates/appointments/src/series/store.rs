//! Every line of SQL about series.

use std::collections::HashMap;
use std::hash::Hash;

use db::schema::functions::oldest_open_transaction;
use db::schema::{appointment_series, appointments, occupancies};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::try_join;
use kernel::{
    AppointmentId, ClinicId, ContactId, HoldId, PractitionerId, RoomId, SeriesId, ServiceId, Timestamp, Zone,
};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::model::{Series, SeriesStatus};
use crate::availability::spans::{Span, SpanSet};
use crate::booking::{Appointment, AppointmentStatus, Notes};
use crate::occupancy::LONGEST;
use crate::occupancy::store::is_exclusive;

/// A series to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = appointment_series, treat_none_as_default_value = false)]
pub(super) struct NewSeries<'a> {
    pub(super) clinic_id: ClinicId,
    pub(super) id: SeriesId,
    pub(super) contact_id: ContactId,
    pub(super) practitioner_id: PractitionerId,
    pub(super) room_id: Option<RoomId>,
    pub(super) service_id: Option<ServiceId>,
    pub(super) rule: String,
    pub(super) zone: Zone,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) notes: Option<&'a Notes>,
    pub(super) previous_id: Option<SeriesId>,
}

/// What changes of a series; `None` keeps. A change without any still makes a new version.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = appointment_series)]
pub(super) struct SeriesChanges {
    pub(super) practitioner_id: Option<PractitionerId>,
    pub(super) room_id: Option<Option<RoomId>>,
    pub(super) service_id: Option<Option<ServiceId>>,
    pub(super) rule: Option<String>,
    pub(super) starts_at: Option<Timestamp>,
    pub(super) ends_at: Option<Timestamp>,
    pub(super) notes: Option<Option<Notes>>,
    pub(super) status: Option<SeriesStatus>,
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct SeriesPosition {
    pub(super) created_at: Timestamp,
    pub(super) id: SeriesId,
}

/// Which series to list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Narrowing {
    pub(super) contact: Option<ContactId>,
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) status: Option<SeriesStatus>,
}

/// Inserts a series.
pub(super) async fn insert(tx: &TenantRead<'_>, new: NewSeries<'_>) -> Result<Series, DbError> {
    diesel::insert_into(appointment_series::table)
        .values(new)
        .returning(Series::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Writes what changes; the version counts up in any case.
pub(super) async fn update(tx: &TenantRead<'_>, id: SeriesId, changes: SeriesChanges) -> Result<Series, DbError> {
    diesel::update(
        appointment_series::table
            .filter(appointment_series::clinic_id.eq(tx.clinic()))
            .filter(appointment_series::id.eq(id)),
    )
    .set((appointment_series::id.eq(id), changes))
    .returning(Series::as_returning())
    .get_result(&mut tx.conn())
    .await
    .or_database()
}

/// The series `id`.
pub(super) async fn find(tx: &TenantRead<'_>, id: SeriesId) -> Result<Option<Series>, DbError> {
    appointment_series::table
        .filter(appointment_series::clinic_id.eq(tx.clinic()))
        .filter(appointment_series::id.eq(id))
        .select(Series::as_select())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The series `id`, which nobody else changes until the transaction ends.
pub(super) async fn lock(tx: &TenantRead<'_>, id: SeriesId) -> Result<Option<Series>, DbError> {
    appointment_series::table
        .filter(appointment_series::clinic_id.eq(tx.clinic()))
        .filter(appointment_series::id.eq(id))
        .select(Series::as_select())
        .for_no_key_update()
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The appointments of the series `id`, which nobody else moves until the transaction ends; in the order of the rule.
pub(super) async fn lock_occurrences(tx: &TenantRead<'_>, id: SeriesId) -> Result<Vec<Appointment>, DbError> {
    let mut found: Vec<Appointment> = appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::series_id.eq(id))
        .select(Appointment::as_select())
        .order(appointments::id)
        .for_no_key_update()
        .load(&mut tx.conn())
        .await?;
    found.sort_by_key(|appointment| (appointment.occurrence_at, appointment.id));
    Ok(found)
}

/// Gives `ids` to the series `into`.
pub(super) async fn give(tx: &TenantRead<'_>, ids: &[AppointmentId], into: SeriesId) -> Result<(), DbError> {
    diesel::update(
        appointments::table
            .filter(appointments::clinic_id.eq(tx.clinic()))
            .filter(appointments::id.eq_any(ids)),
    )
    .set(appointments::series_id.eq(into))
    .execute(&mut tx.conn())
    .await?;
    Ok(())
}

/// Frees the time of `ids`, which will take other time.
pub(super) async fn free(tx: &TenantRead<'_>, ids: &[AppointmentId]) -> Result<(), DbError> {
    diesel::delete(
        occupancies::table
            .filter(occupancies::clinic_id.eq(tx.clinic()))
            .filter(occupancies::appointment_id.eq_any(ids)),
    )
    .execute(&mut tx.conn())
    .await?;
    Ok(())
}

/// What is taken in a window, and holds that have lapsed there.
#[derive(Debug, Default)]
pub(super) struct BusyTime {
    pub(super) practitioners: HashMap<PractitionerId, SpanSet>,
    pub(super) rooms: HashMap<RoomId, SpanSet>,
    pub(super) lapsed: Vec<HoldId>,
}

/// A row of taken time: whose or where, from when to when, by which hold until when.
type BusyRow<Id> = (Id, Timestamp, Timestamp, Option<HoldId>, Option<Timestamp>);

/// When `practitioner` and `rooms` are taken in `window`, but for what `own` takes. Two statements, sent together.
pub(super) async fn busy(
    tx: &TenantRead<'_>,
    practitioner: PractitionerId,
    rooms: &[RoomId],
    window: Span,
    own: &[AppointmentId],
) -> Result<BusyTime, DbError> {
    macro_rules! taken {
        ($whose:expr, $id:expr) => {
            occupancies::table
                .filter(occupancies::clinic_id.eq(tx.clinic()))
                .filter($whose)
                .filter(occupancies::busy_from.ge(window.starts_at().saturating_add(-LONGEST)))
                .filter(occupancies::busy_from.lt(window.ends_at()))
                .filter(occupancies::busy_until.gt(window.starts_at()))
                .filter(is_exclusive())
                .filter(occupancies::appointment_id.is_null().or(diesel::dsl::not(
                    occupancies::appointment_id.assume_not_null().eq_any(own),
                )))
                .select((
                    $id,
                    occupancies::busy_from,
                    occupancies::busy_until,
                    occupancies::hold_id,
                    occupancies::expires_at,
                ))
        };
    }
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let of_practitioner = taken!(
        occupancies::practitioner_id.eq(practitioner),
        occupancies::practitioner_id
    );
    let of_rooms = taken!(
        occupancies::room_id
            .is_not_null()
            .and(occupancies::room_id.assume_not_null().eq_any(rooms)),
        occupancies::room_id.assume_not_null()
    );
    let (practitioners, rooms): (Vec<BusyRow<PractitionerId>>, Vec<BusyRow<RoomId>>) =
        try_join!(of_practitioner.load(&mut first), of_rooms.load(&mut second))?;
    let mut busy = BusyTime::default();
    let now = tx.now();
    busy.practitioners = spans_of(practitioners, now, &mut busy.lapsed);
    busy.rooms = spans_of(rooms, now, &mut busy.lapsed);
    busy.lapsed.sort_unstable();
    busy.lapsed.dedup();
    Ok(busy)
}

fn spans_of<Id: Eq + Hash>(rows: Vec<BusyRow<Id>>, now: Timestamp, lapsed: &mut Vec<HoldId>) -> HashMap<Id, SpanSet> {
    let mut spans: HashMap<Id, Vec<Span>> = HashMap::new();
    for (id, from, until, hold, expires_at) in rows {
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            lapsed.extend(hold);
        } else if let Some(span) = Span::new(from, until) {
            spans.entry(id).or_default().push(span);
        }
    }
    spans
        .into_iter()
        .map(|(id, spans)| (id, spans.into_iter().collect()))
        .collect()
}

/// The paid appointments of `contact` for `service` that were completed and began in `window`, in order of time: what follows
/// them up may be free.
pub(super) async fn paid_in(
    tx: &TenantRead<'_>,
    contact: ContactId,
    service: ServiceId,
    window: Span,
) -> Result<Vec<(Timestamp, AppointmentId)>, DbError> {
    appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::contact_id.eq(contact))
        .filter(appointments::service_id.eq(service))
        .filter(appointments::status.eq(AppointmentStatus::Completed))
        .filter(appointments::follow_up_of_id.is_null())
        .filter(appointments::starts_at.ge(window.starts_at()))
        .filter(appointments::starts_at.lt(window.ends_at()))
        .select((appointments::starts_at, appointments::id))
        .order((appointments::starts_at, appointments::id))
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// One page of series, by when they were made.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    narrowing: Narrowing,
    updated_since: Option<Timestamp>,
    paging: &Paging<SeriesPosition>,
) -> Result<Vec<Series>, DbError> {
    let mut query = appointment_series::table
        .filter(appointment_series::clinic_id.eq(tx.clinic()))
        .select(Series::as_select())
        .order((appointment_series::created_at, appointment_series::id))
        .limit(paging.fetch())
        .into_boxed();
    if let Some(contact) = narrowing.contact {
        query = query.filter(appointment_series::contact_id.eq(contact));
    }
    if let Some(practitioner) = narrowing.practitioner {
        query = query.filter(appointment_series::practitioner_id.eq(practitioner));
    }
    if let Some(status) = narrowing.status {
        query = query.filter(appointment_series::status.eq(status));
    }
    if let Some(since) = updated_since {
        query = query
            .filter(appointment_series::updated_at.ge(since))
            .filter(appointment_series::changed_in.lt(oldest_open_transaction()));
    }
    if let Some(SeriesPosition { created_at, id }) = paging.after() {
        query = query.filter(appointment_series::created_at.ge(*created_at)).filter(
            appointment_series::created_at
                .gt(*created_at)
                .or(appointment_series::id.gt(*id)),
        );
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Gives every series of `from` to `into`; says which.
pub(super) async fn move_contact(
    tx: &TenantRead<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<SeriesId>, DbError> {
    diesel::update(
        appointment_series::table
            .filter(appointment_series::clinic_id.eq(tx.clinic()))
            .filter(appointment_series::contact_id.eq(from)),
    )
    .set(appointment_series::contact_id.eq(into))
    .returning(appointment_series::id)
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Gives those of `moved` that are still `from`'s back to `back_to`; says which.
pub(super) async fn restore_contact(
    tx: &TenantRead<'_>,
    moved: &[SeriesId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<SeriesId>, DbError> {
    diesel::update(
        appointment_series::table
            .filter(appointment_series::clinic_id.eq(tx.clinic()))
            .filter(appointment_series::id.eq_any(moved))
            .filter(appointment_series::contact_id.eq(from)),
    )
    .set(appointment_series::contact_id.eq(back_to))
    .returning(appointment_series::id)
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Gives those series of `from` to `back_to` that were split off from `series`; says which.
pub(super) async fn restore_split_off(
    tx: &TenantRead<'_>,
    series: &[SeriesId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<SeriesId>, DbError> {
    diesel::update(
        appointment_series::table
            .filter(appointment_series::clinic_id.eq(tx.clinic()))
            .filter(appointment_series::previous_id.eq_any(series).assume_not_null())
            .filter(appointment_series::contact_id.eq(from)),
    )
    .set(appointment_series::contact_id.eq(back_to))
    .returning(appointment_series::id)
    .get_results(&mut tx.conn())
    .await
    .or_database()
}
