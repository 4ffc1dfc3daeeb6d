//! The rules of offers: made with a hold, and closed exactly once.

use chrono::TimeDelta;
use db::{AuditRecord, DbError, Job, TenantRead, TenantTx};
use kernel::{ContactId, FieldErrors, Lane, PractitionerId, RoomId, Timestamp, WaitlistEntryId, WaitlistOfferId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::error::WaitlistError;
use super::model::{Entry, EntryStatus, Offer, OfferEvent, OfferStatus};
use super::offer_facts::{self, OfferFacts};
use super::offer_store::{self, Timing};
use super::views::MakeWaitlistOffer;
use super::{service, store};
use crate::booking::{Appointment, BookingError, BookingRequest, Terms, book};
use crate::holds::service::HoldRequest;
use crate::{holds, outreach, tags};

/// The event that tells of an offer, on which its message is sent.
pub const OFFERED: &str = "waitlist.offered";
/// The job that is due when an offer lapses; its handler calls [`lapse`].
pub const LAPSED: &str = "waitlist.offer_due";

/// Which offer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct OfferJob {
    /// The offer.
    pub offer_id: WaitlistOfferId,
}

/// Time to be offered to one entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proposal {
    pub(super) practitioner: PractitionerId,
    pub(super) room: Option<RoomId>,
    pub(super) starts_at: Timestamp,
    /// How long it stands, when the start leaves so much.
    pub(super) life: TimeDelta,
}

/// Offers `proposal` to the entry `id`, which waits, and keeps the time for it.
///
/// # Errors
/// [`WaitlistError::NotBookable`] where a hold would be refused; [`WaitlistError::AlreadyOffered`], [`WaitlistError::Closed`].
pub(super) async fn make(
    tx: &mut TenantTx<'_>,
    id: WaitlistEntryId,
    proposal: &Proposal,
) -> Result<Offer, WaitlistError> {
    let entry = service::lock_open(tx, id, None).await?;
    if entry.status == EntryStatus::Offered {
        return Err(WaitlistError::AlreadyOffered);
    }
    let hold = HoldRequest {
        practitioner: proposal.practitioner,
        service: Some(entry.service_id),
        room: proposal.room,
        contact: Some(entry.contact_id),
        starts_at: proposal.starts_at,
        ends_at: None,
        keep_for: Some(proposal.life.min(proposal.starts_at.since(tx.now()))),
    };
    let hold = holds::service::create(tx, &hold).await?;
    let offer = offer_store::insert(tx, id, entry.service_id, &hold).await?;
    store::set_status(tx, id, EntryStatus::Offered, None).await?;
    tx.enqueue(
        Job::new(LAPSED, &OfferJob { offer_id: offer.id })
            .lane(Lane::Clinical)
            .due(offer.expires_at),
    );
    note(tx, OFFERED, "waitlist.offer", entry.contact_id, &offer);
    Ok(offer)
}

/// Offers time that staff have chosen, in any hour and however near.
///
/// # Errors
/// As [`make`], and [`WaitlistError::Invalid`] with the values of the body that make no sense.
pub(super) async fn make_by_hand(
    tx: &mut TenantTx<'_>,
    id: WaitlistEntryId,
    wanted: &MakeWaitlistOffer,
) -> Result<Offer, WaitlistError> {
    if wanted.starts_at <= tx.now() {
        return Err(FieldErrors::one("/starts_at", "in_past", "what is offered lies ahead").into());
    }
    offer_store::take_turn(tx).await?;
    settle(tx).await?;
    let here = outreach::store::load(tx).await?;
    let proposal = Proposal {
        practitioner: wanted.practitioner_id,
        room: wanted.room_id,
        starts_at: wanted.starts_at,
        life: here.settings.offer_life(),
    };
    make(tx, id, &proposal).await.map_err(|error| match error {
        // The values are the body's own.
        WaitlistError::NotBookable(BookingError::Invalid(errors)) => WaitlistError::Invalid(errors),
        other => other,
    })
}

/// Turns an open offer into an appointment, exactly once.
///
/// # Errors
/// [`WaitlistError::OfferClosed`] when it was closed or has lapsed; [`WaitlistError::NotBookable`] when the time cannot be booked
/// any more, which leaves the offer as it is; [`WaitlistError::OfferNotFound`], [`WaitlistError::NotFound`].
pub async fn accept(
    tx: &mut TenantTx<'_>,
    entry_id: WaitlistEntryId,
    id: WaitlistOfferId,
) -> Result<(Offer, Appointment), WaitlistError> {
    let entry = store::lock(tx, entry_id).await?;
    let offer = close(tx, entry_id, id, OfferStatus::Accepted, Timing::InTime).await?;
    let appointment = book(tx, &booking_of(&entry, &offer)).await?;
    let offer = offer_store::set_appointment(tx, offer.id, appointment.id).await?;
    store::set_status(tx, entry_id, EntryStatus::Booked, Some(appointment.id)).await?;
    note(
        tx,
        "waitlist.offer_accepted",
        "waitlist.accept_offer",
        entry.contact_id,
        &offer,
    );
    Ok((offer, appointment))
}

