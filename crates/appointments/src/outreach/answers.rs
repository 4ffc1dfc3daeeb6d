//! What a reply does: it answers the newest question that the clinic put to its writer, and that once.
//!
//! What was decided: between a reminder and an offer that both wait for an answer, whichever was sent last counts. Where reminders
//! of several appointments, or several offers, wait for one, a short reply does not say which is meant, and is left to a person.
//! A wish for another time is written down and told, and a person sees to it.

use chrono::TimeDelta;
use db::{AuditRecord, TenantTx};
use kernel::{AppointmentId, ContactId, Timestamp, WaitlistOfferId};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::interpret::{Answer, interpret};
use super::store;
use crate::booking::transitions::{Step, step};
use crate::booking::{AppointmentStatus, BookingError, CancelledBy, Reason};
use crate::reminders::{self, Reminder};
use crate::tags;
use crate::waitlist::{self, Offer, WaitlistError};

/// By how much the clocks of a channel and ours may differ.
const SKEW: TimeDelta = TimeDelta::minutes(1);
/// Why an appointment is called off by a reply.
const REASON: &str = "replied to the reminder";

/// What a reply came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The appointment was confirmed, or was already.
    Confirmed(AppointmentId),
    /// The appointment was called off.
    Cancelled(AppointmentId),
    /// The patient wants another time for the appointment; a person has to see to it.
    WantsAnotherTime(AppointmentId),
    /// The offer was taken and became the appointment.
    OfferAccepted(WaitlistOfferId, AppointmentId),
    /// The offer is not wanted.
    OfferDeclined(WaitlistOfferId),
    /// The offer cannot be taken any more.
    OfferGone(WaitlistOfferId),
}

/// The event that tells of an answer to a reminder: ids and the answer.
#[derive(Debug, Clone, Copy, Serialize)]
struct AnsweredEvent {
    reminder_id: kernel::ReminderId,
    appointment_id: AppointmentId,
    contact_id: ContactId,
    answer: Answer,
}

/// Which questions a reply may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Whatever waits for an answer of its writer: the channel vouches for who wrote.
    Anything,
    /// Only what this message carried; nothing, when it is none. For a channel on which anybody can write in anybody's name: who
    /// answers that very message has received it.
    By(Option<Uuid>),
}

/// What the reply waits for.
enum Question {
    Reminder(Reminder),
    Offer(Offer),
    /// The offer was put last, and lapsed or was taken back.
    Gone(WaitlistOfferId),
}

/// Does what `text`, which `contact` wrote at `at`, plainly asks for. None when it asks for nothing that is known, or nothing waits
/// for an answer, or more than one thing does: then a person should read it.
///
/// # Errors
/// The database's failure.
pub async fn answer(
    tx: &mut TenantTx<'_>,
    contact: ContactId,
    text: &str,
    at: Timestamp,
) -> Result<Option<Answered>, WaitlistError> {
    answer_asked(tx, contact, text, at, Asked::Anything).await
}

/// As [`answer`], where only what was `asked` counts.
///
/// # Errors
/// The database's failure.
pub async fn answer_asked(
    tx: &mut TenantTx<'_>,
    contact: ContactId,
    text: &str,
    at: Timestamp,
    asked: Asked,
) -> Result<Option<Answered>, WaitlistError> {
    if asked == Asked::By(None) {
        return Ok(None);
    }
    let Some(answer) = interpret(text) else {
        return Ok(None);
    };
    match question(tx, contact, at, asked).await? {
        None => Ok(None),
        Some(Question::Reminder(reminder)) => answer_reminder(tx, contact, &reminder, answer).await,
        Some(Question::Offer(offer)) => answer_offer(tx, &offer, answer).await,
        // Who says yes too late should hear so; who says no to what is gone needs nothing.
        Some(Question::Gone(offer)) => Ok((answer == Answer::Confirm).then_some(Answered::OfferGone(offer))),
    }
}

