//! A mail as a message of a conversation.

use aws_lc_rs::digest;
use chrono::TimeDelta;
use conversations::identities::Identity;
use conversations::inboxes::Inbox;
use conversations::messages::{Delivery, DeliveryReport, Inbound, InboundFile};
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{InboxId, MessageId, Timestamp};
use mail::{Bounce, Party, ReadMail};

use crate::workflows::inbound::{Arrival, Claims};

/// A mail that says it is older than this was not written then: it came now.
const OLDEST: TimeDelta = TimeDelta::days(30);

/// By what a mail is known again: its id, or what it consists of.
pub(super) fn id_of(mail: &ReadMail, raw: &[u8]) -> String {
    match &mail.message_id {
        Some(id) => id.as_str().to_owned(),
        None => {
            let hash = digest::digest(&digest::SHA256, raw);
            let digits: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            format!("sha256:{digits}")
        }
    }
}

/// The ids of the mails before it, the nearest first.
pub(super) fn thread_of(mail: &ReadMail) -> Vec<String> {
    let nearest = mail.in_reply_to.iter().chain(mail.references.iter().rev());
    nearest.take(30).map(|id| id.as_str().to_owned()).collect()
}

/// What the clinic reads of a mail; `notes` say what of it was left out.
pub(super) fn inbound(
    mail: &ReadMail,
    provider_id: String,
    files: Vec<InboundFile>,
    notes: &[String],
    now: Timestamp,
) -> Inbound {
    let mut body = mail.text.trim().to_owned();
    if body.is_empty() && files.is_empty() && notes.is_empty() {
        body = if mail.subject.trim().is_empty() {
            "[E-mail sem texto]".to_owned()
        } else {
            mail.subject.trim().to_owned()
        };
    }
    for note in notes {
        body = format!("{body}\n{note}").trim().to_owned();
    }
    let sent_at = mail
        .date
        .filter(|date| *date <= now && now.since(*date) <= OLDEST)
        .unwrap_or(now);
    Inbound {
        provider_id,
        sent_at,
        body,
        subject: Some(mail.subject.clone()).filter(|subject| !subject.trim().is_empty()),
        // Never where the mail wants its answer: whoever writes in somebody's name would have their mails from then on.
        address: mail.from.as_ref().map(|from| from.address.as_str().to_owned()),
        files,
        reply_to: mail.in_reply_to.first().map(|id| id.as_str().to_owned()),
    }
}

/// A mail that `from` wrote; what machines write does not come this way.
pub(super) fn arrival(inbox: &Inbox, from: &Party, message: Inbound) -> Arrival {
    let name = from.name.as_deref().and_then(|name| PersonName::parse(name).ok());
    Arrival {
        inbox: inbox.clone(),
        identities: vec![Identity::Email(from.address.clone())],
        claims: Claims {
            name,
            ..Claims::default()
        },
        message,
        is_automatic: false,
    }
}

/// What the clinic is told of a mail that wants its answer elsewhere than at its sender's: a person decides.
pub(super) fn wants_elsewhere(mail: &ReadMail) -> Option<String> {
    let from = mail.from.as_ref()?;
    let other = mail
        .reply_to
        .first()
        .filter(|_| mail.reply_to.iter().all(|to| to.address != from.address))?;
    Some(format!("[Pede resposta em {}]", other.address.as_str()))
}

/// A mail that a machine wrote for somebody, as it stands aside of the talk.
pub(super) fn aside(mail: &ReadMail, provider_id: String, heading: &str, now: Timestamp) -> Inbound {
    let from = mail.from.as_ref().map(|from| format!(" de {}", from.address.as_str()));
    let mut inbound = inbound(mail, provider_id, Vec::new(), &[], now);
    inbound.body = format!(
        "[{heading}{}] {}\n{}",
        from.unwrap_or_default(),
        mail.subject,
        inbound.body
    );
    inbound.address = None;
    inbound
}

/// What a report says of a mail of ours, if it will not arrive.
pub(super) fn report(inbox: InboxId, bounce: &Bounce, now: Timestamp) -> Option<DeliveryReport> {
    let original = bounce.original.as_ref()?;
    let reference: MessageId = original.left().parse().ok()?;
    let status = bounce.recipients.iter().find_map(|recipient| recipient.status.clone());
    bounce.has_failed().then(|| DeliveryReport {
        inbox,
        provider_id: original.as_str().to_owned(),
        reference: Some(reference),
        delivery: Delivery::Failed,
        at: now,
        reason: Some(status.map_or_else(|| "mail_bounced".to_owned(), |status| format!("mail_bounced {status}"))),
    })
}

/// What stands before a mail that came from another address than the person's.
pub(super) fn from_elsewhere(address: &EmailAddress, body: &str) -> String {
    format!("[Resposta enviada por {}]\n{body}", address.as_str())
}
