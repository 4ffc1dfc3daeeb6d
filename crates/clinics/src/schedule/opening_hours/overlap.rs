//! Whether two stretches of work of one owner ever share a minute.

use chrono::{Datelike, Days, NaiveDate};

use super::model::{HoursEntry, MINUTES_OF_DAY};

/// Whether the two entries ever share a minute on the wall clock: on one day, or past midnight into the next.
pub(super) fn overlap(one: &HoursEntry, other: &HoursEntry) -> bool {
    [-1_i8, 0, 1]
        .into_iter()
        .any(|days_later| share_minutes(one, other, days_later) && meet(one, other, days_later))
}

/// Whether they share a minute when `other` begins so many days after `one`.
fn share_minutes(one: &HoursEntry, other: &HoursEntry, days_later: i8) -> bool {
    let one_start = one.opens_at.minute_of_day();
    let other_start = other.opens_at.minute_of_day() + i64::from(days_later) * MINUTES_OF_DAY;
    one_start < other_start + other.minutes() && other_start < one_start + one.minutes()
}

/// Whether there is a day on which `one` begins, `other` beginning so many days after it.
fn meet(one: &HoursEntry, other: &HoursEntry, days_later: i8) -> bool {
    let weekday = one.weekday.as_weekday();
    let distance = i64::from(other.weekday.number() - one.weekday.number());
    if (distance - i64::from(days_later)).rem_euclid(7) != 0 {
        return false;
    }
    let back = |date: NaiveDate| shifted(date, -days_later);
    let first = later(one.valid_from, other.valid_from.and_then(back));
    let last = earlier(one.valid_until, other.valid_until.and_then(back));
    match (first, last) {
        // Open on one side: there is always another week.
        (None, _) | (_, None) => true,
        (Some(first), Some(last)) => {
            let wait = (7 + weekday.num_days_from_monday() - first.weekday().num_days_from_monday()) % 7;
            first
                .checked_add_days(Days::new(u64::from(wait)))
                .is_some_and(|begins| begins <= last)
        }
    }
}

fn shifted(date: NaiveDate, days: i8) -> Option<NaiveDate> {
    let distance = Days::new(u64::from(days.unsigned_abs()));
    if days < 0 {
        date.checked_sub_days(distance)
    } else {
        date.checked_add_days(distance)
    }
}

fn later(one: Option<NaiveDate>, other: Option<NaiveDate>) -> Option<NaiveDate> {
    one.max(other)
}

fn earlier(one: Option<NaiveDate>, other: Option<NaiveDate>) -> Option<NaiveDate> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The places of those `entries` that overlap one before them.
pub(super) fn overlapping(entries: &[HoursEntry]) -> Vec<usize> {
    entries
        .iter()
        .enumerate()
        .filter(|(index, entry)| entries.iter().take(*index).any(|before| overlap(before, entry)))
        .map(|(index, _)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;
    use proptest::prelude::*;

    use super::*;

    fn entry(weekday: Weekday, opens: &str, closes: &str) -> HoursEntry {
        HoursEntry {
            weekday: weekday.into(),
            opens_at: opens.parse().unwrap(),
            closes_at: closes.parse().unwrap(),
            valid_from: None,
            valid_until: None,
        }
    }

    fn date(text: &str) -> Option<NaiveDate> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn stretches_that_touch_do_not_overlap() {
        let morning = entry(Weekday::Mon, "08:00", "12:00");
        assert!(!overlap(&morning, &entry(Weekday::Mon, "12:00", "18:00")));
        assert!(!overlap(&morning, &entry(Weekday::Tue, "08:00", "12:00")));
        assert!(overlap(&morning, &entry(Weekday::Mon, "11:59", "13:00")));
        assert_eq!(
            overlapping(&[morning, entry(Weekday::Tue, "08:00", "12:00"), morning]),
            [2]
        );
    }

    #[test]
    fn the_night_reaches_into_the_next_day_and_the_next_week() {
        let night = entry(Weekday::Sun, "22:00", "06:00");
        assert!(overlap(&night, &entry(Weekday::Mon, "05:00", "07:00")));
        assert!(overlap(&entry(Weekday::Mon, "05:00", "07:00"), &night));
        assert!(!overlap(&night, &entry(Weekday::Mon, "06:00", "07:00")));
    }

    #[test]
    fn what_is_never_valid_together_does_not_overlap() {
        let until = HoursEntry {
            valid_until: date("2026-11-23"),
            ..entry(Weekday::Mon, "08:00", "12:00")
        };
        let from = |day| HoursEntry {
            valid_from: date(day),
            ..entry(Weekday::Mon, "08:00", "12:00")
        };
        assert!(overlap(&until, &from("2026-11-23")));
        assert!(!overlap(&until, &from("2026-11-24")));
    }

    prop_compose! {
        fn any_entry()(
            weekday in 1_i16..=7, opens in 0_u32..24, closes in 0_u32..24,
            first in proptest::option::of(0_u64..21), length in proptest::option::of(0_u64..14),
        ) -> HoursEntry {
            let monday: NaiveDate = "2026-11-02".parse().unwrap();
            let valid_from = first.map(|days| monday + Days::new(days));
            HoursEntry {
                weekday: weekday.try_into().unwrap(),
                opens_at: format!("{opens:02}:00").parse().unwrap(),
                closes_at: format!("{closes:02}:00").parse().unwrap(),
                valid_from,
                valid_until: length.map(|days| valid_from.unwrap_or(monday) + Days::new(days)),
            }
        }
    }

    /// The hours that an entry takes in the weeks around, counted from their first midnight.
    fn hours_taken(entry: &HoursEntry) -> Vec<i64> {
        let start: NaiveDate = "2026-09-28".parse().unwrap();
        (0..100)
            .filter(|day| entry.begins_on(start + Days::new(*day)))
            .flat_map(|day| {
                let opens = i64::try_from(day).unwrap() * 24 + entry.opens_at.minute_of_day() / 60;
                opens..opens + entry.minutes() / 60
            })
            .collect()
    }

    proptest! {
        #[test]
        fn agrees_with_counting_hours(one in any_entry(), other in any_entry()) {
            let taken = hours_taken(&one);
            let counted = hours_taken(&other).iter().any(|hour| taken.contains(hour));
            prop_assert_eq!(overlap(&one, &other), counted);
            prop_assert_eq!(overlap(&other, &one), counted);
        }
    }
}
