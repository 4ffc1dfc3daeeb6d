//! The bodies in which weekly hours come in, and how they are read.

use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{HoursEntry, NewHours};
use crate::schedule::dates::near;
use kernel::{FieldErrors, IsoWeekday, OpeningHoursId, PractitionerId, WallTime};
use rest::{Patch, ReadPatch};

/// The most entries of a week: far beyond any, since validity may split a year into seasons.
const MOST_ENTRIES: usize = 200;

/// One stretch of work in a week. It goes past midnight when it closes no later than it opens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"weekday": 1, "opens_at": "08:00", "closes_at": "12:00"}))]
pub(super) struct HoursInput {
    #[schema(value_type = IsoWeekday, inline)]
    weekday: i16,
    #[schema(value_type = WallTime)]
    opens_at: String,
    #[schema(value_type = WallTime)]
    closes_at: String,
    /// The first day on which it may begin; ever, when not given.
    valid_from: Option<NaiveDate>,
    /// The last day on which it may begin; for ever, when not given.
    valid_until: Option<NaiveDate>,
}

impl TryFrom<HoursInput> for HoursEntry {
    type Error = FieldErrors;

    fn try_from(input: HoursInput) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let weekday = errors.read("/weekday", IsoWeekday::try_from(input.weekday));
        let opens_at = errors.read("/opens_at", input.opens_at.parse::<WallTime>());
        let closes_at = errors.read("/closes_at", input.closes_at.parse::<WallTime>());
        let valid_from = errors.read_optional("/valid_from", input.valid_from, near);
        let valid_until = errors.read_optional("/valid_until", input.valid_until, near);
        let assemble = || {
            let (valid_from, valid_until) = (valid_from?, valid_until?);
            Some(Self {
                weekday: weekday?,
                opens_at: opens_at?,
                closes_at: closes_at?,
                valid_from,
                valid_until,
            })
        };
        errors.finish(assemble()).and_then(check_validity)
    }
}

/// The days on which an entry begins are in order.
fn check_validity(entry: HoursEntry) -> Result<HoursEntry, FieldErrors> {
    match (entry.valid_from, entry.valid_until) {
        (Some(first), Some(last)) if last < first => Err(FieldErrors::one(
            "/valid_until",
            "before_valid_from",
            "the last day comes before the first",
        )),
        _ => Ok(entry),
    }
}

/// An entry to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"weekday": 6, "opens_at": "08:00", "closes_at": "12:00"}))]
pub(super) struct CreateOpeningHours {
    /// Made by the server when not given.
    id: Option<OpeningHoursId>,
    /// Whose it is; the clinic's when not given.
    practitioner_id: Option<PractitionerId>,
    #[schema(value_type = IsoWeekday, inline)]
    weekday: i16,
    #[schema(value_type = WallTime)]
    opens_at: String,
    /// On the next day, when this is not after the opening.
    #[schema(value_type = WallTime)]
    closes_at: String,
    /// The first day on which it may begin; ever, when not given.
    valid_from: Option<NaiveDate>,
    /// The last day on which it may begin; for ever, when not given.
    valid_until: Option<NaiveDate>,
}

impl TryFrom<CreateOpeningHours> for NewHours {
    type Error = FieldErrors;

    fn try_from(body: CreateOpeningHours) -> Result<Self, FieldErrors> {
        let CreateOpeningHours {
            id,
            practitioner_id,
            weekday,
            opens_at,
            closes_at,
            valid_from,
            valid_until,
        } = body;
        let entry = HoursInput {
            weekday,
            opens_at,
            closes_at,
            valid_from,
            valid_until,
        }
        .try_into()?;
        Ok(Self {
            id,
            practitioner_id,
            entry,
        })
    }
}

/// What changes about an entry; what is absent stays, null clears. Whose it is stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"closes_at": "13:00"}))]
pub(super) struct PatchOpeningHours {
    #[serde(default)]
    #[schema(value_type = Option<IsoWeekday>, inline)]
    weekday: Patch<i16>,
    #[serde(default)]
    #[schema(value_type = Option<WallTime>)]
    opens_at: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<WallTime>)]
    closes_at: Patch<String>,
    #[serde(default)]
    valid_from: Patch<NaiveDate>,
    #[serde(default)]
    valid_until: Patch<NaiveDate>,
}

