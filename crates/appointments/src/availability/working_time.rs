//! When work is done: weekly hours laid on the calendar of a zone, without holidays and time off. Pure.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use kernel::{Timestamp, Zone};

use super::spans::{Span, SpanSet};

/// An entry of weekly hours, on the wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeeklyHours {
    /// The day of the week on which it opens.
    pub weekday: Weekday,
    /// When it opens.
    pub opens_at: NaiveTime,
    /// When it closes; on the next date when not after `opens_at`.
    pub closes_at: NaiveTime,
    /// The first date on which it opens, when there is a first.
    pub valid_from: Option<NaiveDate>,
    /// The last date on which it opens, when there is a last.
    pub valid_until: Option<NaiveDate>,
}

impl WeeklyHours {
    fn opens_on(&self, date: NaiveDate) -> bool {
        date.weekday() == self.weekday
            && self.valid_from.is_none_or(|first| first <= date)
            && self.valid_until.is_none_or(|last| date <= last)
    }
}

/// One opening: an entry of weekly hours on one date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The local time at which it opens, from which slots are counted.
    pub opens_at: NaiveDateTime,
    /// From opening to closing.
    pub span: Span,
    /// Whether it does not take place, because it would open on a holiday.
    pub on_holiday: bool,
}

/// The working time around some window.
#[derive(Debug, Clone, Default)]
pub struct WorkingTime {
    openings: Vec<Opening>,
    scheduled: SpanSet,
    taking_place: SpanSet,
    holidays: SpanSet,
    open: SpanSet,
}

impl WorkingTime {
    /// The working time that has to do with `window`, and a day more at either end.
    #[must_use]
    pub fn around(
        window: Span,
        zone: Zone,
        hours: &[WeeklyHours],
        holidays: &BTreeSet<NaiveDate>,
        time_off: &SpanSet,
    ) -> Self {
        let openings = openings_around(window, zone, hours, holidays);
        let taking_place: SpanSet = openings
            .iter()
            .filter(|opening| !opening.on_holiday)
            .map(|opening| opening.span)
            .collect();
        let holidays: SpanSet = holidays.iter().filter_map(|date| day(zone, *date)).collect();
        Self {
            scheduled: openings.iter().map(|opening| opening.span).collect(),
            open: taking_place.minus(&holidays).minus(time_off),
            taking_place,
            holidays,
            openings,
        }
    }

    /// The openings that take place, in no order; holidays and time off may still cut into them.
    pub fn openings(&self) -> impl Iterator<Item = &Opening> {
        self.openings.iter().filter(|opening| !opening.on_holiday)
    }

    /// The openings among which `moment` is, cancelled ones only when there is no other.
    #[must_use]
    pub fn openings_at(&self, moment: Timestamp) -> Vec<&Opening> {
        let at_moment = |opening: &&Opening| opening.span.contains(moment);
        let taking_place: Vec<&Opening> = self.openings().filter(at_moment).collect();
        if taking_place.is_empty() {
            self.openings.iter().filter(at_moment).collect()
        } else {
            taking_place
        }
    }

    /// When work is done: hours without holidays and time off.
    #[must_use]
    pub const fn open(&self) -> &SpanSet {
        &self.open
    }

    /// What the weekly hours say, holidays and time off left aside.
    #[must_use]
    pub const fn scheduled(&self) -> &SpanSet {
        &self.scheduled
    }

    /// The holiday that keeps `span` from being worked, as the time it takes away.
    #[must_use]
    pub fn holiday_in(&self, span: &Span) -> Option<Span> {
        if let Some(day) = self.holidays.overlapping(span) {
            return Some(*day);
        }
        // After midnight of a holiday, where an opening goes on that did not take place.
        let cancelled_into = |opening: &&Opening| opening.on_holiday && opening.span.overlaps(span);
        if self.scheduled.covers(span) && !self.taking_place.covers(span) {
            self.openings.iter().find(cancelled_into).map(|opening| opening.span)
        } else {
            None
        }
    }
}

fn openings_around(window: Span, zone: Zone, hours: &[WeeklyHours], holidays: &BTreeSet<NaiveDate>) -> Vec<Opening> {
    // An opening lasts a day at most, and a clock change no more than another: two days before the window are enough.
    let first = window.starts_at().date_in(zone) - Days::new(2);
    let last = window.ends_at().date_in(zone) + Days::new(1);
    let dates = first.iter_days().take_while(|date| *date <= last);
    dates
        .flat_map(|date| {
            hours
                .iter()
                .filter(move |entry| entry.opens_on(date))
                .map(move |entry| (date, entry))
        })
        .filter_map(|(date, entry)| {
            let opens_at = date.and_time(entry.opens_at);
            let closes_on = if entry.closes_at <= entry.opens_at {
                date.succ_opt()?
            } else {
                date
            };
            let span = Span::new(
                zone.instant_of(opens_at)?,
                zone.instant_of(closes_on.and_time(entry.closes_at))?,
            )?;
            Some(Opening {
                opens_at,
                span,
                on_holiday: holidays.contains(&date),
            })
        })
        .collect()
}

