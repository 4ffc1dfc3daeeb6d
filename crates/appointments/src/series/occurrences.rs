//! When the occurrences of a series are: a rule on the clinic's wall clock, bounded. Pure.

use chrono::{NaiveDateTime, TimeDelta};
use kernel::{FieldErrors, Timestamp, Zone};

use crate::moment::Moment;
use crate::recurrence::{Rule, WallClock, Window, instant_of};

/// The most occurrences of a series.
pub(super) const MOST: usize = 200;
/// The longest time from the first occurrence to the last.
pub(super) const LONGEST: TimeDelta = TimeDelta::days(2 * 366);

/// An occurrence as the rule puts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Occurrence {
    pub(super) starts_at: Timestamp,
    /// What clocks do at that time.
    pub(super) clock: WallClock,
}

/// What the wall clock of `zone` shows.
pub(super) fn local_in(zone: Zone) -> impl Fn(chrono::DateTime<chrono::Utc>) -> NaiveDateTime {
    move |instant| instant.with_timezone(&zone.as_tz()).naive_local()
}

/// The occurrences of `rule` from `starts_at` on, without those `excluded`.
///
/// # Errors
/// A rule that has no end, does not name its first day, or goes on for too long; and what is excluded without being there.
pub(super) fn occurrences(
    rule: &Rule,
    starts_at: Timestamp,
    zone: Zone,
    excluded: &[Moment],
) -> Result<Vec<Occurrence>, FieldErrors> {
    let first = starts_at.local_in(zone);
    let mut found = Vec::new();
    for local in starts(rule, first, zone)? {
        let Some((mut instant, clock)) = instant_of(zone, local) else {
            let message = "a time lies between the years 1900 and 2200";
            return Err(FieldErrors::one("/rule", "out_of_range", message));
        };
        // Of a time that comes twice, the client may have meant the second.
        if local == first {
            instant = starts_at;
        }
        found.push(Occurrence {
            starts_at: instant,
            clock,
        });
    }
    without(found, excluded, zone)
}

/// When `rule` names occurrences on the wall clock of `zone`, `first` being the first of them.
fn starts(rule: &Rule, first: NaiveDateTime, zone: Zone) -> Result<Vec<NaiveDateTime>, FieldErrors> {
    if rule.count().is_none() && rule.until().is_none() {
        let message = "must end: say COUNT=… or UNTIL=…";
        return Err(FieldErrors::one("/rule", "endless", message));
    }
    let window = Window {
        from: first,
        until: first + LONGEST,
        most: MOST,
    };
    let expansion = rule
        .expand(first, local_in(zone), window)
        .map_err(|error| FieldErrors::one("/rule", error.code(), error))?;
    if expansion.goes_on {
        let message = format!("goes on for more than {MOST} occurrences or two years");
        return Err(FieldErrors::one("/rule", "too_long", message));
    }
    match expansion.starts.first() {
        None => Err(FieldErrors::one("/rule", "no_occurrence", "names no day at all")),
        Some(named) if *named != first => {
            let message = format!(
                "the rule does not name this day; the first that it names is {}",
                named.date()
            );
            Err(FieldErrors::one("/starts_at", "not_in_rule", message))
        }
        Some(_) => Ok(expansion.starts),
    }
}

