//! Every line of SQL that writes appointments and their moves.

use db::schema::{appointment_moves, appointments, clinics, occupancies, waitlist_entries};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::money::{Currency, Money};
use kernel::{
    Actor, AppointmentId, AppointmentMoveId, ClinicId, ContactId, PractitionerId, RoomId, SeriesId, ServiceId,
    Timestamp, Version, WaitlistEntryId, Zone,
};
use uuid::Uuid;

use super::error::BookingError;
use super::model::{Appointment, AppointmentStatus, CancelledBy, Notes, Reason, Source};
use crate::occupancy::store::{MovedOccupancy, NewOccupancy, PRACTITIONER_FREE, ROOM_FREE};
use crate::occupancy::{Claim, Holder, Taken};
use crate::together::together;

/// An appointment to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = appointments, treat_none_as_default_value = false)]
pub(super) struct NewAppointment<'a> {
    pub(super) clinic_id: ClinicId,
    pub(super) id: AppointmentId,
    pub(super) contact_id: ContactId,
    pub(super) practitioner_id: PractitionerId,
    pub(super) room_id: Option<RoomId>,
    pub(super) service_id: Option<ServiceId>,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) status: AppointmentStatus,
    pub(super) overbooked: bool,
    pub(super) notes: Option<&'a Notes>,
    pub(super) cancelled_by: Option<CancelledBy>,
    pub(super) follow_up_of_id: Option<AppointmentId>,
    pub(super) price_cents: Option<i64>,
    pub(super) price_currency: Option<Currency>,
    pub(super) source: Source,
    pub(super) series_id: Option<SeriesId>,
    pub(super) occurrence_at: Option<Timestamp>,
    pub(super) series_exception: bool,
}

/// What a move changes; `None` in the outer option keeps.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = appointments)]
pub(crate) struct Changes {
    pub(crate) practitioner_id: Option<PractitionerId>,
    pub(crate) room_id: Option<Option<RoomId>>,
    pub(crate) service_id: Option<Option<ServiceId>>,
    pub(crate) starts_at: Option<Timestamp>,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) status: Option<AppointmentStatus>,
    pub(crate) overbooked: Option<bool>,
    pub(crate) notes: Option<Option<Notes>>,
    pub(crate) cancelled_by: Option<Option<CancelledBy>>,
    pub(crate) cancellation_reason: Option<Option<Reason>>,
    pub(crate) follow_up_of_id: Option<Option<AppointmentId>>,
    pub(crate) price_cents: Option<Option<i64>>,
    pub(crate) price_currency: Option<Option<Currency>>,
    pub(crate) sequence: Option<i32>,
    pub(crate) series_id: Option<SeriesId>,
    pub(crate) occurrence_at: Option<Timestamp>,
    pub(crate) series_exception: Option<bool>,
}

impl Changes {
    /// The price becomes `price`, free as a follow-up of `follow_up_of` when there is one.
    pub(crate) fn price(mut self, price: Option<Money>, follow_up_of: Option<AppointmentId>) -> Self {
        self.price_cents = Some(price.map(|price| price.amount_cents));
        self.price_currency = Some(price.map(|price| price.currency));
        self.follow_up_of_id = Some(follow_up_of);
        self
    }
}

/// A move to be written down.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = appointment_moves, treat_none_as_default_value = false)]
pub(super) struct NewMove<'a> {
    clinic_id: ClinicId,
    id: AppointmentMoveId,
    appointment_id: AppointmentId,
    appointment_version: Version,
    action: &'static str,
    from_status: Option<AppointmentStatus>,
    to_status: AppointmentStatus,
    from_starts_at: Option<Timestamp>,
    to_starts_at: Timestamp,
    reason: Option<&'a Reason>,
    actor_kind: &'static str,
    actor_id: Option<Uuid>,
    created_at: Timestamp,
}

/// A move as the service knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move<'a> {
    pub(crate) appointment: AppointmentId,
    /// The version that the appointment has by it.
    pub(crate) version: Version,
    pub(crate) action: &'static str,
    /// Status and start before it; none when the appointment was made by it.
    pub(crate) from: Option<(AppointmentStatus, Timestamp)>,
    pub(crate) to: (AppointmentStatus, Timestamp),
    pub(crate) reason: Option<&'a Reason>,
}

