//! Every line of SQL about holds. A hold whose time has come is treated as gone, whether or not its row is there still.

use db::schema::{holds, occupancies, waitlist_offers};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ClinicId, ContactId, HoldId, PractitionerId, RoomId, ServiceId, Timestamp, WaitlistEntryId};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::model::Hold;
use crate::booking::BookingError;
use crate::freed::FreedTime;
use crate::occupancy::store::{NewOccupancy, PRACTITIONER_FREE, ROOM_FREE};
use crate::occupancy::{Claim, Holder, Taken};
use crate::together::together;
use crate::waitlist::OfferStatus;

/// A hold to be inserted.
#[derive(Debug, Clone, Copy, Insertable)]
#[diesel(table_name = holds, treat_none_as_default_value = false)]
pub(super) struct NewHold {
    pub(super) clinic_id: ClinicId,
    pub(super) id: HoldId,
    pub(super) practitioner_id: PractitionerId,
    pub(super) room_id: Option<RoomId>,
    pub(super) service_id: Option<ServiceId>,
    pub(super) contact_id: Option<ContactId>,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// Which holds to list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Narrowing {
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) contact: Option<ContactId>,
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct HoldPosition {
    pub(super) starts_at: Timestamp,
    pub(super) id: HoldId,
}

/// Inserts a hold and the time that it keeps busy. The constraints decide who wins.
pub(super) async fn insert(tx: &TenantRead<'_>, new: NewHold, claim: &Claim) -> Result<Hold, BookingError> {
    let holder = Holder::Hold {
        id: new.id,
        expires_at: new.expires_at,
    };
    let occupancy = diesel::insert_into(occupancies::table).values(NewOccupancy::of(tx.clinic(), holder, claim));
    let main = diesel::insert_into(holds::table)
        .values(new)
        .returning(Hold::as_returning());
    together((occupancy,), main)
        .get_result(&mut tx.conn())
        .await
        .on_constraint(PRACTITIONER_FREE, || BookingError::Conflict(Taken::Practitioner))
        .on_constraint(ROOM_FREE, || BookingError::Conflict(Taken::Room))
        .or_database()
}

/// The hold `id`, when it has not lapsed.
pub(crate) async fn find(tx: &TenantRead<'_>, id: HoldId) -> Result<Option<Hold>, DbError> {
    holds::table
        .filter(holds::clinic_id.eq(tx.clinic()))
        .filter(holds::id.eq(id))
        .filter(holds::expires_at.gt(tx.now()))
        .select(Hold::as_select())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// One page of the holds that have not lapsed, by their start.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    narrowing: Narrowing,
    paging: &Paging<HoldPosition>,
) -> Result<Vec<Hold>, DbError> {
    let mut query = holds::table
        .filter(holds::clinic_id.eq(tx.clinic()))
        .filter(holds::expires_at.gt(tx.now()))
        .select(Hold::as_select())
        .order((holds::starts_at, holds::id))
        .limit(paging.fetch())
        .into_boxed();
    if let Some(practitioner) = narrowing.practitioner {
        query = query.filter(holds::practitioner_id.eq(practitioner));
    }
    if let Some(contact) = narrowing.contact {
        query = query.filter(holds::contact_id.eq(contact));
    }
    if let Some(HoldPosition { starts_at, id }) = paging.after() {
        query = query
            .filter(holds::starts_at.ge(*starts_at))
            .filter(holds::starts_at.gt(*starts_at).or(holds::id.gt(*id)));
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Takes the hold `id` away for good, with the time it kept busy; says whether it was there and had not lapsed, so that only
/// one of several can have it.
pub(crate) async fn take(tx: &TenantRead<'_>, id: HoldId) -> Result<bool, DbError> {
    let taken = diesel::delete(
        holds::table
            .filter(holds::clinic_id.eq(tx.clinic()))
            .filter(holds::id.eq(id))
            .filter(holds::expires_at.gt(tx.now())),
    )
    .execute(&mut tx.conn())
    .await?;
    Ok(taken > 0)
}

/// Takes the hold `id` away if it has not lapsed; gives the time that is free again.
pub(super) async fn release(tx: &TenantRead<'_>, id: HoldId) -> Result<Option<FreedTime>, DbError> {
    diesel::delete(
        holds::table
            .filter(holds::clinic_id.eq(tx.clinic()))
            .filter(holds::id.eq(id))
            .filter(holds::expires_at.gt(tx.now())),
    )
    .returning((holds::practitioner_id, holds::starts_at, holds::ends_at))
    .get_result(&mut tx.conn())
    .await
    .optional()
    .map(|row| row.map(freed))
    .or_database()
}

/// Removes the hold `id` if it has lapsed; gives the time that is free again.
pub(super) async fn remove_lapsed(tx: &TenantRead<'_>, id: HoldId) -> Result<Option<FreedTime>, DbError> {
    diesel::delete(
        holds::table
            .filter(holds::clinic_id.eq(tx.clinic()))
            .filter(holds::id.eq(id))
            .filter(holds::expires_at.le(tx.now())),
    )
    .returning((holds::practitioner_id, holds::starts_at, holds::ends_at))
    .get_result(&mut tx.conn())
    .await
    .optional()
    .map(|row| row.map(freed))
    .or_database()
}

const fn freed((practitioner_id, from, until): (PractitionerId, Timestamp, Timestamp)) -> FreedTime {
    FreedTime {
        practitioner_id,
        from,
        until,
    }
}

/// Removes `ids` if they have lapsed; says how many were there.
pub(crate) async fn remove(tx: &TenantRead<'_>, ids: &[HoldId]) -> Result<usize, DbError> {
    diesel::delete(
        holds::table
            .filter(holds::clinic_id.eq(tx.clinic()))
            .filter(holds::id.eq_any(ids))
            .filter(holds::expires_at.le(tx.now())),
    )
    .execute(&mut tx.conn())
    .await
    .or_database()
}

/// Gives every hold of `from` to `into`; says which.
pub(crate) async fn move_contact(
    tx: &TenantRead<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<HoldId>, DbError> {
    diesel::update(
        holds::table
            .filter(holds::clinic_id.eq(tx.clinic()))
            .filter(holds::contact_id.eq(from)),
    )
    .set(holds::contact_id.eq(into))
    .returning(holds::id)
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Gives those of `moved` that are still `from`'s back to `back_to`; says which.
pub(crate) async fn restore_contact(
    tx: &TenantRead<'_>,
    moved: &[HoldId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<HoldId>, DbError> {
    diesel::update(
        holds::table
            .filter(holds::clinic_id.eq(tx.clinic()))
            .filter(holds::id.eq_any(moved))
            .filter(holds::contact_id.eq(from)),
    )
    .set(holds::contact_id.eq(back_to))
    .returning(holds::id)
    .get_results(&mut tx.conn())
    .await
    .or_database()
}

/// Gives those holds of `from` to `back_to` that keep time which is offered to `entries`; says which.
pub(crate) async fn restore_offered(
    tx: &TenantRead<'_>,
    entries: &[WaitlistEntryId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<HoldId>, DbError> {
    let offered = waitlist_offers::table
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::entry_id.eq_any(entries))
        .filter(waitlist_offers::status.eq(OfferStatus::Offered))
        .select(waitlist_offers::hold_id);
    diesel::update(
        holds::table
            .filter(holds::clinic_id.eq(tx.clinic()))
            .filter(holds::contact_id.eq(from))
            .filter(holds::id.eq_any(offered)),
    )
    .set(holds::contact_id.eq(back_to))
    .returning(holds::id)
    .get_results(&mut tx.conn())
    .await
    .or_database()
}
