//! The slot finder against a slow, obvious model: minute by minute in UTC, over random weeks, zones and clock changes.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use kernel::{RoomId, Timestamp, Zone};
use proptest::prelude::*;
use uuid::Uuid;

use super::explain::{RoomQuestion, why_closed, why_not_offered};
use super::grid::Step;
use super::slots::{FreeSlot, Room, RoomNeed, SlotShape, find};
use super::spans::{Span, SpanSet};
use super::working_time::{WeeklyHours, WorkingTime};

/// Zones, each with a day on which something happens to its clocks, or far from UTC.
const DAYS: [(&str, &str); 16] = [
    ("America/Sao_Paulo", "2018-02-18"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Sao_Paulo", "2026-11-23"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Europe/Lisbon", "2026-03-29"),
    ("Europe/Lisbon", "2026-10-25"),
    ("America/Manaus", "2026-11-23"),
    ("America/Noronha", "2026-12-31"),
    ("Asia/Kathmandu", "2026-06-15"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Pacific/Kiritimati", "2026-01-01"),
    ("Pacific/Niue", "2026-01-01"),
    ("Pacific/Apia", "2011-12-30"),
    ("America/Havana", "2026-11-01"),
];

/// One case: everything that slots depend on, in whole minutes from `origin`.
#[derive(Debug, Clone)]
struct Case {
    zone: Zone,
    origin: Timestamp,
    hours: Vec<WeeklyHours>,
    holidays: BTreeSet<NaiveDate>,
    time_off: Vec<(i64, i64)>,
    busy: Vec<(i64, i64)>,
    rooms: Option<Vec<Vec<(i64, i64)>>>,
    starts: (i64, i64),
    duration: i64,
    buffer_before: i64,
    buffer_after: i64,
    step: i32,
}

/// The model looks at this many minutes from the origin: four days, which openings of the days before reach into.
const MINUTES: i64 = 4 * 24 * 60;
/// Wall clocks are looked at from this long before the origin.
const LEAD: i64 = 4 * 24 * 60;

fn spans(most: usize, longest: i64) -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec(
        (-1000..MINUTES, 1..longest).prop_map(|(from, length)| (from, from + length)),
        0..most,
    )
}

fn weekly_hours(around: NaiveDate) -> impl Strategy<Value = WeeklyHours> {
    let validity = prop::option::weighted(0.2, -3_i64..4);
    // Quarters of an hour mostly, so that openings meet; any minute sometimes.
    let minute_of_day = || prop_oneof![4 => (0_u32..96).prop_map(|quarter| quarter * 15), 1 => 0_u32..1440];
    (0_u8..7, minute_of_day(), minute_of_day(), validity.clone(), validity).prop_map(
        move |(weekday, opens, closes, from, until)| {
            let time = |minute: u32| chrono::NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap();
            WeeklyHours {
                weekday: Weekday::try_from(weekday).unwrap(),
                opens_at: time(opens),
                closes_at: time(closes),
                valid_from: from.map(|days| around + TimeDelta::days(days)),
                valid_until: until.map(|days| around + TimeDelta::days(days)),
            }
        },
    )
}

fn cases() -> impl Strategy<Value = Case> {
    prop::sample::select(DAYS.as_slice()).prop_flat_map(|(zone, date)| {
        let (zone, date): (Zone, NaiveDate) = (zone.parse().unwrap(), date.parse().unwrap());
        let origin: Timestamp = format!("{}T00:00:00Z", date - TimeDelta::days(2)).parse().unwrap();
        let rooms = prop::option::of(prop::collection::vec(spans(4, 600), 0..3));
        let hours = prop::collection::vec(weekly_hours(date), 0..8);
        let holidays =
            prop::collection::btree_set((-3_i64..4).prop_map(move |days| date + TimeDelta::days(days)), 0..3);
        let shape = (
            5_i64..180,
            0_i64..40,
            0_i64..40,
            prop::sample::select(vec![5, 7, 10, 15, 20, 30, 45, 60, 90, 240]),
        );
        (
            hours,
            holidays,
            spans(3, 800),
            spans(8, 200),
            rooms,
            (0..MINUTES, 1..MINUTES),
            shape,
        )
            .prop_map(move |(hours, holidays, time_off, busy, rooms, (from, length), shape)| {
                let (duration, buffer_before, buffer_after, step) = shape;
                let starts = (from, (from + length).min(MINUTES));
                Case {
                    zone,
                    origin,
                    hours,
                    holidays,
                    time_off,
                    busy,
                    rooms,
                    starts,
                    duration,
                    buffer_before,
                    buffer_after,
                    step,
                }
            })
    })
}

impl Case {
    fn at(&self, minute: i64) -> Timestamp {
        self.origin.saturating_add(TimeDelta::minutes(minute))
    }

    fn set(&self, spans: &[(i64, i64)]) -> SpanSet {
        spans
            .iter()
            .filter_map(|(from, until)| Span::new(self.at(*from), self.at(*until)))
            .collect()
    }

    fn shape(&self) -> SlotShape {
        SlotShape {
            duration: TimeDelta::minutes(self.duration),
            buffer_before: TimeDelta::minutes(self.buffer_before),
            buffer_after: TimeDelta::minutes(self.buffer_after),
            step: Step::minutes(self.step).unwrap(),
        }
    }

    fn working(&self) -> WorkingTime {
        let reach = Span::new(self.at(self.starts.0), self.at(self.starts.1 + self.duration)).unwrap();
        WorkingTime::around(reach, self.zone, &self.hours, &self.holidays, &self.set(&self.time_off))
    }

