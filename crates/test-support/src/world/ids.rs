//! Ids that never change: UUIDv7 (RFC 9562) of the world's first day, with kind and number where chance would be.

use uuid::Uuid;

/// What an id is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Clinic,
    User,
    Membership,
    Session,
    Practitioner,
    Room,
    Service,
    OpeningHours,
    TimeOff,
    Holiday,
    Contact,
    Appointment,
    Move,
    Occupancy,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Self::Clinic => 1,
            Self::User => 2,
            Self::Membership => 3,
            Self::Session => 4,
            Self::Practitioner => 5,
            Self::Room => 6,
            Self::Service => 7,
            Self::OpeningHours => 8,
            Self::TimeOff => 9,
            Self::Holiday => 10,
            Self::Contact => 11,
            Self::Appointment => 12,
            Self::Move => 13,
            Self::Occupancy => 14,
        }
    }
}

/// Milliseconds of 2026-11-01T00:00:00Z.
const FIRST_DAY: u128 = 1_793_491_200_000;

/// The id of number `number` of `kind`.
pub(super) fn uuid(kind: Kind, number: u16) -> Uuid {
    let version = 7 << 76;
    let variant = 2 << 62;
    Uuid::from_u128(FIRST_DAY << 80 | version | variant | u128::from(kind.number()) << 16 | u128::from(number))
}
