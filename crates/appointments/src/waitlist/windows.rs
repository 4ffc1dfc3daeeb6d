//! When somebody who waits could come: spans of dates, days of the week and times of day on the clinic's wall clock. Pure.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, ToSql};
use diesel::sql_types::Jsonb;
use kernel::{FieldErrors, IsoWeekday, TimeSlot, WallTime, Zone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most windows of one entry.
const MOST: usize = 20;

/// A window of time. What is left out does not narrow it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"from_date": "2026-11-23", "until_date": "2026-12-04", "weekdays": [1, 3], "from_time": "18:00",
    "until_time": "20:00"}))]
pub struct Window {
    /// The first date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_date: Option<NaiveDate>,
    /// The last date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_date: Option<NaiveDate>,
    /// On which days of the week; on all, when none is named.
    pub weekdays: Vec<IsoWeekday>,
    /// When the appointment may begin at the earliest; goes with `until_time`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_time: Option<WallTime>,
    /// When it must be over: on the next date, when this is not after `from_time`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_time: Option<WallTime>,
}

impl Window {
    fn is_on(&self, date: NaiveDate) -> bool {
        let on_weekday = self.weekdays.is_empty() || self.weekdays.iter().any(|day| day.as_weekday() == date.weekday());
        on_weekday
            && self.from_date.is_none_or(|first| first <= date)
            && self.until_date.is_none_or(|last| date <= last)
    }

    /// Whether `slot` suits: without times, when it begins on a date of the window; with times, when all of it lies between them on
    /// such a date. A window over midnight belongs to the date on which it opens.
    #[must_use]
    pub fn fits(&self, slot: &TimeSlot, zone: Zone) -> bool {
        let date = slot.starts_at().date_in(zone);
        let (Some(from), Some(until)) = (self.from_time, self.until_time) else {
            return self.is_on(date);
        };
        [Some(date), date.pred_opt()].into_iter().flatten().any(|opens_on| {
            let closes_on = if until > from {
                Some(opens_on)
            } else {
                opens_on.succ_opt()
            };
            let opens = zone.instant_of(opens_on.and_time(from.as_time()));
            let closes = closes_on.and_then(|date| zone.instant_of(date.and_time(until.as_time())));
            self.is_on(opens_on)
                && opens.is_some_and(|opens| opens <= slot.starts_at())
                && closes.is_some_and(|closes| slot.ends_at() <= closes)
        })
    }

    fn check(&self) -> FieldErrors {
        let mut errors = FieldErrors::new();
        if let (Some(first), Some(last)) = (self.from_date, self.until_date)
            && last < first
        {
            errors.push("/until_date", "before_from_date", "the last date is before the first");
        }
        let days: BTreeSet<i16> = self.weekdays.iter().map(|day| day.number()).collect();
        if days.len() < self.weekdays.len() {
            errors.push("/weekdays", "repeated", "a weekday is named once");
        }
        match (self.from_time, self.until_time) {
            (Some(_), None) => errors.push("/until_time", "required", "times are given as two"),
            (None, Some(_)) => errors.push("/from_time", "required", "times are given as two"),
            (Some(from), Some(until)) if from == until => {
                errors.push("/until_time", "same_as_from_time", "the two times must differ");
            }
            _ => {}
        }
        errors
    }
}

/// The windows of one entry; none at all means any time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = Jsonb)]
#[serde(transparent)]
#[schema(value_type = Vec<Window>)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// The windows, checked.
    ///
    /// # Errors
    /// Every fault, its pointer counted from the list.
    pub fn new(windows: Vec<Window>) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        if windows.len() > MOST {
            errors.push("", "too_many", format!("an entry has at most {MOST} windows"));
        }
        for (index, window) in windows.iter().enumerate() {
            errors.nest(&format!("/{index}"), window.check());
        }
        errors.finish(Some(Self(windows)))
    }

    /// Whether `slot` suits one of them.
    #[must_use]
    pub fn fit(&self, slot: &TimeSlot, zone: Zone) -> bool {
        self.0.is_empty() || self.0.iter().any(|window| window.fits(slot, zone))
    }

    /// Whether a slot that begins on `date` may suit at all: cheap, and asked once for all slots of a date. A window over midnight
    /// reaches into the date after.
    #[must_use]
    pub fn touch(&self, date: NaiveDate) -> bool {
        let touches =
            |window: &Window| window.is_on(date) || date.pred_opt().is_some_and(|before| window.is_on(before));
        self.0.is_empty() || self.0.iter().any(touches)
    }

    /// The last date of all, when every one has a last.
    #[must_use]
    pub fn last_date(&self) -> Option<NaiveDate> {
        let dates: Option<Vec<NaiveDate>> = self.0.iter().map(|window| window.until_date).collect();
        dates?.into_iter().max()
    }
}

impl ToSql<Jsonb, Pg> for Windows {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        let value = serde_json::to_value(self)?;
        ToSql::<Jsonb, Pg>::to_sql(&value, &mut out.reborrow())
    }
}

