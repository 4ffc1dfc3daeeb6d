//! Which rules a booking stands under, and who may pass over some of them.

use kernel::{Permission, Principal};

use super::error::BookingError;
use super::model::{AppointmentStatus, Source};

/// The right to overbook, which only a caller with the permission gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverbookPermit(());

impl OverbookPermit {
    /// The right of `caller`.
    ///
    /// # Errors
    /// [`BookingError::OverbookNotPermitted`] without the permission `appointments:overbook`.
    pub fn of(caller: &Principal) -> Result<Self, BookingError> {
        if caller.may(Permission::AppointmentsOverbook) {
            Ok(Self(()))
        } else {
            Err(BookingError::OverbookNotPermitted)
        }
    }
}

/// Which rules a booking stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// All of them.
    Regular,
    /// Past opening hours and what is booked already (*encaixe*).
    Overbooked(OverbookPermit),
    /// It keeps its time, which was admitted before; room or service change.
    Kept {
        /// Whether it lies over other bookings.
        overbooked: bool,
    },
    /// What happened elsewhere is taken as it was: outside hours, long ago, in any status; but nothing twice, unless
    /// `overbook`.
    Imported {
        /// How it stands.
        status: AppointmentStatus,
        /// Whether it may lie over another booking.
        overbook: bool,
    },
}

impl Terms {
    /// Whether opening hours, time off and holidays hold.
    #[must_use]
    pub const fn keeps_hours(&self) -> bool {
        matches!(self, Self::Regular)
    }

    /// Whether the time must be free, and is then nobody else's. What was called off elsewhere takes no time.
    #[must_use]
    pub const fn is_exclusive(&self) -> bool {
        match self {
            Self::Imported { status, .. } if !status.occupies() => false,
            _ => !self.overbooks(),
        }
    }

    /// Whether the appointment may lie over others.
    #[must_use]
    pub const fn overbooks(&self) -> bool {
        matches!(
            self,
            Self::Overbooked(_) | Self::Kept { overbooked: true } | Self::Imported { overbook: true, .. }
        )
    }

    /// The status in which the appointment enters the agenda.
    #[must_use]
    pub const fn first_status(&self) -> AppointmentStatus {
        match self {
            Self::Imported { status, .. } => *status,
            Self::Regular | Self::Overbooked(_) | Self::Kept { .. } => AppointmentStatus::Scheduled,
        }
    }

    /// How the appointment came into the agenda.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self {
            Self::Imported { .. } => Source::Import,
            Self::Regular | Self::Overbooked(_) | Self::Kept { .. } => Source::Staff,
        }
    }

    /// Whether the start must lie within reach of today.
    #[must_use]
    pub const fn keeps_to_the_present(&self) -> bool {
        matches!(self, Self::Regular | Self::Overbooked(_))
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use uuid::Uuid;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may vouch for its own principals")]
    fn only_those_who_may_get_the_right_to_overbook() {
        let of = |role: Role| {
            let key = kernel::Actor::ApiKey {
                key: kernel::ApiKeyId::from_uuid(Uuid::nil()),
            };
            Principal::vouch(kernel::ClinicId::from_uuid(Uuid::nil()), key, role.permissions())
        };
        assert!(OverbookPermit::of(&of(Role::Receptionist)).is_ok());
        assert!(matches!(
            OverbookPermit::of(&of(Role::Billing)),
            Err(BookingError::OverbookNotPermitted)
        ));
        assert!(!Terms::Overbooked(OverbookPermit(())).is_exclusive());
        assert!(!Terms::Overbooked(OverbookPermit(())).keeps_hours());
    }

    #[test]
    fn what_was_called_off_elsewhere_takes_no_time_and_overbooks_nothing() {
        let imported = |status| Terms::Imported {
            status,
            overbook: false,
        };
        for status in AppointmentStatus::ALL {
            assert_eq!(imported(*status).is_exclusive(), status.occupies());
            assert!(!imported(*status).overbooks());
        }
    }
}
