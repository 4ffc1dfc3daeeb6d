//! Every line of SQL about busy time.

use db::schema::{occupancies, rooms, service_rooms};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::dsl::{IsNotDistinctFrom, exists};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt};
use diesel_async::{AsyncConnectionCore, RunQueryDsl};
use kernel::{AppointmentId, ClinicId, HoldId, PractitionerId, RoomId, ServiceId, Timestamp};
use uuid::Uuid;

use super::{BusySpan, Claim, Holder, LONGEST, LockKeys, RoomState, Taken};

/// The constraint that keeps a practitioner from being in two places.
pub(crate) const PRACTITIONER_FREE: &str = "occupancies_practitioner_free";
/// The constraint that keeps a room from being used twice.
pub(crate) const ROOM_FREE: &str = "occupancies_room_free";

/// That busy time is taken from others. Said in a way from which the planner cannot tell that the constraints' indexes would
/// do: asked without a range, they give all that a practitioner ever had.
pub(crate) fn is_exclusive() -> IsNotDistinctFrom<occupancies::exclusive, bool> {
    occupancies::exclusive.is_not_distinct_from(true)
}

/// A row of busy time.
#[derive(Debug, Clone, Copy, Insertable)]
#[diesel(table_name = occupancies, treat_none_as_default_value = false)]
pub(crate) struct NewOccupancy {
    clinic_id: ClinicId,
    id: Uuid,
    appointment_id: Option<AppointmentId>,
    hold_id: Option<HoldId>,
    practitioner_id: PractitionerId,
    room_id: Option<RoomId>,
    busy_from: Timestamp,
    busy_until: Timestamp,
    exclusive: bool,
    expires_at: Option<Timestamp>,
}

impl NewOccupancy {
    /// The row of `claim` for `holder`; it shares its holder's id, of which it is the only one.
    pub(crate) fn of(clinic: ClinicId, holder: Holder, claim: &Claim) -> Self {
        let Claim {
            practitioner,
            room,
            busy,
            exclusive,
        } = *claim;
        let (id, appointment_id, hold_id, expires_at) = match holder {
            Holder::Appointment(id) => (Uuid::from(id), Some(id), None, None),
            Holder::Hold { id, expires_at } => (Uuid::from(id), None, Some(id), Some(expires_at)),
        };
        Self {
            clinic_id: clinic,
            id,
            appointment_id,
            hold_id,
            practitioner_id: practitioner,
            room_id: room,
            busy_from: busy.from(),
            busy_until: busy.until(),
            exclusive,
            expires_at,
        }
    }
}

/// What an appointment's row of busy time becomes when it moves.
#[derive(Debug, Clone, Copy, AsChangeset)]
#[diesel(table_name = occupancies, treat_none_as_null = true)]
pub(crate) struct MovedOccupancy {
    practitioner_id: PractitionerId,
    room_id: Option<RoomId>,
    busy_from: Timestamp,
    busy_until: Timestamp,
    exclusive: bool,
}

impl From<&Claim> for MovedOccupancy {
    fn from(claim: &Claim) -> Self {
        let Claim {
            practitioner,
            room,
            busy,
            exclusive,
        } = *claim;
        Self {
            practitioner_id: practitioner,
            room_id: room,
            busy_from: busy.from(),
            busy_until: busy.until(),
            exclusive,
        }
    }
}

/// Takes advisory locks in the order of their numbers: `SELECT pg_advisory_xact_lock(key) FROM unnest($1) AS key`.
#[derive(Debug, QueryId)]
struct TakeLocks(Vec<i64>);

impl QueryFragment<Pg> for TakeLocks {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT pg_advisory_xact_lock(key) FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.0)?;
        out.push_sql(") AS key");
        Ok(())
    }
}

/// Takes the locks, waiting for each. Held until the transaction ends.
pub(crate) async fn lock(tx: &TenantRead<'_>, keys: &LockKeys) -> Result<(), DbError> {
    AsyncConnectionCore::execute_returning_count(&mut tx.conn(), TakeLocks(keys.iter().collect())).await?;
    Ok(())
}

