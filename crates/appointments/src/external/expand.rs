//! From an iCalendar text (RFC 5545) to when its owner is busy. Pure.
//!
//! An event counts unless it is called off (`STATUS:CANCELLED`) or shown as free (`TRANSP:TRANSPARENT`); events that recur are
//! laid out as far as the window reaches; one that stands for an occurrence (`RECURRENCE-ID`) takes its place, alone, also where
//! it claims all that follow. Times without a zone, and whole days, are the clinic's.

use std::collections::{BTreeSet, HashMap};

use chrono::{NaiveDateTime, TimeDelta, Timelike};
use kernel::{Timestamp, Zone};

use super::events::{Event, Length, When, blocks, component};
use super::places::Places;
use crate::availability::spans::{Span, SpanSet};
use crate::recurrence::{Rule, Window};

/// The most blocks of one calendar.
const MOST_BLOCKS: usize = 5_000;
/// The most occurrences of one event in the window.
const MOST_OCCURRENCES: usize = 1_000;
/// The longest event: a year off, and some.
const LONGEST: TimeDelta = TimeDelta::days(400);

/// When somebody is busy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusyBlocks {
    /// In order; no two touch.
    pub blocks: Vec<Span>,
    /// How many events could not be understood, or were too many.
    pub skipped: usize,
}

/// Why a text says nothing of anybody's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no iCalendar text.
    #[error("this is no calendar")]
    NotACalendar,
    /// It takes too long to lay out.
    #[error("the calendar takes too long to lay out")]
    TooComplex,
}

/// When the owner of the calendar `text` is busy within `window`, on the wall clock of `zone` where it names none. `tired` is
/// asked before each event, at each change of a described zone, and at each occurrence; when it says so, that is the end.
///
/// # Errors
/// [`Unreadable`].
pub fn busy(text: &str, zone: Zone, window: Span, tired: impl Fn() -> bool) -> Result<BusyBlocks, Unreadable> {
    let blocks = blocks(text).ok_or(Unreadable::NotACalendar)?;
    let zones: Vec<_> = blocks.zones.iter().filter_map(|block| component(block)).collect();
    let around = |moment: Timestamp| moment.as_datetime().naive_utc();
    let (from, until) = (around(window.starts_at()), around(window.ends_at()));
    let places = Places::new(zone, &zones, (from, until + TimeDelta::days(366)), &tired);
    let mut skipped = blocks.broken;
    let mut events = Vec::with_capacity(blocks.events.len());
    for block in &blocks.events {
        if tired() {
            return Err(Unreadable::TooComplex);
        }
        match Event::read(block, &places) {
            Some(event) => events.push(event),
            None => skipped += 1,
        }
    }
    // Who stands for an occurrence takes its place, also when it is called off.
    let mut replaced: HashMap<&str, BTreeSet<Timestamp>> = HashMap::new();
    for event in &events {
        if let Some(instant) = event.instead_of.as_ref().and_then(instant_of) {
            replaced.entry(&event.uid).or_default().insert(instant);
        }
    }
    let none = BTreeSet::new();
    let mut spans: Vec<Span> = Vec::new();
    for event in events.iter().filter(|event| !event.is_free) {
        if tired() {
            return Err(Unreadable::TooComplex);
        }
        let replaced = match event.instead_of {
            Some(_) => &none,
            None => replaced.get(event.uid.as_str()).unwrap_or(&none),
        };
        match lay_out(event, replaced, window, (from, until), &tired) {
            Some(found) => spans.extend(found),
            None => skipped += 1,
        }
    }
    // The last event, too, may have been given up in its middle.
    if tired() {
        return Err(Unreadable::TooComplex);
    }
    let merged: SpanSet = spans.into_iter().collect();
    let mut blocks: Vec<Span> = merged.iter().copied().collect();
    skipped += blocks.len().saturating_sub(MOST_BLOCKS);
    blocks.truncate(MOST_BLOCKS);
    Ok(BusyBlocks { blocks, skipped })
}

fn instant_of(when: &When) -> Option<Timestamp> {
    when.place.instant(when.local)
}

