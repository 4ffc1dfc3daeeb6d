//! The SQL of offers.

use db::schema::functions::pg_advisory_xact_lock;
use db::schema::{appointments, holds, waitlist_entries, waitlist_offers};
use db::{DbError, Literal, QueryResultExt, TenantRead, named_by};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AppointmentId, ContactId, PractitionerId, ServiceId, Timestamp, WaitlistEntryId, WaitlistOfferId};
use rest::Paging;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::WaitlistError;
use super::model::{Offer, OfferStatus};
use crate::booking::{AppointmentStatus, BookingError};
use crate::holds::model::Hold;
use crate::occupancy::Taken;

/// Where a page ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct OfferPosition {
    pub(super) offered_at: Timestamp,
    pub(super) id: WaitlistOfferId,
}

/// Lets one transaction at a time decide who is offered what in this clinic; the constraints hold without it, but two would offer
/// the same things and one would have to begin again.
pub(super) async fn take_turn(tx: &TenantRead<'_>) -> Result<(), DbError> {
    let (high, low) = tx.clinic().as_uuid().as_u64_pair();
    // Any number will do that is the clinic's own and differs from those of bookings, which are hashes.
    let key = i64::from_be_bytes((high ^ low.rotate_left(17)).to_be_bytes());
    diesel::select(pg_advisory_xact_lock(key))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Inserts the offer of what `hold` keeps.
pub(super) async fn insert(
    tx: &TenantRead<'_>,
    entry: WaitlistEntryId,
    service: ServiceId,
    hold: &Hold,
) -> Result<Offer, WaitlistError> {
    diesel::insert_into(waitlist_offers::table)
        .values((
            waitlist_offers::clinic_id.eq(tx.clinic()),
            waitlist_offers::id.eq(WaitlistOfferId::new_at(tx.now())),
            waitlist_offers::entry_id.eq(entry),
            waitlist_offers::hold_id.eq(hold.id),
            waitlist_offers::service_id.eq(service),
            waitlist_offers::practitioner_id.eq(hold.practitioner_id),
            waitlist_offers::room_id.eq(hold.room_id),
            waitlist_offers::starts_at.eq(hold.starts_at),
            waitlist_offers::ends_at.eq(hold.ends_at),
            waitlist_offers::expires_at.eq(hold.expires_at),
            waitlist_offers::offered_at.eq(tx.now()),
        ))
        .returning(Offer::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("waitlist_offers_one_open", || WaitlistError::AlreadyOffered)
        .on_constraint("waitlist_offers_time_once", || {
            WaitlistError::NotBookable(BookingError::Conflict(Taken::Practitioner))
        })
        .or_database()
}

/// On which side of its end an offer must be to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    /// It has not lapsed.
    InTime,
    /// Its time is over.
    Over,
    /// Either.
    Any,
}

/// Closes the offer `id` as `status`, if it is open and `timing` holds. Of several who close it one gets it; the others get none.
pub(super) async fn close(
    tx: &TenantRead<'_>,
    id: WaitlistOfferId,
    status: OfferStatus,
    timing: Timing,
) -> Result<Option<Offer>, DbError> {
    diesel::update(
        waitlist_offers::table
            .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
            .filter(waitlist_offers::id.eq(id))
            .filter(waitlist_offers::status.eq(OfferStatus::Offered))
            .filter(
                waitlist_offers::expires_at
                    .gt(tx.now())
                    .or(Literal(timing != Timing::InTime)),
            )
            .filter(
                waitlist_offers::expires_at
                    .le(tx.now())
                    .or(Literal(timing != Timing::Over)),
            ),
    )
    .set((
        waitlist_offers::status.eq(status),
        waitlist_offers::closed_at.eq(tx.now()),
    ))
    .returning(Offer::as_returning())
    .get_result(&mut tx.conn())
    .await
    .optional()
    .or_database()
}

/// The entry to which the offer `id` was made.
pub(super) async fn entry_of(tx: &TenantRead<'_>, id: WaitlistOfferId) -> Result<Option<WaitlistEntryId>, DbError> {
    waitlist_offers::table
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::id.eq(id))
        .select(waitlist_offers::entry_id)
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Notes the appointment that an accepted offer became.
pub(super) async fn set_appointment(
    tx: &TenantRead<'_>,
    id: WaitlistOfferId,
    appointment: AppointmentId,
) -> Result<Offer, DbError> {
    diesel::update(waitlist_offers::table)
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::id.eq(id))
        .set(waitlist_offers::appointment_id.eq(appointment))
        .returning(Offer::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// One offer to `entry`.
pub(super) async fn find(
    tx: &TenantRead<'_>,
    entry: WaitlistEntryId,
    id: WaitlistOfferId,
) -> Result<Option<Offer>, DbError> {
    waitlist_offers::table
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::entry_id.eq(entry))
        .filter(waitlist_offers::id.eq(id))
        .select(Offer::as_select())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The open offer to `entry`, lapsed or not.
pub(super) async fn open_of(tx: &TenantRead<'_>, entry: WaitlistEntryId) -> Result<Option<Offer>, DbError> {
    waitlist_offers::table
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::entry_id.eq(entry))
        .filter(waitlist_offers::status.eq(OfferStatus::Offered))
        .select(Offer::as_select())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The open offers to `contact` that have not lapsed, the newest first.
pub(crate) async fn open_for(
    tx: &TenantRead<'_>,
    contact: ContactId,
    carrier: Option<Uuid>,
) -> Result<Vec<Offer>, DbError> {
    let mut query = waitlist_offers::table
        .inner_join(named_by!(waitlist_entries, waitlist_offers::entry_id))
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::contact_id.eq(contact))
        .filter(waitlist_offers::status.eq(OfferStatus::Offered))
        .filter(waitlist_offers::expires_at.gt(tx.now()))
        .order((waitlist_offers::offered_at.desc(), waitlist_offers::id.desc()))
        .select(Offer::as_select())
        .into_boxed();
    if let Some(carrier) = carrier {
        query = query.filter(waitlist_offers::message_id.eq(carrier));
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// The offer that was sent to `contact` last, if that was between `since` and `asked_by` and it has lapsed or was taken back.
pub(crate) async fn gone_from(
    tx: &TenantRead<'_>,
    contact: ContactId,
    (since, asked_by): (Timestamp, Timestamp),
    carrier: Option<Uuid>,
) -> Result<Option<WaitlistOfferId>, DbError> {
    let mut query = waitlist_offers::table
        .inner_join(named_by!(waitlist_entries, waitlist_offers::entry_id))
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_entries::contact_id.eq(contact))
        .filter(waitlist_offers::sent_at.between(since, asked_by))
        .order((waitlist_offers::sent_at.desc(), waitlist_offers::id.desc()))
        .select((waitlist_offers::id, waitlist_offers::status))
        .into_boxed();
    if let Some(carrier) = carrier {
        query = query.filter(waitlist_offers::message_id.eq(carrier));
    }
    let last: Option<(WaitlistOfferId, OfferStatus)> = query.first(&mut tx.conn()).await.optional()?;
    // One that is still noted as open has lapsed, or it would have been found as open.
    let is_gone = |status| {
        matches!(
            status,
            OfferStatus::Offered | OfferStatus::Lapsed | OfferStatus::Withdrawn | OfferStatus::Undelivered
        )
    };
    Ok(last.filter(|(_, status)| is_gone(*status)).map(|(id, _)| id))
}

/// One page of the offers to `entry`, oldest first.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    entry: WaitlistEntryId,
    paging: &Paging<OfferPosition>,
) -> Result<Vec<Offer>, DbError> {
    let mut query = waitlist_offers::table
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::entry_id.eq(entry))
        .select(Offer::as_select())
        .order((waitlist_offers::offered_at, waitlist_offers::id))
        .limit(paging.fetch())
        .into_boxed();
    if let Some(OfferPosition { offered_at, id }) = paging.after() {
        query = query.filter(waitlist_offers::offered_at.ge(*offered_at)).filter(
            waitlist_offers::offered_at
                .gt(*offered_at)
                .or(waitlist_offers::id.gt(*id)),
        );
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// What `entries` have refused or let lapse: whose time, from when until when.
pub(super) async fn refused(
    tx: &TenantRead<'_>,
    entries: &[WaitlistEntryId],
) -> Result<Vec<(WaitlistEntryId, PractitionerId, Timestamp, Timestamp)>, DbError> {
    waitlist_offers::table
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::entry_id.eq_any(entries))
        .filter(waitlist_offers::status.ne(OfferStatus::Offered))
        .filter(waitlist_offers::ends_at.gt(tx.now()))
        .select((
            waitlist_offers::entry_id,
            waitlist_offers::practitioner_id,
            waitlist_offers::starts_at,
            waitlist_offers::ends_at,
        ))
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// The open offers that cannot be answered any more: lapsed, or without the hold that kept their time. With the appointment that
/// the contact got at that very time, when they were booked by that hold.
pub(super) async fn stranded(tx: &TenantRead<'_>) -> Result<Vec<(Offer, Option<AppointmentId>)>, DbError> {
    let held = holds::table
        .filter(holds::clinic_id.eq(waitlist_offers::clinic_id))
        .filter(holds::id.eq(waitlist_offers::hold_id));
    let booked = appointments::table
        .filter(appointments::clinic_id.eq(waitlist_offers::clinic_id))
        .filter(appointments::practitioner_id.eq(waitlist_offers::practitioner_id))
        .filter(appointments::starts_at.eq(waitlist_offers::starts_at))
        .filter(appointments::contact_id.eq(waitlist_entries::contact_id))
        .filter(appointments::status.ne_all([AppointmentStatus::Cancelled, AppointmentStatus::NoShow]))
        .order(appointments::id.desc())
        .limit(1)
        .select(appointments::id)
        .single_value();
    waitlist_offers::table
        .inner_join(named_by!(waitlist_entries, waitlist_offers::entry_id))
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::status.eq(OfferStatus::Offered))
        .filter(waitlist_offers::expires_at.le(tx.now()).or(not(exists(held))))
        .select((Offer::as_select(), booked))
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// Notes that the message `message` carried the offer; says whether it was open and not sent before.
pub(super) async fn mark_sent(tx: &TenantRead<'_>, id: WaitlistOfferId, message: Uuid) -> Result<bool, DbError> {
    let written = diesel::update(
        waitlist_offers::table
            .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
            .filter(waitlist_offers::id.eq(id))
            .filter(waitlist_offers::sent_at.is_null()),
    )
    .set((
        waitlist_offers::sent_at.eq(tx.now()),
        waitlist_offers::message_id.eq(message),
    ))
    .execute(&mut tx.conn())
    .await?;
    Ok(written > 0)
}

/// The offer that the message `message` carried, and its entry.
pub(super) async fn carried_by(
    tx: &TenantRead<'_>,
    message: Uuid,
) -> Result<Option<(WaitlistOfferId, WaitlistEntryId)>, DbError> {
    waitlist_offers::table
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::message_id.eq(message))
        .select((waitlist_offers::id, waitlist_offers::entry_id))
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Notes that the message about the offer did not arrive; says whether that was not known.
pub(super) async fn mark_undelivered(tx: &TenantRead<'_>, id: WaitlistOfferId) -> Result<bool, DbError> {
    let written = diesel::update(
        waitlist_offers::table
            .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
            .filter(waitlist_offers::id.eq(id))
            .filter(waitlist_offers::undelivered_at.is_null()),
    )
    .set(waitlist_offers::undelivered_at.eq(tx.now()))
    .execute(&mut tx.conn())
    .await?;
    Ok(written > 0)
}