/// A row that overlaps a claim.
#[derive(Debug, Queryable)]
struct Obstacle {
    practitioner: PractitionerId,
    hold: Option<HoldId>,
    expires_at: Option<Timestamp>,
}

/// Removes lapsed holds from where `claim` goes, and says early when something live is there. The early word spares the
/// losers of a race a failed INSERT; the constraints decide all the same. What `own` keeps busy is not in its own way.
pub(crate) async fn make_way(
    tx: &TenantRead<'_>,
    claim: &Claim,
    own: Option<AppointmentId>,
) -> Result<Option<Taken>, DbError> {
    let obstacles: Vec<Obstacle> = occupancies::table
        .filter(occupancies::clinic_id.eq(tx.clinic()))
        .filter(
            occupancies::practitioner_id
                .eq(claim.practitioner)
                .nullable()
                .or(occupancies::room_id.eq(claim.room)),
        )
        .filter(occupancies::busy_from.ge(claim.busy.from().saturating_add(-LONGEST)))
        .filter(occupancies::busy_from.lt(claim.busy.until()))
        .filter(occupancies::busy_until.gt(claim.busy.from()))
        .filter(is_exclusive())
        .filter(
            occupancies::appointment_id
                .is_distinct_from(own)
                .or(occupancies::appointment_id.is_null()),
        )
        .select((
            occupancies::practitioner_id,
            occupancies::hold_id,
            occupancies::expires_at,
        ))
        .load(&mut tx.conn())
        .await?;
    let (lapsed, live): (Vec<_>, Vec<_>) = obstacles
        .into_iter()
        .partition(|row| row.expires_at.is_some_and(|expires_at| expires_at <= tx.now()));
    if !live.is_empty() {
        let practitioner_taken = live.iter().any(|row| row.practitioner == claim.practitioner);
        return Ok(Some(if practitioner_taken {
            Taken::Practitioner
        } else {
            Taken::Room
        }));
    }
    let lapsed: Vec<HoldId> = lapsed.into_iter().filter_map(|row| row.hold).collect();
    if !lapsed.is_empty() {
        crate::holds::store::remove(tx, &lapsed).await?;
    }
    Ok(None)
}

/// The rooms where `service` may take place, in order of their names, and which are busy during `busy`; what `own` keeps busy
/// counts as free.
pub(crate) async fn rooms_for(
    tx: &TenantRead<'_>,
    service: Option<ServiceId>,
    busy: &BusySpan,
    own: Option<AppointmentId>,
) -> Result<Vec<RoomState>, DbError> {
    let listed = || {
        service_rooms::table
            .filter(service_rooms::clinic_id.eq(tx.clinic()))
            .filter(service_rooms::service_id.nullable().eq(service))
    };
    let taken = occupancies::table
        .filter(occupancies::clinic_id.eq(tx.clinic()))
        .filter(occupancies::room_id.eq(rooms::id.nullable()))
        .filter(occupancies::busy_from.ge(busy.from().saturating_add(-LONGEST)))
        .filter(occupancies::busy_from.lt(busy.until()))
        .filter(occupancies::busy_until.gt(busy.from()))
        .filter(is_exclusive())
        .filter(
            occupancies::expires_at
                .is_null()
                .or(occupancies::expires_at.gt(tx.now()).assume_not_null()),
        )
        .filter(
            occupancies::appointment_id
                .is_distinct_from(own)
                .or(occupancies::appointment_id.is_null()),
        );
    rooms::table
        .filter(rooms::clinic_id.eq(tx.clinic()))
        .filter(rooms::archived_at.is_null())
        .filter(diesel::dsl::not(exists(listed())).or(exists(listed().filter(service_rooms::room_id.eq(rooms::id)))))
        .select((rooms::id, exists(taken)))
        .order((rooms::name, rooms::id))
        .load(&mut tx.conn())
        .await
        .or_database()
}
