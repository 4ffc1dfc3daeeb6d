//! The waiting list: who would come when time becomes free, and the offers that are made to them, one after the other.
//!
//! What was decided:
//! - Time is offered by priority, then by how long somebody has waited. An entry keeps its place whatever it refuses, and is not
//!   offered again what it refused or let lapse, nor anything that overlaps it with the same practitioner.
//! - Any free time that fits may be offered, not only what was just called off: whoever waits would take it. What was just freed is
//!   looked at at once; the whole list is looked through every quarter of an hour, for hours that were widened or holidays that ended.
//! - An offer is a hold, so that the constraints of the agenda keep everybody else out, and stands for as long as the clinic has set,
//!   but never beyond the start. Offers are made only in the hours in which patients are written to; one made late in the evening
//!   lapses after its time like any other.
//! - Who takes an offer first, lets it lapse or takes it back is decided by the row of the offer, under the lock of its entry, which
//!   everyone takes first.

mod error;
mod fill;
mod http;
pub mod model;
mod offer_facts;
mod offer_http;
pub(crate) mod offer_store;
pub mod offers;
pub mod service;
mod store;
mod sweep;
mod views;
pub mod windows;

pub use error::WaitlistError;
pub use fill::{Filled, Scope, fill};
pub(crate) use http::{
    add_to_waitlist, get_waitlist_entry, list_waitlist, remove_from_waitlist, update_waitlist_entry, waitlist_matches,
};
pub use model::{Entry, EntryStatus, Offer, OfferStatus};
pub use offer_facts::OfferFacts;
pub(crate) use offer_http::{
    accept_waitlist_offer, decline_waitlist_offer, list_waitlist_offers, make_waitlist_offer, withdraw_waitlist_offer,
};
pub use offers::{
    LAPSED, OFFERED, OfferJob, accept_latest_offer, decline_latest_offer, lapse, mark_sent, not_delivered,
    offer_content, settle,
};
pub use service::{MATCH, MatchJob, match_job, move_contact, restore_contact};
pub use sweep::{SWEEP, SweepJob, sweep};
