//! The agenda of a demo clinic: for each practitioner and working day a believable row of appointments.

use appointments::booking::{AppointmentStatus, BookingError, BookingRequest, Terms, book};
use chrono::{Datelike as _, NaiveDate, NaiveTime, TimeDelta, Weekday};
use db::schema::{appointments as appointment_rows, contacts, holidays, practitioners, services};
use db::{Db, DbError, QueryResultExt as _, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ContactId, PractitionerId, ServiceId, System, Timestamp, Zone};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::practice::refused;
use super::{DAYS, DemoError};

/// Who and what the agenda is made of.
struct Cast {
    practitioners: Vec<PractitionerId>,
    contacts: Vec<ContactId>,
    services: Vec<(ServiceId, i32)>,
    holidays: Vec<NaiveDate>,
}

/// Fills the working days a month back and ahead that have no appointments yet; gives how many appointments were made.
pub(super) async fn ensure(
    db: &Db,
    caller: &System,
    zone: Zone,
    seed: u64,
    progress: impl Fn(u64, u64),
) -> Result<usize, DemoError> {
    let cast: Cast = db.read(caller, load_cast).await?;
    let now = db.clock().now();
    let today = now.date_in(zone);
    let days: Vec<NaiveDate> = (today - DAYS)
        .iter_days()
        .take_while(|day| *day <= today + DAYS)
        .filter(|day| day.weekday() != Weekday::Sun && !cast.holidays.contains(day))
        .collect();
    let mut made = 0;
    for (done, day) in (1..).zip(&days) {
        made += db
            .write(caller, async |tx| fill_day(tx, &cast, zone, *day, seed, now).await)
            .await?;
        progress(done, u64::try_from(days.len()).unwrap_or(done));
    }
    Ok(made)
}

async fn load_cast(tx: &TenantRead<'_>) -> Result<Cast, DemoError> {
    let practitioners = practitioners::table
        .filter(practitioners::clinic_id.eq(tx.clinic()))
        .order(practitioners::id)
        .select(practitioners::id)
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    let contacts = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::kind.eq("patient"))
        .filter(contacts::archived_at.is_null())
        .order(contacts::id)
        .select(contacts::id)
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    let services = services::table
        .filter(services::clinic_id.eq(tx.clinic()))
        .filter(services::needs_room.eq(false))
        .order(services::id)
        .select((services::id, services::duration_minutes))
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    let holidays = holidays::table
        .filter(holidays::clinic_id.eq(tx.clinic()))
        .select(holidays::date)
        .load(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(Cast {
        practitioners,
        contacts,
        services,
        holidays,
    })
}

/// Fills `day` for every practitioner, unless it has appointments already.
async fn fill_day(
    tx: &mut TenantTx<'_>,
    cast: &Cast,
    zone: Zone,
    day: NaiveDate,
    seed: u64,
    now: Timestamp,
) -> Result<usize, DemoError> {
    let (Some(starts_at), Some(ends_at)) = (zone.start_of_day(day), zone.start_of_day(day + TimeDelta::days(1))) else {
        return Ok(0);
    };
    let present: i64 = appointment_rows::table
        .filter(appointment_rows::clinic_id.eq(tx.clinic()))
        .filter(appointment_rows::starts_at.ge(starts_at))
        .filter(appointment_rows::starts_at.lt(ends_at))
        .count()
        .get_result(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    if present > 0 {
        return Ok(0);
    }
    let mut made = 0;
    for (index, practitioner) in (0_u64..).zip(&cast.practitioners) {
        let day_number = u64::try_from(day.num_days_from_ce()).unwrap_or_default();
        let mut random = StdRng::seed_from_u64(seed * 1_000_003 + day_number * 31 + index);
        for request in row_of(cast, zone, day, *practitioner, now, &mut random) {
            book(tx, &request).await.map_err(from_booking)?;
            made += 1;
        }
    }
    Ok(made)
}

fn from_booking(error: BookingError) -> DemoError {
    match error {
        BookingError::Database(error) => DemoError::Database(error),
        other => refused(other),
    }
}

/// One practitioner's appointments of one day: morning and afternoon, with gaps.
fn row_of(
    cast: &Cast,
    zone: Zone,
    day: NaiveDate,
    practitioner: PractitionerId,
    now: Timestamp,
    random: &mut StdRng,
) -> Vec<BookingRequest> {
    let sessions: &[(u32, u32)] = if day.weekday() == Weekday::Sat {
        &[(8, 12)]
    } else {
        &[(8, 12), (13, 17)]
    };
    let fullness = if day > now.date_in(zone) + TimeDelta::days(7) {
        0.35
    } else {
        0.7
    };
    let mut row = Vec::new();
    for (from, until) in sessions {
        let mut minute = from * 60;
        while minute < until * 60 {
            let (Some((service, duration)), Some(contact)) =
                (cast.services.choose(random), cast.contacts.choose(random))
            else {
                return row;
            };
            let length = u32::try_from(*duration).unwrap_or(30);
            if minute + length > until * 60 {
                break;
            }
            let start = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0)
                .and_then(|time| zone.instant_of(day.and_time(time)));
            if let Some(starts_at) = start
                && random.random_bool(fullness)
            {
                row.push(BookingRequest {
                    id: None,
                    contact: *contact,
                    practitioner,
                    service: Some(*service),
                    room: None,
                    starts_at,
                    ends_at: None,
                    notes: None,
                    hold: None,
                    terms: Terms::Imported {
                        status: status_of(starts_at, now, random),
                        overbook: false,
                    },
                });
            }
            // On the grid of the clinic: a quarter of an hour.
            minute += length.div_ceil(15) * 15;
        }
    }
    row
}

/// How an appointment at `starts_at` stands by now.
fn status_of(starts_at: Timestamp, now: Timestamp, random: &mut StdRng) -> AppointmentStatus {
    let chance: f64 = random.random();
    if starts_at < now {
        match chance {
            chance if chance < 0.80 => AppointmentStatus::Completed,
            chance if chance < 0.92 => AppointmentStatus::NoShow,
            _ => AppointmentStatus::Cancelled,
        }
    } else {
        match chance {
            chance if chance < 0.55 => AppointmentStatus::Scheduled,
            chance if chance < 0.95 => AppointmentStatus::Confirmed,
            _ => AppointmentStatus::Cancelled,
        }
    }
}
