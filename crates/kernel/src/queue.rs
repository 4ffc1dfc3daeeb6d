//! What waits in the queue: the lanes, and the kinds of events that are told to the outside.

use crate::access::Permission;

/// Where work waits. Work of one lane never waits for work of a lower one for longer than a moment, however much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Lane {
    /// Somebody waits for it now: a message to a patient, a live update.
    Urgent,
    /// The care of patients: reminders, freed slots.
    Clinical,
    /// Everything else.
    #[default]
    Routine,
    /// Large amounts that may take hours: imports, exports, clean-ups.
    Bulk,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Urgent, Self::Clinical, Self::Routine, Self::Bulk];

    /// The lane's number in the database; the most urgent is 0.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Urgent => 0,
            Self::Clinical => 1,
            Self::Routine => 2,
            Self::Bulk => 3,
        }
    }

    /// The lane's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Clinical => "clinical",
            Self::Routine => "routine",
            Self::Bulk => "bulk",
        }
    }

    /// The lane of that number.
    #[must_use]
    pub fn of_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.number() == number)
    }
}

/// A kind of event that integrations and live screens may hear of. Its payload holds ids and states, never what people wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicEvent {
    /// Its name, such as `appointment.booked`: the resource, a point, what happened to it.
    pub kind: &'static str,
    /// What one must be permitted to hear of it.
    pub permission: Permission,
    /// What happened, in one line.
    pub summary: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_and_their_numbers_belong_together() {
        for lane in Lane::ALL {
            assert_eq!(Lane::of_number(lane.number()), Some(lane));
        }
        assert_eq!(Lane::of_number(4), None);
        assert!(Lane::Urgent < Lane::Bulk);
    }
}
