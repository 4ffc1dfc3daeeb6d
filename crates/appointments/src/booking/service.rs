//! Booking: the rules around a new appointment, callable from HTTP, jobs, the command line and tests alike.

use db::{AuditRecord, TenantRead, TenantTx};
use futures_util::{FutureExt, future};
use kernel::{
    AppointmentId, ContactId, FieldErrors, HoldId, PractitionerId, RoomId, SeriesId, ServiceId, TimeSlot, Timestamp,
    Version, Zone,
};
use serde::Serialize;
use serde_json::json;

use super::context::{self, Context};
use super::error::BookingError;
use super::model::{Appointment, AppointmentStatus, CancelledBy, Notes};
use super::plan::{Booking, Wish};
use super::store::{self, Move, NewAppointment};
use super::terms::Terms;
use crate::availability::Verdict;
use crate::holds::model::Hold;
use crate::occupancy::{Claim, LockKeys, RoomNeed, Taken, choose_room};
use crate::{availability, holds, occupancy, tags};

/// How many free slots are named to one who asked for a time without work.
const NEAREST_SLOTS: usize = 5;

/// An appointment that somebody wants.
#[derive(Debug, Clone)]
pub struct BookingRequest {
    /// The id, when the client made it itself.
    pub id: Option<AppointmentId>,
    /// Who comes.
    pub contact: ContactId,
    /// Who sees them.
    pub practitioner: PractitionerId,
    /// What for.
    pub service: Option<ServiceId>,
    /// Where; a free room is chosen when none is named and the service needs one.
    pub room: Option<RoomId>,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over; else the service's duration counts.
    pub ends_at: Option<Timestamp>,
    /// What to remember.
    pub notes: Option<Notes>,
    /// The hold that this booking finishes.
    pub hold: Option<HoldId>,
    /// Which rules it stands under.
    pub terms: Terms,
}

/// The event that tells of an appointment: ids only.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AppointmentEvent {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// Who comes.
    pub contact_id: ContactId,
    /// Who sees them.
    pub practitioner_id: PractitionerId,
}

impl From<&Appointment> for AppointmentEvent {
    fn from(appointment: &Appointment) -> Self {
        Self {
            appointment_id: appointment.id,
            contact_id: appointment.contact_id,
            practitioner_id: appointment.practitioner_id,
        }
    }
}

/// Books `request`, or says what stands in the way.
///
/// # Errors
/// [`BookingError::Conflict`] when the practitioner or the room is taken (decided by the database, so two callers cannot both
/// win), [`BookingError::OutsideHours`] with the nearest free slots, [`BookingError::Invalid`] with every value that makes no
/// sense, [`BookingError::IdTaken`] for an id in use.
pub async fn book(tx: &mut TenantTx<'_>, request: &BookingRequest) -> Result<Appointment, BookingError> {
    let hold = match request.hold {
        Some(id) => holds::store::find(tx, id).await?,
        None => None,
    };
    let wish = wish_of(request, hold.as_ref())?;
    // The hold that is finished here keeps its own time busy, so nothing is learnt by looking early.
    let references = if hold.is_some() {
        wish.references()
    } else {
        wish.references_of_new()
    };
    let context = context::load(tx, &references).await?;
    let booking = Booking::plan(&wish, &context, tx.now()).map_err(|mut errors| {
        // Without its hold a booking may lack what the hold would have told.
        if request.hold.is_some() && hold.is_none() {
            errors.nest("", no_such_hold());
        }
        errors
    })?;
    if context.start_taken {
        return Err(BookingError::Conflict(Taken::Practitioner));
    }
    let follow_up_of = admit(tx, &wish, &context, &booking, Some(request.contact)).await?;
    let hold_taken = match request.hold {
        Some(id) => Some(holds::store::take(tx, id).await?),
        None => None,
    };
    let claim = claim(tx, &wish, &booking, None).await?;
    if hold_taken == Some(false) {
        return Err(no_such_hold().into());
    }
    let appointment = insert(tx, request, wish.service, &booking, &claim, follow_up_of, None).await?;
    announce_booking(tx, &appointment, context.zone, request);
    Ok(appointment)
}

/// What the request wants, completed by the hold that it finishes.
fn wish_of(request: &BookingRequest, hold: Option<&Hold>) -> Result<Wish, FieldErrors> {
    if let Some(hold) = hold {
        let mut errors = FieldErrors::new();
        let mut expect = |pointer: &str, fits: bool, what: &str| {
            if !fits {
                errors.push(pointer, "hold_mismatch", format!("the hold is for another {what}"));
            }
        };
        expect(
            "/practitioner_id",
            hold.practitioner_id == request.practitioner,
            "practitioner",
        );
        expect("/starts_at", hold.starts_at == request.starts_at, "time");
        expect(
            "/contact_id",
            hold.contact_id.is_none_or(|contact| contact == request.contact),
            "contact",
        );
        expect(
            "/service_id",
            request.service.is_none() || hold.service_id.is_none() || hold.service_id == request.service,
            "service",
        );
        errors.finish(Some(()))?;
    }
    let service = request.service.or_else(|| hold.and_then(|hold| hold.service_id));
    Ok(Wish {
        practitioner: request.practitioner,
        service,
        service_is_new: true,
        contact: Some(request.contact),
        room: request.room,
        preferred_room: hold.and_then(|hold| hold.room_id),
        starts_at: request.starts_at,
        ends_at: request.ends_at.or_else(|| hold.map(|hold| hold.ends_at)),
        terms: request.terms,
    })
}