/// The booking that finishes the hold of `offer`.
fn booking_of(entry: &Entry, offer: &Offer) -> BookingRequest {
    BookingRequest {
        id: None,
        contact: entry.contact_id,
        practitioner: offer.practitioner_id,
        service: Some(offer.service_id),
        room: None,
        starts_at: offer.starts_at,
        ends_at: Some(offer.ends_at),
        notes: None,
        hold: Some(offer.hold_id),
        terms: Terms::Regular,
    }
}

/// Closes an open offer that is not wanted; the entry goes on waiting, and the time is offered to the next.
///
/// # Errors
/// As [`accept`], but for the booking.
pub async fn decline(
    tx: &mut TenantTx<'_>,
    entry_id: WaitlistEntryId,
    id: WaitlistOfferId,
) -> Result<Offer, WaitlistError> {
    let entry = store::lock(tx, entry_id).await?;
    let offer = close(tx, entry_id, id, OfferStatus::Declined, Timing::InTime).await?;
    let_go(tx, &entry, &offer).await?;
    Ok(offer)
}

/// Takes an open offer back; the entry goes on waiting.
///
/// # Errors
/// As [`decline`].
pub async fn withdraw(
    tx: &mut TenantTx<'_>,
    entry_id: WaitlistEntryId,
    id: WaitlistOfferId,
) -> Result<Offer, WaitlistError> {
    let entry = store::lock(tx, entry_id).await?;
    let offer = close(tx, entry_id, id, OfferStatus::Withdrawn, Timing::Any).await?;
    let_go(tx, &entry, &offer).await?;
    Ok(offer)
}

/// Notes that the offer `id` has lapsed, if it is open and its time is over; says whether it did. For the job [`LAPSED`].
///
/// # Errors
/// The database's failure.
pub async fn lapse(tx: &mut TenantTx<'_>, id: WaitlistOfferId) -> Result<bool, WaitlistError> {
    let Some(entry_id) = offer_store::entry_of(tx, id).await? else {
        return Ok(false);
    };
    let entry = store::lock(tx, entry_id).await?;
    let Some(offer) = offer_store::close(tx, id, OfferStatus::Lapsed, Timing::Over).await? else {
        return Ok(false);
    };
    let_go(tx, &entry, &offer).await?;
    Ok(true)
}

/// Closes the offers that cannot be answered any more: what has lapsed unnoted, what lost its hold, and what was booked by that
/// hold in another way, which counts as taken.
///
/// # Errors
/// The database's failure.
pub async fn settle(tx: &mut TenantTx<'_>) -> Result<(), WaitlistError> {
    for (stranded, booked) in offer_store::stranded(tx).await? {
        let status = match booked {
            Some(_) => OfferStatus::Accepted,
            None if stranded.expires_at <= tx.now() => OfferStatus::Lapsed,
            None => OfferStatus::Withdrawn,
        };
        let entry = store::lock(tx, stranded.entry_id).await?;
        let Some(offer) = offer_store::close(tx, stranded.id, status, Timing::Any).await? else {
            continue;
        };
        let Some(appointment) = booked else {
            let_go(tx, &entry, &offer).await?;
            continue;
        };
        let offer = offer_store::set_appointment(tx, offer.id, appointment).await?;
        store::set_status(tx, entry.id, EntryStatus::Booked, Some(appointment)).await?;
        note(
            tx,
            "waitlist.offer_accepted",
            "waitlist.accept_offer",
            entry.contact_id,
            &offer,
        );
    }
    Ok(())
}

/// Closes the offer `id` to `entry`, or says how it stands.
async fn close(
    tx: &TenantTx<'_>,
    entry: WaitlistEntryId,
    id: WaitlistOfferId,
    status: OfferStatus,
    timing: Timing,
) -> Result<Offer, WaitlistError> {
    let found = offer_store::find(tx, entry, id)
        .await?
        .ok_or(WaitlistError::OfferNotFound)?;
    let standing = if found.status == OfferStatus::Offered {
        OfferStatus::Lapsed
    } else {
        found.status
    };
    offer_store::close(tx, id, status, timing)
        .await?
        .ok_or(WaitlistError::OfferClosed(standing))
}

