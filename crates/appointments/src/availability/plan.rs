//! From rows to rules: whose hours count, which rooms suit, what a slot is, and from where to where to look. Pure.

use std::collections::{BTreeSet, HashMap};

use chrono::{NaiveDate, TimeDelta};
use kernel::{FieldErrors, PractitionerId, RoomId, Timestamp, Zone};

use super::grid::Step;
use super::model::{Reach, Subject};
use super::slots::{Room, SlotShape};
use super::spans::{Span, SpanSet};
use super::store::{BusyRows, ClinicRow, HoursRow, RoomRow, ServiceRow, WorkRows};
use super::working_time::{WeeklyHours, WorkingTime};
use crate::moment::Moment;

/// How many days of slots one question may cover.
pub(super) const MOST_DAYS: i64 = 62;
/// How many days of slots a question covers that names no end.
const USUAL_DAYS: i64 = 7;

/// One practitioner's rules and bookings.
#[derive(Debug, Clone, Default)]
pub(super) struct PractitionerAgenda {
    hours: Vec<WeeklyHours>,
    pub(super) time_off: SpanSet,
    /// What calendars kept elsewhere say.
    pub(super) external: SpanSet,
    pub(super) busy: SpanSet,
}

impl PractitionerAgenda {
    pub(super) fn working_time(&self, window: Span, zone: Zone, holidays: &BTreeSet<NaiveDate>) -> WorkingTime {
        let away = self.time_off.iter().chain(self.external.iter()).copied().collect();
        WorkingTime::around(window, zone, &self.hours, holidays, &away)
    }
}

/// What a slot is for `subject`; none when it asks for a service that is not there or has no sensible step.
pub(super) fn shape(clinic: &ClinicRow, service: Option<&ServiceRow>, subject: Subject) -> Option<SlotShape> {
    let minutes = |count: i32| TimeDelta::minutes(i64::from(count));
    match subject {
        Subject::Service(_) => {
            let service = service?;
            Some(SlotShape {
                duration: minutes(service.duration_minutes),
                buffer_before: minutes(service.buffer_before_minutes),
                buffer_after: minutes(service.buffer_after_minutes),
                step: Step::minutes(service.slot_step_minutes.unwrap_or(clinic.slot_step_minutes))?,
            })
        }
        Subject::Duration(duration) => Some(SlotShape {
            duration,
            buffer_before: TimeDelta::zero(),
            buffer_after: TimeDelta::zero(),
            step: Step::minutes(clinic.slot_step_minutes)?,
        }),
    }
}

/// The rooms in which a service may take place: the active ones of those listed for it, or of all when none is listed.
pub(super) fn suitable_rooms(rooms: &[RoomRow]) -> Vec<&RoomRow> {
    let some_are_listed = rooms.iter().any(|room| room.listed.is_some());
    rooms
        .iter()
        .filter(|room| !room.archived && (!some_are_listed || room.listed.is_some()))
        .collect()
}

/// The window in which slots may start: not before now, and of bounded length.
///
/// `None` when all of it has passed.
///
/// # Errors
/// The parameters that make no window.
pub(super) fn window(
    from: Option<Moment>,
    to: Option<Moment>,
    zone: Zone,
    now: Timestamp,
) -> Result<Option<Span>, FieldErrors> {
    let out_of_range =
        |name: &str| FieldErrors::one(name, "out_of_range", "a time lies between the years 1900 and 2200");
    let starts = from
        .map_or(Some(now), |from| from.as_start(zone))
        .ok_or_else(|| out_of_range("from"))?;
    let usual_end = || starts.saturating_add(TimeDelta::days(USUAL_DAYS));
    let ends = to
        .map_or_else(|| Some(usual_end()), |to| to.as_end(zone))
        .ok_or_else(|| out_of_range("to"))?;
    let Some(span) = Span::new(starts, ends) else {
        return Err(FieldErrors::one(
            "to",
            "not_after_from",
            "the end must come after the start",
        ));
    };
    // On the wall clock, so that a day of 25 hours is one day.
    if ends.local_in(zone) - starts.local_in(zone) > TimeDelta::days(MOST_DAYS) {
        return Err(FieldErrors::one(
            "to",
            "too_long",
            format!("ask for at most {MOST_DAYS} days at once"),
        ));
    }
    Ok(Span::new(span.starts_at().max(now), span.ends_at()))
}

/// How far the agenda has to be known for slots of `shape` that start in `starts`.
pub(super) fn reach(starts: Span, shape: &SlotShape) -> Option<Reach> {
    let last_end = starts.ends_at().saturating_add(shape.duration);
    Some(Reach {
        work: Span::new(starts.starts_at(), last_end)?,
        busy: Span::new(
            starts.starts_at().saturating_add(-shape.buffer_before),
            last_end.saturating_add(shape.buffer_after),
        )?,
    })
}

