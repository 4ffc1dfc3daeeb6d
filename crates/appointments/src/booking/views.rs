//! Appointments as clients see them.

use kernel::money::Money;
use kernel::{
    AppointmentId, AppointmentMoveId, ContactId, PractitionerId, RoomId, SeriesId, ServiceId, Timestamp, Version,
};
use rest::View;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::history::HistoryRow;
use super::list::AgendaRow;
use super::model::{Appointment, AppointmentStatus, CancelledBy, Notes, Reason, Source};
use super::moves::Action;

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
