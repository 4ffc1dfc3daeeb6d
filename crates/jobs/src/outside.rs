//! What waits for somebody else's server, as a lane keeps it: beside the lane's places, so many at a time, and so many of one
//! clinic. However long strangers take to answer, the lane's other work goes on, and so do other clinics.

use std::collections::{HashMap, VecDeque};

use kernel::ClinicId;

use crate::config::Outside;
use crate::event::Event;

/// The part of a lane that waits for others.
#[derive(Debug)]
pub(crate) struct Waiting {
    limits: Outside,
    under_way: usize,
    clinics: HashMap<ClinicId, Share>,
    /// Clinics that have something to begin and may, the one whose turn it is first; none is in it twice.
    turns: VecDeque<ClinicId>,
}

/// What a clinic has of it.
#[derive(Debug, Default)]
struct Share {
    under_way: usize,
    /// Claimed, and not begun: it begins when one of the clinic's is over.
    to_begin: VecDeque<Event>,
    has_turn: bool,
}

impl Waiting {
    pub(crate) fn new(limits: Outside) -> Self {
        Self {
            limits,
            under_way: 0,
            clinics: HashMap::new(),
            turns: VecDeque::new(),
        }
    }

    /// Takes an event that was claimed; it begins when [`Self::begin`] gives it out.
    pub(crate) fn take(&mut self, event: Event) {
        let clinic = event.clinic;
        self.clinics.entry(clinic).or_default().to_begin.push_back(event);
        self.give_turn(clinic);
    }

    /// The next event that may begin: of the clinic that has waited longest for its turn.
    pub(crate) fn begin(&mut self) -> Option<Event> {
        if self.under_way >= usize::from(self.limits.at_a_time) {
            return None;
        }
        let clinic = self.turns.pop_front()?;
        let share = self.clinics.get_mut(&clinic)?;
        share.has_turn = false;
        let event = share.to_begin.pop_front()?;
        share.under_way += 1;
        self.under_way += 1;
        self.give_turn(clinic);
        Some(event)
    }

    /// Notes that an event that was begun for `clinic` is over; says whether the clinic may have more now than is claimed for it.
    pub(crate) fn over(&mut self, clinic: ClinicId) -> bool {
        let was_full = self.is_full();
        self.under_way = self.under_way.saturating_sub(1);
        let Some(share) = self.clinics.get_mut(&clinic) else {
            return was_full;
        };
        share.under_way = share.under_way.saturating_sub(1);
        let has_room = share.under_way + share.to_begin.len() < usize::from(self.limits.of_one_clinic);
        if share.under_way == 0 && share.to_begin.is_empty() {
            self.clinics.remove(&clinic);
        } else {
            self.give_turn(clinic);
        }
        was_full || has_room
    }

    /// Whether it may not have any more, of whichever clinic.
    pub(crate) fn is_full(&self) -> bool {
        self.under_way >= usize::from(self.limits.at_a_time)
    }

    /// The clinics that may not have any more.
    pub(crate) fn crowded(&self) -> impl Iterator<Item = ClinicId> {
        let most = usize::from(self.limits.of_one_clinic);
        self.clinics
            .iter()
            .filter(move |(_, share)| share.under_way + share.to_begin.len() >= most)
            .map(|(clinic, _)| *clinic)
    }

    fn give_turn(&mut self, clinic: ClinicId) {
        let most = usize::from(self.limits.of_one_clinic);
        if let Some(share) = self.clinics.get_mut(&clinic)
            && !share.has_turn
            && share.under_way < most
            && !share.to_begin.is_empty()
        {
            share.has_turn = true;
            self.turns.push_back(clinic);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use kernel::{ClinicId, Clock, EventId, Lane, SystemClock};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::Waiting;
    use crate::config::Outside;
    use crate::event::Event;

    fn event(clinic: u8) -> Event {
        Event {
            clinic: ClinicId::from_uuid(Uuid::from_u128(clinic.into())),
            id: EventId::from_uuid(Uuid::from_u128(1)),
            kind: "test.outside".to_owned(),
            payload: serde_json::Value::Null,
            created_at: SystemClock.now(),
            attempt: 1,
            lane: Lane::Routine,
            is_job: true,
            held_until: SystemClock.now(),
        }
    }

    proptest! {
        /// Whatever comes and ends: neither limit is passed, nothing stands that could go on, and all of it begins once.
        #[test]
        fn the_limits_hold_and_nothing_stands(
            steps in prop::collection::vec(prop_oneof![(0_u8..4).prop_map(Some), Just(None)], 0..200),
        ) {
            let limits = Outside { at_a_time: 5, of_one_clinic: 2 };
            let mut waiting = Waiting::new(limits);
            let mut under_way: Vec<ClinicId> = Vec::new();
            let mut taken: HashMap<ClinicId, usize> = HashMap::new();
            for step in steps {
                match step {
                    Some(clinic) => {
                        let event = event(clinic);
                        *taken.entry(event.clinic).or_default() += 1;
                        waiting.take(event);
                    }
                    None => if let Some(clinic) = under_way.pop() {
                        waiting.over(clinic);
                    },
                }
                while let Some(event) = waiting.begin() {
                    under_way.push(event.clinic);
                    let left = taken.get_mut(&event.clinic).unwrap();
                    *left = left.checked_sub(1).unwrap();
                }
                prop_assert!(under_way.len() <= 5);
                for (clinic, left) in &taken {
                    let has = under_way.iter().filter(|other| *other == clinic).count();
                    prop_assert!(has <= 2);
                    prop_assert!(*left == 0 || has == 2 || under_way.len() == 5, "something stands that may begin");
                    prop_assert_eq!(waiting.crowded().any(|crowded| crowded == *clinic), has + left >= 2);
                }
                prop_assert_eq!(waiting.is_full(), under_way.len() == 5);
            }
        }
    }
}