impl<'a> NewMove<'a> {
    fn of(tx: &TenantRead<'_>, step: Move<'a>) -> Self {
        let actor: Actor = tx.actor();
        Self {
            clinic_id: tx.clinic(),
            id: AppointmentMoveId::new_at(tx.now()),
            appointment_id: step.appointment,
            appointment_version: step.version,
            action: step.action,
            from_status: step.from.map(|(status, _)| status),
            to_status: step.to.0,
            from_starts_at: step.from.map(|(_, starts_at)| starts_at),
            to_starts_at: step.to.1,
            reason: step.reason,
            actor_kind: actor.kind(),
            actor_id: actor.id().copied(),
            created_at: tx.now(),
        }
    }
}

/// Gives constraints their meaning.
fn refused<T>(result: QueryResult<T>) -> Result<T, BookingError> {
    result
        .on_constraint(PRACTITIONER_FREE, || BookingError::Conflict(Taken::Practitioner))
        .on_constraint(ROOM_FREE, || BookingError::Conflict(Taken::Room))
        .on_constraint("appointments_pkey", || BookingError::IdTaken)
        .on_constraint("occupancies_pkey", || BookingError::IdTaken)
        .or_database()
}

/// Inserts an appointment, its first move, and the time it keeps busy when it keeps any. The constraints decide who wins.
pub(super) async fn insert(
    tx: &TenantRead<'_>,
    new: NewAppointment<'_>,
    first: Move<'_>,
    claim: Option<&Claim>,
) -> Result<Appointment, BookingError> {
    let id = new.id;
    let step = diesel::insert_into(appointment_moves::table).values(NewMove::of(tx, first));
    let main = diesel::insert_into(appointments::table)
        .values(new)
        .returning(Appointment::as_returning());
    let mut connection = tx.conn();
    refused(match claim {
        Some(claim) => {
            let row = NewOccupancy::of(tx.clinic(), Holder::Appointment(id), claim);
            let occupancy = diesel::insert_into(occupancies::table).values(row);
            together((step, occupancy), main).get_result(&mut connection).await
        }
        None => together((step,), main).get_result(&mut connection).await,
    })
}

/// An appointment that this transaction alone may move, and the clinic's zone.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) appointment: Appointment,
    pub(crate) zone: Zone,
}

/// Reads an appointment and keeps others from moving it until the transaction ends.
pub(crate) async fn lock(tx: &TenantRead<'_>, id: AppointmentId) -> Result<Option<Locked>, DbError> {
    let zone = clinics::table
        .filter(clinics::id.eq(tx.clinic()))
        .select(clinics::zone)
        .single_value();
    let row: Option<(Appointment, Option<Zone>)> = appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::id.eq(id))
        .select((Appointment::as_select(), zone))
        .for_no_key_update()
        .get_result(&mut tx.conn())
        .await
        .optional()?;
    Ok(row.map(|(appointment, zone)| Locked {
        appointment,
        zone: zone.unwrap_or(Zone::UTC),
    }))
}

