//! What channels tell of messages that were sent: in any order, several times, and sometimes before we know under which id.

use db::{DbError, TenantTx};
use kernel::{ContactId, InboxId, MessageId, Timestamp};

use super::error::MessageError;
use super::model::{Delivery, Message};
use super::store::{self, Change};
use crate::error::RowError;
use crate::events::{self, MessageEvent};
use crate::threads::stale;

/// What a channel tells of a message.
#[derive(Debug, Clone)]
pub struct DeliveryReport {
    /// In which inbox.
    pub inbox: InboxId,
    /// The channel's id of the message.
    pub provider_id: String,
    /// Our own id, where the channel sends back what we sent along: so that a message whose answer was lost is recognised.
    pub reference: Option<MessageId>,
    /// How far it has come.
    pub delivery: Delivery,
    /// When, by the channel's clock.
    pub at: Timestamp,
    /// Why it failed: a short word or the channel's own words, no personal data.
    pub reason: Option<String>,
}

/// Takes in what a channel tells of a message. Told again it changes nothing, and nothing takes a message back. What is told of a
/// message that is not known by this id yet is kept until it is. Says whether something changed.
///
/// # Errors
/// The database's failure.
pub async fn delivered(tx: &mut TenantTx<'_>, report: &DeliveryReport) -> Result<bool, MessageError> {
    let known = store::lock_known(tx, report.inbox, &report.provider_id).await?;
    let message = match known.and_then(|known| known.message_id) {
        Some(message) => Some(message),
        None => by_reference(tx, report).await?,
    };
    if let Some(message) = message {
        return apply(tx, message, report.delivery, report.at, report.reason.clone()).await;
    }
    let early = (report.delivery, report.at, report.reason.as_deref());
    if store::note_early(tx, report.inbox, &report.provider_id, early).await? {
        return Ok(false);
    }
    // Its id was stored at this very moment.
    match store::lock_known(tx, report.inbox, &report.provider_id)
        .await?
        .and_then(|known| known.message_id)
    {
        Some(message) => apply(tx, message, report.delivery, report.at, report.reason.clone()).await,
        None => Ok(false),
    }
}

/// The message that the report names by our own id, now known by the channel's id as well.
async fn by_reference(tx: &TenantTx<'_>, report: &DeliveryReport) -> Result<Option<MessageId>, MessageError> {
    let Some(reference) = report.reference else {
        return Ok(None);
    };
    let message = match store::find(tx, reference).await {
        Ok(message) => message,
        Err(RowError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (inbox, _contact) = store::place_of(tx, message.conversation_id).await?;
    if inbox != report.inbox || message.delivery.is_none() {
        return Ok(None);
    }
    let place = (message.conversation_id, message.id);
    store::note_provider_id(tx, inbox, &report.provider_id, place).await?;
    Ok(Some(message.id))
}

/// Brings a message to `delivery`, where that is further than it is.
pub(super) async fn apply(
    tx: &mut TenantTx<'_>,
    id: MessageId,
    delivery: Delivery,
    at: Timestamp,
    reason: Option<String>,
) -> Result<bool, MessageError> {
    let message = store::lock(tx, id).await?;
    if !message
        .delivery
        .is_some_and(|before| delivery.reached_from().contains(&before))
    {
        return Ok(false);
    }
    let reached = matches!(delivery, Delivery::Delivered | Delivery::Read);
    let change = Change {
        delivery: Some(delivery),
        failure_reason: Some(reason.filter(|_| delivery == Delivery::Failed)),
        delivered_at: reached.then(|| Some(message.delivered_at.unwrap_or(at))),
        read_at: (delivery == Delivery::Read).then_some(Some(at)),
        attempted_at: Some(None),
        next_attempt_at: Some(None),
        handed_over_at: Some(None),
        ..Change::default()
    };
    let message = store::update(tx, id, change).await?;
    told(tx, &message).await?;
    Ok(true)
}

/// Tells how far a message has come.
pub(super) async fn told(tx: &mut TenantTx<'_>, message: &Message) -> Result<(), DbError> {
    let kind = match message.delivery {
        None => events::MESSAGE_NOTE_ADDED,
        Some(Delivery::Queued) => events::MESSAGE_QUEUED,
        Some(Delivery::Unconfirmed) => events::MESSAGE_UNCONFIRMED,
        Some(Delivery::Sent) => events::MESSAGE_SENT,
        Some(Delivery::Delivered) => events::MESSAGE_DELIVERED,
        Some(Delivery::Read) => events::MESSAGE_READ,
        Some(Delivery::Failed) => events::MESSAGE_FAILED,
    };
    let (inbox_id, contact_id) = store::place_of(tx, message.conversation_id).await?;
    tx.emit(
        kind,
        &MessageEvent {
            message_id: message.id,
            conversation_id: message.conversation_id,
            inbox_id,
            contact_id,
        },
    );
    stale(tx, message.conversation_id);
    Ok(())
}

/// Notes how far those of `ids` have come that the clinic wrote to `contact` in `inbox`: for the web chat, whose visitor fetches
/// them. Others are passed over.
///
/// # Errors
/// The database's failure.
pub async fn reached(
    tx: &mut TenantTx<'_>,
    inbox: InboxId,
    contact: ContactId,
    ids: &[MessageId],
    delivery: Delivery,
) -> Result<(), MessageError> {
    let now = tx.now();
    for id in store::written_to(tx, inbox, contact, ids).await? {
        apply(tx, id, delivery, now, None).await?;
    }
    Ok(())
}
