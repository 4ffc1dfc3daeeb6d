//! What people write into the cells of a file: times, ages, words for a status. Pure.

use chrono::{DateTime, NaiveTime, Timelike};
use kernel::Zone;
use kernel::fold::fold;
use tabular::parse_date;

use super::row::When;
use crate::booking::AppointmentStatus;

/// The oldest that anybody is taken to be, in years.
const OLDEST: u8 = 130;

pub(super) fn parse_age(text: &str) -> Result<u8, (&'static str, String)> {
    text.parse::<u8>()
        .ok()
        .filter(|age| *age <= OLDEST)
        .ok_or(("out_of_range", format!("an age is 0 to {OLDEST} years, not {text:?}")))
}

/// A time of day as people write it: `14:30`, `14:30:00`, `14h30`, `14h`.
pub(super) fn parse_time(text: &str) -> Result<NaiveTime, (&'static str, String)> {
    let plain = text.trim().to_lowercase().replace('h', ":");
    let plain = plain
        .strip_suffix(':')
        .map_or_else(|| plain.clone(), |hour| format!("{hour}:00"));
    ["%H:%M", "%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveTime::parse_from_str(&plain, format).ok())
        .ok_or(("invalid_time", "a time of day is written as 14:30".to_owned()))
}

pub(super) fn parse_when(text: &str, lay_out: bool) -> Option<When> {
    let text = text.trim();
    let when = if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        let midnight = moment.num_seconds_from_midnight() == 0;
        if lay_out && midnight {
            When::Day(moment.date_naive())
        } else {
            When::At(text.parse().ok()?)
        }
    } else if let Some((day, time)) = text.split_once([' ', 'T']) {
        let (day, time) = (parse_date(day).ok()?, parse_time(time).ok()?);
        if lay_out && time == NaiveTime::MIN {
            When::Day(day)
        } else {
            When::Local(day.and_time(time))
        }
    } else {
        When::Day(parse_date(text).ok()?)
    };
    // Years in which no clinic's business lies are a typing error.
    let local = match when {
        When::At(_) => return Some(when),
        When::Local(local) => local,
        When::Day(day) => day.and_time(NaiveTime::MIN),
    };
    Zone::UTC.instant_of(local).map(|_| when)
}

/// The status that people mean by `text`.
pub(super) fn status_named(text: &str) -> Option<AppointmentStatus> {
    use AppointmentStatus::{Cancelled, CheckedIn, Completed, Confirmed, InProgress, NoShow, Scheduled};
    Some(match fold(text).replace(['-', '_'], " ").as_str() {
        "scheduled" | "agendado" | "agendada" | "marcado" | "marcada" => Scheduled,
        "confirmed" | "confirmado" | "confirmada" => Confirmed,
        "checked in" | "presente" | "chegou" | "aguardando" => CheckedIn,
        "in progress" | "em atendimento" => InProgress,
        "completed" | "done" | "concluido" | "concluida" | "realizado" | "realizada" | "atendido" | "atendida"
        | "finalizado" | "finalizada" | "compareceu" => Completed,
        "cancelled" | "canceled" | "cancelado" | "cancelada" | "desmarcado" | "desmarcada" => Cancelled,
        "no show" | "faltou" | "falta" | "nao compareceu" => NoShow,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, shown) in [
            ("14:30", "14:30:00"),
            ("14h30", "14:30:00"),
            ("14h", "14:00:00"),
            ("9:05", "09:05:00"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), shown, "{text}");
        }
        for text in ["25:00", "14", "", "noon"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
