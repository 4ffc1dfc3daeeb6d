//! The slot finder: which slots of one practitioner are free. Pure.

use chrono::TimeDelta;
use kernel::{RoomId, TimeSlot, Timestamp, Zone};

use super::grid::{Grid, Step};
use super::spans::{Span, SpanSet};
use super::working_time::WorkingTime;

/// What a slot must be.
#[derive(Debug, Clone, Copy)]
pub struct SlotShape {
    /// How long the patient's part is.
    pub duration: TimeDelta,
    /// How long practitioner and room must be free before.
    pub buffer_before: TimeDelta,
    /// How long practitioner and room must be free after.
    pub buffer_after: TimeDelta,
    /// How far apart slots may start.
    pub step: Step,
}

impl SlotShape {
    /// The slot that starts at `starts_at`; none beyond the bounds of time.
    #[must_use]
    pub fn slot_at(&self, starts_at: Timestamp) -> Option<TimeSlot> {
        TimeSlot::new(starts_at, starts_at.saturating_add(self.duration)).ok()
    }

    /// What must be free for `slot`: the slot with its buffers.
    #[must_use]
    pub fn needed(&self, slot: &TimeSlot) -> Option<Span> {
        Span::new(
            slot.starts_at().saturating_add(-self.buffer_before),
            slot.ends_at().saturating_add(self.buffer_after),
        )
    }
}

/// A room, and when it is taken.
#[derive(Debug, Clone)]
pub struct Room {
    /// Which room.
    pub id: RoomId,
    /// When it is taken, buffers included.
    pub busy: SpanSet,
}

/// Whether a room is needed.
#[derive(Debug, Clone, Copy)]
pub enum RoomNeed<'r> {
    /// No room is needed.
    None,
    /// One of these, the first preferred.
    AnyOf(&'r [Room]),
}

impl RoomNeed<'_> {
    /// Whether the need can be met during `needed`, and by which room.
    #[must_use]
    pub fn met_during(&self, needed: &Span) -> Option<Option<RoomId>> {
        match self {
            Self::None => Some(None),
            Self::AnyOf(rooms) => rooms
                .iter()
                .find(|room| room.busy.overlapping(needed).is_none())
                .map(|room| Some(room.id)),
        }
    }
}

/// A slot that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSlot {
    /// From when to when, buffers left out.
    pub slot: TimeSlot,
    /// A room that is free during it, when one is needed.
    pub room: Option<RoomId>,
}

/// The free slots that start in `starts`, in order, each start once.
///
/// `busy` is when the practitioner is taken, buffers included. To leave out the past, let `starts` begin now.
#[must_use]
pub fn find(
    starts: Span,
    zone: Zone,
    working: &WorkingTime,
    busy: &SpanSet,
    rooms: RoomNeed<'_>,
    shape: &SlotShape,
) -> Vec<FreeSlot> {
    let mut found: Vec<FreeSlot> = working
        .openings()
        .filter_map(|opening| {
            let within = Span::new(
                opening.span.starts_at().max(starts.starts_at()),
                opening.span.ends_at().min(starts.ends_at()),
            )?;
            Some((Grid::new(zone, opening.opens_at, shape.step), within))
        })
        .flat_map(|(grid, within)| {
            std::iter::successors(Some(grid.first_from(within.starts_at())), move |start| {
                Some(grid.after(*start))
            })
            .take_while(move |start| within.contains(*start))
        })
        .filter_map(|start| {
            let slot = shape.slot_at(start)?;
            let needed = shape.needed(&slot)?;
            let free = working.open().covers(&slot.into()) && busy.overlapping(&needed).is_none();
            let room = if free { rooms.met_during(&needed)? } else { return None };
            Some(FreeSlot { slot, room })
        })
        .collect();
    found.sort_unstable_by_key(|free| free.slot);
    found.dedup_by_key(|free| free.slot);
    found
}