/// What was put to `contact` last and waits for an answer, when that is one thing.
async fn question(
    tx: &TenantTx<'_>,
    contact: ContactId,
    at: Timestamp,
    asked: Asked,
) -> Result<Option<Question>, WaitlistError> {
    let carrier = match asked {
        Asked::Anything => None,
        Asked::By(carrier) => carrier,
    };
    let since = at.saturating_add(-store::load(tx).await?.settings.reply_time());
    let asked_by = at.saturating_add(SKEW);
    let reminders = reminders::store::sent_to(tx, contact, (since, asked_by), at, carrier).await?;
    let mut offers = waitlist::offer_store::open_for(tx, contact, carrier).await?;
    offers.retain(|offer| offer.sent_at.is_some_and(|sent| sent <= asked_by));
    let reminder = reminders.first().copied();
    let offer = offers.iter().copied().max_by_key(|offer| offer.sent_at);
    let offer_was_last = offer.and_then(|offer| offer.sent_at) > reminder.and_then(|reminder| reminder.sent_at);
    Ok(match (offer, reminder) {
        (Some(offer), _) if offer_was_last => (offers.len() == 1).then_some(Question::Offer(offer)),
        (_, Some(reminder)) => {
            let one = reminders
                .iter()
                .all(|other| other.appointment_id == reminder.appointment_id);
            one.then_some(Question::Reminder(reminder))
        }
        _ => waitlist::offer_store::gone_from(tx, contact, (since, asked_by), carrier)
            .await?
            .map(Question::Gone),
    })
}

async fn answer_reminder(
    tx: &mut TenantTx<'_>,
    contact: ContactId,
    reminder: &Reminder,
    answer: Answer,
) -> Result<Option<Answered>, WaitlistError> {
    let done = tx
        .savepoint(async |tx| follow(tx, contact, reminder, answer).await)
        .await;
    match done {
        Ok(answered) => Ok(answered),
        // It was moved meanwhile; what the reply meant is not for us to say.
        Err(BookingError::Database(error)) => Err(error.into()),
        Err(_moved) => Ok(None),
    }
}

/// Does what the answer to `reminder` asks for, unless it was answered meanwhile.
async fn follow(
    tx: &mut TenantTx<'_>,
    contact: ContactId,
    reminder: &Reminder,
    answer: Answer,
) -> Result<Option<Answered>, BookingError> {
    let id = reminder.appointment_id;
    if reminders::store::mark_answered(tx, id, reminder.starts_at, answer).await? == 0 {
        return Ok(None);
    }
    let answered = match answer {
        Answer::Confirm => {
            let is_confirmed = match step(tx, id, None, &Step::Confirm).await {
                Err(BookingError::IllegalMove { status, .. }) => status == AppointmentStatus::Confirmed,
                other => other.map(|_appointment| true)?,
            };
            if !is_confirmed {
                return Err(BookingError::NotFound);
            }
            Answered::Confirmed(id)
        }
        Answer::Cancel => {
            let call_off = Step::Cancel {
                by: CancelledBy::Patient,
                reason: Reason::parse(REASON).ok(),
            };
            step(tx, id, None, &call_off).await?;
            Answered::Cancelled(id)
        }
        Answer::Reschedule => Answered::WantsAnotherTime(id),
    };
    tx.audit(
        AuditRecord::new("appointments.answer_reminder", "appointment", id.as_uuid())
            .with_detail(json!({ "reminder_id": reminder.id, "answer": answer })),
    );
    tx.emit(
        "appointment.reminder_answered",
        &AnsweredEvent {
            reminder_id: reminder.id,
            appointment_id: id,
            contact_id: contact,
            answer,
        },
    );
    tx.touch(tags::reminders_of(id));
    Ok(Some(answered))
}

async fn answer_offer(tx: &mut TenantTx<'_>, offer: &Offer, answer: Answer) -> Result<Option<Answered>, WaitlistError> {
    let done = tx
        .savepoint(async |tx| match answer {
            Answer::Confirm => {
                let (offer, appointment) = waitlist::offers::accept(tx, offer.entry_id, offer.id).await?;
                Ok(Some(Answered::OfferAccepted(offer.id, appointment.id)))
            }
            Answer::Cancel => {
                let offer = waitlist::offers::decline(tx, offer.entry_id, offer.id).await?;
                Ok(Some(Answered::OfferDeclined(offer.id)))
            }
            // Another time is not what was offered: a person looks for one.
            Answer::Reschedule => Ok(None),
        })
        .await;
    match done {
        Err(WaitlistError::OfferClosed(_) | WaitlistError::NotBookable(_)) => Ok(Some(Answered::OfferGone(offer.id))),
        other => other,
    }
}
