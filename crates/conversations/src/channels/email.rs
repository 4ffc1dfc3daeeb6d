//! E-mail as a channel: threaded by the ids that mail programs thread by, and the same mail each time it is sent.

use std::sync::Arc;

use ::mail::{
    Attachment, Automatic, ImapSettings, InvalidServerUrl, Mailbox, Mailer, MessageId, OutgoingMail,
    SendError as Refusal, SmtpSettings,
};
use chrono::DateTime;
use fetch::OutwardRules;
use files::Files;
use futures_util::future::BoxFuture;
use kernel::Timestamp;
use kernel::email::EmailAddress;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::whatsapp::read;
use super::{Accepted, Channel, Content, HandOver, Outgoing, OutgoingFile, SendError};
use crate::inboxes::{EmailSettings, InboxSecrets, InboxSettings, MailServer, Security};

/// The most bytes of the files of one mail: they grow by a third on their way, and most servers take 25 MiB.
pub(crate) const MOST_BYTES_BY_MAIL: u64 = 18 * 1024 * 1024;

/// For how many KiB of files there is room at a time, in all mails that are under way: three of the largest. Each file is there
/// several times while its mail is put together.
const ROOM: usize = 3 * 18 * 1024;

/// Carries messages by e-mail.
#[derive(Debug, Clone)]
pub struct EmailChannel {
    files: Files,
    rules: OutwardRules,
    room: Arc<Semaphore>,
}

impl EmailChannel {
    /// The channel, with the files that go along in `files`, to servers that `rules` permit.
    #[must_use]
    pub fn new(files: Files, rules: OutwardRules) -> Self {
        Self {
            files,
            rules,
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }

    async fn announce(&self, outgoing: &Outgoing) -> Result<HandOver<'static>, SendError> {
        let InboxSettings::Email(settings) = &outgoing.settings else {
            return Err(rejected("mail_settings_missing"));
        };
        let server = smtp(settings, &outgoing.secrets, &self.rules).map_err(|error| rejected(&error.to_string()))?;
        let room = self.room_for(&outgoing.attachments).await?;
        let mail = self.mail(settings, outgoing).await?;
        let mailer = Mailer::new(server).map_err(|error| told(&error))?;
        let announced = mailer.announce(&mail).await.map_err(|error| told(&error))?;
        let provider_id = mail.id.as_str().to_owned();
        Ok(Box::pin(async move {
            let handed_over = announced.hand_over().await;
            drop(room);
            handed_over.map_err(|error| told(&error))?;
            Ok(Accepted { provider_id })
        }))
    }

    /// Waits until there is room for `files`, which may not be more than one mail carries.
    async fn room_for(&self, files: &[OutgoingFile]) -> Result<Option<OwnedSemaphorePermit>, SendError> {
        let sizes = files.iter().map(|file| u64::try_from(file.size_bytes).unwrap_or(0));
        let bytes = sizes.fold(0_u64, u64::saturating_add);
        if bytes > MOST_BYTES_BY_MAIL {
            return Err(rejected("attachments_too_large"));
        }
        let Ok(kibibytes @ 1..) = u32::try_from(bytes.div_ceil(1024)) else {
            return Ok(None);
        };
        let room = Arc::clone(&self.room).acquire_many_owned(kibibytes).await;
        room.map(Some).or(Err(SendError::RetryLater { after: None }))
    }

    async fn mail(&self, settings: &EmailSettings, outgoing: &Outgoing) -> Result<OutgoingMail, SendError> {
        let id =
            MessageId::for_sent(outgoing.reference, &settings.address).map_err(|error| rejected(&error.to_string()))?;
        let from = Mailbox {
            name: settings.from_name.clone(),
            address: settings.address.clone(),
        };
        let to = EmailAddress::parse(&outgoing.to).map_err(|_no_address| rejected("invalid_address"))?;
        let text = match &outgoing.content {
            Content::Text(text) | Content::Template { text, .. } => text.clone(),
        };
        let thread: Vec<MessageId> = outgoing
            .references
            .iter()
            .filter_map(|reference| MessageId::parse(reference).ok())
            .filter(|reference| *reference != id)
            .collect();
        let subject = subject(settings, outgoing.subject.as_deref(), !thread.is_empty());
        let date = written_at(outgoing).ok_or_else(|| rejected("invalid_reference"))?;
        let mut mail = OutgoingMail::new(id, date, from, Mailbox::bare(to), subject, text).answering(thread);
        if let Some(answered) = outgoing.reply_to.as_deref().and_then(|id| MessageId::parse(id).ok()) {
            mail.in_reply_to = Some(answered);
        }
        mail.automatic = outgoing.is_automatic.then_some(if outgoing.reply_to.is_some() {
            Automatic::Replied
        } else {
            Automatic::Generated
        });
        for file in &outgoing.attachments {
            mail.attachments.push(Attachment {
                name: file.file_name.clone(),
                content_type: file.content_type.clone(),
                bytes: read(&self.files, file).await?.to_vec(),
            });
        }
        Ok(mail)
    }
}

