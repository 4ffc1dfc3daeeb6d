//! The waiting list as clients see and send it.

use kernel::{
    AppointmentId, ContactId, FieldErrors, MessageId, PractitionerId, RoomId, ServiceId, Timestamp, Version,
    WaitlistEntryId, WaitlistOfferId,
};
use rest::{Patch, ReadPatch, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{Entry, EntryChanges, EntryStatus, NewEntry, Offer, OfferStatus};
use super::windows::{Window, Windows};
use crate::availability::{OfferedSlot, SlotView};
use crate::booking::{AppointmentView, Notes};

/// The priority of an entry that names none.
const USUAL_PRIORITY: i16 = 3;

/// Somebody on the waiting list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct WaitlistEntryView {
    /// The entry.
    pub id: WaitlistEntryId,
    /// Who waits.
    pub contact_id: ContactId,
    /// What for.
    pub service_id: ServiceId,
    /// With whom; null for anybody who offers the service.
    pub practitioner_id: Option<PractitionerId>,
    /// When they could come; any time, when there is none.
    pub windows: Windows,
    /// 1 comes first, 5 last; among equals, whoever has waited longest.
    #[schema(minimum = 1, maximum = 5)]
    pub priority: i16,
    /// What staff wrote about it.
    pub notes: Option<Notes>,
    /// Where it stands.
    pub status: EntryStatus,
    /// The appointment that it led to.
    pub appointment_id: Option<AppointmentId>,
    /// Since when they wait.
    pub waiting_since: Timestamp,
    /// How often it was written.
    #[schema(inline)]
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl View for WaitlistEntryView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Entry> for WaitlistEntryView {
    fn from(entry: Entry) -> Self {
        let Entry {
            id,
            contact_id,
            service_id,
            practitioner_id,
            windows,
            priority,
            notes,
            status,
            appointment_id,
            waiting_since,
            number: _,
            version,
            created_at,
            updated_at,
        } = entry;
        Self {
            id,
            contact_id,
            service_id,
            practitioner_id,
            windows,
            priority,
            notes,
            status,
            appointment_id,
            waiting_since,
            version,
            created_at,
            updated_at,
        }
    }
}

/// Free time that was offered to somebody who waits.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct WaitlistOfferView {
    /// The offer.
    pub id: WaitlistOfferId,
    /// To whom.
    pub entry_id: WaitlistEntryId,
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
    /// When it was taken, refused, taken back, lapsed, or known not to have arrived.
    pub closed_at: Option<Timestamp>,
    /// When the message about it was written to be sent.
    pub sent_at: Option<Timestamp>,
    /// That message: `/v1/messages/{id}` tells how far it has come.
    pub message_id: Option<MessageId>,
    /// When the channel said that the message did not arrive: then nobody knows of the offer. Null for one that was not sent, or
    /// of which nothing bad is known.
    pub undelivered_at: Option<Timestamp>,
    /// How often it was written.
    #[schema(inline)]
    pub version: Version,
}

impl View for WaitlistOfferView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Offer> for WaitlistOfferView {
    fn from(offer: Offer) -> Self {
        let Offer {
            id,
            entry_id,
            hold_id: _,
            service_id,
            practitioner_id,
            room_id,
            starts_at,
            ends_at,
            expires_at,
            status,
            appointment_id,
            offered_at,
            closed_at,
            sent_at,
            message_id,
            undelivered_at,
            version,
        } = offer;
        Self {
            id,
            entry_id,
            service_id,
            practitioner_id,
            room_id,
            starts_at,
            ends_at,
            expires_at,
            status,
            appointment_id,
            offered_at,
            closed_at,
            sent_at,
            message_id,
            undelivered_at,
            version,
        }
    }
}

/// An offer that was taken, and the appointment that it became.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AcceptedOfferView {
    /// The offer.
    pub offer: WaitlistOfferView,
    /// The appointment.
    pub appointment: AppointmentView,
}

