//! Bookings and their moves as clients ask for them; every fault of a body is told at once.

use kernel::{AppointmentId, ContactId, FieldErrors, PractitionerId, RoomId, ServiceId, Timestamp};
use rest::{Patch, ReadPatch};
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{CancelledBy, Notes, Reason};
use super::service::BookingRequest;
use super::terms::Terms;
use super::transitions::{Edit, Rescheduling};

/// A booking.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BookAppointment {
    /// The id, when the client made it itself (a UUID, version 7 for preference).
    id: Option<AppointmentId>,
    /// Who comes.
    contact_id: ContactId,
    /// Who sees them.
    practitioner_id: PractitionerId,
    /// What for; gives duration, buffers, price and whether a room is needed.
    service_id: Option<ServiceId>,
    /// Where; when none is named and the service needs one, a free one is chosen.
    room_id: Option<RoomId>,
    /// When it begins.
    starts_at: Timestamp,
    /// When it is over; may be left out with a service.
    ends_at: Option<Timestamp>,
    /// What to remember.
    notes: Option<String>,
    /// The hold that this booking finishes; it gives what is left out here.
    hold_id: Option<kernel::HoldId>,
    /// Books past opening hours and over other bookings; needs `appointments:overbook`.
    #[serde(default)]
    pub(super) overbook: bool,
}

impl BookAppointment {
    /// The request, under `terms`.
    pub(super) fn into_request(self, terms: Terms) -> Result<BookingRequest, FieldErrors> {
        let mut errors = FieldErrors::new();
        let notes = errors.read_if_given("/notes", self.notes, |notes| Notes::parse(&notes));
        errors.finish(Some(BookingRequest {
            id: self.id,
            contact: self.contact_id,
            practitioner: self.practitioner_id,
            service: self.service_id,
            room: self.room_id,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            notes,
            hold: self.hold_id,
            terms,
        }))
    }
}

/// Changes in place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditAppointment {
    /// What staff wrote about it; null clears.
    #[serde(default)]
    notes: Patch<String>,
    /// Where; null gives the room back, or has one chosen when the service needs one.
    #[serde(default)]
    room_id: Patch<RoomId>,
    /// What for; the price becomes that service's.
    #[serde(default)]
    service_id: Patch<ServiceId>,
}

impl TryFrom<EditAppointment> for Edit {
    type Error = FieldErrors;

    fn try_from(body: EditAppointment) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let notes = errors.read_clearable("/notes", body.notes, |notes| Notes::parse(&notes));
        errors.finish(Some(Self {
            notes,
            room: body.room_id.into_change(),
            service: body.service_id.into_change(),
        }))
    }
}

/// Another time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RescheduleAppointment {
    /// When it begins.
    starts_at: Timestamp,
    /// When it is over; when left out, it stays as long as it was.
    ends_at: Option<Timestamp>,
    /// Who sees the patient, when that changes.
    practitioner_id: Option<PractitionerId>,
    /// Where, when that changes.
    room_id: Option<RoomId>,
    /// Why.
    reason: Option<String>,
    /// Moves it past opening hours and over other bookings; needs `appointments:overbook`.
    #[serde(default)]
    pub(super) overbook: bool,
}

impl RescheduleAppointment {
    /// The request, under `terms`.
    pub(super) fn into_request(self, terms: Terms) -> Result<Rescheduling, FieldErrors> {
        let mut errors = FieldErrors::new();
        let reason = errors.read_if_given("/reason", self.reason, |reason| Reason::parse(&reason));
        errors.finish(Some(Rescheduling {
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            practitioner: self.practitioner_id,
            room: self.room_id,
            reason,
            terms,
        }))
    }
}

/// A cancellation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CancelAppointment {
    /// Who called it off; the clinic when nobody is named.
    #[schema(default = "clinic")]
    by: Option<CancelledBy>,
    /// Why.
    reason: Option<String>,
}

impl CancelAppointment {
    /// Who, and why.
    pub(super) fn parse(self) -> Result<(CancelledBy, Option<Reason>), FieldErrors> {
        let mut errors = FieldErrors::new();
        let reason = errors.read_if_given("/reason", self.reason, |reason| Reason::parse(&reason));
        errors.finish(Some((self.by.unwrap_or(CancelledBy::Clinic), reason)))
    }
}
