//! One rule: read, expanded within bounds, shortened and shifted.

use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};

/// The longest text of a rule, in bytes.
const LONGEST: usize = 512;
/// The most values that one part of a rule may list.
const MOST_VALUES: usize = 366;

/// The calendar repeats itself after 400 years, weekdays and all.
const CYCLE_YEARS: i32 = 400;
/// So many days are in them.
const CYCLE_DAYS: i64 = 146_097;
/// The last year that the library looks at.
const LAST_YEAR: i32 = 10_000;
/// At least so many years after a window are looked at.
const YEARS_BEYOND: i32 = 100;

/// What is no rule that is understood here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// No rule by the standard.
    #[error("is no recurrence rule such as FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10 (RFC 5545)")]
    Malformed,
    /// More often than daily.
    #[error("recurs more often than daily; FREQ is DAILY, WEEKLY, MONTHLY or YEARLY")]
    SubDaily,
    /// It sets times of day.
    #[error("sets times of day (BYHOUR, BYMINUTE or BYSECOND); the time is that of the first occurrence")]
    ByTime,
    /// Both `COUNT` and `UNTIL`.
    #[error("ends twice: COUNT and UNTIL exclude each other")]
    EndsTwice,
    /// Too long, or a part that lists too much.
    #[error("is too long")]
    TooLong,
}

impl InvalidRule {
    /// The word for it where machines read.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "invalid_rule",
            Self::SubDaily => "sub_daily",
            Self::ByTime => "by_time",
            Self::EndsTwice => "ends_twice",
            Self::TooLong => "too_long",
        }
    }
}

kernel::coded!(InvalidRule);

/// Where a rule ends in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// With this day.
    Day(NaiveDate),
    /// At this time on the wall clock.
    Local(NaiveDateTime),
    /// At this instant.
    Instant(DateTime<Utc>),
}

/// How often, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Other,
}

/// A rule that recurs daily at most, at the time of day of its first occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    frequency: Frequency,
    /// The parts but `COUNT` and `UNTIL`, in their order, in capitals.
    parts: Vec<(String, String)>,
    count: Option<u32>,
    until: Option<Until>,
}

/// Which occurrences of a rule are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Those at this local time or later.
    pub from: NaiveDateTime,
    /// Those before this one.
    pub until: NaiveDateTime,
    /// At most so many.
    pub most: usize,
}

/// The occurrences of a rule in a window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expansion {
    /// When each begins, on the wall clock, in order.
    pub starts: Vec<NaiveDateTime>,
    /// Whether the rule goes on after the most that were wanted, or after the window.
    pub goes_on: bool,
}