/// The time that `event` takes in `window`; none when it is not understood.
fn lay_out(
    event: &Event,
    replaced: &BTreeSet<Timestamp>,
    window: Span,
    (from, until): (NaiveDateTime, NaiveDateTime),
    tired: impl Fn() -> bool,
) -> Option<Vec<Span>> {
    let start = &event.start;
    let length = length_of(event)?;
    let mut locals: Vec<NaiveDateTime> = vec![start.local];
    if let Some(rule) = event.rules.first().filter(|_| event.instead_of.is_none()) {
        // Two rules were never much used, and are no more (RFC 5545 has one at most).
        if event.rules.len() > 1 {
            return None;
        }
        let reach = Window {
            from: from - length - TimeDelta::days(2),
            until: until + TimeDelta::days(2),
            most: MOST_OCCURRENCES,
        };
        let rule = Rule::parse(&without_times(rule, start.local)).ok()?;
        let begins = rule.near(start.local, reach.from);
        let expansion = rule
            .expand_unless(tired, begins, |instant| start.place.local(instant), reach)
            .ok()?;
        locals.extend(expansion.starts);
    }
    let starts = locals
        .into_iter()
        .filter_map(|local| start.place.instant(local).map(|instant| (local, instant)))
        .chain(
            event
                .also
                .iter()
                .filter_map(|also| Some((also.local, instant_of(also)?))),
        );
    let except: BTreeSet<Timestamp> = event.except.iter().filter_map(instant_of).collect();
    let excepted_days: BTreeSet<_> = event
        .except
        .iter()
        .filter(|when| when.is_day)
        .map(|when| when.local.date())
        .collect();
    let spans = starts
        .filter(|(local, instant)| {
            !replaced.contains(instant) && !except.contains(instant) && !excepted_days.contains(&local.date())
        })
        .filter_map(|(local, instant)| {
            let ends = match event.length {
                // Days are as long as they are lived.
                Length::Days(days) => start.place.instant(local + TimeDelta::days(days))?,
                Length::Time(_) | Length::Until(_) => instant.saturating_add(length),
            };
            let from = instant.max(window.starts_at());
            Span::new(from, ends.min(window.ends_at()))
        })
        .collect();
    Some(spans)
}

/// How long the event is, at most; none for what is no length.
fn length_of(event: &Event) -> Option<TimeDelta> {
    let length = match &event.length {
        Length::Days(days) => TimeDelta::try_days(*days)?,
        Length::Time(length) => *length,
        Length::Until(end) => instant_of(end)?.since(instant_of(&event.start)?),
    };
    (TimeDelta::zero()..=LONGEST).contains(&length).then_some(length)
}

