//! Whose wall clock an event's time is of: a zone of the IANA database, or one that the calendar describes itself. Pure.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use icalendar::parser::Component;
use kernel::{Timestamp, Zone};

use super::events::{local_time, value_of};
use crate::recurrence::{Rule, Window, instant_of};

/// The most zones that a calendar describes and that are read.
const MOST_ZONES: usize = 20;
/// The most changes of its clocks that a zone describes and that are read, each of which may recur.
const MOST_OBSERVANCES: usize = 20;

/// Whose wall clock shows a time.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// That of a zone.
    Zone(Zone),
    /// That of a zone that the calendar describes: from when on which offset from UTC counts, in order, and the one before.
    Described {
        before: TimeDelta,
        onsets: Vec<(NaiveDateTime, TimeDelta)>,
    },
}

impl Place {
    /// The instant at which the clock shows `local`.
    pub(super) fn instant(&self, local: NaiveDateTime) -> Option<Timestamp> {
        match self {
            Self::Zone(zone) => instant_of(*zone, local).map(|(instant, _)| instant),
            Self::Described { .. } => Timestamp::new((local - self.offset(local)).and_utc()).ok(),
        }
    }

    /// What the clock shows at `instant`.
    pub(super) fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        match self {
            Self::Zone(zone) => instant.with_timezone(&zone.as_tz()).naive_local(),
            Self::Described { .. } => {
                let near = instant.naive_utc();
                near + self.offset(near + self.offset(near))
            }
        }
    }

    fn offset(&self, local: NaiveDateTime) -> TimeDelta {
        match self {
            Self::Zone(_) => TimeDelta::zero(),
            Self::Described { before, onsets } => {
                let index = onsets.partition_point(|(onset, _)| *onset <= local);
                let last = index.checked_sub(1).and_then(|index| onsets.get(index));
                last.map_or(*before, |(_, offset)| *offset)
            }
        }
    }
}

/// The places of a calendar, by the names that its events use.
#[derive(Debug)]
pub(super) struct Places {
    /// The clinic's, for times without any.
    home: Place,
    described: HashMap<String, Place>,
}

impl Places {
    /// Those that `zones` (VTIMEZONE) describe, as far as times around the first to the second of `times` need. When `tired` says so, the rest
    /// stays unread: whoever is tired has to ask themselves again.
    pub(super) fn new(
        home: Zone,
        zones: &[Component<'_>],
        times: (NaiveDateTime, NaiveDateTime),
        tired: &dyn Fn() -> bool,
    ) -> Self {
        let described = zones
            .iter()
            .take(MOST_ZONES)
            .filter_map(|zone| Some((value_of(zone, "TZID")?.to_owned(), described(zone, times, tired)?)))
            .collect();
        Self {
            home: Place::Zone(home),
            described,
        }
    }

    /// The clinic's own.
    pub(super) const fn home(&self) -> &Place {
        &self.home
    }

    /// The place called `name`; the clinic's when nobody knows it.
    pub(super) fn named(&self, name: &str) -> Place {
        let name = name.trim_matches('"');
        known(name)
            .or_else(|| self.described.get(name).cloned())
            .unwrap_or_else(|| self.home.clone())
    }
}

/// A zone of the IANA database, also where a program has put its own name before it.
fn known(name: &str) -> Option<Place> {
    let name = name.trim_start_matches('/');
    let tails = name.match_indices('/').filter_map(|(at, _)| name.get(at + 1..));
    std::iter::once(name)
        .chain(tails.filter(|tail| tail.contains('/')))
        .find_map(|name| name.parse().ok())
        .map(Place::Zone)
}

fn described(
    zone: &Component<'_>,
    (from, until): (NaiveDateTime, NaiveDateTime),
    tired: &dyn Fn() -> bool,
) -> Option<Place> {
    if let Some(place) = value_of(zone, "X-LIC-LOCATION").and_then(known) {
        return Some(place);
    }
    let mut onsets = Vec::new();
    let mut before: Option<(NaiveDateTime, TimeDelta)> = None;
    for observance in zone.components.iter().take(MOST_OBSERVANCES) {
        if tired() {
            return None;
        }
        let first = local_time(value_of(observance, "DTSTART")?)?;
        let to = offset(value_of(observance, "TZOFFSETTO")?)?;
        let earlier = offset(value_of(observance, "TZOFFSETFROM")?)?;
        if before.is_none_or(|(earliest, _)| first < earliest) {
            before = Some((first, earlier));
        }
        match value_of(observance, "RRULE") {
            None => onsets.push((first, to)),
            Some(rule) => {
                // Such a rule names a day of every year: it may as well begin shortly before what is needed.
                let year = first.year().max(from.year() - 2);
                let begins = first.with_year(year).unwrap_or(first);
                let window = Window {
                    from: begins,
                    until,
                    most: 100,
                };
                let expansion = Rule::parse(rule)
                    .ok()?
                    .expand_unless(tired, begins, |instant| instant.naive_utc(), window)
                    .ok()?;
                onsets.extend(expansion.starts.into_iter().map(|onset| (onset, to)));
            }
        }
    }
    onsets.sort_unstable();
    let (_, before) = before?;
    Some(Place::Described { before, onsets })
}

/// `-0300` or `+053000` (RFC 5545, 3.3.14).
fn offset(text: &str) -> Option<TimeDelta> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => return None,
    };
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |part| part.parse::<i32>().ok());
    let seconds = part(0)? * 3600 + part(2)? * 60 + part(4)?;
    (seconds < 86_400).then(|| TimeDelta::seconds(i64::from(sign * seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_behind_a_programs_own() {
        for name in [
            "America/Sao_Paulo",
            "/freeassociation.sourceforge.net/America/Sao_Paulo",
            "\"America/Sao_Paulo\"",
        ] {
            let places = Places::new(Zone::UTC, &[], (NaiveDateTime::MIN, NaiveDateTime::MAX), &|| false);
            let instant = places
                .named(name)
                .instant("2026-11-23T09:00:00".parse().unwrap())
                .unwrap();
            assert_eq!(instant.to_string(), "2026-11-23T12:00:00Z", "{name}");
        }
    }

    #[test]
    fn offsets() {
        assert_eq!(offset("-0300"), Some(TimeDelta::hours(-3)));
        assert_eq!(offset("+053010"), Some(TimeDelta::seconds(5 * 3600 + 30 * 60 + 10)));
        assert_eq!(offset("0300"), None);
        assert_eq!(offset("é"), None);
    }
}
