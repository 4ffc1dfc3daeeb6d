//! Gives the appointments of a day, which were recorded without a time, practitioners and times of which no two overlap.

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use kernel::{TimeSlot, Zone};

/// The length of an appointment, in minutes.
pub const MINUTES: u16 = 15;
/// The steps of a practitioner's day: 8 to 12 and 13 to 18 o'clock.
pub const STEPS: usize = MORNING_STEPS + 20;
/// Those before lunch.
const MORNING_STEPS: usize = 16;

/// When work begins and ends, on the wall clock, as `(hour from, hour until)`.
pub const HOURS: [(u32, u32); 2] = [(8, 12), (13, 18)];

/// Where an appointment stands: in which practitioner's day, at which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The practitioner, counted from 0.
    pub practitioner: usize,
    /// The step of the day, below [`STEPS`].
    pub step: usize,
}

/// How many practitioners a clinic needs whose busiest day has `appointments`.
#[must_use]
pub const fn practitioners_for(appointments: usize) -> usize {
    if appointments <= STEPS {
        1
    } else {
        appointments.div_ceil(STEPS)
    }
}

/// A place for each of the day's `visitors` (a person who comes twice stands there twice), in their order.
///
/// No two share a place, and nobody is in two places at one time, unless they come more than [`STEPS`] times.
/// `practitioners` must be at least [`practitioners_for`] their number.
#[must_use]
pub fn lay_out(visitors: &[u64], practitioners: usize) -> Vec<Place> {
    let mut order: Vec<(u64, usize)> = visitors.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let visits_of_one = order
        .chunk_by(|one, other| one.0 == other.0)
        .map(<[_]>::len)
        .max()
        .unwrap_or(0);
    // The visits of one person follow each other, so they are at different steps when a column is as long as they are many.
    let column = visitors
        .len()
        .div_ceil(practitioners.max(1))
        .max(visits_of_one)
        .clamp(1, STEPS);
    let mut places: Vec<(usize, Place)> = order
        .into_iter()
        .enumerate()
        .map(|(position, (_, visitor))| {
            (
                visitor,
                Place {
                    practitioner: position / column,
                    step: position % column,
                },
            )
        })
        .collect();
    places.sort_unstable_by_key(|(visitor, _)| *visitor);
    places.into_iter().map(|(_, place)| place).collect()
}

/// The time of a step on `date`, in `zone`; nothing for a step beyond [`STEPS`].
#[must_use]
pub fn slot_of(step: usize, date: NaiveDate, zone: Zone) -> Option<TimeSlot> {
    let [(morning, _), (afternoon, _)] = HOURS;
    let (opens, step) = if step < MORNING_STEPS {
        (morning, step)
    } else {
        (afternoon, step.checked_sub(MORNING_STEPS)?)
    };
    let opens = NaiveTime::from_hms_opt(opens, 0, 0)?;
    let since = TimeDelta::minutes(i64::try_from(step).ok()?.checked_mul(i64::from(MINUTES))?);
    let starts_at = zone.instant_of(date.and_time(opens).checked_add_signed(since)?)?;
    TimeSlot::new(starts_at, starts_at.saturating_add(TimeDelta::minutes(MINUTES.into()))).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn slot(step: usize) -> TimeSlot {
        slot_of(
            step,
            NaiveDate::from_ymd_opt(2016, 5, 2).unwrap(),
            "America/Sao_Paulo".parse().unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn a_day_keeps_to_the_hours() {
        let text = |step| (slot(step).starts_at().to_string(), slot(step).ends_at().to_string());
        assert_eq!(
            text(0),
            ("2016-05-02T11:00:00Z".to_owned(), "2016-05-02T11:15:00Z".to_owned())
        );
        assert_eq!(text(MORNING_STEPS - 1).1, "2016-05-02T15:00:00Z");
        assert_eq!(text(MORNING_STEPS).0, "2016-05-02T16:00:00Z");
        assert_eq!(text(STEPS - 1).1, "2016-05-02T21:00:00Z");
    }

    #[test]
    fn no_two_steps_overlap() {
        for (one, other) in (0..STEPS).flat_map(|one| (0..one).map(move |other| (one, other))) {
            assert!(!slot(one).overlaps(&slot(other)), "{one} and {other}");
        }
    }

    #[test]
    fn as_many_practitioners_as_needed() {
        assert_eq!([0, 1, STEPS, STEPS + 1].map(practitioners_for), [1, 1, 1, 2]);
    }

    proptest! {
        #[test]
        fn no_two_appointments_overlap(visitors in prop::collection::vec(0_u64..60, 0..400), spare in 0_usize..3) {
            let practitioners = practitioners_for(visitors.len()) + spare;
            let places = lay_out(&visitors, practitioners);
            prop_assert_eq!(places.len(), visitors.len());
            prop_assert_eq!(places.iter().collect::<HashSet<_>>().len(), places.len());
            prop_assert!(places.iter().all(|place| place.practitioner < practitioners && place.step < STEPS));
        }

        #[test]
        fn nobody_is_in_two_places_at_once(visitors in prop::collection::vec(0_u64..20, 0..STEPS)) {
            let places = lay_out(&visitors, 4);
            let times: HashSet<_> = visitors.iter().zip(&places).map(|(visitor, place)| (visitor, place.step)).collect();
            prop_assert_eq!(times.len(), visitors.len());
        }
    }
}