/// The rule without times of day that say what the start says already.
fn without_times(rule: &str, start: NaiveDateTime) -> String {
    let said = |part: &&str| {
        let Some((name, value)) = part.split_once('=') else {
            return false;
        };
        let own = match name {
            "BYHOUR" => start.hour(),
            "BYMINUTE" => start.minute(),
            "BYSECOND" => start.second(),
            _ => return false,
        };
        value.parse() == Ok(own)
    };
    let kept: Vec<&str> = rule.split(';').filter(|part| !said(part)).collect();
    kept.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(events: &str) -> String {
        let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\n{events}END:VCALENDAR\n");
        text.replace('\n', "\r\n")
    }

    fn laid_out(text: &str, zone: &str, from: &str, until: &str) -> (Vec<String>, usize) {
        let window = Span::new(from.parse().unwrap(), until.parse().unwrap()).unwrap();
        let found = busy(text, zone.parse().unwrap(), window, || false).unwrap();
        let line = |span: &Span| format!("{} {}", span.starts_at(), span.ends_at());
        (found.blocks.iter().map(line).collect(), found.skipped)
    }

    fn event(lines: &str) -> String {
        calendar(&format!(
            "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n{lines}\nEND:VEVENT\n"
        ))
    }

    fn november(text: &str) -> Vec<String> {
        laid_out(
            text,
            "America/Sao_Paulo",
            "2026-11-01T00:00:00Z",
            "2026-12-01T00:00:00Z",
        )
        .0
    }

    #[test]
    fn times_are_those_of_their_zone() {
        for (lines, expected) in [
            (
                "DTSTART:20261123T120000Z\nDTEND:20261123T130000Z",
                "2026-11-23T12:00:00Z 2026-11-23T13:00:00Z",
            ),
            (
                "DTSTART:20261123T090000\nDURATION:PT1H",
                "2026-11-23T12:00:00Z 2026-11-23T13:00:00Z",
            ),
            (
                "DTSTART;TZID=America/New_York:20261123T090000\nDTEND;TZID=America/New_York:20261123T100000",
                "2026-11-23T14:00:00Z 2026-11-23T15:00:00Z",
            ),
            (
                "DTSTART;VALUE=DATE:20261123",
                "2026-11-23T03:00:00Z 2026-11-24T03:00:00Z",
            ),
            (
                "DTSTART;VALUE=DATE:20261123\nDTEND;VALUE=DATE:20261125",
                "2026-11-23T03:00:00Z 2026-11-25T03:00:00Z",
            ),
        ] {
            assert_eq!(november(&event(lines)), [expected], "{lines}");
        }
    }

    #[test]
    fn what_keeps_nobody_busy_is_left_out() {
        for lines in [
            "DTSTART:20261123T120000Z\nDTEND:20261123T130000Z\nTRANSP:TRANSPARENT",
            "DTSTART:20261123T120000Z\nDTEND:20261123T130000Z\nSTATUS:CANCELLED",
            "DTSTART:20261123T120000Z",
            "DTSTART:20251123T120000Z\nDTEND:20251123T130000Z",
        ] {
            assert_eq!(november(&event(lines)), Vec::<String>::new(), "{lines}");
        }
    }

    #[test]
    fn events_recur_with_exceptions_and_replacements() {
        let text = calendar(
            "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=America/Sao_Paulo:20100104T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO\n\
             EXDATE;TZID=America/Sao_Paulo:20261109T090000\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=America/Sao_Paulo:20261116T090000\n\
             DTSTART;TZID=America/Sao_Paulo:20261117T140000\nDURATION:PT30M\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20261130T120000Z\nDTSTART:20261130T120000Z\nDURATION:PT1H\nSTATUS:CANCELLED\nEND:VEVENT\n",
        );
        assert_eq!(
            november(&text),
            [
                "2026-11-02T12:00:00Z 2026-11-02T13:00:00Z",
                "2026-11-17T17:00:00Z 2026-11-17T17:30:00Z",
                "2026-11-23T12:00:00Z 2026-11-23T13:00:00Z",
            ]
        );
    }

    #[test]
    fn an_end_in_utc_and_a_count_hold() {
        let until =
            "DTSTART;TZID=America/Sao_Paulo:20261101T220000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20261103T010000Z";
        assert_eq!(november(&event(until)).len(), 2);
        let count = "DTSTART:20261101T120000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3;BYHOUR=12;BYMINUTE=0";
        assert_eq!(november(&event(count)).len(), 3);
    }

    #[test]
    fn nine_in_new_york_stays_nine() {
        let lines = "DTSTART;TZID=America/New_York:20261030T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=3;COUNT=2";
        let (found, _) = laid_out(&event(lines), "UTC", "2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z");
        assert_eq!(
            found,
            [
                "2026-10-30T13:00:00Z 2026-10-30T14:00:00Z",
                "2026-11-02T14:00:00Z 2026-11-02T15:00:00Z"
            ]
        );
    }

    #[test]
    fn a_zone_that_the_calendar_describes() {
        let zone = "BEGIN:VTIMEZONE\nTZID:Eastern Standard Time\nBEGIN:STANDARD\nDTSTART:16011104T020000\n\
                    RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nEND:STANDARD\n\
                    BEGIN:DAYLIGHT\nDTSTART:16010311T020000\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\n\
                    TZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nEND:DAYLIGHT\nEND:VTIMEZONE\n";
        let event = "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Eastern Standard Time:20261030T090000\nDURATION:PT1H\n\
                     RRULE:FREQ=DAILY;INTERVAL=3;COUNT=2\nEND:VEVENT\n";
        let text = calendar(&format!("{zone}{event}"));
        let (found, _) = laid_out(&text, "UTC", "2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z");
        assert_eq!(
            found,
            [
                "2026-10-30T13:00:00Z 2026-10-30T14:00:00Z",
                "2026-11-02T14:00:00Z 2026-11-02T15:00:00Z"
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_counted_and_the_rest_counts() {
        let text = calendar(
            "BEGIN:VEVENT\nUID:1\nDTSTART:20261123T120000Z\nDURATION:PT1H\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:2\nDTSTART:tomorrow\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:3\nDTSTART:20261101T120000Z\nDURATION:PT1M\nRRULE:FREQ=SECONDLY\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:4\nDTSTART:20261125T120000Z\nDTEND:20261124T120000Z\nEND:VEVENT\n",
        );
        let (found, skipped) = laid_out(&text, "UTC", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        assert_eq!((found.len(), skipped), (1, 3));
    }

    #[test]
    fn zones_that_take_too_long_are_given_up() {
        let observance = "BEGIN:STANDARD\nDTSTART:20000101T000000\nRRULE:FREQ=YEARLY\nTZOFFSETFROM:+0000\n\
                          TZOFFSETTO:+0100\nEND:STANDARD\n";
        let zone = |number: usize| {
            let observances = observance.repeat(150);
            format!("BEGIN:VTIMEZONE\nTZID:Z{number}\n{observances}END:VTIMEZONE\n")
        };
        let zones: String = (0..50).map(zone).collect();
        let text = calendar(&zones);
        let window = Span::new(
            "2026-11-01T00:00:00Z".parse().unwrap(),
            "2026-12-01T00:00:00Z".parse().unwrap(),
        )
        .unwrap();
        let asked = std::cell::Cell::new(0_usize);
        let tired = || {
            asked.set(asked.get() + 1);
            asked.get() > 10
        };
        assert_eq!(busy(&text, Zone::UTC, window, tired), Err(Unreadable::TooComplex));
        assert!(
            asked.get() < 50,
            "asked {} times: the rest was laid out all the same",
            asked.get()
        );
        // Patience or not, there is an end to zones and their changes.
        let asked = std::cell::Cell::new(0_usize);
        let patient = || {
            asked.set(asked.get() + 1);
            false
        };
        busy(&text, Zone::UTC, window, patient).unwrap();
        assert!(asked.get() < 20 * 20 * 10, "asked {} times", asked.get());
    }

    #[test]
    fn what_is_no_calendar_and_what_takes_too_long() {
        let window = Span::new(
            "2026-11-01T00:00:00Z".parse().unwrap(),
            "2026-12-01T00:00:00Z".parse().unwrap(),
        )
        .unwrap();
        assert_eq!(
            busy("<html></html>", Zone::UTC, window, || false),
            Err(Unreadable::NotACalendar)
        );
        let text = event("DTSTART:20261123T120000Z\nDURATION:PT1H");
        assert_eq!(busy(&text, Zone::UTC, window, || true), Err(Unreadable::TooComplex));
    }
}
