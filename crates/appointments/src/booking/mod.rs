//! Bookings: making appointments, moving them, and showing them.

pub(crate) mod context;
mod error;
mod history;
mod http;
mod input;
mod list;
mod merge;
pub mod model;
pub mod moves;
pub(crate) mod plan;
pub mod service;
pub(crate) mod store;
mod terms;
pub mod transitions;
mod views;

pub use error::BookingError;
pub(crate) use http::{
    appointment_history, book_appointment, cancel_appointment, check_in_appointment, complete_appointment,
    confirm_appointment, edit_appointment, get_appointment, list_appointments, mark_no_show, reopen_appointment,
    reschedule_appointment, start_appointment,
};
pub use merge::{Moved, move_contact, restore_contact, restore_what_follows};
pub use model::{Appointment, AppointmentStatus, CancelledBy, Notes, Reason, Source};
pub use moves::Action;
pub use service::{BookingRequest, book};
pub use terms::{OverbookPermit, Terms};
pub use views::{AppointmentMoveView, AppointmentView, MoverView, NamedRef};
