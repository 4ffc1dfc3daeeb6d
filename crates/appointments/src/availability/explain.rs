//! Why a slot is not offered: every reason, not the first alone. Pure.

use kernel::{TimeSlot, Timestamp, Zone};
use serde::Serialize;
use utoipa::ToSchema;

use super::grid::Grid;
use super::slots::{Room, RoomNeed, SlotShape};
use super::spans::{Span, SpanSet};
use super::working_time::WorkingTime;

/// What keeps a slot from being offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// No active practitioner of the clinic has this id.
    PractitionerNotActive,
    /// No active service of the clinic has this id.
    ServiceNotActive,
    /// The practitioner does not offer the service.
    ServiceNotOffered,
    /// No active room of the clinic has this id.
    RoomNotActive,
    /// The service does not take place in this room.
    RoomNotSuitable,
    /// It would start in the past.
    InPast,
    /// Some of it lies outside the weekly hours.
    OutsideHours,
    /// It falls on a holiday, or into hours that a holiday cancelled.
    Holiday,
    /// The practitioner is away, or the clinic closed, for some of it.
    TimeOff,
    /// A calendar that the practitioner keeps elsewhere has something then; what it is, is not known here.
    ExternalCalendar,
    /// It does not start on the clinic's grid of times.
    OffGrid,
    /// The practitioner is taken for some of it or of the buffers around it.
    PractitionerBusy,
    /// The room is taken for some of it or of the buffers around it.
    RoomBusy,
    /// The service needs a room, and none that suits it is free.
    NoFreeRoom,
}

impl ReasonCode {
    /// The reason as a sentence for people.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::PractitionerNotActive => "no active practitioner has this id",
            Self::ServiceNotActive => "no active service has this id",
            Self::ServiceNotOffered => "the practitioner does not offer this service",
            Self::RoomNotActive => "no active room has this id",
            Self::RoomNotSuitable => "the service does not take place in this room",
            Self::InPast => "it would start in the past",
            Self::OutsideHours => "some of it lies outside the weekly hours",
            Self::Holiday => "it falls on a holiday",
            Self::TimeOff => "the practitioner is away, or the clinic is closed",
            Self::ExternalCalendar => "the practitioner has something in an external calendar",
            Self::OffGrid => "it does not start at one of the times at which slots start",
            Self::PractitionerBusy => "the practitioner is taken",
            Self::RoomBusy => "the room is taken",
            Self::NoFreeRoom => "no suitable room is free",
        }
    }
}

/// One reason, and the time for which it holds where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// What it is.
    pub code: ReasonCode,
    /// Since when it holds.
    pub from: Option<Timestamp>,
    /// Until when it holds.
    pub until: Option<Timestamp>,
}

impl Reason {
    /// A reason that has no time.
    #[must_use]
    pub const fn timeless(code: ReasonCode) -> Self {
        Self {
            code,
            from: None,
            until: None,
        }
    }

    fn during(code: ReasonCode, span: Span) -> Self {
        Self {
            code,
            from: Some(span.starts_at()),
            until: Some(span.ends_at()),
        }
    }
}

/// The room question of an explanation.
#[derive(Debug, Clone, Copy)]
pub enum RoomQuestion<'r> {
    /// Any that meets the need.
    Any(RoomNeed<'r>),
    /// This very one.
    This(&'r Room),
}

/// Why `slot` is no working time: hours, holidays, time off and what calendars kept elsewhere say. Empty when it is.
#[must_use]
pub fn why_closed(slot: &TimeSlot, working: &WorkingTime, time_off: &SpanSet, external: &SpanSet) -> Vec<Reason> {
    let span = Span::from(*slot);
    let outside = working.scheduled().gap_in(&span).map(|(from, until)| Reason {
        code: ReasonCode::OutsideHours,
        from,
        until,
    });
    let holiday = working
        .holiday_in(&span)
        .map(|day| Reason::during(ReasonCode::Holiday, day));
    let away = time_off
        .overlapping(&span)
        .map(|away| Reason::during(ReasonCode::TimeOff, *away));
    let elsewhere = external
        .overlapping(&span)
        .map(|busy| Reason::during(ReasonCode::ExternalCalendar, *busy));
    [outside, holiday, away, elsewhere].into_iter().flatten().collect()
}

/// Why a slot of `shape` that starts at `slot` is not offered at `now`; empty exactly when [`super::slots::find`] finds it.
#[must_use]
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the facts that the answer follows from"
)]
pub fn why_not_offered(
    slot: &TimeSlot,
    now: Timestamp,
    zone: Zone,
    working: &WorkingTime,
    time_off: &SpanSet,
    external: &SpanSet,
    busy: &SpanSet,
    rooms: RoomQuestion<'_>,
    shape: &SlotShape,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if slot.starts_at() < now {
        reasons.push(Reason::timeless(ReasonCode::InPast));
    }
    reasons.extend(why_closed(slot, working, time_off, external));
    let openings = working.openings_at(slot.starts_at());
    let on_grid = |opening_at| Grid::new(zone, opening_at, shape.step).holds(slot.starts_at());
    if !openings.is_empty() && !openings.iter().any(|opening| on_grid(opening.opens_at)) {
        reasons.push(Reason::timeless(ReasonCode::OffGrid));
    }
    if let Some(needed) = shape.needed(slot) {
        let taken = busy
            .overlapping(&needed)
            .map(|taken| Reason::during(ReasonCode::PractitionerBusy, *taken));
        reasons.extend(taken);
        reasons.extend(why_no_room(&needed, rooms));
    }
    reasons
}

fn why_no_room(needed: &Span, rooms: RoomQuestion<'_>) -> Option<Reason> {
    match rooms {
        RoomQuestion::Any(need) => need
            .met_during(needed)
            .is_none()
            .then(|| Reason::timeless(ReasonCode::NoFreeRoom)),
        RoomQuestion::This(room) => room
            .busy
            .overlapping(needed)
            .map(|taken| Reason::during(ReasonCode::RoomBusy, *taken)),
    }
}
