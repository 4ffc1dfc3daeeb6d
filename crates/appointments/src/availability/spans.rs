//! Spans of time and sets of them: what is open, and what is taken.

use kernel::{TimeSlot, Timestamp};

/// The time from one instant (included) to a later one (excluded), of any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    from: Timestamp,
    until: Timestamp,
}

impl Span {
    /// The time from `from` to `until`; none when that is empty.
    #[must_use]
    pub fn new(from: Timestamp, until: Timestamp) -> Option<Self> {
        (from < until).then_some(Self { from, until })
    }

    /// The first instant inside.
    #[must_use]
    pub const fn starts_at(&self) -> Timestamp {
        self.from
    }

    /// The first instant after.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.until
    }

    /// Whether the two share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// Whether `moment` is inside.
    #[must_use]
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.from <= moment && moment < self.until
    }
}

impl From<TimeSlot> for Span {
    fn from(slot: TimeSlot) -> Self {
        Self {
            from: slot.starts_at(),
            until: slot.ends_at(),
        }
    }
}

/// A set of instants as sorted spans that neither overlap nor touch, so that a question about one costs a binary search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanSet(Vec<Span>);

impl FromIterator<Span> for SpanSet {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut sorted: Vec<Span> = spans.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<Span> = Vec::with_capacity(sorted.len());
        for span in sorted {
            match merged.last_mut() {
                Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
                _ => merged.push(span),
            }
        }
        Self(merged)
    }
}

impl SpanSet {
    /// The spans, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Span> {
        self.0.iter()
    }

    /// The first span that shares an instant with `span`.
    #[must_use]
    pub fn overlapping(&self, span: &Span) -> Option<&Span> {
        self.ending_after(span.from).filter(|found| found.from < span.until)
    }

    /// Whether all of `span` is inside.
    #[must_use]
    pub fn covers(&self, span: &Span) -> bool {
        self.ending_after(span.from)
            .is_some_and(|found| found.from <= span.from && span.until <= found.until)
    }

    /// The first part of `span` that is not inside, with what lies around it: from the end of the span before, if any, to the
    /// start of the next, if any. None when all of `span` is inside.
    #[must_use]
    pub fn gap_in(&self, span: &Span) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        let missing = match self.ending_after(span.from) {
            Some(found) if found.from <= span.from => found.until,
            _ => span.from,
        };
        if missing >= span.until {
            return None;
        }
        let before = self.0.partition_point(|other| other.until <= missing);
        let end_before = before
            .checked_sub(1)
            .and_then(|index| self.0.get(index))
            .map(Span::ends_at);
        Some((end_before, self.0.get(before).map(Span::starts_at)))
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.0.len());
        for span in &self.0 {
            let mut from = span.from;
            let first = other.0.partition_point(|taken| taken.until <= span.from);
            for taken in other.0.iter().skip(first).take_while(|taken| taken.from < span.until) {
                left.extend(Span::new(from, taken.from));
                from = taken.until;
            }
            left.extend(Span::new(from, span.until));
        }
        Self(left)
    }

    /// The first span that ends after `moment`.
    fn ending_after(&self, moment: Timestamp) -> Option<&Span> {
        self.0.get(self.0.partition_point(|span| span.until <= moment))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        "2026-11-23T00:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .saturating_add(TimeDelta::minutes(minute))
    }

    fn span(from: i64, length: i64) -> Span {
        Span::new(at(from), at(from + length)).unwrap()
    }

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        prop::collection::vec(
            (0_i64..100, 1_i64..20).prop_map(|(from, length)| span(from, length)),
            0..12,
        )
    }

    #[test]
    fn a_gap_is_told_with_its_neighbours() {
        let open: SpanSet = [span(0, 10), span(20, 10)].into_iter().collect();
        assert_eq!(open.gap_in(&span(2, 5)), None);
        assert_eq!(open.gap_in(&span(8, 5)), Some((Some(at(10)), Some(at(20)))));
        assert_eq!(open.gap_in(&span(25, 10)), Some((Some(at(30)), None)));
        assert_eq!(open.gap_in(&span(-5, 8)), Some((None, Some(at(0)))));
    }

    proptest! {
        #[test]
        fn sets_of_spans_are_sets_of_minutes(ours in spans(), theirs in spans(), asked in (0_i64..100, 1_i64..20)) {
            let within = |spans: &[Span], minute: i64| spans.iter().any(|span| span.contains(at(minute)));
            let (our_set, their_set): (SpanSet, SpanSet) =
                (ours.iter().copied().collect(), theirs.iter().copied().collect());
            let difference: Vec<Span> = our_set.minus(&their_set).iter().copied().collect();
            for minute in -5..130 {
                prop_assert_eq!(within(&difference, minute), within(&ours, minute) && !within(&theirs, minute));
            }
            let minutes = asked.0..asked.0 + asked.1;
            let asked = span(asked.0, asked.1);
            prop_assert_eq!(our_set.covers(&asked), minutes.clone().all(|minute| within(&ours, minute)));
            prop_assert_eq!(our_set.gap_in(&asked).is_none(), our_set.covers(&asked));
            prop_assert_eq!(our_set.overlapping(&asked).is_some(), minutes.clone().any(|minute| within(&ours, minute)));
        }
    }
}