/// What a change of an appointment does to the time it keeps busy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Busy<'a> {
    /// Nothing.
    Keeps,
    /// Its time is free again.
    Frees,
    /// It takes time again after it had freed it.
    Takes(&'a Claim),
    /// It takes other time instead.
    Moves(&'a Claim),
}

/// Writes a change with the move that it is, if it is one, and what it does to busy time.
pub(crate) async fn update(
    tx: &TenantRead<'_>,
    id: AppointmentId,
    changes: Changes,
    step: Option<Move<'_>>,
    busy: Busy<'_>,
) -> Result<Appointment, BookingError> {
    let clinic = tx.clinic();
    let main = diesel::update(
        appointments::table
            .filter(appointments::clinic_id.eq(clinic))
            .filter(appointments::id.eq(id)),
    )
    .set(changes)
    .returning(Appointment::as_returning());
    let own = occupancies::table
        .filter(occupancies::clinic_id.eq(clinic))
        .filter(occupancies::appointment_id.eq(id));
    let step = step.map(|step| diesel::insert_into(appointment_moves::table).values(NewMove::of(tx, step)));
    let mut connection = tx.conn();
    refused(match (step, busy) {
        (None, Busy::Keeps) => main.get_result(&mut connection).await,
        (Some(step), Busy::Keeps) => together((step,), main).get_result(&mut connection).await,
        (None, Busy::Frees) => together((diesel::delete(own),), main).get_result(&mut connection).await,
        (Some(step), Busy::Frees) => {
            together((step, diesel::delete(own)), main)
                .get_result(&mut connection)
                .await
        }
        (step, Busy::Takes(claim)) => {
            let row = NewOccupancy::of(clinic, Holder::Appointment(id), claim);
            let occupancy = diesel::insert_into(occupancies::table).values(row);
            match step {
                Some(step) => together((step, occupancy), main).get_result(&mut connection).await,
                None => together((occupancy,), main).get_result(&mut connection).await,
            }
        }
        (step, Busy::Moves(claim)) => {
            let occupancy = diesel::update(own).set(MovedOccupancy::from(claim));
            match step {
                Some(step) => together((step, occupancy), main).get_result(&mut connection).await,
                None => together((occupancy,), main).get_result(&mut connection).await,
            }
        }
    })
}

/// When the appointment was last moved.
pub(super) async fn last_moved_at(tx: &TenantRead<'_>, id: AppointmentId) -> Result<Option<Timestamp>, DbError> {
    appointment_moves::table
        .filter(appointment_moves::clinic_id.eq(tx.clinic()))
        .filter(appointment_moves::appointment_id.eq(id))
        .select(diesel::dsl::max(appointment_moves::created_at))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// The paid appointment that makes another of `service` for `contact` at `starts_at` free: the last completed since `since`.
pub(super) async fn paid_before(
    tx: &TenantRead<'_>,
    contact: ContactId,
    service: ServiceId,
    since: Timestamp,
    starts_at: Timestamp,
) -> Result<Option<AppointmentId>, DbError> {
    appointments::table
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::contact_id.eq(contact))
        .filter(appointments::service_id.eq(service))
        .filter(appointments::status.eq(AppointmentStatus::Completed))
        .filter(appointments::follow_up_of_id.is_null())
        .filter(appointments::starts_at.ge(since))
        .filter(appointments::starts_at.lt(starts_at))
        .select(appointments::id)
        .order(appointments::starts_at.desc())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Gives every appointment of `from` to `into`; says which, and when and where on the agenda they stand.
pub(super) async fn move_contact(
    tx: &TenantRead<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<(AppointmentId, Timestamp)>, DbError> {
    diesel::update(
        appointments::table
            .filter(appointments::clinic_id.eq(tx.clinic()))
            .filter(appointments::contact_id.eq(from)),
    )
    .set(appointments::contact_id.eq(into))
    .returning((appointments::id, appointments::starts_at))
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Gives those of `moved` that are still `from`'s back to `back_to`; says which, and where on the agenda they stand.
pub(super) async fn restore_contact(
    tx: &TenantRead<'_>,
    moved: &[AppointmentId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<(AppointmentId, Timestamp)>, DbError> {
    diesel::update(
        appointments::table
            .filter(appointments::clinic_id.eq(tx.clinic()))
            .filter(appointments::id.eq_any(moved))
            .filter(appointments::contact_id.eq(from)),
    )
    .set(appointments::contact_id.eq(back_to))
    .returning((appointments::id, appointments::starts_at))
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Gives those appointments of `from` to `back_to` that follow from `series` and from entries of the waiting list; says which, and
/// where on the agenda they stand.
pub(super) async fn restore_what_follows(
    tx: &TenantRead<'_>,
    series: &[SeriesId],
    entries: &[WaitlistEntryId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<(AppointmentId, Timestamp)>, DbError> {
    let booked: Vec<Option<AppointmentId>> = waitlist_entries::table
        .filter(waitlist_entries::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::id.eq_any(entries))
        .filter(waitlist_entries::appointment_id.is_not_null())
        .select(waitlist_entries::appointment_id)
        .load(&mut tx.conn())
        .await?;
    let booked: Vec<AppointmentId> = booked.into_iter().flatten().collect();
    diesel::update(
        appointments::table
            .filter(appointments::clinic_id.eq(tx.clinic()))
            .filter(appointments::contact_id.eq(from))
            .filter(
                appointments::id
                    .eq_any(booked)
                    .or(appointments::series_id.eq_any(series).assume_not_null()),
            ),
    )
    .set(appointments::contact_id.eq(back_to))
    .returning((appointments::id, appointments::starts_at))
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// The clinic's zone.
pub(crate) async fn zone(tx: &TenantRead<'_>) -> Result<Zone, DbError> {
    clinics::table
        .filter(clinics::id.eq(tx.clinic()))
        .select(clinics::zone)
        .get_result(&mut tx.conn())
        .await
        .or_database()
}
