//! A second opinion on rules: every day is asked whether it is one. Slow, and of another build than the library.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use proptest::prelude::*;

use super::rule::{Rule, Window};

const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

#[derive(Debug, Clone)]
enum Pattern {
    Daily,
    /// On these days of the week (0 is Monday).
    Weekly(Vec<u32>),
    /// On this day of the month; months without it are left out.
    MonthDay(u32),
    /// The nth such weekday of the month, from the end when negative.
    NthWeekday(i64, u32),
}

impl Pattern {
    fn text(&self) -> String {
        match self {
            Self::Daily => "FREQ=DAILY".to_owned(),
            Self::Weekly(days) => {
                let days: Vec<_> = days.iter().map(|day| NAMES[usize::try_from(*day).unwrap()]).collect();
                format!("FREQ=WEEKLY;BYDAY={}", days.join(","))
            }
            Self::MonthDay(day) => format!("FREQ=MONTHLY;BYMONTHDAY={day}"),
            Self::NthWeekday(nth, day) => format!("FREQ=MONTHLY;BYDAY={nth}{}", NAMES[usize::try_from(*day).unwrap()]),
        }
    }

    fn names(&self, day: NaiveDate, first: NaiveDate, interval: i64) -> bool {
        let months = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
        let monday = |day: NaiveDate| day - Days::new(u64::from(day.weekday().num_days_from_monday()));
        match self {
            Self::Daily => (day - first).num_days() % interval == 0,
            Self::Weekly(days) => {
                days.contains(&day.weekday().num_days_from_monday())
                    && ((monday(day) - monday(first)).num_days() / 7) % interval == 0
            }
            Self::MonthDay(wanted) => day.day() == *wanted && (months(day) - months(first)) % interval == 0,
            Self::NthWeekday(nth, weekday) => {
                let is_nth = if *nth > 0 {
                    i64::from(day.day0() / 7) + 1 == *nth
                } else {
                    let left = (1_u64..31)
                        .take_while(|days| (day + Days::new(*days)).month() == day.month())
                        .count();
                    -(i64::try_from(left).unwrap() / 7) - 1 == *nth
                };
                day.weekday() == Weekday::try_from(u8::try_from(*weekday).unwrap()).unwrap()
                    && is_nth
                    && (months(day) - months(first)) % interval == 0
            }
        }
    }
}

fn patterns() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        Just(Pattern::Daily),
        prop::collection::btree_set(0_u32..7, 1..5).prop_map(|days| Pattern::Weekly(days.into_iter().collect())),
        (1_u32..=31).prop_map(Pattern::MonthDay),
        (prop::sample::select(vec![-2_i64, -1, 1, 2, 3, 4, 5]), 0_u32..7)
            .prop_map(|(nth, day)| Pattern::NthWeekday(nth, day)),
    ]
}

fn expand(text: &str, first: NaiveDateTime, window: Window) -> Vec<NaiveDateTime> {
    let rule = Rule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    rule.expand(first, |instant| instant.naive_utc(), window)
        .unwrap()
        .starts
}

fn start() -> NaiveDateTime {
    "2026-01-01T09:00:00".parse().unwrap()
}

fn years(count: u64) -> Window {
    Window {
        from: start() - TimeDelta::days(400),
        until: start() + Days::new(366 * count),
        most: 200,
    }
}