/// The local day `date`, from its first instant to the next day's.
fn day(zone: Zone, date: NaiveDate) -> Option<Span> {
    Span::new(zone.start_of_day(date)?, zone.start_of_day(date.succ_opt()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(weekday: Weekday, opens_at: &str, closes_at: &str) -> WeeklyHours {
        WeeklyHours {
            weekday,
            opens_at: opens_at.parse().unwrap(),
            closes_at: closes_at.parse().unwrap(),
            valid_from: None,
            valid_until: None,
        }
    }

    fn open(zone: &str, hours: &[WeeklyHours], holidays: &[&str], from: &str, until: &str) -> Vec<String> {
        let window = Span::new(from.parse().unwrap(), until.parse().unwrap()).unwrap();
        let holidays = holidays.iter().map(|date| date.parse().unwrap()).collect();
        let working = WorkingTime::around(window, zone.parse().unwrap(), hours, &holidays, &SpanSet::default());
        working
            .open()
            .iter()
            .filter(|span| span.overlaps(&window))
            .map(|span| format!("{} {}", span.starts_at(), span.ends_at()))
            .collect()
    }

    #[test]
    fn an_entry_that_closes_before_it_opens_goes_past_midnight() {
        assert_eq!(
            open(
                "America/Sao_Paulo",
                &[entry(Weekday::Mon, "22:00:00", "02:00:00")],
                &[],
                "2026-11-22T00:00:00Z",
                "2026-11-26T00:00:00Z"
            ),
            ["2026-11-24T01:00:00Z 2026-11-24T05:00:00Z"]
        );
    }

    #[test]
    fn a_night_of_clock_change_is_as_long_as_it_was_lived() {
        // In the night to 2018-02-18 São Paulo lived an hour twice; in the night to 2018-11-04 it lost one.
        let night = [entry(Weekday::Sat, "22:00:00", "06:00:00")];
        assert_eq!(
            open(
                "America/Sao_Paulo",
                &night,
                &[],
                "2018-02-17T12:00:00Z",
                "2018-02-18T12:00:00Z"
            ),
            ["2018-02-18T00:00:00Z 2018-02-18T09:00:00Z"]
        );
        assert_eq!(
            open(
                "America/Sao_Paulo",
                &night,
                &[],
                "2018-11-03T12:00:00Z",
                "2018-11-04T12:00:00Z"
            ),
            ["2018-11-04T01:00:00Z 2018-11-04T08:00:00Z"]
        );
    }

    #[test]
    fn a_holiday_takes_its_day_and_what_would_have_opened_on_it() {
        let nights = [
            entry(Weekday::Thu, "22:00:00", "02:00:00"),
            entry(Weekday::Fri, "22:00:00", "02:00:00"),
        ];
        assert_eq!(
            open(
                "UTC",
                &nights,
                &["2026-12-25"],
                "2026-12-24T12:00:00Z",
                "2026-12-26T12:00:00Z"
            ),
            ["2026-12-24T22:00:00Z 2026-12-25T00:00:00Z"]
        );
    }

    #[test]
    fn entries_open_only_while_they_are_valid() {
        let mut hours = entry(Weekday::Mon, "08:00:00", "12:00:00");
        hours.valid_from = Some("2026-11-23".parse().unwrap());
        hours.valid_until = hours.valid_from;
        assert_eq!(
            open("UTC", &[hours], &[], "2026-11-01T00:00:00Z", "2026-12-24T00:00:00Z"),
            ["2026-11-23T08:00:00Z 2026-11-23T12:00:00Z"]
        );
    }

    #[test]
    fn a_day_that_a_zone_left_out_has_no_hours() {
        // Samoa went from Thursday 2011-12-29 to Saturday 2011-12-31.
        assert_eq!(
            open(
                "Pacific/Apia",
                &[entry(Weekday::Fri, "08:00:00", "12:00:00")],
                &[],
                "2011-12-29T00:00:00Z",
                "2012-01-02T00:00:00Z"
            ),
            Vec::<String>::new()
        );
    }
}
