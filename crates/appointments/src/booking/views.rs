//! Appointments as clients see them.

use kernel::money::Money;
use kernel::{
    AppointmentId, AppointmentMoveId, ContactId, FieldErrors, PractitionerId, RoomId, SeriesId, ServiceId, Timestamp,
    Version,
};
use rest::{Patch, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::history::HistoryRow;
use super::list::AgendaRow;
use super::model::{Appointment, AppointmentStatus, CancelledBy, Notes, Reason, Source};
use super::moves::Action;
use super::service::BookingRequest;
use super::terms::Terms;
use super::transitions::{Edit, Rescheduling};

/// A neighbour by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NamedRef {
    /// Its id.
    #[schema(format = Uuid)]
    pub id: Uuid,
    /// Its name; a person's social name where there is one.
    #[schema(example = "Maria Aparecida da Silva")]
    pub name: String,
}

/// An appointment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AppointmentView {
    /// The appointment.
    pub id: AppointmentId,
    /// Who comes.
    pub contact_id: ContactId,
    /// Who sees them.
    pub practitioner_id: PractitionerId,
    /// Where, when that matters.
    pub room_id: Option<RoomId>,
    /// What for.
    pub service_id: Option<ServiceId>,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over.
    pub ends_at: Timestamp,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// What can be done with it now: each is `POST /v1/appointments/{id}/<name>`.
    pub legal_moves: Vec<Action>,
    /// Whether it was squeezed in, past hours and other bookings.
    pub overbooked: bool,
    /// What staff wrote about it.
    pub notes: Option<Notes>,
    /// Who called it off.
    pub cancelled_by: Option<CancelledBy>,
    /// Why it was called off.
    pub cancellation_reason: Option<Reason>,
    /// The paid appointment that this one follows up free of charge.
    pub follow_up_of_id: Option<AppointmentId>,
    /// What it costs.
    pub price: Option<Money>,
    /// How it came into the agenda.
    pub source: Source,
    /// The series that it is of.
    pub series_id: Option<SeriesId>,
    /// When the rule of that series puts it, wherever it was moved since.
    pub occurrence_at: Option<Timestamp>,
    /// Whether it was changed by itself, so that changes of the series pass it by.
    pub series_exception: bool,
    /// How often it was written.
    #[schema(inline)]
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Who comes, by name; with `include=contact`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<NamedRef>,
    /// Who sees them, by name; with `include=practitioner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub practitioner: Option<NamedRef>,
    /// The room, by name; with `include=room`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<NamedRef>,
    /// The service, by name; with `include=service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<NamedRef>,
}

impl View for AppointmentView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Appointment> for AppointmentView {
    fn from(appointment: Appointment) -> Self {
        let price = appointment.price();
        let Appointment {
            id,
            contact_id,
            practitioner_id,
            room_id,
            service_id,
            starts_at,
            ends_at,
            status,
            overbooked,
            notes,
            cancelled_by,
            cancellation_reason,
            follow_up_of_id,
            price_cents: _,
            price_currency: _,
            source,
            sequence: _,
            series_id,
            occurrence_at,
            series_exception,
            version,
            created_at,
            updated_at,
        } = appointment;
        Self {
            id,
            contact_id,
            practitioner_id,
            room_id,
            service_id,
            starts_at,
            ends_at,
            status,
            legal_moves: Action::legal_in(status).collect(),
            overbooked,
            notes,
            cancelled_by,
            cancellation_reason,
            follow_up_of_id,
            price,
            source,
            series_id,
            occurrence_at,
            series_exception,
            version,
            created_at,
            updated_at,
            contact: None,
            practitioner: None,
            room: None,
            service: None,
        }
    }
}

impl From<AgendaRow> for AppointmentView {
    fn from(row: AgendaRow) -> Self {
        let AgendaRow {
            appointment,
            contact,
            practitioner,
            room,
            service,
        } = row;
        let contact = contact.map(|(name, social_name)| NamedRef {
            id: appointment.contact_id.into(),
            name: social_name.unwrap_or(name),
        });
        let practitioner = practitioner.map(|name| NamedRef {
            id: appointment.practitioner_id.into(),
            name,
        });
        let named = |id: Option<Uuid>, name: Option<String>| id.zip(name).map(|(id, name)| NamedRef { id, name });
        let room = named(appointment.room_id.map(Uuid::from), room);
        let service = named(appointment.service_id.map(Uuid::from), service);
        Self {
            contact,
            practitioner,
            room,
            service,
            ..Self::from(appointment)
        }
    }
}

/// Who moved an appointment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MoverView {
    /// `user`, `api_key` or `system`.
    #[schema(example = "user")]
    pub kind: String,
    /// The user or key.
    #[schema(format = Uuid)]
    pub id: Option<Uuid>,
}

/// A move of an appointment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AppointmentMoveView {
    /// The move.
    pub id: AppointmentMoveId,
    /// What was done: `book`, or one of the moves.
    #[schema(example = "check-in")]
    pub action: String,
    /// The status before; null when the appointment was made.
    pub from_status: Option<AppointmentStatus>,
    /// The status after.
    pub to_status: AppointmentStatus,
    /// When it was to begin before; null when the appointment was made.
    pub from_starts_at: Option<Timestamp>,
    /// When it was to begin after.
    pub to_starts_at: Timestamp,
    /// Why, when somebody said.
    pub reason: Option<String>,
    /// Who did it.
    pub actor: MoverView,
    /// The appointment's version after it.
    #[schema(inline)]
    pub appointment_version: Version,
    /// When it was done.
    pub created_at: Timestamp,
}

impl View for AppointmentMoveView {}

impl From<HistoryRow> for AppointmentMoveView {
    fn from(row: HistoryRow) -> Self {
        let HistoryRow {
            id,
            appointment_version,
            action,
            from_status,
            to_status,
            from_starts_at,
            to_starts_at,
            reason,
            actor_kind,
            actor_id,
            created_at,
        } = row;
        Self {
            id,
            action,
            from_status,
            to_status,
            from_starts_at,
            to_starts_at,
            reason,
            actor: MoverView {
                kind: actor_kind,
                id: actor_id,
            },
            appointment_version,
            created_at,
        }
    }
}

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
        let notes = self.notes.and_then(|notes| take_notes(&mut errors, &notes));
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

fn take_notes(errors: &mut FieldErrors, notes: &str) -> Option<Notes> {
    Notes::parse(notes)
        .map_err(|error| errors.push("/notes", error.code(), error))
        .ok()
}

fn take_reason(errors: &mut FieldErrors, reason: &str) -> Option<Reason> {
    Reason::parse(reason)
        .map_err(|error| errors.push("/reason", error.code(), error))
        .ok()
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
        let notes = body
            .notes
            .into_change()
            .map(|notes| notes.and_then(|notes| take_notes(&mut errors, &notes)));
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
        let reason = self.reason.and_then(|reason| take_reason(&mut errors, &reason));
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
        let reason = self.reason.and_then(|reason| take_reason(&mut errors, &reason));
        errors.finish(Some((self.by.unwrap_or(CancelledBy::Clinic), reason)))
    }
}