/// What follows when a locked entry's `offer` was closed without an appointment: the time is free, the entry waits again.
pub(super) async fn let_go(tx: &mut TenantTx<'_>, entry: &Entry, offer: &Offer) -> Result<(), WaitlistError> {
    if !holds::service::release(tx, offer.hold_id).await? {
        holds::service::expire(tx, offer.hold_id).await?;
    }
    if entry.status == EntryStatus::Offered {
        store::set_status(tx, entry.id, EntryStatus::Waiting, None).await?;
    }
    let (event, audited) = match offer.status {
        OfferStatus::Declined => ("waitlist.offer_declined", "waitlist.decline_offer"),
        OfferStatus::Lapsed => ("waitlist.offer_lapsed", "waitlist.lapse_offer"),
        OfferStatus::Undelivered => ("waitlist.offer_undelivered", "waitlist.offer_undelivered"),
        _ => ("waitlist.offer_withdrawn", "waitlist.withdraw_offer"),
    };
    note(tx, event, audited, entry.contact_id, offer);
    Ok(())
}

/// Writes down and tells what happened to `offer`.
fn note(tx: &mut TenantTx<'_>, event: &'static str, audited: &'static str, contact: ContactId, offer: &Offer) {
    tx.audit(
        AuditRecord::new(audited, "waitlist_entry", offer.entry_id.as_uuid())
            .with_detail(json!({ "offer_id": offer.id, "appointment_id": offer.appointment_id })),
    );
    tx.emit(event, &OfferEvent::of(offer, contact));
    tx.touch(tags::waitlist());
}

/// Accepts the newest open offer to `contact`; none when there is none.
///
/// # Errors
/// As [`accept`].
pub async fn accept_latest_offer(
    tx: &mut TenantTx<'_>,
    contact: ContactId,
) -> Result<Option<(Offer, Appointment)>, WaitlistError> {
    match offer_store::open_for(tx, contact, None).await?.first() {
        Some(offer) => accept(tx, offer.entry_id, offer.id).await.map(Some),
        None => Ok(None),
    }
}

/// Declines the newest open offer to `contact`; none when there is none.
///
/// # Errors
/// As [`decline`].
pub async fn decline_latest_offer(tx: &mut TenantTx<'_>, contact: ContactId) -> Result<Option<Offer>, WaitlistError> {
    match offer_store::open_for(tx, contact, None).await?.first() {
        Some(offer) => decline(tx, offer.entry_id, offer.id).await.map(Some),
        None => Ok(None),
    }
}

/// Notes that the message `message` carried the offer; says whether it did so for the first time.
///
/// # Errors
/// The database's failure.
pub async fn mark_sent(tx: &mut TenantTx<'_>, id: WaitlistOfferId, message: Uuid) -> Result<bool, DbError> {
    let marked = offer_store::mark_sent(tx, id, message).await?;
    if marked {
        tx.touch(tags::waitlist());
    }
    Ok(marked)
}

/// Notes that the message `message`, if it carried an offer, did not arrive. An open offer is over by that: nobody knows of it, the
/// entry waits again, and the time goes to the next. One that was answered otherwise stays as it is. Says whether an offer was
/// noted for the first time.
///
/// # Errors
/// The database's failure.
pub async fn not_delivered(tx: &mut TenantTx<'_>, message: Uuid) -> Result<bool, WaitlistError> {
    let Some((id, entry_id)) = offer_store::carried_by(tx, message).await? else {
        return Ok(false);
    };
    let entry = store::lock(tx, entry_id).await?;
    if !offer_store::mark_undelivered(tx, id).await? {
        return Ok(false);
    }
    match offer_store::close(tx, id, OfferStatus::Undelivered, Timing::Any).await? {
        Some(offer) => let_go(tx, &entry, &offer).await?,
        None => {
            let record = AuditRecord::new("waitlist.offer_undelivered", "waitlist_entry", entry_id.as_uuid());
            tx.audit(record.with_detail(json!({ "offer_id": id })));
            tx.touch(tags::waitlist());
        }
    }
    Ok(true)
}

/// The facts that a message about the offer is written from; none when it cannot be answered any more.
///
/// # Errors
/// The database's failure.
pub async fn offer_content(tx: &TenantRead<'_>, id: WaitlistOfferId) -> Result<Option<OfferFacts>, DbError> {
    offer_facts::facts(tx, id).await
}

/// Whether `error` says that this time or this entry will not do, so that the next may be tried.
pub(super) const fn is_about_the_proposal(error: &WaitlistError) -> bool {
    matches!(
        error,
        WaitlistError::NotBookable(
            BookingError::Conflict(_) | BookingError::OutsideHours { .. } | BookingError::Invalid(_)
        ) | WaitlistError::AlreadyOffered
            | WaitlistError::Closed(_)
    )
}