fn no_such_hold() -> FieldErrors {
    FieldErrors::one("/hold_id", "unknown", "there is no such hold, or it has lapsed")
}

/// Checks the hours, finds the paid appointment that makes this one free for `contact`, and takes the locks.
pub(crate) async fn admit(
    tx: &TenantRead<'_>,
    wish: &Wish,
    context: &Context,
    booking: &Booking,
    contact: Option<ContactId>,
) -> Result<Option<AppointmentId>, BookingError> {
    let locks = locks_for(tx, wish.practitioner, booking);
    let follow_up = paid_before(tx, wish, booking, contact);
    let verdict = async {
        if wish.terms.keeps_hours() {
            availability::service::check(tx, context.zone, wish.practitioner, &booking.slot).await
        } else {
            Ok(Verdict::Open)
        }
    };
    // Sent together, the locks last: nobody waits while another's hours and follow-ups are read.
    let lock = occupancy::store::lock(tx, &locks);
    let (follow_up_of, verdict, ()) = future::try_join3(follow_up, verdict.boxed_local(), lock).await?;
    match verdict {
        Verdict::Open => Ok(follow_up_of),
        Verdict::Closed(reasons) => {
            let (practitioner, slot) = (wish.practitioner, &booking.slot);
            let nearest = availability::service::nearest_slots(tx, practitioner, wish.service, slot, NEAREST_SLOTS)
                .boxed_local()
                .await?;
            Err(BookingError::OutsideHours { reasons, nearest })
        }
    }
}

/// The locks under which `booking` is decided.
pub(crate) fn locks_for(tx: &TenantRead<'_>, practitioner: PractitionerId, booking: &Booking) -> LockKeys {
    let keys = LockKeys::new(tx.clinic()).practitioner(practitioner, &booking.busy);
    if booking.room == RoomNeed::None {
        keys
    } else {
        keys.rooms(&booking.busy)
    }
}

async fn paid_before(
    tx: &TenantRead<'_>,
    wish: &Wish,
    booking: &Booking,
    contact: Option<ContactId>,
) -> Result<Option<AppointmentId>, db::DbError> {
    match (contact, wish.service, booking.free_since) {
        (Some(contact), Some(service), Some(since)) => {
            store::paid_before(tx, contact, service, since, booking.slot.starts_at()).await
        }
        _ => Ok(None),
    }
}

/// Chooses the room and makes way for the booking, under the locks that [`admit`] took.
pub(crate) async fn claim(
    tx: &TenantRead<'_>,
    wish: &Wish,
    booking: &Booking,
    own: Option<AppointmentId>,
) -> Result<Claim, BookingError> {
    let exclusive = wish.terms.is_exclusive();
    let room = match booking.room {
        RoomNeed::None => None,
        RoomNeed::Exactly(room) => Some(room),
        RoomNeed::Any { preferred } => {
            let rooms = occupancy::store::rooms_for(tx, wish.service, &booking.busy, own).await?;
            let room = choose_room(&rooms, preferred, !exclusive);
            Some(room.ok_or(BookingError::Conflict(Taken::Room))?)
        }
    };
    let claim = Claim {
        practitioner: wish.practitioner,
        room,
        busy: booking.busy,
        exclusive,
    };
    if exclusive && let Some(taken) = occupancy::store::make_way(tx, &claim, own).await? {
        return Err(BookingError::Conflict(taken));
    }
    Ok(claim)
}

/// Where a new appointment stands in a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) series: SeriesId,
    /// When the rule puts it.
    pub(crate) occurrence_at: Timestamp,
    /// Whether it stands elsewhere.
    pub(crate) exception: bool,
}

/// Writes the appointment that was planned and claimed.
pub(crate) async fn insert(
    tx: &TenantRead<'_>,
    request: &BookingRequest,
    service: Option<ServiceId>,
    booking: &Booking,
    claim: &Claim,
    follow_up_of: Option<AppointmentId>,
    place: Option<Place>,
) -> Result<Appointment, BookingError> {
    let id = request.id.unwrap_or_else(|| AppointmentId::new_at(tx.now()));
    let status = request.terms.first_status();
    let price = price_of(booking, follow_up_of);
    let new = NewAppointment {
        clinic_id: tx.clinic(),
        id,
        contact_id: request.contact,
        practitioner_id: request.practitioner,
        room_id: claim.room,
        service_id: service,
        starts_at: booking.slot.starts_at(),
        ends_at: booking.slot.ends_at(),
        status,
        overbooked: request.terms.overbooks(),
        notes: request.notes.as_ref(),
        // An import does not know who called an appointment off; the clinic is the one that says so.
        cancelled_by: (status == AppointmentStatus::Cancelled).then_some(CancelledBy::Clinic),
        follow_up_of_id: follow_up_of,
        price_cents: price.map(|price| price.amount_cents),
        price_currency: price.map(|price| price.currency),
        source: request.terms.source(),
        series_id: place.map(|place| place.series),
        occurrence_at: place.map(|place| place.occurrence_at),
        series_exception: place.is_some_and(|place| place.exception),
    };
    let first = Move {
        appointment: id,
        version: Version::FIRST,
        action: "book",
        from: None,
        to: (status, booking.slot.starts_at()),
        reason: None,
    };
    store::insert(tx, new, first, status.occupies().then_some(claim)).await
}