impl Channel for EmailChannel {
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Accepted, SendError>> {
        Box::pin(async move { Box::pin(self.announce(outgoing)).await?.await })
    }

    fn prepare<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<HandOver<'a>, SendError>> {
        Box::pin(async move {
            let hand_over: HandOver<'a> = Box::pin(self.announce(outgoing)).await?;
            Ok(hand_over)
        })
    }
    // No mail server can be asked. Sent again by hand, the mail has the same id, and most programs show it once.
}

fn rejected(reason: &str) -> SendError {
    SendError::Rejected {
        reason: reason.to_owned(),
    }
}

fn told(refusal: &Refusal) -> SendError {
    match refusal {
        Refusal::Rejected { reason } => rejected(&reason.to_string()),
        Refusal::RetryLater { after, .. } => SendError::RetryLater { after: *after },
        Refusal::Unknown { .. } => SendError::Unknown,
    }
}

/// When the message was written, as its id tells (UUIDv7: RFC 9562, 5.7): the same however often it is sent.
fn written_at(outgoing: &Outgoing) -> Option<Timestamp> {
    let (seconds, nanoseconds) = outgoing.reference.as_uuid().get_timestamp()?.to_unix();
    let moment = DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)?;
    Timestamp::new(moment).ok()
}

/// The subject of an answer is that of the thread; a first mail without one names the clinic.
fn subject(settings: &EmailSettings, subject: Option<&str>, is_answer: bool) -> String {
    let subject = subject.map(str::trim).filter(|subject| !subject.is_empty());
    let Some(subject) = subject else {
        return settings
            .from_name
            .clone()
            .unwrap_or_else(|| settings.address.as_str().to_owned());
    };
    let is_marked = subject.get(..3).is_some_and(|mark| mark.eq_ignore_ascii_case("re:"));
    if is_answer && !is_marked {
        format!("Re: {subject}")
    } else {
        subject.to_owned()
    }
}

/// The server that takes the inbox's mails, connected to where `rules` permit it.
///
/// # Errors
/// [`InvalidServerUrl`] when the settings name none that can be used.
fn smtp(
    settings: &EmailSettings,
    secrets: &InboxSecrets,
    rules: &OutwardRules,
) -> Result<SmtpSettings, InvalidServerUrl> {
    let url = url("smtp", "", &settings.smtp, secrets.get("smtp_password"));
    let settings = SmtpSettings::parse(&url)?;
    Ok(settings.judged_by(rules.networks.clone()).trusting(rules.roots.clone()))
}

/// The mailbox that the inbox's mails come into, connected to where `rules` permit it; `None` when there is none.
///
/// # Errors
/// [`InvalidServerUrl`] when the settings name none that can be used.
pub fn imap(
    settings: &EmailSettings,
    secrets: &InboxSecrets,
    rules: &OutwardRules,
) -> Result<Option<ImapSettings>, InvalidServerUrl> {
    let Some(server) = &settings.imap else {
        return Ok(None);
    };
    let mailbox = settings.mailbox.as_deref().unwrap_or("INBOX");
    let url = url("imap", mailbox, server, secrets.get("imap_password"));
    let settings = ImapSettings::parse(&url)?;
    Ok(Some(
        settings.judged_by(rules.networks.clone()).trusting(rules.roots.clone()),
    ))
}

/// A server as a URL: of the `protocol`, with `s` behind it for TLS from the first byte.
fn url(protocol: &str, path: &str, server: &MailServer, password: Option<&SecretString>) -> SecretString {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let login = server.username.as_deref().map_or_else(String::new, |name| {
        let password = password.map_or("", |password| password.expose_secret());
        format!("{}:{}@", encoded(name), encoded(password))
    });
    let host = if server.host.contains(':') {
        format!("[{}]", server.host)
    } else {
        server.host.clone()
    };
    let (end_of_scheme, parameters) = match server.security {
        Security::Tls => ("s", ""),
        Security::StartTls => ("", ""),
        Security::None => ("", "?tls=none"),
    };
    let (port, path) = (server.port, encoded(path));
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{protocol}{end_of_scheme}://{login}{host}:{port}{slash}{path}{parameters}").into()
}