impl View for AcceptedOfferView {}

/// Somebody who waits, and the first free time that would suit them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct WaitlistMatchView {
    /// The entry.
    pub entry: WaitlistEntryView,
    /// The time.
    pub slot: SlotView,
}

impl View for WaitlistMatchView {}

impl From<(Entry, OfferedSlot)> for WaitlistMatchView {
    fn from((entry, slot): (Entry, OfferedSlot)) -> Self {
        Self {
            entry: entry.into(),
            slot: slot.into(),
        }
    }
}

/// Somebody to be put on the list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddToWaitlist {
    /// Made by the server when not given.
    id: Option<WaitlistEntryId>,
    /// Who waits.
    contact_id: ContactId,
    /// What for.
    service_id: ServiceId,
    /// With whom; anybody who offers the service when not given.
    practitioner_id: Option<PractitionerId>,
    /// When they could come, on the clinic's wall clock; at most 20, and any time when there is none.
    #[serde(default)]
    windows: Vec<Window>,
    /// 1 comes first, 5 last; 3 when not given.
    #[schema(minimum = 1, maximum = 5)]
    priority: Option<i16>,
    /// What to remember.
    #[schema(value_type = Option<Notes>)]
    notes: Option<String>,
}

impl TryFrom<AddToWaitlist> for NewEntry {
    type Error = FieldErrors;

    fn try_from(body: AddToWaitlist) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let windows = take_windows(&mut errors, body.windows);
        let priority = body.priority.unwrap_or(USUAL_PRIORITY);
        check_priority(&mut errors, priority);
        let notes = errors.read_if_given("/notes", body.notes, |notes| Notes::parse(&notes));
        errors.finish(windows.map(|windows| Self {
            id: body.id,
            contact: body.contact_id,
            service: body.service_id,
            practitioner: body.practitioner_id,
            windows,
            priority,
            notes,
        }))
    }
}

/// What changes about an entry; what is absent stays, null clears. Who waits stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchWaitlistEntry {
    /// What for.
    service_id: Option<ServiceId>,
    /// With whom; null for anybody.
    #[serde(default)]
    practitioner_id: Patch<PractitionerId>,
    /// When they could come.
    windows: Option<Vec<Window>>,
    /// 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    priority: Option<i16>,
    /// What to remember; null clears.
    #[serde(default)]
    #[schema(value_type = Option<Notes>)]
    notes: Patch<String>,
}

impl TryFrom<PatchWaitlistEntry> for EntryChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchWaitlistEntry) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let windows = body.windows.and_then(|windows| take_windows(&mut errors, windows));
        if let Some(priority) = body.priority {
            check_priority(&mut errors, priority);
        }
        let notes = errors.read_clearable("/notes", body.notes, |notes| Notes::parse(&notes));
        errors.finish(Some(Self {
            service_id: body.service_id,
            practitioner_id: body.practitioner_id.into_change(),
            last_date: windows.as_ref().map(Windows::last_date),
            windows,
            priority: body.priority,
            notes,
        }))
    }
}

fn take_windows(errors: &mut FieldErrors, windows: Vec<Window>) -> Option<Windows> {
    match Windows::new(windows) {
        Ok(windows) => Some(windows),
        Err(faults) => {
            errors.nest("/windows", faults);
            None
        }
    }
}

fn check_priority(errors: &mut FieldErrors, priority: i16) {
    if !(1..=5).contains(&priority) {
        errors.push("/priority", "out_of_range", "a priority is a number from 1 to 5");
    }
}

/// Time that staff offer to somebody who waits.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeWaitlistOffer {
    /// With whom.
    pub(super) practitioner_id: PractitionerId,
    /// Where; a free room is chosen when none is named and the service needs one.
    pub(super) room_id: Option<RoomId>,
    /// When it would begin; it lasts as long as the service.
    pub(super) starts_at: Timestamp,
}
