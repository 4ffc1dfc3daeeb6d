//! What is asked about free time, and what is answered.

use chrono::TimeDelta;
use kernel::{PractitionerId, RoomId, ServiceId, TimeSlot, Timestamp};

use super::explain::Reason;
use super::spans::Span;
use crate::moment::Moment;

/// What would be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A service, with its duration, buffers, step and rooms.
    Service(ServiceId),
    /// Some time without a service: no buffers, the clinic's step, no room.
    Duration(TimeDelta),
}

impl Subject {
    pub(super) const fn service(self) -> Option<ServiceId> {
        match self {
            Self::Service(service) => Some(service),
            Self::Duration(_) => None,
        }
    }
}

/// Which free slots are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotSearch {
    /// Whose; anybody's who offers the service when not given.
    pub(super) practitioner: Option<PractitionerId>,
    /// For what.
    pub(super) subject: Subject,
    /// Since when they may start; now when not given.
    pub(super) from: Option<Moment>,
    /// Until when they may start; some days after `from` when not given.
    pub(super) to: Option<Moment>,
}

/// Which slot is to be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotQuestion {
    pub(super) practitioner: PractitionerId,
    pub(super) subject: Subject,
    /// A room that it shall be in; any that suits when not given.
    pub(super) room: Option<RoomId>,
    /// When it would start.
    pub(super) at: Timestamp,
}

/// Whether a slot is offered, and if not, every reason why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Explanation {
    /// The slot, when so much is known.
    pub(super) slot: Option<TimeSlot>,
    /// Empty when it is offered.
    pub(super) reasons: Vec<Reason>,
}

/// A slot that can be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSlot {
    /// From when to when, buffers left out.
    pub slot: TimeSlot,
    /// With whom.
    pub practitioner_id: PractitionerId,
    /// Their name.
    pub practitioner_name: String,
    /// A room that is free then, when the service needs one.
    pub room: Option<OfferedRoom>,
}

/// A room of an offered slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedRoom {
    /// Which room.
    pub id: RoomId,
    /// Its name.
    pub name: String,
}

/// What hours, holidays and time off say about a slot; whether it is taken is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The practitioner works then.
    Open,
    /// The practitioner does not, for these reasons, of which there is at least one.
    Closed(Vec<Reason>),
}

/// From where to where the agenda has to be known to answer about slots that start in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// What working time depends on.
    pub(super) work: Span,
    /// What being free depends on: buffers included.
    pub(super) busy: Span,
}