/// The agenda of each of `practitioners`.
pub(super) fn agendas(
    practitioners: &[PractitionerId],
    work: &WorkRows,
    busy: &[(PractitionerId, Span)],
) -> HashMap<PractitionerId, PractitionerAgenda> {
    let mut busy_spans: HashMap<PractitionerId, Vec<Span>> = HashMap::new();
    for (practitioner, span) in busy {
        busy_spans.entry(*practitioner).or_default().push(*span);
    }
    let away = |practitioner: PractitionerId, external: bool| -> SpanSet {
        work.time_off
            .iter()
            .filter(|row| row.external == external && row.practitioner.is_none_or(|away| away == practitioner))
            .map(|row| row.span)
            .collect()
    };
    practitioners
        .iter()
        .map(|practitioner| {
            let agenda = PractitionerAgenda {
                hours: hours_of(*practitioner, &work.hours),
                time_off: away(*practitioner, false),
                external: away(*practitioner, true),
                busy: busy_spans
                    .remove(practitioner)
                    .unwrap_or_default()
                    .into_iter()
                    .collect(),
            };
            (*practitioner, agenda)
        })
        .collect()
}

/// The practitioner's own hours when there are any, else the clinic's.
fn hours_of(practitioner: PractitionerId, rows: &[HoursRow]) -> Vec<WeeklyHours> {
    let of = |owner: Option<PractitionerId>| -> Vec<WeeklyHours> {
        rows.iter()
            .filter(|row| row.practitioner == owner)
            .map(|row| row.hours.clone())
            .collect()
    };
    let own = of(Some(practitioner));
    if own.is_empty() { of(None) } else { own }
}

/// Each of `rooms` with when it is taken, in the same order.
pub(super) fn rooms_with_agendas(rooms: &[RoomId], busy: &BusyRows) -> Vec<Room> {
    let mut busy_spans: HashMap<RoomId, Vec<Span>> = HashMap::new();
    for (room, span) in &busy.rooms {
        busy_spans.entry(*room).or_default().push(*span);
    }
    rooms
        .iter()
        .map(|id| Room {
            id: *id,
            busy: busy_spans.remove(id).unwrap_or_default().into_iter().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn zone() -> Zone {
        "America/Sao_Paulo".parse().unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn window_of(from: &str, to: &str) -> Result<Option<String>, String> {
        window(Some(from.parse().unwrap()), Some(to.parse().unwrap()), zone(), now())
            .map(|window| window.map(|span| format!("{} {}", span.starts_at(), span.ends_at())))
            .map_err(|errors| errors.into_vec().into_iter().map(|error| error.code).collect())
    }

    #[test]
    fn days_are_whole_and_the_past_is_left_out() {
        assert_eq!(
            window_of("2026-11-20", "2026-11-21"),
            Ok(Some("2026-11-20T12:00:00Z 2026-11-22T03:00:00Z".to_owned()))
        );
        assert_eq!(window_of("2026-11-01", "2026-11-02"), Ok(None));
    }

    #[test]
    fn a_window_has_a_length() {
        assert_eq!(window_of("2026-11-22", "2026-11-20"), Err("not_after_from".to_owned()));
        assert_eq!(
            window_of("2026-12-01", "2027-01-31").map(|window| window.is_some()),
            Ok(true)
        );
        assert_eq!(window_of("2026-12-01", "2027-02-01"), Err("too_long".to_owned()));
        // 62 days with the clock set back in them last an hour longer.
        assert!(
            window(
                Some("2018-01-20".parse().unwrap()),
                Some("2018-03-22".parse().unwrap()),
                zone(),
                now()
            )
            .is_ok()
        );
    }

    #[test]
    fn own_hours_replace_the_clinics_whole() {
        let entry = |practitioner: Option<u128>, weekday| HoursRow {
            practitioner: practitioner.map(|number| PractitionerId::from_uuid(Uuid::from_u128(number))),
            hours: WeeklyHours {
                weekday,
                opens_at: "08:00:00".parse().unwrap(),
                closes_at: "18:00:00".parse().unwrap(),
                valid_from: None,
                valid_until: None,
            },
        };
        let rows = [entry(None, chrono::Weekday::Mon), entry(Some(1), chrono::Weekday::Tue)];
        let weekdays = |number| -> Vec<chrono::Weekday> {
            hours_of(PractitionerId::from_uuid(Uuid::from_u128(number)), &rows)
                .iter()
                .map(|hours| hours.weekday)
                .collect()
        };
        assert_eq!(weekdays(1), [chrono::Weekday::Tue]);
        assert_eq!(weekdays(2), [chrono::Weekday::Mon]);
    }

    #[test]
    fn a_list_of_rooms_leaves_the_others_out() {
        let room = |number: u128, archived, listed: bool| {
            let id = RoomId::from_uuid(Uuid::from_u128(number));
            RoomRow {
                id,
                name: format!("Sala {number}"),
                archived,
                listed: listed.then_some(id),
            }
        };
        let count = |rooms: &[RoomRow]| suitable_rooms(rooms).len();
        assert_eq!(
            count(&[room(1, false, false), room(2, false, false), room(3, true, false)]),
            2
        );
        assert_eq!(count(&[room(1, false, true), room(2, false, false)]), 1);
        assert_eq!(count(&[room(1, true, true), room(2, false, false)]), 0);
    }
}
