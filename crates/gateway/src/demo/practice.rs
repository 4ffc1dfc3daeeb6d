//! What the demo clinics work with: rooms, practitioners, services, hours, holidays.

use chrono::Datelike as _;
use clinics::practitioners::{NewPractitioner, create_practitioner};
use clinics::rooms::{NewRoom, create_room};
use clinics::schedule::holidays::{NationalYear, import_national_holidays};
use clinics::schedule::opening_hours::{HoursEntry, set_week_hours};
use clinics::services::{NewService, create_service};
use clinics::{Bounded, services::FollowUpDays};
use db::schema::rooms;
use db::{Db, DbError, QueryResultExt as _, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::documents::CouncilRegistration;
use kernel::money::{Currency, Money};
use kernel::{IsoWeekday, MembershipId, PractitionerId, RoomId, System};

use super::{DemoClinic, DemoError, value};

const ROOMS: [&str; 4] = [
    "Consultório 1",
    "Consultório 2",
    "Consultório 3",
    "Sala de procedimentos",
];

/// Name, specialty, number in the council's register.
const PRACTITIONERS: [(&str, &str, &str); 4] = [
    ("Beatriz Lima", "Clínica geral", "123456"),
    ("Rafael Azevedo", "Cardiologia", "234567"),
    ("Camila Duarte", "Dermatologia", "345678"),
    ("Otávio Brandão", "Pediatria", "456789"),
];

/// The working week: weekday (1 is Monday), opening, closing.
const WEEK: [(i16, &str, &str); 11] = [
    (1, "08:00", "12:00"),
    (1, "13:00", "18:00"),
    (2, "08:00", "12:00"),
    (2, "13:00", "18:00"),
    (3, "08:00", "12:00"),
    (3, "13:00", "18:00"),
    (4, "08:00", "12:00"),
    (4, "13:00", "18:00"),
    (5, "08:00", "12:00"),
    (5, "13:00", "17:00"),
    (6, "08:00", "12:00"),
];

/// Makes it all, in one transaction, unless it is there.
pub(super) async fn ensure(
    db: &Db,
    caller: &System,
    clinic: DemoClinic,
    member: Option<MembershipId>,
) -> Result<(), DemoError> {
    db.write(caller, async |tx| {
        let present: i64 = rooms::table
            .filter(rooms::clinic_id.eq(tx.clinic()))
            .count()
            .get_result(&mut tx.conn())
            .await
            .or_database::<DbError>()?;
        if present > 0 {
            return Ok(());
        }
        let rooms = make_rooms(tx).await?;
        let practitioners = make_practitioners(tx, clinic, member).await?;
        make_services(tx, &practitioners, &rooms).await?;
        let week = WEEK
            .iter()
            .map(|(weekday, opens, closes)| {
                Ok(HoursEntry {
                    weekday: IsoWeekday::try_from(*weekday).map_err(refused)?,
                    opens_at: value(opens)?,
                    closes_at: value(closes)?,
                    valid_from: None,
                    valid_until: None,
                })
            })
            .collect::<Result<Vec<_>, DemoError>>()?;
        set_week_hours(tx, None, &week).await.map_err(refused)?;
        let year = tx.now().as_datetime().year();
        for year in [year, year + 1] {
            let year = NationalYear::new(year).map_err(refused)?;
            import_national_holidays(tx, year, true).await.map_err(refused)?;
        }
        Ok(())
    })
    .await
}

/// A refusal of a service, which for values of ours is a mistake.
pub(super) fn refused(error: impl std::fmt::Display) -> DemoError {
    DemoError::Refused(error.to_string())
}

async fn make_rooms(tx: &mut TenantTx<'_>) -> Result<Vec<RoomId>, DemoError> {
    let mut made = Vec::new();
    for name in ROOMS {
        made.push(
            create_room(
                tx,
                &NewRoom {
                    id: None,
                    name: value(name)?,
                },
            )
            .await
            .map_err(refused)?
            .id,
        );
    }
    Ok(made)
}

async fn make_practitioners(
    tx: &mut TenantTx<'_>,
    clinic: DemoClinic,
    member: Option<MembershipId>,
) -> Result<Vec<PractitionerId>, DemoError> {
    let mut made = Vec::new();
    for (index, (name, specialty, number)) in PRACTITIONERS.into_iter().enumerate() {
        let new = NewPractitioner {
            id: None,
            membership_id: member.filter(|_| index == 0),
            name: value(name)?,
            registration: CouncilRegistration::parse("CRM", number, clinic.state).map_err(refused)?,
            specialty: Some(value(specialty)?),
            service_ids: Vec::new(),
        };
        made.push(create_practitioner(tx, &new).await.map_err(refused)?.row.id);
    }
    Ok(made)
}

async fn make_services(
    tx: &mut TenantTx<'_>,
    practitioners: &[PractitionerId],
    rooms: &[RoomId],
) -> Result<(), DemoError> {
    let service = |name: &str, minutes: i32, cents: i64| -> Result<NewService, DemoError> {
        Ok(NewService {
            id: None,
            name: value(name)?,
            duration_minutes: Bounded::new(minutes).map_err(refused)?,
            buffer_before_minutes: Bounded::of::<0>(),
            buffer_after_minutes: Bounded::of::<0>(),
            slot_step_minutes: None,
            price: Money::new(cents, Currency::BRL),
            online_bookable: true,
            needs_room: false,
            follow_up_days: None,
            practitioner_ids: practitioners.to_vec(),
            room_ids: Vec::new(),
        })
    };
    let consultation = NewService {
        follow_up_days: Some(FollowUpDays::of::<30>()),
        ..service("Consulta", 30, 28_000)?
    };
    let procedure = NewService {
        needs_room: true,
        buffer_after_minutes: Bounded::of::<15>(),
        online_bookable: false,
        room_ids: rooms.last().copied().into_iter().collect(),
        ..service("Procedimento", 60, 65_000)?
    };
    for new in [
        consultation,
        service("Avaliação", 45, 35_000)?,
        service("Teleconsulta", 20, 18_000)?,
        procedure,
    ] {
        create_service(tx, &new).await.map_err(refused)?;
    }
    Ok(())
}
