//! Which moves between statuses there are: the one table that decides.

use kernel::text_enum;

use super::model::AppointmentStatus;

text_enum! {
    /// What can be done with an appointment; each is `POST /v1/appointments/{id}/<name>`.
    pub enum Action {
        /// The patient will come.
        Confirm = "confirm",
        /// The patient is here.
        CheckIn = "check-in",
        /// It begins.
        Start = "start",
        /// It is over.
        Complete = "complete",
        /// It is called off.
        Cancel = "cancel",
        /// The patient did not come.
        NoShow = "no-show",
        /// It moves to another time, practitioner or room.
        Reschedule = "reschedule",
        /// A completion, cancellation or no-show is taken back, on the day on which it was made.
        Reopen = "reopen",
    }
    error = UnknownAction, code = "unknown_action";
}

impl Action {
    /// The status to which this leads from `from`; none when it may not be done there.
    #[must_use]
    pub const fn leads_from(self, from: AppointmentStatus) -> Option<AppointmentStatus> {
        use AppointmentStatus::{Cancelled, CheckedIn, Completed, Confirmed, InProgress, NoShow, Scheduled};
        match (self, from) {
            (Self::Confirm, Scheduled) => Some(Confirmed),
            (Self::CheckIn, Scheduled | Confirmed) => Some(CheckedIn),
            (Self::Start, CheckedIn) | (Self::Reopen, Completed) => Some(InProgress),
            (Self::Complete, CheckedIn | InProgress) => Some(Completed),
            (Self::Cancel, Scheduled | Confirmed | CheckedIn) => Some(Cancelled),
            (Self::NoShow, Scheduled | Confirmed) => Some(NoShow),
            (Self::Reschedule, Scheduled | Confirmed) | (Self::Reopen, Cancelled | NoShow) => Some(Scheduled),
            _ => None,
        }
    }

    /// What may be done in `status`.
    pub fn legal_in(status: AppointmentStatus) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |action| action.leads_from(status).is_some())
    }

    /// The name of the event that tells of it, and of the row in the audit log.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Confirm => ("appointment.confirmed", "appointments.confirm"),
            Self::CheckIn => ("appointment.checked_in", "appointments.check_in"),
            Self::Start => ("appointment.started", "appointments.start"),
            Self::Complete => ("appointment.completed", "appointments.complete"),
            Self::Cancel => ("appointment.cancelled", "appointments.cancel"),
            Self::NoShow => ("appointment.no_show", "appointments.no_show"),
            Self::Reschedule => ("appointment.rescheduled", "appointments.reschedule"),
            Self::Reopen => ("appointment.reopened", "appointments.reopen"),
        }
    }

    /// Whether a calendar program has to be told (RFC 5545, 3.8.7.4): time, place or being called off changes.
    #[must_use]
    pub const fn counts_up_sequence(self) -> bool {
        matches!(self, Self::Cancel | Self::NoShow | Self::Reschedule | Self::Reopen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AppointmentStatus::{Cancelled, CheckedIn, Completed, Confirmed, InProgress, NoShow, Scheduled};

    /// The decided table, word for word.
    const TABLE: &[(AppointmentStatus, &[AppointmentStatus])] = &[
        (Scheduled, &[Confirmed, CheckedIn, Cancelled, NoShow]),
        (Confirmed, &[CheckedIn, Cancelled, NoShow]),
        (CheckedIn, &[InProgress, Completed, Cancelled]),
        (InProgress, &[Completed]),
        (Completed, &[InProgress]),
        (Cancelled, &[Scheduled]),
        (NoShow, &[Scheduled]),
    ];

    #[test]
    fn the_moves_are_those_decided() {
        for (from, targets) in TABLE {
            let mut reached: Vec<_> = Action::ALL
                .iter()
                .filter(|action| **action != Action::Reschedule)
                .filter_map(|action| action.leads_from(*from))
                .collect();
            reached.sort_unstable();
            let mut decided = targets.to_vec();
            decided.sort_unstable();
            assert_eq!(reached, decided, "{from}");
        }
        assert_eq!(TABLE.len(), AppointmentStatus::ALL.len());
    }

    #[test]
    fn rescheduling_is_for_what_has_not_begun() {
        for status in AppointmentStatus::ALL {
            let expected = matches!(status, Scheduled | Confirmed).then_some(Scheduled);
            assert_eq!(Action::Reschedule.leads_from(*status), expected);
        }
    }

    #[test]
    fn no_status_is_a_dead_end_and_no_move_stands_still() {
        for status in AppointmentStatus::ALL {
            assert!(Action::legal_in(*status).next().is_some());
            for action in Action::ALL.iter().filter(|action| **action != Action::Reschedule) {
                assert_ne!(action.leads_from(*status), Some(*status));
            }
        }
    }
}
