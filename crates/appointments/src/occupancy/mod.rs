//! Who and what is busy when. One row per live appointment and per hold, all under the same two exclusion constraints.

mod locks;
pub(crate) mod store;

use chrono::TimeDelta;
use kernel::{AppointmentId, HoldId, PractitionerId, RoomId, TimeSlot, Timestamp};

pub(crate) use locks::LockKeys;

/// The longest time one row may keep busy: a slot of 24 hours and two buffers of 4. What overlaps an instant began at most
/// this long before it, which bounds the search in an index over the start.
pub const LONGEST: TimeDelta = TimeDelta::hours(32);

/// The time an appointment or hold keeps busy: its slot and the buffers around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusySpan {
    from: Timestamp,
    until: Timestamp,
}

impl BusySpan {
    /// `slot` with `before` and `after` around it; negative buffers count as none.
    #[must_use]
    pub fn around(slot: &TimeSlot, before: TimeDelta, after: TimeDelta) -> Self {
        Self {
            from: slot.starts_at().saturating_add(-before.max(TimeDelta::zero())),
            until: slot.ends_at().saturating_add(after.max(TimeDelta::zero())),
        }
    }

    /// The first busy instant.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The first instant after.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether the two share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.until && other.from < self.until
    }
}

/// Which room a booking takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomNeed {
    /// None.
    None,
    /// A free one among those where the service may take place; `preferred` when it is free.
    Any {
        /// The one to take when it is free.
        preferred: Option<RoomId>,
    },
    /// This one.
    Exactly(RoomId),
}

/// What stands in the way of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The practitioner is busy.
    Practitioner,
    /// The room is busy, or all rooms are.
    Room,
}

impl Taken {
    /// The word for it in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Practitioner => "practitioner",
            Self::Room => "room",
        }
    }
}

/// Whose time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// An appointment's.
    Appointment(AppointmentId),
    /// A hold's, until it lapses.
    Hold {
        /// The hold.
        id: HoldId,
        /// When it lapses.
        expires_at: Timestamp,
    },
}

/// A claim to time of a practitioner and perhaps a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) practitioner: PractitionerId,
    pub(crate) room: Option<RoomId>,
    pub(crate) busy: BusySpan,
    /// Whether it takes the time from others; an overbooked appointment does not.
    pub(crate) exclusive: bool,
}

/// A room where a service may take place, and whether it is busy at the time in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct RoomState {
    pub(crate) id: RoomId,
    pub(crate) busy: bool,
}

/// The room to take among `rooms`, which come in order of their names: the preferred one when it is free, else the first free
/// one; when all are busy, the preferred or first one for an overbooking and none for anybody else.
pub(crate) fn choose_room(rooms: &[RoomState], preferred: Option<RoomId>, overbooks: bool) -> Option<RoomId> {
    let is_preferred = |room: &&RoomState| Some(room.id) == preferred;
    let free = || rooms.iter().filter(|room| !room.busy);
    let any = || rooms.iter().filter(|_| overbooks);
    free()
        .find(is_preferred)
        .or_else(|| free().next())
        .or_else(|| any().find(is_preferred))
        .or_else(|| any().next())
        .map(|room| room.id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        "2026-11-20T00:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .saturating_add(TimeDelta::minutes(minute))
    }

    fn room(number: u128, busy: bool) -> RoomState {
        RoomState {
            id: RoomId::from_uuid(uuid::Uuid::from_u128(number)),
            busy,
        }
    }

    #[test]
    fn buffers_make_neighbours_overlap() {
        let first = TimeSlot::new(at(0), at(30)).unwrap();
        let second = TimeSlot::new(at(30), at(60)).unwrap();
        let bare = |slot| BusySpan::around(slot, TimeDelta::zero(), TimeDelta::zero());
        let wide = |slot| BusySpan::around(slot, TimeDelta::minutes(5), TimeDelta::minutes(10));
        assert!(!bare(&first).overlaps(&bare(&second)));
        assert!(bare(&first).overlaps(&wide(&second)));
        assert_eq!((wide(&first).from(), wide(&first).until()), (at(-5), at(40)));
    }

    #[test]
    fn the_preferred_room_comes_first_and_a_busy_one_only_for_overbookings() {
        let rooms = [room(1, true), room(2, false), room(3, false)];
        let id = |number| Some(room(number, false).id);
        assert_eq!(choose_room(&rooms, None, false), id(2));
        assert_eq!(choose_room(&rooms, id(3), false), id(3));
        assert_eq!(choose_room(&rooms, id(1), false), id(2));
        let full = [room(1, true), room(2, true)];
        assert_eq!(choose_room(&full, id(2), false), None);
        assert_eq!(choose_room(&full, id(2), true), id(2));
        assert_eq!(choose_room(&full, None, true), id(1));
        assert_eq!(choose_room(&[], None, true), None);
    }

    proptest! {
        #[test]
        fn nobody_but_an_overbooking_gets_a_busy_room(
            busy in prop::collection::vec(any::<bool>(), 0..6), preferred in prop::option::of(0_u128..6), overbooks: bool,
        ) {
            let rooms: Vec<_> = (0..).zip(&busy).map(|(number, busy)| room(number, *busy)).collect();
            let chosen = choose_room(&rooms, preferred.map(|number| room(number, false).id), overbooks);
            let some_free = busy.contains(&false);
            prop_assert_eq!(chosen.is_some(), some_free || (overbooks && !busy.is_empty()));
            if let Some(chosen) = chosen {
                prop_assert_eq!(rooms.iter().find(|room| room.id == chosen).unwrap().busy, !some_free);
            }
        }
    }
}