/// What changes about an entry, read.
#[derive(Debug, Clone, Copy)]
pub(super) struct HoursChanges {
    weekday: Option<IsoWeekday>,
    opens_at: Option<WallTime>,
    closes_at: Option<WallTime>,
    valid_from: Option<Option<NaiveDate>>,
    valid_until: Option<Option<NaiveDate>>,
}

impl TryFrom<PatchOpeningHours> for HoursChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchOpeningHours) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let changes = Self {
            weekday: errors.read_change("/weekday", body.weekday, IsoWeekday::try_from),
            opens_at: errors.read_change("/opens_at", body.opens_at, |text| text.parse::<WallTime>()),
            closes_at: errors.read_change("/closes_at", body.closes_at, |text| text.parse::<WallTime>()),
            valid_from: errors.read_clearable("/valid_from", body.valid_from, near),
            valid_until: errors.read_clearable("/valid_until", body.valid_until, near),
        };
        errors.finish(Some(changes))
    }
}

impl HoursChanges {
    /// `entry` as it becomes.
    pub(super) fn apply(self, entry: HoursEntry) -> Result<HoursEntry, FieldErrors> {
        check_validity(HoursEntry {
            weekday: self.weekday.unwrap_or(entry.weekday),
            opens_at: self.opens_at.unwrap_or(entry.opens_at),
            closes_at: self.closes_at.unwrap_or(entry.closes_at),
            valid_from: self.valid_from.unwrap_or(entry.valid_from),
            valid_until: self.valid_until.unwrap_or(entry.valid_until),
        })
    }
}

/// The whole week of a practitioner, or of the clinic.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"practitioner_id": null, "hours": [
    {"weekday": 1, "opens_at": "08:00", "closes_at": "12:00"}, {"weekday": 1, "opens_at": "13:00", "closes_at": "18:00"}
]}))]
pub(super) struct PutWeek {
    /// Whose week it is; the clinic's when not given.
    practitioner_id: Option<PractitionerId>,
    /// All entries. No two of them share a minute.
    #[schema(max_items = 200)]
    hours: Vec<HoursInput>,
}

impl PutWeek {
    /// Whose week, and its entries.
    pub(super) fn read(self) -> Result<(Option<PractitionerId>, Vec<HoursEntry>), FieldErrors> {
        let mut errors = FieldErrors::new();
        if self.hours.len() > MOST_ENTRIES {
            errors.push(
                "/hours",
                "too_many",
                format!("a week has at most {MOST_ENTRIES} entries"),
            );
        }
        let mut entries = Vec::with_capacity(self.hours.len());
        for (index, input) in self.hours.into_iter().enumerate() {
            match HoursEntry::try_from(input) {
                Ok(entry) => entries.push(entry),
                Err(inner) => errors.nest(&format!("/hours/{index}"), inner),
            }
        }
        errors.finish(Some((self.practitioner_id, entries)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_wrong_entry_of_a_week_is_told() {
        let body: PutWeek = serde_json::from_value(json!({"hours": [
            {"weekday": 1, "opens_at": "08:00", "closes_at": "12:00"},
            {"weekday": 8, "opens_at": "8h", "closes_at": "24:00", "valid_from": "1500-01-01"},
            {"weekday": 2, "opens_at": "08:00", "closes_at": "12:00", "valid_from": "2026-12-02", "valid_until": "2026-12-01"}
        ]}))
        .unwrap();
        let errors = body.read().unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/hours/1/weekday",
                "/hours/1/opens_at",
                "/hours/1/closes_at",
                "/hours/1/valid_from",
                "/hours/2/valid_until"
            ]
        );
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let new = NewHours::try_from(
            serde_json::from_value::<CreateOpeningHours>(
                json!({"weekday": 5, "opens_at": "08:00", "closes_at": "12:00", "valid_until": "2026-12-31"}),
            )
            .unwrap(),
        )
        .unwrap();
        let change = |body| HoursChanges::try_from(serde_json::from_value::<PatchOpeningHours>(body).unwrap());
        let changed = change(json!({"closes_at": "13:00", "valid_until": null}))
            .unwrap()
            .apply(new.entry)
            .unwrap();
        assert_eq!(changed.closes_at.to_string(), "13:00");
        assert_eq!((changed.weekday, changed.valid_until), (new.entry.weekday, None));
        assert!(
            change(json!({"valid_from": "2027-01-01"}))
                .unwrap()
                .apply(new.entry)
                .is_err()
        );
        assert!(change(json!({"weekday": null})).is_err());
    }
}
