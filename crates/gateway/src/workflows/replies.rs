//! A short reply to a reminder or an offer is followed, and its writer told so; everything else is left to people.
//!
//! This is part of the transaction that takes the message in, and not a job behind it: a message that is taken in is answered,
//! one that comes again is known and passed over, and one whose transaction was cut off is neither. A job would have to remember
//! which message it had followed, or a "1" that is worked on twice could answer two questions.

use appointments::outreach::{self, Answered, Asked};
use conversations::channels::ChannelKind;
use conversations::messages::{self, Draft, MessageError, MessageText, Received};
use db::{TenantTx, TxError};
use kernel::ContactId;
use uuid::Uuid;

use super::inbound::{Arrival, InboundError};
use super::wording;

/// Does what the message of `contact` plainly asks for, and confirms it in the same conversation.
pub(super) async fn answer(
    tx: &mut TenantTx<'_>,
    contact: ContactId,
    received: &Received,
    arrival: &Arrival,
) -> Result<(), InboundError> {
    let message = &arrival.message;
    // The channel's clock may run ahead of ours; nobody has written in the future.
    let written = message.sent_at.min(tx.now());
    // Anybody can write a mail in anybody's name. Who answers the very mail that asked has received it.
    let asked = match arrival.inbox.channel {
        ChannelKind::Email => Asked::By(answered_message(tx, received).await?),
        ChannelKind::Whatsapp | ChannelKind::Sms | ChannelKind::Webchat => Asked::Anything,
    };
    let Some(answered) = outreach::answer_asked(tx, contact, &message.body, written, asked).await? else {
        return Ok(());
    };
    let visit = match answered {
        Answered::Confirmed(id)
        | Answered::Cancelled(id)
        | Answered::WantsAnotherTime(id)
        | Answered::OfferAccepted(_, id) => outreach::visit(tx, id).await?,
        Answered::OfferDeclined(_) | Answered::OfferGone(_) => None,
    };
    let voice = outreach::voice(tx).await?;
    let text = wording::answered(&voice, answered, visit.as_ref());
    confirm(tx, received, &text).await?;
    Ok(())
}

/// Which message of the clinic the message that came in answers, as it says.
async fn answered_message(tx: &TenantTx<'_>, received: &Received) -> Result<Option<Uuid>, MessageError> {
    let message = messages::find(tx, received.message).await?;
    Ok(message.reply_to_id.map(Uuid::from))
}

/// Writes `text` into the conversation, where that can be done: what was asked for is done in any case.
async fn confirm(tx: &mut TenantTx<'_>, received: &Received, text: &str) -> Result<(), MessageError> {
    let Ok(text) = MessageText::parse(text) else {
        return Ok(());
    };
    let draft = Draft {
        // Those who read it see what it answers, and a machine that it is a machine's answer (RFC 3834, section 5).
        reply_to: Some(received.message),
        ..Draft::text(text)
    };
    let written = tx
        .savepoint(async |tx| messages::send(tx, received.conversation, &draft).await)
        .await;
    match written {
        Err(error) if error.db_error().is_some() => Err(error),
        // Where it is refused the window has closed since they wrote, or there is no address to write to.
        Ok(_) | Err(_) => Ok(()),
    }
}