impl FromSql<Jsonb, Pg> for Windows {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let value = <serde_json::Value as FromSql<Jsonb, Pg>>::from_sql(value)?;
        Ok(serde_json::from_value(value)?)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use kernel::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn window(value: serde_json::Value) -> Window {
        serde_json::from_value(value).unwrap()
    }

    fn slot(from: &str, minutes: i64) -> TimeSlot {
        let from: Timestamp = from.parse().unwrap();
        TimeSlot::new(from, from.saturating_add(TimeDelta::minutes(minutes))).unwrap()
    }

    fn zone() -> Zone {
        "America/Sao_Paulo".parse().unwrap()
    }

    #[test]
    fn days_and_times_narrow_and_the_end_counts() {
        let tuesday_morning = window(json!({"weekdays": [2], "from_time": "08:00", "until_time": "10:00"}));
        for (from, minutes, fits) in [
            ("2026-11-24T08:00:00-03:00", 30, true),
            ("2026-11-24T09:30:00-03:00", 30, true),
            ("2026-11-24T09:45:00-03:00", 30, false),
            ("2026-11-24T07:45:00-03:00", 30, false),
            ("2026-11-25T08:00:00-03:00", 30, false),
        ] {
            assert_eq!(tuesday_morning.fits(&slot(from, minutes), zone()), fits, "{from}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_date_on_which_it_opens() {
        let friday_night = window(json!({"weekdays": [5], "from_time": "22:00", "until_time": "02:00"}));
        for (from, minutes, fits) in [
            ("2026-11-27T22:00:00-03:00", 30, true),
            ("2026-11-27T23:45:00-03:00", 30, true),
            ("2026-11-28T01:30:00-03:00", 30, true),
            ("2026-11-28T01:45:00-03:00", 30, false),
            ("2026-11-27T01:00:00-03:00", 30, false),
            ("2026-11-28T22:00:00-03:00", 30, false),
        ] {
            assert_eq!(friday_night.fits(&slot(from, minutes), zone()), fits, "{from}");
        }
    }

    #[test]
    fn clocks_that_change_do_not_shift_a_window() {
        // Clocks in New York went forward at 02:00 on 2026-03-08 and back at 02:00 on 2026-11-01.
        let zone: Zone = "America/New_York".parse().unwrap();
        let morning = window(json!({"from_time": "08:00", "until_time": "09:00"}));
        for from in [
            "2026-03-07T08:00:00-05:00",
            "2026-03-08T08:00:00-04:00",
            "2026-11-01T08:00:00-05:00",
        ] {
            assert!(morning.fits(&slot(from, 60), zone), "{from}");
        }
        assert!(!morning.fits(&slot("2026-03-08T08:00:00-05:00", 60), zone));
        let early = window(json!({"from_time": "01:30", "until_time": "03:30"}));
        // Half an hour of it is jumped over on the short day; what remains is one hour.
        assert!(early.fits(&slot("2026-03-08T01:30:00-05:00", 60), zone));
        assert!(!early.fits(&slot("2026-03-08T01:30:00-05:00", 75), zone));
    }

    #[test]
    fn every_fault_is_told_and_the_last_date_is_known() {
        let faults = Windows::new(vec![
            window(json!({"from_date": "2026-12-02", "until_date": "2026-12-01", "weekdays": [1, 1]})),
            window(json!({"from_time": "08:00"})),
        ]);
        let pointers: Vec<_> = faults
            .unwrap_err()
            .into_vec()
            .into_iter()
            .map(|error| error.pointer)
            .collect();
        assert_eq!(pointers, ["/0/until_date", "/0/weekdays", "/1/until_time"]);
        let until = |dates: &[Option<&str>]| {
            let windows = dates.iter().map(|date| window(json!({ "until_date": date }))).collect();
            Windows::new(windows).unwrap().last_date().map(|date| date.to_string())
        };
        assert_eq!(
            until(&[Some("2026-12-01"), Some("2026-12-09")]).as_deref(),
            Some("2026-12-09")
        );
        assert_eq!(until(&[Some("2026-12-01"), None]), None);
        assert_eq!(until(&[]), None);
    }

    proptest! {
        #[test]
        fn a_longer_slot_never_fits_where_a_shorter_does_not(
            start in 0_i64..20_000, short in 5_i64..120, more in 1_i64..120, from in 0_i64..1440, until in 0_i64..1440,
        ) {
            prop_assume!(from != until);
            let time = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
            let window = window(json!({"from_time": time(from), "until_time": time(until)}));
            let starts = "2026-10-30T00:00:00Z".parse::<Timestamp>().unwrap().saturating_add(TimeDelta::minutes(start));
            let of = |minutes| TimeSlot::new(starts, starts.saturating_add(TimeDelta::minutes(minutes))).unwrap();
            let zone: Zone = "America/New_York".parse().unwrap();
            prop_assert!(!window.fits(&of(short + more), zone) || window.fits(&of(short), zone));
            let windows = Windows::new(vec![Window { weekdays: vec![IsoWeekday::try_from(1_i16).unwrap()], ..window }]).unwrap();
            prop_assert!(!windows.fit(&of(short), zone) || windows.touch(starts.date_in(zone)), "no date is left out wrongly");
        }
    }
}