/// `found` without those that `excluded` names by their time or their day in `zone`.
fn without(found: Vec<Occurrence>, excluded: &[Moment], zone: Zone) -> Result<Vec<Occurrence>, FieldErrors> {
    let names = |moment: &Moment, occurrence: &Occurrence| match moment {
        Moment::At(instant) => occurrence.starts_at == *instant,
        Moment::On(day) => occurrence.starts_at.date_in(zone) == *day,
    };
    let mut errors = FieldErrors::new();
    for (index, moment) in excluded.iter().enumerate() {
        if !found.iter().any(|occurrence| names(moment, occurrence)) {
            let pointer = format!("/excluded/{index}");
            errors.push(pointer, "no_occurrence", "there is no occurrence then");
        }
    }
    let is_kept = |occurrence: &Occurrence| !excluded.iter().any(|moment| names(moment, occurrence));
    let kept: Vec<Occurrence> = found.into_iter().filter(is_kept).collect();
    if kept.is_empty() {
        errors.push("/excluded", "no_occurrence", "leaves nothing of the series");
    }
    errors.finish(Some(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(zone: &str, starts_at: &str, rule: &str, excluded: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let excluded: Vec<Moment> = excluded.iter().map(|text| text.parse().unwrap()).collect();
        let rule = Rule::parse(rule).unwrap();
        occurrences(&rule, starts_at.parse().unwrap(), zone.parse().unwrap(), &excluded)
            .map(|found| {
                let line = |one: &Occurrence| format!("{} {}", one.starts_at, one.clock.as_str());
                found.iter().map(line).collect()
            })
            .map_err(|errors| {
                errors
                    .iter()
                    .map(|error| format!("{} {}", error.pointer, error.code))
                    .collect()
            })
    }

    #[test]
    fn nine_stays_nine_when_clocks_change() {
        assert_eq!(
            series(
                "America/New_York",
                "2026-10-26T09:00:00-04:00",
                "FREQ=WEEKLY;COUNT=3",
                &[]
            ),
            Ok(vec![
                "2026-10-26T13:00:00Z once".to_owned(),
                "2026-11-02T14:00:00Z once".to_owned(),
                "2026-11-09T14:00:00Z once".to_owned(),
            ])
        );
        assert_eq!(
            series(
                "America/Sao_Paulo",
                "2018-10-29T09:00:00-03:00",
                "FREQ=WEEKLY;COUNT=2",
                &[]
            ),
            Ok(vec![
                "2018-10-29T12:00:00Z once".to_owned(),
                "2018-11-05T11:00:00Z once".to_owned()
            ])
        );
    }

    #[test]
    fn a_time_that_never_or_twice_comes_is_told() {
        assert_eq!(
            series(
                "America/New_York",
                "2027-03-13T02:30:00-05:00",
                "FREQ=DAILY;COUNT=2",
                &[]
            ),
            Ok(vec![
                "2027-03-13T07:30:00Z once".to_owned(),
                "2027-03-14T07:30:00Z never".to_owned()
            ])
        );
        assert_eq!(
            series(
                "America/New_York",
                "2026-10-31T01:30:00-04:00",
                "FREQ=DAILY;COUNT=2",
                &[]
            ),
            Ok(vec![
                "2026-10-31T05:30:00Z once".to_owned(),
                "2026-11-01T05:30:00Z twice".to_owned()
            ])
        );
        // The second of the two, as the client said.
        assert_eq!(
            series(
                "America/New_York",
                "2026-11-01T01:30:00-05:00",
                "FREQ=DAILY;COUNT=1",
                &[]
            ),
            Ok(vec!["2026-11-01T06:30:00Z twice".to_owned()])
        );
    }

    #[test]
    fn the_last_friday_of_each_month_until_a_day() {
        assert_eq!(
            series(
                "America/Sao_Paulo",
                "2026-11-27T10:00:00-03:00",
                "FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20270129",
                &["2026-12-25"]
            ),
            Ok(vec![
                "2026-11-27T13:00:00Z once".to_owned(),
                "2027-01-29T13:00:00Z once".to_owned()
            ])
        );
    }

    #[test]
    fn what_makes_no_series_is_told_with_its_place() {
        let faults = |rule: &str, excluded: &[&str]| {
            series("America/Sao_Paulo", "2026-11-27T10:00:00-03:00", rule, excluded).unwrap_err()
        };
        assert_eq!(faults("FREQ=DAILY", &[]), ["/rule endless"]);
        assert_eq!(faults("FREQ=DAILY;COUNT=201", &[]), ["/rule too_long"]);
        assert_eq!(faults("FREQ=YEARLY;COUNT=4", &[]), ["/rule too_long"]);
        assert_eq!(faults("FREQ=WEEKLY;BYDAY=MO;COUNT=4", &[]), ["/starts_at not_in_rule"]);
        assert_eq!(faults("FREQ=DAILY;UNTIL=20261126", &[]), ["/rule no_occurrence"]);
        assert_eq!(
            faults("FREQ=DAILY;COUNT=2", &["2026-12-24"]),
            ["/excluded/0 no_occurrence"]
        );
        assert_eq!(
            faults("FREQ=DAILY;COUNT=1", &["2026-11-27"]),
            ["/excluded no_occurrence"]
        );
    }
}
