//! What the agenda has to say to patients goes out as messages: reminders that are due, and offers of free time.
//!
//! Each is written in one transaction with the note that it was sent, and that note is made once: whoever comes second takes back
//! what it wrote. So a job that is done again sends nothing again.

use appointments::reminders::{self, ReminderJob, ReminderReason};
use appointments::waitlist::{self, OfferJob, WaitlistError};
use conversations::MessageEvent;
use conversations::channels::ChannelKind;
use conversations::messages::{MessageError, MessageText};
use conversations::notices::{self, NotSent, Notice, Purpose, Sending};
use db::{Db, DbError, TenantTx, TxError};
use jobs::{Event, HandlerError, Handlers};
use kernel::{ReminderId, System, WaitlistOfferId};

use super::wording::{self, OFFER_TEMPLATE, REMINDER_TEMPLATE, Words};

/// Adds the handlers of what is sent to patients.
pub(super) fn handlers(handlers: Handlers) -> Handlers {
    handlers
        .on(reminders::SEND, send_reminder)
        .on(waitlist::OFFERED, send_offer)
        .on("message.failed", note_failure)
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    /// Another run of the same job was first; this one's message is taken back.
    #[error("it was sent meanwhile")]
    Overtaken,
    /// The words cannot be sent as they are.
    #[error("what is to be said is no text")]
    Unspeakable,
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for Unsent {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Overtaken | Self::Unspeakable => None,
            Self::Message(error) => error.db_error(),
            Self::Database(error) => Some(error),
        }
    }
}

/// What the worker makes of it.
fn outcome(result: Result<(), Unsent>) -> Result<(), HandlerError> {
    match result {
        Ok(()) | Err(Unsent::Overtaken) => Ok(()),
        Err(Unsent::Database(error)) => Err(HandlerError::Database(error)),
        Err(error @ Unsent::Unspeakable) => Err(HandlerError::Reject(error.to_string())),
        Err(error @ Unsent::Message(_)) => Err(HandlerError::Retry(error.to_string())),
    }
}

async fn send_reminder(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let ReminderJob { reminder_id } = event.payload()?;
    let result = db.write(&system, async |tx| remind(tx, reminder_id).await).await;
    outcome(result)
}

/// Sends the reminder `id`, if it is due and was not sent.
async fn remind(tx: &mut TenantTx<'_>, id: ReminderId) -> Result<(), Unsent> {
    let Some(facts) = reminders::reminder_content(tx, id).await? else {
        return Ok(());
    };
    let words = wording::reminder(&facts);
    let notice = notice(
        (words, &facts.locale),
        Purpose::APPOINTMENT_REMINDERS,
        REMINDER_TEMPLATE,
        only(facts.channel),
    )?;
    let noted = match notices::send_to_contact(tx, facts.contact_id, &notice).await? {
        Sending::Queued(message) => reminders::mark_sent(tx, id, message.id.into()).await?,
        Sending::NotSent(why) => reminders::mark_skipped(tx, id, reason(why)).await?,
    };
    if noted { Ok(()) } else { Err(Unsent::Overtaken) }
}

/// The channel that a rule asks for; none where any will do.
const fn only(channel: reminders::Channel) -> Option<ChannelKind> {
    match channel {
        reminders::Channel::Preferred => None,
        reminders::Channel::Whatsapp => Some(ChannelKind::Whatsapp),
        reminders::Channel::Email => Some(ChannelKind::Email),
        reminders::Channel::Sms => Some(ChannelKind::Sms),
    }
}

const fn reason(why: NotSent) -> ReminderReason {
    match why {
        NotSent::NoConsent => ReminderReason::NotWanted,
        NotSent::NoWay | NotSent::WindowClosed | NotSent::NoContact => ReminderReason::NoChannel,
    }
}

async fn send_offer(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let OfferJob { offer_id } = event.payload()?;
    let result = db.write(&system, async |tx| offer(tx, offer_id).await).await;
    outcome(result)
}

/// Tells of the offer `id`, if it can be answered and was not told of. Where nothing reaches the person it stands all the same:
/// the clinic sees that it was not sent, and may call.
async fn offer(tx: &mut TenantTx<'_>, id: WaitlistOfferId) -> Result<(), Unsent> {
    let Some(facts) = waitlist::offer_content(tx, id).await? else {
        return Ok(());
    };
    let words = wording::offer(&facts);
    let notice = notice((words, &facts.locale), Purpose::WAITLIST_OFFERS, OFFER_TEMPLATE, None)?;
    match notices::send_to_contact(tx, facts.contact_id, &notice).await? {
        Sending::NotSent(_) => Ok(()),
        Sending::Queued(message) => {
            if waitlist::mark_sent(tx, id, message.id.into()).await? {
                Ok(())
            } else {
                Err(Unsent::Overtaken)
            }
        }
    }
}

/// The notice of words in the language of a locale.
fn notice(
    (words, locale): (Words, &str),
    purpose: Purpose,
    template: &str,
    channel: Option<ChannelKind>,
) -> Result<Notice, Unsent> {
    Ok(Notice {
        locale: locale.to_owned(),
        purpose,
        text: MessageText::parse(&words.text).map_err(|_invalid| Unsent::Unspeakable)?,
        subject: words.subject,
        template: Some((template.to_owned(), words.parameters)),
        channel,
    })
}

/// A message that carried a reminder or an offer did not get through: so these did not. What was offered goes to the next.
async fn note_failure(db: &Db, system: System, event: Event) -> Result<(), HandlerError> {
    let MessageEvent { message_id, .. } = event.payload()?;
    db.write(&system, async |tx| {
        if let Some(reminder) = reminders::carried_by(tx, message_id.into()).await? {
            reminders::mark_failed(tx, reminder).await?;
        }
        waitlist::not_delivered(tx, message_id.into()).await?;
        Ok::<_, WaitlistError>(())
    })
    .await
    .map_err(super::waitlist::failure)
}
