//! The advisory locks that bookings take first: two exclusion constraints alone would let racers wait for each other in a ring.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use kernel::{ClinicId, PractitionerId, Zone};

use super::BusySpan;

/// What a lock stands for; part of its number.
const PRACTITIONER: u8 = 1;
const ROOMS: u8 = 2;

/// Numbers of locks, taken in ascending order by everyone, so that no two transactions wait for each other.
///
/// A practitioner's day is one lock; the rooms of a clinic's day are one lock together, since which room is taken may be
/// decided only under it. Days are UTC's: spans that overlap share one, whatever the clinic's zone. Two locks may share a
/// number by chance; then two bookings wait for each other's turn, and nothing worse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LockKeys {
    clinic: ClinicId,
    numbers: BTreeSet<i64>,
}

impl LockKeys {
    /// None yet, in `clinic`.
    pub(crate) const fn new(clinic: ClinicId) -> Self {
        Self {
            clinic,
            numbers: BTreeSet::new(),
        }
    }

    /// Adds the days on which `span` keeps `practitioner` busy.
    pub(crate) fn practitioner(mut self, practitioner: PractitionerId, span: &BusySpan) -> Self {
        for day in days(span) {
            self.numbers.insert(number(
                &[
                    self.clinic.as_uuid().as_bytes(),
                    &[PRACTITIONER],
                    practitioner.as_uuid().as_bytes(),
                ],
                day,
            ));
        }
        self
    }

    /// Adds the days on which `span` keeps a room busy, whichever it is.
    pub(crate) fn rooms(mut self, span: &BusySpan) -> Self {
        for day in days(span) {
            self.numbers
                .insert(number(&[self.clinic.as_uuid().as_bytes(), &[ROOMS]], day));
        }
        self
    }

    /// The numbers, in the order in which they are to be taken.
    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> {
        self.numbers.iter().copied()
    }
}

/// The UTC days that `span` touches.
fn days(span: &BusySpan) -> impl Iterator<Item = NaiveDate> {
    let first = span.from().date_in(Zone::UTC);
    let last = span
        .until()
        .saturating_add(-chrono::TimeDelta::microseconds(1))
        .date_in(Zone::UTC);
    std::iter::successors(Some(first), |day| day.checked_add_days(Days::new(1))).take_while(move |day| *day <= last)
}

/// FNV-1a (64 bit): the same on every node and in every release, which the standard hasher does not promise.
fn number(parts: &[&[u8]], day: NaiveDate) -> i64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let day = chrono::Datelike::num_days_from_ce(&day).to_be_bytes();
    let hash = parts
        .iter()
        .flat_map(|part| part.iter())
        .chain(&day)
        .fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    i64::from_be_bytes(hash.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use kernel::{TimeSlot, Timestamp};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn clinic() -> ClinicId {
        ClinicId::from_uuid(Uuid::from_u128(1))
    }

    fn practitioner() -> PractitionerId {
        PractitionerId::from_uuid(Uuid::from_u128(2))
    }

    fn span(start_minute: i64, minutes: i64) -> BusySpan {
        let start = "2026-11-20T00:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .saturating_add(TimeDelta::minutes(start_minute));
        let slot = TimeSlot::new(start, start.saturating_add(TimeDelta::minutes(minutes))).unwrap();
        BusySpan::around(&slot, TimeDelta::minutes(10), TimeDelta::minutes(10))
    }

    #[test]
    fn a_span_that_ends_at_midnight_touches_one_day() {
        let until_midnight = span(22 * 60, 110);
        assert_eq!(days(&until_midnight).count(), 1);
        assert_eq!(days(&span(22 * 60, 111)).count(), 2);
        assert_eq!(days(&span(0, 24 * 60)).count(), 3);
    }

    #[test]
    fn clinics_practitioners_and_rooms_do_not_share_locks() {
        let noon = span(12 * 60, 30);
        let of = |clinic: u128, practitioner: u128| {
            LockKeys::new(ClinicId::from_uuid(Uuid::from_u128(clinic)))
                .practitioner(PractitionerId::from_uuid(Uuid::from_u128(practitioner)), &noon)
        };
        let all = [of(1, 2), of(2, 1), of(1, 3), LockKeys::new(clinic()).rooms(&noon)];
        let numbers: BTreeSet<_> = all.iter().flat_map(LockKeys::iter).collect();
        assert_eq!(numbers.len(), all.len());
    }

    proptest! {
        #[test]
        fn spans_that_overlap_share_a_lock(
            first in 0_i64..4000, first_minutes in 5_i64..1440, second in 0_i64..4000, second_minutes in 5_i64..1440,
        ) {
            let (first, second) = (span(first, first_minutes), span(second, second_minutes));
            let keys = |span| LockKeys::new(clinic()).practitioner(practitioner(), span).iter().collect::<BTreeSet<_>>();
            if first.overlaps(&second) {
                prop_assert!(!keys(&first).is_disjoint(&keys(&second)));
            }
        }
    }
}
