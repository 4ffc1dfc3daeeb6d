//! Recurrence rules (RFC 5545, 3.3.10) on the wall clock of a zone, bounded in time and memory. Pure.
//!
//! A rule is expanded on the wall clock, as if there were no zones, by the `rrule` crate; each local time then becomes an
//! instant in the zone. So an appointment at nine stays at nine when clocks change.

mod rule;
#[cfg(test)]
mod slow_model;
mod wall_clock;

pub use rule::{Expansion, InvalidRule, Rule, Until, Window};
pub use wall_clock::{WallClock, instant_of};
