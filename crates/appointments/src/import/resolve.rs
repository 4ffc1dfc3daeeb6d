//! What a line says in the clinic's terms: its id, its time, its day. Pure.

use aws_lc_rs::digest;
use chrono::{Days, NaiveDate, TimeDelta};
use kernel::{AppointmentId, ClinicId, TimeSlot, Zone};

use super::ends::{LineEnd, rejected};
use super::row::{Draft, Length, When};
use crate::availability::spans::Span;

/// The id of the appointment that the other system calls `external_id`: always the same in one clinic, so that a line which
/// comes again is known. A UUID of version 8 (RFC 9562, 5.8).
pub(super) fn id_of(clinic: ClinicId, external_id: &str) -> AppointmentId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"appointment import\0");
    context.update(clinic.as_uuid().as_bytes());
    context.update(external_id.as_bytes());
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(context.finish().as_ref())
        .for_each(|(byte, hashed)| *byte = *hashed);
    AppointmentId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The slot that `draft` gives, `duration` long where it has no end.
pub(super) fn slot_of(draft: &Draft, duration: Option<TimeDelta>, zone: Zone) -> Result<TimeSlot, LineEnd> {
    let invalid = || rejected("starts_at", "invalid_time", "there is no such time");
    let starts_at = match draft.when {
        When::At(instant) => instant,
        When::Local(local) => zone.instant_of(local).ok_or_else(invalid)?,
        When::Day(_) => return Err(invalid()),
    };
    let ends_at = match draft.length {
        Some(Length::UntilAt(instant)) => Some(instant),
        Some(Length::UntilLocal(local)) => zone.instant_of(local),
        Some(Length::UntilTime(time)) => {
            let start = starts_at.local_in(zone);
            let same_day = start.date().and_time(time);
            let end = if same_day > start {
                Some(same_day)
            } else {
                same_day.checked_add_days(Days::new(1))
            };
            end.and_then(|end| zone.instant_of(end))
        }
        Some(Length::For(duration)) => Some(starts_at.saturating_add(duration)),
        None => duration.map(|duration| starts_at.saturating_add(duration)),
    };
    let ends_at = ends_at.ok_or_else(|| {
        rejected(
            "duration_minutes",
            "missing",
            "neither the line nor the options say how long it lasts",
        )
    })?;
    TimeSlot::new(starts_at, ends_at).map_err(|error| rejected("ends_at", "invalid_slot", &error.to_string()))
}

/// The day `date` in `zone`, from its first instant to its last.
pub(super) fn whole_day(date: NaiveDate, zone: Zone) -> Option<Span> {
    Span::new(zone.start_of_day(date)?, zone.start_of_day(date.succ_opt()?)?)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::import::person::Person;

    fn draft(when: When, length: Option<Length>) -> Draft {
        Draft {
            external_id: None,
            person: Person::default(),
            practitioner: None,
            service: None,
            when,
            length,
            status: None,
            notes: None,
        }
    }

    fn local(text: &str) -> When {
        When::Local(text.parse().unwrap())
    }

    #[test]
    fn an_end_is_a_time_a_length_or_the_services() {
        let zone: Zone = "America/Sao_Paulo".parse().unwrap();
        let ends = |when, length, duration: Option<i64>| {
            slot_of(&draft(when, length), duration.map(TimeDelta::minutes), zone)
                .ok()
                .map(|slot| slot.ends_at().to_string())
        };
        let start = local("2026-11-23T23:30:00");
        assert_eq!(ends(start, None, Some(30)).as_deref(), Some("2026-11-24T03:00:00Z"));
        assert_eq!(
            ends(start, Some(Length::For(TimeDelta::minutes(45))), Some(30)).as_deref(),
            Some("2026-11-24T03:15:00Z")
        );
        let midnight = Length::UntilTime("00:15:00".parse().unwrap());
        assert_eq!(
            ends(start, Some(midnight), None).as_deref(),
            Some("2026-11-24T03:15:00Z")
        );
        assert_eq!(ends(start, None, None), None);
        let before = Length::UntilLocal("2026-11-23T23:00:00".parse().unwrap());
        assert_eq!(ends(start, Some(before), None), None);
    }

    #[test]
    fn an_external_id_is_the_same_appointment_in_one_clinic_alone() {
        let clinic = |number| ClinicId::from_uuid(Uuid::from_u128(number));
        assert_eq!(id_of(clinic(1), "5642903"), id_of(clinic(1), "5642903"));
        assert_ne!(id_of(clinic(1), "5642903"), id_of(clinic(2), "5642903"));
        assert_ne!(id_of(clinic(1), "5642903"), id_of(clinic(1), "5642904"));
        assert_eq!(id_of(clinic(1), "5642903").as_uuid().get_version_num(), 8);
    }
}
