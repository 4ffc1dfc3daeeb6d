//! What a series is, and what is asked of one.

use db::schema::appointment_series;
use diesel::prelude::*;
use kernel::{
    AppointmentId, ContactId, PractitionerId, RoomId, SeriesId, ServiceId, Timestamp, Version, Zone, text_enum,
};

use crate::booking::{CancelledBy, Notes, OverbookPermit, Reason};
use crate::moment::Moment;
use crate::recurrence::Rule;

text_enum! {
    /// Where a series stands.
    pub(super) enum SeriesStatus {
        /// It has, or had, its occurrences.
        Active = "active",
        /// All of it that lay ahead was called off.
        Cancelled = "cancelled",
    }
    error = UnknownSeriesStatus, code = "unknown_status";
}

text_enum! {
    /// What becomes of occurrences that cannot be booked.
    pub(super) enum OnConflict {
        /// Nothing is written at all, and every one is told.
        Refuse = "refuse",
        /// They are left out.
        Skip = "skip",
        /// They are squeezed in; needs `appointments:overbook`.
        Overbook = "overbook",
    }
    error = UnknownPolicy, code = "unknown_policy";
}

text_enum! {
    /// How much of a series is meant.
    pub(super) enum SeriesScope {
        /// The one occurrence that is named.
        This = "this",
        /// It and those after it.
        Following = "following",
        /// All that lie ahead.
        All = "all",
    }
    error = UnknownScope, code = "unknown_scope";
}

text_enum! {
    /// What becomes of occurrences that were changed by themselves.
    pub(super) enum Exceptions {
        /// They stay as they were agreed.
        Keep = "keep",
        /// They become like the others.
        Overwrite = "overwrite",
    }
    error = UnknownExceptions, code = "unknown_exceptions";
}

/// A series, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = appointment_series, check_for_backend(diesel::pg::Pg))]
pub(super) struct Series {
    /// The series.
    pub(super) id: SeriesId,
    /// Who comes.
    pub(super) contact_id: ContactId,
    /// Who sees them.
    pub(super) practitioner_id: PractitionerId,
    /// The room that was named.
    pub(super) room_id: Option<RoomId>,
    /// What for.
    pub(super) service_id: Option<ServiceId>,
    /// RRULE (RFC 5545, 3.3.10).
    pub(super) rule: String,
    /// On whose wall clocks.
    pub(super) zone: Zone,
    /// When the first occurrence begins.
    pub(super) starts_at: Timestamp,
    /// When it is over.
    pub(super) ends_at: Timestamp,
    /// What to remember.
    pub(super) notes: Option<Notes>,
    /// Where it stands.
    pub(super) status: SeriesStatus,
    /// The series of which it was split off.
    pub(super) previous_id: Option<SeriesId>,
    /// How often the row was written.
    pub(super) version: Version,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// When it was last written.
    pub(super) updated_at: Timestamp,
}

/// A series that somebody wants.
#[derive(Debug, Clone)]
pub(super) struct SeriesRequest {
    /// Who comes.
    pub(super) contact: ContactId,
    /// Who sees them.
    pub(super) practitioner: PractitionerId,
    /// What for.
    pub(super) service: Option<ServiceId>,
    /// Where; a free room is chosen for each occurrence when none is named and the service needs one.
    pub(super) room: Option<RoomId>,
    /// When the first occurrence begins; its time on the wall clock is that of all.
    pub(super) starts_at: Timestamp,
    /// When the first is over; else the service's duration counts.
    pub(super) ends_at: Option<Timestamp>,
    /// How it recurs.
    pub(super) rule: Rule,
    /// Occurrences that are left out: by their time or their day.
    pub(super) excluded: Vec<Moment>,
    /// What becomes of single occurrences, by the time at which the rule puts them.
    pub(super) choices: Vec<(Timestamp, Choice)>,
    /// What to remember.
    pub(super) notes: Option<Notes>,
    /// What becomes of occurrences that cannot be booked.
    pub(super) policy: Policy,
}

/// What becomes of occurrences that cannot be booked, as far as the caller may say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Nothing is written.
    Refuse,
    /// They are left out.
    Skip,
    /// They are squeezed in.
    Overbook(OverbookPermit),
}

/// What becomes of one occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// It is left out.
    Skip,
    /// It is squeezed in.
    Overbook(OverbookPermit),
    /// It begins at another time.
    Move(Timestamp),
}

/// What is to change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// How much of the series.
    pub(super) scope: SeriesScope,
    /// The occurrence from which `scope` is meant.
    pub(super) occurrence: Option<AppointmentId>,
    /// When that occurrence is to begin; the others move by as much on the wall clock.
    pub(super) starts_at: Option<Timestamp>,
    /// When it is to be over; else each stays as long as it was.
    pub(super) ends_at: Option<Timestamp>,
    /// Who sees the patient from now on.
    pub(super) practitioner: Option<PractitionerId>,
    /// Where.
    pub(super) room: Option<Option<RoomId>>,
    /// What for.
    pub(super) service: Option<Option<ServiceId>>,
    /// What to remember.
    pub(super) notes: Option<Option<Notes>>,
    /// Why.
    pub(super) reason: Option<Reason>,
    /// What becomes of occurrences that were changed by themselves.
    pub(super) exceptions: Exceptions,
    /// What becomes of occurrences whose new time cannot be had.
    pub(super) policy: Policy,
}

impl Change {
    /// Whether it asks for another time or another practitioner, which is a rescheduling.
    pub(super) const fn reschedules(&self) -> bool {
        self.starts_at.is_some() || self.ends_at.is_some() || self.practitioner.is_some()
    }

    /// Whether it touches what keeps time or place busy.
    pub(super) const fn replaces(&self) -> bool {
        self.reschedules()
            || self.room.is_some()
            || self.service.is_some()
            || matches!(self.exceptions, Exceptions::Overwrite)
    }

    /// Whether it also changes occurrences that were changed by themselves.
    pub(super) const fn takes_exceptions(&self) -> bool {
        matches!(self.scope, SeriesScope::This) || matches!(self.exceptions, Exceptions::Overwrite)
    }
}

/// What is to be called off.
#[derive(Debug, Clone)]
pub(super) struct Cancellation {
    /// How much of the series.
    pub(super) scope: SeriesScope,
    /// The occurrence from which `scope` is meant.
    pub(super) occurrence: Option<AppointmentId>,
    /// By whom.
    pub(super) by: CancelledBy,
    /// Why.
    pub(super) reason: Option<Reason>,
}
