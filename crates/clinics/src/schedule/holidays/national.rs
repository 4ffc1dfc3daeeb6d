//! Brazil's national holidays, by law and by the date of Easter.
//!
//! Fixed days: Lei 662/1949 as changed by Lei 10.607/2002 (1 January, 21 April, 1 May, 7 September, 2 and 15 November,
//! 25 December), Lei 6.802/1980 (12 October), Lei 14.759/2023 (20 November). Good Friday is kept everywhere as a religious
//! holiday (Lei 9.093/1995). Carnival and Corpus Christi are days on which public offices close, by custom and yearly decree.

use chrono::{Days, NaiveDate};
use kernel::text::Label;

use super::model::{HolidayScope, NewHoliday};
use crate::resource::bounded::Bounded;

/// A year whose national holidays are known: the list is as it has been since 2024.
pub type NationalYear = Bounded<2024, 2199>;

/// Month, day, name.
const FIXED: [(u32, u32, &str); 9] = [
    (1, 1, "Confraternização Universal"),
    (4, 21, "Tiradentes"),
    (5, 1, "Dia do Trabalho"),
    (9, 7, "Independência do Brasil"),
    (10, 12, "Nossa Senhora Aparecida"),
    (11, 2, "Finados"),
    (11, 15, "Proclamação da República"),
    (11, 20, "Dia Nacional de Zumbi e da Consciência Negra"),
    (12, 25, "Natal"),
];

/// Days after Easter Sunday (before, when negative), name.
const GOOD_FRIDAY: (i64, &str) = (-2, "Sexta-feira Santa");

/// As [`GOOD_FRIDAY`]: not holidays by law.
const OPTIONAL: [(i64, &str); 3] = [(-48, "Carnaval"), (-47, "Carnaval"), (60, "Corpus Christi")];

/// The national holidays of `year` in order, with the optional days (Carnival, Corpus Christi) when asked for.
#[must_use]
pub fn national_holidays(year: NationalYear, with_optional: bool) -> Vec<NewHoliday> {
    let year = year.get();
    let fixed = FIXED
        .iter()
        .filter_map(|&(month, day, name)| Some((NaiveDate::from_ymd_opt(year, month, day)?, name)));
    let optional: &[_] = if with_optional { &OPTIONAL } else { &[] };
    let movable = easter(year).into_iter().flat_map(|sunday| {
        std::iter::once(&GOOD_FRIDAY)
            .chain(optional)
            .filter_map(move |&(days, name)| Some((days_after(sunday, days)?, name)))
    });
    let mut days: Vec<_> = fixed.chain(movable).collect();
    days.sort_unstable_by_key(|(date, _)| *date);
    // Good Friday falls on Tiradentes' day now and then: one day is one holiday.
    days.dedup_by_key(|(date, _)| *date);
    days.into_iter()
        .filter_map(|(date, name)| {
            let name = Label::parse(name).ok()?;
            Some(NewHoliday {
                id: None,
                date,
                name,
                scope: HolidayScope::National,
            })
        })
        .collect()
}

fn days_after(date: NaiveDate, days: i64) -> Option<NaiveDate> {
    let distance = Days::new(days.unsigned_abs());
    if days < 0 {
        date.checked_sub_days(distance)
    } else {
        date.checked_add_days(distance)
    }
}

/// Easter Sunday in the Gregorian calendar, by the anonymous algorithm in J. Meeus, Astronomical Algorithms, chapter 8. The
/// letters are Meeus's.
fn easter(year: i32) -> Option<NaiveDate> {
    let a = year % 19;
    let (b, c) = (year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    NaiveDate::from_ymd_opt(year, u32::try_from(n / 31).ok()?, u32::try_from(n % 31 + 1).ok()?)
}

#[cfg(test)]
mod tests {
    use chrono::Datelike;
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn dates(year: i32, with_optional: bool) -> Vec<String> {
        let holidays = national_holidays(NationalYear::new(year).unwrap(), with_optional);
        holidays
            .iter()
            .map(|holiday| holiday.date.format("%m-%d").to_string())
            .collect()
    }

    #[test]
    fn the_holidays_of_known_years() {
        // As published by the federal government for each year (Portarias MGI), and by computation for 2027.
        for (year, good_friday, carnival, corpus_christi) in [
            (2024, "03-29", ["02-12", "02-13"], "05-30"),
            (2025, "04-18", ["03-03", "03-04"], "06-19"),
            (2026, "04-03", ["02-16", "02-17"], "06-04"),
            (2027, "03-26", ["02-08", "02-09"], "05-27"),
        ] {
            let mut expected = vec![
                "01-01", "04-21", "05-01", "09-07", "10-12", "11-02", "11-15", "11-20", "12-25",
            ];
            expected.push(good_friday);
            expected.sort_unstable();
            assert_eq!(dates(year, false), expected, "{year}");
            expected.extend(carnival);
            expected.push(corpus_christi);
            expected.sort_unstable();
            assert_eq!(dates(year, true), expected, "{year}");
        }
    }

    #[test]
    fn easter_of_known_years() {
        for known in [
            "1818-03-22",
            "1943-04-25",
            "1954-04-18",
            "1961-04-02",
            "2000-04-23",
            "2038-04-25",
            "2285-03-22",
        ] {
            let known = date(known);
            assert_eq!(easter(known.year()), Some(known));
        }
    }

    #[test]
    fn two_holidays_on_one_day_are_one() {
        // Good Friday on 21 April.
        assert_eq!(easter(2079), Some(date("2079-04-23")));
        assert_eq!(dates(2079, false).len(), 9);
    }

    proptest! {
        #[test]
        fn easter_is_a_sunday_from_22_march_to_25_april(year in 1583..=2199) {
            let sunday = easter(year).unwrap();
            prop_assert_eq!(sunday.weekday(), chrono::Weekday::Sun);
            let (earliest, latest) = (NaiveDate::from_ymd_opt(year, 3, 22), NaiveDate::from_ymd_opt(year, 4, 25));
            prop_assert!(earliest <= Some(sunday) && Some(sunday) <= latest);
        }

        #[test]
        fn holidays_are_in_order_and_in_their_year(year in 2024..=2199, with_optional: bool) {
            let holidays = national_holidays(NationalYear::new(year).unwrap(), with_optional);
            prop_assert!(holidays.is_sorted_by(|earlier, later| earlier.date < later.date));
            prop_assert!(holidays.iter().all(|holiday| holiday.date.year() == year));
        }
    }
}