impl Rule {
    /// Reads `text`, with or without `RRULE:` before it.
    ///
    /// # Errors
    /// [`InvalidRule`].
    pub fn parse(text: &str) -> Result<Self, InvalidRule> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(InvalidRule::TooLong);
        }
        let upper = text.to_ascii_uppercase();
        let upper = upper.strip_prefix("RRULE:").unwrap_or(&upper);
        let mut rule = Self {
            frequency: Frequency::Other,
            parts: Vec::new(),
            count: None,
            until: None,
        };
        let mut frequency = None;
        for part in upper.trim_end_matches(';').split(';') {
            let (name, value) = part.split_once('=').ok_or(InvalidRule::Malformed)?;
            if value.split(',').count() > MOST_VALUES {
                return Err(InvalidRule::TooLong);
            }
            match name {
                "COUNT" if rule.count.is_none() => {
                    let count = value.parse().ok().filter(|count| *count > 0);
                    rule.count = Some(count.ok_or(InvalidRule::Malformed)?);
                }
                "UNTIL" if rule.until.is_none() => rule.until = Some(parse_until(value).ok_or(InvalidRule::Malformed)?),
                "FREQ" if frequency.is_none() => {
                    frequency = Some(match value {
                        "DAILY" => Frequency::Daily,
                        "WEEKLY" => Frequency::Weekly,
                        "MONTHLY" | "YEARLY" => Frequency::Other,
                        "HOURLY" | "MINUTELY" | "SECONDLY" => return Err(InvalidRule::SubDaily),
                        _ => return Err(InvalidRule::Malformed),
                    });
                    rule.parts.push((name.to_owned(), value.to_owned()));
                }
                "BYHOUR" | "BYMINUTE" | "BYSECOND" => return Err(InvalidRule::ByTime),
                "INTERVAL" | "BYDAY" | "BYMONTHDAY" | "BYYEARDAY" | "BYWEEKNO" | "BYMONTH" | "BYSETPOS" | "WKST"
                    if !rule.has(name) =>
                {
                    rule.parts.push((name.to_owned(), value.to_owned()));
                }
                _ => return Err(InvalidRule::Malformed),
            }
        }
        rule.frequency = frequency.ok_or(InvalidRule::Malformed)?;
        if rule.count.is_some() && rule.until.is_some() {
            return Err(InvalidRule::EndsTwice);
        }
        // The library's own opinion, whatever the first day will be.
        let any_day = Tz::UTC.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).single();
        rule.for_library()?
            .validate(any_day.ok_or(InvalidRule::Malformed)?)
            .or(Err(InvalidRule::Malformed))?;
        Ok(rule)
    }

    fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|(own, _)| own == name)
    }

    fn for_library(&self) -> Result<RRule<Unvalidated>, InvalidRule> {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let rule: RRule<Unvalidated> = parts.join(";").parse().or(Err(InvalidRule::Malformed))?;
        if rule.get_interval() == 0 {
            return Err(InvalidRule::Malformed);
        }
        Ok(rule)
    }

    /// After how many occurrences it ends, when it says so.
    #[must_use]
    pub const fn count(&self) -> Option<u32> {
        self.count
    }

    /// When it ends, when it says so.
    #[must_use]
    pub const fn until(&self) -> Option<Until> {
        self.until
    }

    /// The same, ended after `count` occurrences.
    #[must_use]
    pub fn ended_after(mut self, count: u32) -> Self {
        self.count = Some(count);
        self.until = None;
        self
    }

    /// The same, ended at `until`.
    #[must_use]
    pub fn ended_at(mut self, until: DateTime<Utc>) -> Self {
        self.count = None;
        self.until = Some(Until::Instant(until));
        self
    }

    /// The same rule `days` later (earlier when negative): a rule of weekdays has others then. `None` for a rule whose days hang
    /// on the calendar, such as the last Friday of a month.
    #[must_use]
    pub fn shifted(mut self, days: i64) -> Option<Self> {
        if days == 0 {
            return Some(self);
        }
        let shift = TimeDelta::try_days(days)?;
        self.until = match self.until {
            Some(Until::Day(day)) => Some(Until::Day(day.checked_add_signed(shift)?)),
            Some(Until::Local(local)) => Some(Until::Local(local.checked_add_signed(shift)?)),
            Some(Until::Instant(instant)) => Some(Until::Instant(instant.checked_add_signed(shift)?)),
            None => None,
        };
        let allowed: &[&str] = match self.frequency {
            Frequency::Daily => &["FREQ", "INTERVAL", "WKST"],
            Frequency::Weekly => &["FREQ", "INTERVAL", "WKST", "BYDAY"],
            Frequency::Other => &[],
        };
        if !self.parts.iter().all(|(name, _)| allowed.contains(&name.as_str())) {
            return None;
        }
        let turn = usize::try_from(days.rem_euclid(7)).ok()?;
        // The week turns with its days, so that every other week stays every other week.
        let turned = |value: &str| -> Option<String> {
            let days: Option<Vec<String>> = value.split(',').map(|day| turned_day(day, turn)).collect();
            Some(days?.join(","))
        };
        let had_week = self.has("WKST");
        for (name, value) in &mut self.parts {
            if name == "BYDAY" || name == "WKST" {
                *value = turned(value)?;
            }
        }
        if !had_week && self.frequency == Frequency::Weekly {
            self.parts.push(("WKST".to_owned(), turned_day("MO", turn)?));
        }
        Some(self)
    }

    /// A first day nearer to `from` from which the rule names the same days as from `first`, as far as that is easily known: an
    /// event that has recurred daily for decades need not be laid out from its beginning.
    #[must_use]
    pub fn near(&self, first: NaiveDateTime, from: NaiveDateTime) -> NaiveDateTime {
        let days = (from - first).num_days();
        if self.count.is_some() || days <= 0 {
            return first;
        }
        let interval = self.parts.iter().find(|(name, _)| name == "INTERVAL");
        let interval: i64 = interval.and_then(|(_, value)| value.parse().ok()).unwrap_or(1);
        let period = match self.frequency {
            Frequency::Daily => interval,
            Frequency::Weekly => interval.saturating_mul(7),
            Frequency::Other => return first,
        };
        // A period back, so that nothing at the edge is lost.
        let whole = (days / period.max(1) - 1).max(0).saturating_mul(period);
        first + TimeDelta::days(whole)
    }

    /// The occurrences in `window` of the rule that begins at `first`, which is one of them only if the rule names it. `local`
    /// tells what the wall clock shows at an instant, for a rule that ends at one. After the window it looks at 500 years, or 100,000
    /// days, at most: a rule that names no day at all ends there.
    ///
    /// # Errors
    /// [`InvalidRule::Malformed`] for what the library does not take.
    pub fn expand(
        &self,
        first: NaiveDateTime,
        local: impl Fn(DateTime<Utc>) -> NaiveDateTime,
        window: Window,
    ) -> Result<Expansion, InvalidRule> {
        self.expand_unless(|| false, first, local, window)
    }

    /// As [`Self::expand`], but gives up when `tired` says so, which is asked at each occurrence: what is found is then not all,
    /// and whoever was tired has to ask themselves again.
    ///
    /// # Errors
    /// As [`Self::expand`].
    pub fn expand_unless(
        &self,
        tired: impl Fn() -> bool,
        first: NaiveDateTime,
        local: impl Fn(DateTime<Utc>) -> NaiveDateTime,
        window: Window,
    ) -> Result<Expansion, InvalidRule> {
        let ends = match self.until {
            Some(Until::Day(day)) => Some(day.and_hms_opt(23, 59, 59).ok_or(InvalidRule::Malformed)?),
            Some(Until::Local(ends)) => Some(ends),
            Some(Until::Instant(instant)) => Some(local(instant)),
            None => None,
        };
        let mut rule = self.for_library()?;
        if let Some(count) = self.count {
            rule = rule.count(count);
        }
        // The library looks for days until its last year. Whole cycles later, the same days are found, and of a rule that names
        // none less is looked at.
        let last_year = window.until.max(first).year().saturating_add(YEARS_BEYOND);
        let cycles = (LAST_YEAR.saturating_sub(last_year) / CYCLE_YEARS).max(0);
        let later = TimeDelta::days(i64::from(cycles).saturating_mul(CYCLE_DAYS));
        let shifted = first.checked_add_signed(later).ok_or(InvalidRule::Malformed)?;
        let start = Tz::UTC.from_utc_datetime(&shifted);
        let rule = rule.validate(start).or(Err(InvalidRule::Malformed))?;
        let set = RRuleSet::new(start).rrule(rule).limit();
        let mut expansion = Expansion::default();
        let mut named = 0_u32;
        for found in &set {
            if tired() {
                return Ok(expansion);
            }
            named = named.saturating_add(1);
            let found = found.naive_utc() - later;
            if ends.is_some_and(|ends| found > ends) {
                return Ok(expansion);
            }
            if found >= window.until || expansion.starts.len() >= window.most {
                expansion.goes_on = true;
                return Ok(expansion);
            }
            if found >= window.from {
                expansion.starts.push(found);
            }
        }
        // Fewer than it counts: the others are farther away than is looked at.
        expansion.goes_on = named > 0 && self.count.is_some_and(|count| named < count);
        Ok(expansion)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.parts.iter().enumerate() {
            let between = if index == 0 { "" } else { ";" };
            write!(formatter, "{between}{name}={value}")?;
        }
        if let Some(count) = self.count {
            write!(formatter, ";COUNT={count}")?;
        }
        match self.until {
            Some(Until::Day(day)) => write!(formatter, ";UNTIL={}", day.format("%Y%m%d")),
            Some(Until::Local(local)) => write!(formatter, ";UNTIL={}", local.format("%Y%m%dT%H%M%S")),
            Some(Until::Instant(instant)) => write!(formatter, ";UNTIL={}", instant.format("%Y%m%dT%H%M%SZ")),
            None => Ok(()),
        }
    }
}

/// `MO` turned by one is `TU`. None for what carries a number, such as `1MO`.
fn turned_day(day: &str, turn: usize) -> Option<String> {
    const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let index = DAYS.iter().position(|name| *name == day)?;
    DAYS.get((index + turn) % 7).map(|name| (*name).to_owned())
}

fn parse_until(value: &str) -> Option<Until> {
    let sensible = |local: &NaiveDateTime| (1900..2200).contains(&chrono::Datelike::year(local));
    if let Ok(day) = NaiveDate::parse_from_str(value, "%Y%m%d") {
        let sensible = sensible(&day.and_hms_opt(0, 0, 0)?) && day.checked_add_days(Days::new(1)).is_some();
        return sensible.then_some(Until::Day(day));
    }
    let (text, is_utc) = value.strip_suffix('Z').map_or((value, false), |text| (text, true));
    let local = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S")
        .ok()
        .filter(sensible)?;
    Some(if is_utc {
        Until::Instant(local.and_utc())
    } else {
        Until::Local(local)
    })
}