proptest! {
    #[test]
    fn simple_rules_name_the_days_that_they_should(
        pattern in patterns(), interval in 1_i64..5, offset in 0_u64..800, count in 1_usize..40,
    ) {
        let first = start() + Days::new(offset);
        let window = Window { until: first + Days::new(1500), ..years(1) };
        let expected: Vec<_> = first
            .date()
            .iter_days()
            .take_while(|day| *day < window.until.date())
            .filter(|day| pattern.names(*day, first.date(), interval))
            .take(count)
            .map(|day| day.and_time(first.time()))
            .collect();
        let text = format!("{};INTERVAL={interval};COUNT={count}", pattern.text());
        prop_assert_eq!(expand(&text, first, window), expected.clone());
        if let Some(last) = expected.last() {
            let until = format!("{};INTERVAL={interval};UNTIL={}", pattern.text(), last.format("%Y%m%d"));
            prop_assert_eq!(expand(&until, first, window), expected);
        }
    }

    #[test]
    fn a_shifted_rule_names_the_shifted_days(
        pattern in patterns(), interval in 1_i64..5, offset in 0_u64..30, days in -20_i64..20,
    ) {
        let rule = Rule::parse(&format!("{};INTERVAL={interval};COUNT=20", pattern.text())).unwrap();
        let from = start() + Days::new(offset);
        let window = years(6);
        let local = |instant: chrono::DateTime<chrono::Utc>| instant.naive_utc();
        let before = rule.expand(from, local, window).unwrap().starts;
        let (Some(first), Some(shifted)) = (before.first(), rule.clone().shifted(days)) else { return Ok(()) };
        let shift = TimeDelta::days(days);
        let after = shifted.expand(*first + shift, local, window).unwrap().starts;
        let expected: Vec<_> = before.iter().map(|start| *start + shift).collect();
        prop_assert_eq!(after, expected);
    }

    #[test]
    fn no_text_makes_the_expansion_panic_or_run_away(
        frequency in prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        parts in prop::collection::btree_map(
            prop::sample::select(vec!["INTERVAL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST"]),
            "(-?[0-9]{1,5}|[A-Z]{2}|-?[0-9][A-Z]{2})(,-?[0-9]{1,3}){0,3}", 0..5),
    ) {
        let mut text = format!("FREQ={frequency}");
        for (name, value) in parts {
            text.push_str(&format!(";{name}={value}"));
        }
        if let Ok(rule) = Rule::parse(&text) {
            let expansion = rule.expand(start(), |instant| instant.naive_utc(), years(2));
            prop_assert!(expansion.is_ok_and(|expansion| expansion.starts.len() <= 200));
            prop_assert_eq!(Rule::parse(&rule.to_string()), Ok(rule));
        }
    }
}

#[test]
fn a_day_that_never_comes_is_looked_for_no_longer_than_the_bound() {
    for text in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=65535;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
    ] {
        assert_eq!(expand(text, start(), years(2)), Vec::<NaiveDateTime>::new(), "{text}");
    }
}

#[test]
fn what_is_refused() {
    use super::InvalidRule::{ByTime, EndsTwice, Malformed, SubDaily, TooLong};
    for (text, fault) in [
        ("", Malformed),
        ("weekly", Malformed),
        ("BYDAY=MO", Malformed),
        ("FREQ=WEEKLY;FREQ=DAILY", Malformed),
        ("FREQ=WEEKLY;BYDAY=XX", Malformed),
        ("FREQ=WEEKLY;COUNT=0", Malformed),
        ("FREQ=WEEKLY;INTERVAL=0", Malformed),
        ("FREQ=MONTHLY;BYMONTHDAY=32", Malformed),
        ("FREQ=WEEKLY;UNTIL=tomorrow", Malformed),
        ("FREQ=WEEKLY;X=1", Malformed),
        ("FREQ=HOURLY", SubDaily),
        ("FREQ=SECONDLY;COUNT=2", SubDaily),
        ("FREQ=DAILY;BYHOUR=9,10", ByTime),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", EndsTwice),
    ] {
        assert_eq!(Rule::parse(text), Err(fault), "{text}");
    }
    assert_eq!(
        Rule::parse(&format!("FREQ=DAILY;BYMONTHDAY=1{}", ",1".repeat(400))),
        Err(TooLong)
    );
}

#[test]
fn what_lies_beyond_the_bound_goes_on_and_who_is_tired_stops() {
    let rule = Rule::parse("FREQ=YEARLY;INTERVAL=600;COUNT=2").unwrap();
    let utc = |instant: chrono::DateTime<chrono::Utc>| instant.naive_utc();
    let expansion = rule.expand(start(), utc, years(2)).unwrap();
    assert_eq!((expansion.starts, expansion.goes_on), (vec![start()], true));
    // In the years before and after the cycles that the library is led through, weekdays and leap days are the same.
    for first in ["1604-02-29T09:00:00", "2024-02-29T09:00:00", "2396-02-29T09:00:00"] {
        let first: NaiveDateTime = first.parse().unwrap();
        let window = Window {
            until: first + Days::new(366 * 5),
            ..years(1)
        };
        let window = Window { from: first, ..window };
        let found = expand("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", first, window);
        let weekday = first.weekday().to_string().to_ascii_uppercase();
        let by_day = format!("FREQ=DAILY;BYDAY={}", weekday.get(..2).unwrap());
        assert_eq!(
            (found.first(), expand(&by_day, first, window).first()),
            (Some(&first), Some(&first))
        );
    }
    let asked = std::cell::Cell::new(0);
    let tired = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    let daily = Rule::parse("FREQ=DAILY").unwrap();
    assert_eq!(
        daily.expand_unless(tired, start(), utc, years(2)).unwrap().starts.len(),
        3
    );
}