    fn rooms(&self) -> Option<Vec<Room>> {
        let room = |(number, busy): (usize, &Vec<(i64, i64)>)| Room {
            id: RoomId::from_uuid(Uuid::from_u128(u128::try_from(number).unwrap())),
            busy: self.set(busy),
        };
        self.rooms
            .as_ref()
            .map(|rooms| rooms.iter().enumerate().map(room).collect())
    }
}

/// What the model knows of each minute.
struct Model<'c> {
    case: &'c Case,
    /// What the wall clock shows, minute by minute from `LEAD` before the origin.
    shown: Vec<NaiveDateTime>,
    /// For each opening that takes place: its local start, first minute, and first minute after.
    openings: Vec<(NaiveDateTime, i64, i64)>,
}

impl<'c> Model<'c> {
    fn of(case: &'c Case) -> Self {
        let shown: Vec<NaiveDateTime> = (-LEAD..MINUTES + LEAD)
            .map(|minute| case.at(minute).local_in(case.zone))
            .collect();
        // The first minute at which the wall clock has reached `local`.
        let reached = |local: NaiveDateTime| -> Option<i64> {
            shown
                .iter()
                .position(|now| *now >= local)
                .map(|index| i64::try_from(index).unwrap() - LEAD)
        };
        let mut openings = Vec::new();
        for days in -4..8 {
            let date = case.origin.date_in(Zone::UTC) + TimeDelta::days(days);
            for entry in &case.hours {
                let valid = entry.valid_from.is_none_or(|first| date >= first)
                    && entry.valid_until.is_none_or(|last| date <= last);
                if date.weekday() != entry.weekday || !valid || case.holidays.contains(&date) {
                    continue;
                }
                let opens = date.and_time(entry.opens_at);
                let mut closes = date.and_time(entry.closes_at);
                if closes <= opens {
                    closes += TimeDelta::days(1);
                }
                if let (Some(from), Some(until)) = (reached(opens), reached(closes)) {
                    openings.push((opens, from, until));
                }
            }
        }
        Self { case, shown, openings }
    }

    fn shown(&self, minute: i64) -> NaiveDateTime {
        self.shown[usize::try_from(minute + LEAD).unwrap()]
    }

    fn works(&self, minute: i64) -> bool {
        let inside = |(from, until): &(i64, i64)| (*from..*until).contains(&minute);
        self.openings
            .iter()
            .any(|(_, from, until)| (*from..*until).contains(&minute))
            && !self.case.holidays.contains(&self.shown(minute).date())
            && !self.case.time_off.iter().any(inside)
    }

    fn on_grid(&self, minute: i64) -> bool {
        self.openings.iter().any(|(opens, from, until)| {
            (*from..*until).contains(&minute)
                && (self.shown(minute) - *opens)
                    .num_minutes()
                    .rem_euclid(i64::from(self.case.step))
                    == 0
        })
    }

    fn free_at(&self, minute: i64) -> Option<Option<usize>> {
        let case = self.case;
        let needed = minute - case.buffer_before..minute + case.duration + case.buffer_after;
        let free = |busy: &[(i64, i64)]| {
            needed
                .clone()
                .all(|minute| !busy.iter().any(|(from, until)| (*from..*until).contains(&minute)))
        };
        let works = || (minute..minute + case.duration).all(|minute| self.works(minute));
        if !(self.on_grid(minute) && works() && free(&case.busy)) {
            return None;
        }
        match &case.rooms {
            None => Some(None),
            Some(rooms) => rooms.iter().position(|busy| free(busy)).map(Some),
        }
    }
}

proptest! {
    #[test]
    fn the_finder_finds_what_the_model_finds(case in cases()) {
        let model = Model::of(&case);
        let expected: Vec<(Timestamp, Option<usize>)> = (case.starts.0..case.starts.1)
            .filter_map(|minute| model.free_at(minute).map(|room| (case.at(minute), room)))
            .collect();
        let rooms = case.rooms();
        let need = rooms.as_deref().map_or(RoomNeed::None, RoomNeed::AnyOf);
        let window = Span::new(case.at(case.starts.0), case.at(case.starts.1)).unwrap();
        let found = find(window, case.zone, &case.working(), &case.set(&case.busy), need, &case.shape());
        let room_number = |free: &FreeSlot| {
            let is_it = |room: &Room| Some(room.id) == free.room;
            rooms.as_ref().and_then(|rooms| rooms.iter().position(is_it))
        };
        let found: Vec<(Timestamp, Option<usize>)> =
            found.iter().map(|free| (free.slot.starts_at(), room_number(free))).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_slot_is_explained_exactly_when_it_is_not_found(case in cases(), now in 0..MINUTES) {
        let (working, busy, time_off, shape) =
            (case.working(), case.set(&case.busy), case.set(&case.time_off), case.shape());
        let rooms = case.rooms();
        let need = rooms.as_deref().map_or(RoomNeed::None, RoomNeed::AnyOf);
        let future = Span::new(case.at(case.starts.0.max(now)), case.at(case.starts.1));
        let found: BTreeSet<Timestamp> = future
            .map(|future| find(future, case.zone, &working, &busy, need, &shape))
            .unwrap_or_default()
            .iter()
            .map(|free| free.slot.starts_at())
            .collect();
        for minute in case.starts.0..case.starts.1 {
            let slot = shape.slot_at(case.at(minute)).unwrap();
            let question = RoomQuestion::Any(need);
            let reasons =
                why_not_offered(&slot, case.at(now), case.zone, &working, &time_off, &SpanSet::default(), &busy, question, &shape);
            prop_assert_eq!(reasons.is_empty(), found.contains(&slot.starts_at()), "{}: {:?}", slot.starts_at(), reasons);
            let closed = why_closed(&slot, &working, &time_off, &SpanSet::default());
            prop_assert_eq!(closed.is_empty(), working.open().covers(&slot.into()), "{}: {:?}", slot.starts_at(), closed);
        }
    }
}
