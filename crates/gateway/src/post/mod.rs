//! Mails of the product itself to those who work with it.

mod draft;

use std::fmt;
use std::time::Duration;

use jobs::{Event, HandlerError};
use kernel::email::EmailAddress;
use mail::{Mailbox, Mailer, MessageId, OutgoingMail, SendError};

pub(crate) use self::draft::{Draft, language, moment};
use crate::config::{MailConfig, PublicUrl};

/// How long one attempt may take: the mailer gives a server half a minute an answer, and longer to look through a mail.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Sends mails in the installation's name.
pub struct PostOffice {
    mailer: Mailer,
    from: Mailbox,
    public_url: PublicUrl,
}

/// What a mail says.
#[derive(PartialEq, Eq)]
pub(crate) struct Letter {
    /// What it is about.
    pub(crate) subject: String,
    /// The text.
    pub(crate) text: String,
    /// The same in HTML.
    pub(crate) html: String,
}

impl fmt::Debug for PostOffice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostOffice")
            .field("mailer", &self.mailer)
            .finish_non_exhaustive()
    }
}

impl PostOffice {
    /// What sends mails as `config` says. Connects when there is something to send.
    ///
    /// # Errors
    /// When TLS to the server cannot be set up.
    pub fn open(config: &MailConfig) -> Result<Self, SendError> {
        Ok(Self {
            mailer: Mailer::new(config.smtp.clone())?,
            from: config.from.clone(),
            public_url: config.public_url.clone(),
        })
    }

    /// Where links lead.
    pub(crate) const fn public_url(&self) -> &PublicUrl {
        &self.public_url
    }

    /// Sends the mail that `event` is followed by, with the same id and date each time.
    pub(crate) async fn send(
        &self,
        event: &Event,
        to: EmailAddress,
        name: &str,
        letter: Letter,
    ) -> Result<(), SendError> {
        let thing = format!("{}.{}", event.kind(), event.id());
        // What a kind and an id are written with has its place in an id of a mail.
        let id = MessageId::for_sent(thing, &self.from.address).or(Err(mail::Unsendable::Form))?;
        let mut mail = OutgoingMail::new(
            id,
            event.created_at(),
            self.from.clone(),
            Mailbox::named(name, to),
            letter.subject,
            letter.text,
        )
        .automatic();
        mail.html = Some(letter.html);
        // The dialogue with the server is large; boxed, it makes none of its callers so.
        Box::pin(self.mailer.send(&mail)).await.map(drop)
    }
}

/// What the queue does about a mail that was not sent.
pub(crate) fn tried(error: SendError) -> HandlerError {
    let reason = error.to_string();
    match error {
        SendError::Rejected { .. } => HandlerError::Reject(reason),
        SendError::RetryLater { after: Some(pause), .. } => HandlerError::RetryAfter { pause, reason },
        SendError::RetryLater { after: None, .. } | SendError::Unknown { .. } => HandlerError::Retry(reason),
    }
}
