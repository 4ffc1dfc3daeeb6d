//! Why a booking or a move is refused.

use db::{DbError, tx_error};
use kernel::FieldErrors;
use rest::Problem;
use serde_json::json;

use super::model::AppointmentStatus;
use super::moves::Action;
use crate::availability::{OfferedSlot, Reason, SlotView};
use crate::occupancy::Taken;

/// Why a booking or a move is refused.
#[derive(Debug, thiserror::Error)]
pub enum BookingError {
    /// No such appointment in this clinic.
    #[error("there is no such appointment")]
    NotFound,
    /// It is not the version that the caller read.
    #[error("the appointment was changed since")]
    Stale,
    /// Practitioner or room is taken at that time.
    #[error("the {} is taken at that time", .0.as_str())]
    Conflict(Taken),
    /// Outside opening hours, in time off, or on a holiday.
    #[error("the practitioner does not work at that time")]
    OutsideHours {
        /// Which of these, and for how long.
        reasons: Vec<Reason>,
        /// Free slots near the one that was wanted.
        nearest: Vec<OfferedSlot>,
    },
    /// The move is not one of those allowed now.
    #[error("this cannot be done with an appointment that is {status}")]
    IllegalMove {
        /// Where it stands.
        status: AppointmentStatus,
        /// What can be done instead.
        legal: Vec<Action>,
    },
    /// It is over or called off; only its notes may be changed.
    #[error("an appointment that is {0} keeps its room and service")]
    Closed(AppointmentStatus),
    /// The caller may not overbook.
    #[error("overbooking needs a permission")]
    OverbookNotPermitted,
    /// The id that the client chose is in use.
    #[error("the id is in use")]
    IdTaken,
    /// Values that make no sense.
    #[error("invalid values: {0}")]
    Invalid(FieldErrors),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<FieldErrors> for BookingError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

tx_error!(BookingError);

impl From<BookingError> for Problem {
    fn from(error: BookingError) -> Self {
        let detail = error.to_string();
        match error {
            BookingError::NotFound => Self::not_found("appointment_not_found"),
            BookingError::Stale => Self::precondition_failed(),
            BookingError::Conflict(taken) => {
                Self::conflict("appointment_conflict", detail).with("taken", taken.as_str())
            }
            BookingError::OutsideHours { reasons, nearest } => {
                let reasons: Vec<_> = reasons
                    .iter()
                    .map(|reason| json!({ "code": reason.code, "from": reason.from, "until": reason.until }))
                    .collect();
                let nearest: Vec<_> = nearest.into_iter().map(|slot| json!(SlotView::from(slot))).collect();
                Self::conflict("outside_hours", detail)
                    .with("reasons", reasons)
                    .with("nearest_slots", nearest)
            }
            BookingError::IllegalMove { status, legal } => {
                let legal: Vec<_> = legal.iter().map(Action::as_str).collect();
                Self::conflict("illegal_move", detail)
                    .with("appointment_status", status.as_str())
                    .with("legal_moves", legal)
            }
            BookingError::Closed(status) => {
                Self::conflict("appointment_closed", detail).with("appointment_status", status.as_str())
            }
            BookingError::OverbookNotPermitted => {
                let permission = kernel::Permission::AppointmentsOverbook;
                Self::forbidden("permission_denied", format!("this needs the permission {permission}"))
                    .with("permission", permission.name())
            }
            BookingError::IdTaken => Self::conflict("id_taken", detail),
            BookingError::Invalid(errors) => errors.into(),
            BookingError::Database(error) => error.into(),
        }
    }
}
