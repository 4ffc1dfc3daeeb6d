//! Who waits, and what was offered to them.

use chrono::NaiveDate;
use db::schema::{waitlist_entries, waitlist_offers};
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::{
    AppointmentId, ContactId, HoldId, MessageId, PractitionerId, RoomId, ServiceId, TimeSlot, Timestamp, Version,
    WaitlistEntryId, WaitlistOfferId, text_enum,
};
use serde::Serialize;

use super::windows::Windows;
use crate::booking::Notes;

text_enum! {
    /// Where an entry stands.
    pub enum EntryStatus {
        /// It waits.
        Waiting = "waiting",
        /// Time is offered to it.
        Offered = "offered",
        /// It led to an appointment.
        Booked = "booked",
        /// Its last date has passed.
        Expired = "expired",
        /// It was taken off the list.
        Cancelled = "cancelled",
    }
    error = UnknownEntryStatus, code = "unknown_status";
}

impl EntryStatus {
    /// Whether it is still on the list.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Offered)
    }
}

text_enum! {
    /// Where an offer stands.
    pub enum OfferStatus {
        /// It may be taken.
        Offered = "offered",
        /// It was taken and became an appointment.
        Accepted = "accepted",
        /// It is not wanted.
        Declined = "declined",
        /// Nobody answered in time.
        Lapsed = "lapsed",
        /// The clinic took it back.
        Withdrawn = "withdrawn",
        /// The message about it did not arrive.
        Undelivered = "undelivered",
    }
    error = UnknownOfferStatus, code = "unknown_status";
}

/// An entry, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = waitlist_entries, check_for_backend(Pg))]
pub struct Entry {
    /// The entry.
    pub id: WaitlistEntryId,
    /// Who waits.
    pub contact_id: ContactId,
    /// What for.
    pub service_id: ServiceId,
    /// With whom; with anybody who offers the service when nobody is named.
    pub practitioner_id: Option<PractitionerId>,
    /// When they could come.
    pub windows: Windows,
    /// 1 comes first, 5 last.
    pub priority: i16,
    /// What staff wrote about it.
    pub notes: Option<Notes>,
    /// Where it stands.
    pub status: EntryStatus,
    /// The appointment that it led to.
    pub appointment_id: Option<AppointmentId>,
    /// Since when they wait.
    pub waiting_since: Timestamp,
    /// Their number on the list: of those who wait since the same moment, the lower one came first.
    pub number: i64,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// An entry to be made.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The id, when the client made it itself.
    pub id: Option<WaitlistEntryId>,
    /// Who waits.
    pub contact: ContactId,
    /// What for.
    pub service: ServiceId,
    /// With whom.
    pub practitioner: Option<PractitionerId>,
    /// When they could come.
    pub windows: Windows,
    /// 1 to 5.
    pub priority: i16,
    /// What to remember.
    pub notes: Option<Notes>,
}

/// What changes about an entry; the outer `None` keeps.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = waitlist_entries)]
pub struct EntryChanges {
    /// What for.
    pub service_id: Option<ServiceId>,
    /// With whom.
    pub practitioner_id: Option<Option<PractitionerId>>,
    /// When they could come.
    pub windows: Option<Windows>,
    /// Follows from the windows.
    pub last_date: Option<Option<NaiveDate>>,
    /// 1 to 5.
    pub priority: Option<i16>,
    /// What to remember.
    pub notes: Option<Option<Notes>>,
}

impl EntryChanges {
    /// Whether what is waited for changes, so that an open offer may not suit any more.
    #[must_use]
    pub const fn change_the_wish(&self) -> bool {
        self.service_id.is_some() || self.practitioner_id.is_some() || self.windows.is_some()
    }

    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("service_id", self.service_id.is_some()),
            ("practitioner_id", self.practitioner_id.is_some()),
            ("windows", self.windows.is_some()),
            ("priority", self.priority.is_some()),
            ("notes", self.notes.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, changes)| changes.then_some(name))
        .collect()
    }
}

/// An offer, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = waitlist_offers, check_for_backend(Pg))]
pub struct Offer {
    /// The offer.
    pub id: WaitlistOfferId,
    /// To whom.
    pub entry_id: WaitlistEntryId,
    /// What keeps the time meanwhile; gone when the offer is closed.
    pub hold_id: HoldId,
    /// What for.
    pub service_id: ServiceId,
    /// With whom.
    pub practitioner_id: PractitionerId,
    /// Where, when the service needs a room.
    pub room_id: Option<RoomId>,
    /// When it would begin.
    pub starts_at: Timestamp,
    /// When it would be over.
    pub ends_at: Timestamp,
    /// Until when it may be taken.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub status: OfferStatus,
    /// The appointment that it became.
    pub appointment_id: Option<AppointmentId>,
    /// When it was made.
    pub offered_at: Timestamp,
    /// When it was taken, refused, taken back or lapsed.
    pub closed_at: Option<Timestamp>,
    /// When the message about it was sent.
    pub sent_at: Option<Timestamp>,
    /// The message about it, which belongs to another domain.
    pub message_id: Option<MessageId>,
    /// When the channel said that the message did not arrive.
    pub undelivered_at: Option<Timestamp>,
    /// How often the row was written.
    pub version: Version,
}

impl Offer {
    /// Its time. None only for a row that the table's constraints would have refused.
    #[must_use]
    pub fn slot(&self) -> Option<TimeSlot> {
        TimeSlot::new(self.starts_at, self.ends_at).ok()
    }
}

/// The event that tells of an entry: ids only.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct EntryEvent {
    /// The entry.
    pub entry_id: WaitlistEntryId,
    /// Who waits.
    pub contact_id: ContactId,
    /// Where the entry stands.
    pub status: EntryStatus,
}

impl From<&Entry> for EntryEvent {
    fn from(entry: &Entry) -> Self {
        Self {
            entry_id: entry.id,
            contact_id: entry.contact_id,
            status: entry.status,
        }
    }
}

/// The event that tells of an offer: ids and times.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct OfferEvent {
    /// The entry.
    pub entry_id: WaitlistEntryId,
    /// The offer.
    pub offer_id: WaitlistOfferId,
    /// Who waits.
    pub contact_id: ContactId,
    /// With whom.
    pub practitioner_id: PractitionerId,
    /// What for.
    pub service_id: ServiceId,
    /// When it would begin.
    pub starts_at: Timestamp,
    /// When it would be over.
    pub ends_at: Timestamp,
    /// Until when it may be taken.
    pub expires_at: Timestamp,
    /// The appointment that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appointment_id: Option<AppointmentId>,
}

impl OfferEvent {
    /// What is told of `offer` to `contact`.
    #[must_use]
    pub const fn of(offer: &Offer, contact: ContactId) -> Self {
        Self {
            entry_id: offer.entry_id,
            offer_id: offer.id,
            contact_id: contact,
            practitioner_id: offer.practitioner_id,
            service_id: offer.service_id,
            starts_at: offer.starts_at,
            ends_at: offer.ends_at,
            expires_at: offer.expires_at,
            appointment_id: offer.appointment_id,
        }
    }
}
