//! Who is free when: computed from hours, holidays, time off and what is booked, and never stored.
//!
//! The rules are pure and live in [`spans`], [`working_time`], [`grid`], [`slots`] and [`explain`]; `store` reads what they work on
//! in a fixed number of statements, [`service`] puts both together, and `http` shows the result.
//!
//! What was decided:
//! - Weekly hours are the practitioner's own entries when there is any, of whatever validity, else the clinic's.
//! - An entry belongs to the date on which it opens. It is open from the first instant at which a wall clock in the clinic's
//!   zone has reached the opening time until the first at which it has reached the closing time; the closing time is on the
//!   next date when it is not after the opening time. So an opening may last an hour more or less where clocks change.
//! - On a holiday nothing is open from the first to the last instant of the local day, and what would have opened on it does
//!   not open after midnight either.
//! - Slots start where the wall clock shows the opening time plus a whole number of steps. A time that clocks jump over has
//!   no slot; a time that comes twice has two.
//! - A slot lies inside working time. Its buffers need not, but must be free, as the slot itself, of everything booked or
//!   held, whose own buffers count as well.

mod error;
pub mod explain;
pub mod grid;
mod http;
mod model;
mod plan;
pub mod service;
pub mod slots;
pub mod spans;
mod store;
pub mod working_time;

#[cfg(test)]
mod slow_model;

pub use error::AvailabilityError;
pub use explain::{Reason, ReasonCode};
pub use http::SlotView;
pub(crate) use http::{explain_slot, list_slots};
pub use model::{OfferedSlot, Verdict};