/// What the booking costs: nothing when it follows up a paid appointment.
pub(crate) fn price_of(booking: &Booking, follow_up_of: Option<AppointmentId>) -> Option<kernel::money::Money> {
    booking.price.map(|price| {
        if follow_up_of.is_some() {
            kernel::money::Money::zero(price.currency)
        } else {
            price
        }
    })
}

/// Notes a new appointment in the audit log, the outbox and the cache's tags.
pub(crate) fn announce_booking(tx: &mut TenantTx<'_>, appointment: &Appointment, zone: Zone, request: &BookingRequest) {
    let (action, event) = match request.terms {
        Terms::Overbooked(_) => ("appointments.overbook", "appointment.booked"),
        Terms::Regular | Terms::Kept { .. } => ("appointments.book", "appointment.booked"),
        Terms::Imported { .. } => ("appointments.import", "appointment.imported"),
    };
    let mut record = AuditRecord::new(action, "appointment", appointment.id.as_uuid());
    if let Some(hold) = request.hold {
        record = record.with_detail(json!({ "hold_id": hold }));
    }
    tx.audit(record);
    tx.emit(event, &AppointmentEvent::from(appointment));
    touch(tx, appointment, zone, None);
}

/// Says which answers are stale after a write of `appointment`, which stood on the agenda at `formerly` when it moved.
pub(crate) fn touch(tx: &mut TenantTx<'_>, appointment: &Appointment, zone: Zone, formerly: Option<Timestamp>) {
    tx.touch(tags::all());
    tx.touch(tags::appointment(appointment.id));
    tx.touch(tags::of_contact(appointment.contact_id));
    for moment in std::iter::once(appointment.starts_at).chain(formerly) {
        tx.touch(tags::agenda(moment.date_in(zone)));
    }
}

/// The slot of a stored appointment.
pub(super) fn slot_of(appointment: &Appointment) -> Result<TimeSlot, FieldErrors> {
    appointment
        .slot()
        .ok_or_else(|| FieldErrors::one("/starts_at", "invalid_slot", "the appointment has no valid time"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn request() -> BookingRequest {
        BookingRequest {
            id: None,
            contact: ContactId::from_uuid(Uuid::from_u128(1)),
            practitioner: PractitionerId::from_uuid(Uuid::from_u128(2)),
            service: None,
            room: None,
            starts_at: "2026-11-23T17:00:00Z".parse().unwrap(),
            ends_at: None,
            notes: None,
            hold: Some(HoldId::from_uuid(Uuid::from_u128(3))),
            terms: Terms::Regular,
        }
    }

    fn hold() -> Hold {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        Hold {
            id: HoldId::from_uuid(Uuid::from_u128(3)),
            practitioner_id: request().practitioner,
            room_id: Some(RoomId::from_uuid(Uuid::from_u128(4))),
            service_id: Some(ServiceId::from_uuid(Uuid::from_u128(5))),
            contact_id: None,
            starts_at: request().starts_at,
            ends_at: at("2026-11-23T17:30:00Z"),
            expires_at: at("2026-11-20T12:10:00Z"),
            version: Version::FIRST,
            created_at: at("2026-11-20T12:00:00Z"),
            updated_at: at("2026-11-20T12:00:00Z"),
        }
    }

    #[test]
    fn a_hold_completes_the_booking() {
        let wish = wish_of(&request(), Some(&hold())).unwrap();
        assert_eq!((wish.service, wish.preferred_room), (hold().service_id, hold().room_id));
        assert_eq!(wish.ends_at, Some(hold().ends_at));
    }

    #[test]
    fn a_hold_for_something_else_is_refused() {
        let other = Hold {
            practitioner_id: PractitionerId::from_uuid(Uuid::from_u128(9)),
            starts_at: hold().ends_at,
            contact_id: Some(ContactId::from_uuid(Uuid::from_u128(9))),
            ..hold()
        };
        let with_service = BookingRequest {
            service: Some(ServiceId::from_uuid(Uuid::from_u128(9))),
            ..request()
        };
        let errors = wish_of(&with_service, Some(&other)).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/practitioner_id", "/starts_at", "/contact_id", "/service_id"]
        );
    }
}
