//! Laying out: giving a time of day to appointments of which only the day is known. Pure.

use std::collections::HashMap;

use chrono::{NaiveDate, TimeDelta};
use kernel::{PractitionerId, TimeSlot};

use crate::availability::spans::{Span, SpanSet};
use crate::occupancy::BusySpan;

/// One practitioner's day.
#[derive(Debug, Clone)]
pub(super) struct Day {
    /// The whole day.
    pub(super) whole: Span,
    /// When they work.
    pub(super) open: SpanSet,
    /// What is taken.
    pub(super) busy: SpanSet,
}

/// The shape of what is to be laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) duration: TimeDelta,
    pub(super) before: TimeDelta,
    pub(super) after: TimeDelta,
}

impl Day {
    /// The first free slot: in working time where there is one, else after it, else at any time of the day. With it, whether
    /// it lies in working time.
    fn place(&self, shape: Shape) -> Option<(TimeSlot, bool)> {
        if let Some(slot) = first_fit(&self.open.minus(&self.busy), shape) {
            return Some((slot, true));
        }
        let rest: SpanSet = SpanSet::from_iter([self.whole]).minus(&self.busy);
        let closing = self.open.iter().last().map(|last| last.ends_at());
        let after_hours = closing.and_then(|closing| {
            let opened = SpanSet::from_iter([Span::new(self.whole.starts_at(), closing)?]);
            first_fit(&rest.minus(&opened), shape)
        });
        after_hours
            .or_else(|| first_fit(&rest, shape))
            .map(|slot| (slot, false))
    }

    fn take(&mut self, busy: &BusySpan) {
        if let Some(span) = Span::new(busy.from(), busy.until()) {
            self.busy = self.busy.iter().copied().chain([span]).collect();
        }
    }
}

/// The first slot of `shape` that lies with its buffers in one of `free`.
fn first_fit(free: &SpanSet, shape: Shape) -> Option<TimeSlot> {
    free.iter().find_map(|span| {
        let starts_at = span.starts_at().saturating_add(shape.before);
        let slot = TimeSlot::new(starts_at, starts_at.saturating_add(shape.duration)).ok()?;
        (slot.ends_at().saturating_add(shape.after) <= span.ends_at()).then_some(slot)
    })
}

/// A place found for an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) practitioner: PractitionerId,
    pub(super) slot: TimeSlot,
    pub(super) in_hours: bool,
}

/// The days that have been looked at, with what was laid out on them.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    days: HashMap<(PractitionerId, NaiveDate), Day>,
}

impl Layout {
    /// Those of `practitioners` whose `date` has not been looked at.
    pub(super) fn unknown(&self, practitioners: &[PractitionerId], date: NaiveDate) -> Vec<PractitionerId> {
        practitioners
            .iter()
            .copied()
            .filter(|practitioner| !self.days.contains_key(&(*practitioner, date)))
            .collect()
    }

    /// Adds a day.
    pub(super) fn insert(&mut self, practitioner: PractitionerId, date: NaiveDate, day: Day) {
        self.days.insert((practitioner, date), day);
    }

    /// The earliest place on `date` with one of `practitioners`, working time before any other.
    pub(super) fn find(&self, practitioners: &[PractitionerId], date: NaiveDate, shape: Shape) -> Option<Place> {
        practitioners
            .iter()
            .filter_map(|practitioner| {
                let (slot, in_hours) = self.days.get(&(*practitioner, date))?.place(shape)?;
                Some(Place {
                    practitioner: *practitioner,
                    slot,
                    in_hours,
                })
            })
            .min_by_key(|place| (!place.in_hours, place.slot))
    }

    /// Notes that `place` on `date` is taken.
    pub(super) fn take(&mut self, place: &Place, date: NaiveDate, shape: Shape) {
        if let Some(day) = self.days.get_mut(&(place.practitioner, date)) {
            day.take(&BusySpan::around(&place.slot, shape.before, shape.after));
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        "2016-04-29T03:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .saturating_add(TimeDelta::minutes(minute))
    }

    fn span(from: i64, until: i64) -> Span {
        Span::new(at(from), at(until)).unwrap()
    }

    fn shape(duration: i64, before: i64, after: i64) -> Shape {
        Shape {
            duration: TimeDelta::minutes(duration),
            before: TimeDelta::minutes(before),
            after: TimeDelta::minutes(after),
        }
    }

    fn day(open: &[(i64, i64)], busy: &[(i64, i64)]) -> Day {
        let set = |spans: &[(i64, i64)]| spans.iter().map(|(from, until)| span(*from, *until)).collect();
        Day {
            whole: span(0, 1440),
            open: set(open),
            busy: set(busy),
        }
    }

    fn practitioner(number: u128) -> PractitionerId {
        PractitionerId::from_uuid(Uuid::from_u128(number))
    }

    fn date() -> NaiveDate {
        "2016-04-29".parse().unwrap()
    }

    #[test]
    fn working_time_is_filled_first_then_the_evening_then_the_morning() {
        let mut layout = Layout::default();
        layout.insert(practitioner(1), date(), day(&[(480, 520)], &[(0, 460), (560, 1440)]));
        let mut starts = Vec::new();
        while let Some(place) = layout.find(&[practitioner(1)], date(), shape(20, 0, 0)) {
            layout.take(&place, date(), shape(20, 0, 0));
            starts.push((place.slot.starts_at(), place.in_hours));
        }
        assert_eq!(
            starts,
            [
                (at(480), true),
                (at(500), true),
                (at(520), false),
                (at(540), false),
                (at(460), false)
            ]
        );
    }

    #[test]
    fn the_practitioner_who_is_free_first_is_taken() {
        let mut layout = Layout::default();
        layout.insert(practitioner(1), date(), day(&[(480, 600)], &[(480, 500)]));
        layout.insert(practitioner(2), date(), day(&[(480, 600)], &[]));
        let both = [practitioner(1), practitioner(2)];
        assert!(layout.unknown(&both, date()).is_empty());
        let place = layout.find(&both, date(), shape(30, 5, 10)).unwrap();
        assert_eq!((place.practitioner, place.slot.starts_at()), (practitioner(2), at(485)));
    }

    proptest! {
        #[test]
        fn what_is_laid_out_overlaps_nothing(
            busy in prop::collection::vec((0_i64..1400, 1_i64..40), 0..6),
            durations in prop::collection::vec((5_i64..60, 0_i64..10, 0_i64..10), 1..20),
        ) {
            let busy: Vec<_> = busy.into_iter().map(|(from, length)| (from, from + length)).collect();
            let mut layout = Layout::default();
            layout.insert(practitioner(1), date(), day(&[(480, 720), (780, 1080)], &busy));
            let mut taken: Vec<Span> = busy.iter().map(|(from, until)| span(*from, *until)).collect();
            for (duration, before, after) in durations {
                let shape = shape(duration, before, after);
                if let Some(place) = layout.find(&[practitioner(1)], date(), shape) {
                    layout.take(&place, date(), shape);
                    let busy = BusySpan::around(&place.slot, shape.before, shape.after);
                    let busy = Span::new(busy.from(), busy.until()).unwrap();
                    prop_assert!(taken.iter().all(|other| !other.overlaps(&busy)));
                    taken.push(busy);
                }
            }
        }
    }
}
