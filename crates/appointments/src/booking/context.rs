//! The facts that a booking is planned from, gathered by one statement.

use chrono::TimeDelta;
use db::schema::{
    clinics, contacts, occupancies, practitioner_services, practitioners, rooms, service_rooms, services,
};
use db::{DbError, TenantRead};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::money::Currency;
use kernel::{ContactId, FieldErrors, PractitionerId, RoomId, ServiceId, Timestamp, Zone};

use crate::occupancy::LONGEST;
use crate::occupancy::store::is_exclusive;

/// Which rows a booking speaks of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct References {
    pub(crate) practitioner: PractitionerId,
    pub(crate) service: Option<ServiceId>,
    pub(crate) contact: Option<ContactId>,
    pub(crate) room: Option<RoomId>,
    /// When something new would begin, to see early whether the practitioner is busy then.
    pub(crate) starts_at: Option<Timestamp>,
}

/// Whether a row that a booking speaks of can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Not in this clinic.
    Missing,
    /// There, but archived.
    Archived,
    /// There.
    Active,
}

impl Found {
    /// Notes under `pointer` that `what` cannot be used, when it cannot.
    pub(crate) fn check(self, errors: &mut FieldErrors, pointer: &str, what: &str) {
        match self {
            Self::Active => {}
            Self::Missing => errors.push(pointer, "unknown", format!("there is no such {what}")),
            Self::Archived => errors.push(pointer, "archived", format!("the {what} is archived")),
        }
    }
}

/// What a service brings to a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServiceFacts {
    pub(crate) archived: bool,
    pub(crate) duration: TimeDelta,
    pub(crate) buffer_before: TimeDelta,
    pub(crate) buffer_after: TimeDelta,
    pub(crate) step: Option<TimeDelta>,
    pub(crate) price_cents: i64,
    pub(crate) currency: Currency,
    pub(crate) needs_room: bool,
    pub(crate) follow_up_days: Option<i32>,
}

/// The facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) zone: Zone,
    pub(crate) slot_step: TimeDelta,
    pub(crate) hold_minutes: i32,
    pub(crate) practitioner: Found,
    pub(crate) contact: Found,
    pub(crate) room: Found,
    pub(crate) service: Option<ServiceFacts>,
    /// Whether the practitioner offers the service.
    pub(crate) offered: bool,
    /// Whether the room is one of those where the service may take place.
    pub(crate) room_allowed: bool,
    /// Whether the practitioner is busy at the start already. The late ones of a race learn it here, before they wait for a
    /// lock; when it is false, the constraints decide.
    pub(crate) start_taken: bool,
}

#[derive(Queryable)]
struct ServiceRow {
    archived: bool,
    duration_minutes: i32,
    buffer_before_minutes: i32,
    buffer_after_minutes: i32,
    slot_step_minutes: Option<i32>,
    price_cents: i64,
    currency: Currency,
    needs_room: bool,
    follow_up_days: Option<i32>,
}

impl From<ServiceRow> for ServiceFacts {
    fn from(row: ServiceRow) -> Self {
        let ServiceRow {
            archived,
            duration_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            slot_step_minutes,
            price_cents,
            currency,
            needs_room,
            follow_up_days,
        } = row;
        Self {
            archived,
            duration: minutes(duration_minutes),
            buffer_before: minutes(buffer_before_minutes),
            buffer_after: minutes(buffer_after_minutes),
            step: slot_step_minutes.map(minutes),
            price_cents,
            currency,
            needs_room,
            follow_up_days,
        }
    }
}

#[derive(Queryable)]
struct ContextRow {
    zone: Zone,
    slot_step_minutes: i32,
    hold_minutes: i32,
    practitioner: Option<(PractitionerId, bool)>,
    contact: Option<(ContactId, bool)>,
    room: Option<(RoomId, bool)>,
    service: Option<ServiceRow>,
    offered: bool,
    rooms_listed: bool,
    room_listed: bool,
    start_taken: bool,
}

fn minutes(count: i32) -> TimeDelta {
    TimeDelta::minutes(i64::from(count))
}

fn found<Id>(row: Option<(Id, bool)>) -> Found {
    match row {
        None => Found::Missing,
        Some((_, true)) => Found::Archived,
        Some((_, false)) => Found::Active,
    }
}

/// Gathers the facts about `references`.
pub(crate) async fn load(tx: &TenantRead<'_>, references: &References) -> Result<Context, DbError> {
    let References {
        practitioner,
        service,
        contact,
        room,
        starts_at,
    } = *references;
    let clinic = tx.clinic();
    let offered = practitioner_services::table
        .filter(practitioner_services::clinic_id.eq(clinic))
        .filter(practitioner_services::service_id.nullable().eq(service))
        .filter(practitioner_services::practitioner_id.eq(practitioner));
    let listed = || {
        service_rooms::table
            .filter(service_rooms::clinic_id.eq(clinic))
            .filter(service_rooms::service_id.nullable().eq(service))
    };
    let busy_at_start = occupancies::table
        .filter(occupancies::clinic_id.eq(clinic))
        .filter(occupancies::practitioner_id.eq(practitioner))
        .filter(
            occupancies::busy_from
                .nullable()
                .ge(starts_at.map(|start| start.saturating_add(-LONGEST))),
        )
        .filter(occupancies::busy_from.nullable().le(starts_at))
        .filter(occupancies::busy_until.nullable().gt(starts_at))
        .filter(is_exclusive())
        .filter(
            occupancies::expires_at
                .is_null()
                .or(occupancies::expires_at.gt(tx.now()).assume_not_null()),
        );
    let row: ContextRow = clinics::table
        .left_join(
            practitioners::table.on(practitioners::clinic_id
                .eq(clinics::id)
                .and(practitioners::id.eq(practitioner))),
        )
        .left_join(
            contacts::table.on(contacts::clinic_id
                .eq(clinics::id)
                .and(contacts::id.nullable().eq(contact))),
        )
        .left_join(rooms::table.on(rooms::clinic_id.eq(clinics::id).and(rooms::id.nullable().eq(room))))
        .left_join(
            services::table.on(services::clinic_id
                .eq(clinics::id)
                .and(services::id.nullable().eq(service))),
        )
        .filter(clinics::id.eq(clinic))
        .select((
            clinics::zone,
            clinics::slot_step_minutes,
            clinics::hold_minutes,
            (practitioners::id, practitioners::archived_at.is_not_null()).nullable(),
            (contacts::id, contacts::archived_at.is_not_null()).nullable(),
            (rooms::id, rooms::archived_at.is_not_null()).nullable(),
            (
                services::archived_at.is_not_null(),
                services::duration_minutes,
                services::buffer_before_minutes,
                services::buffer_after_minutes,
                services::slot_step_minutes,
                services::price_cents,
                services::currency,
                services::needs_room,
                services::follow_up_days,
            )
                .nullable(),
            exists(offered),
            exists(listed()),
            exists(listed().filter(service_rooms::room_id.nullable().eq(room))),
            exists(busy_at_start),
        ))
        .get_result(&mut tx.conn())
        .await?;
    let ContextRow {
        zone,
        slot_step_minutes,
        hold_minutes,
        practitioner,
        contact,
        room,
        service,
        offered,
        rooms_listed,
        room_listed,
        start_taken,
    } = row;
    Ok(Context {
        zone,
        slot_step: minutes(slot_step_minutes),
        hold_minutes,
        practitioner: found(practitioner),
        contact: found(contact),
        room: found(room),
        service: service.map(ServiceFacts::from),
        offered,
        room_allowed: room_listed || !rooms_listed,
        start_taken,
    })
}
