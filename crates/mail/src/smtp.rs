//! Mails handed to an SMTP server (RFC 5321), and what is known of one that was not taken.

mod error;
mod idle;
mod settings;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::ExposeSecret;

use self::error::Stage;
pub use self::error::{Reason, SendError};
use self::idle::Idle;
pub use self::settings::SmtpSettings;
use crate::outgoing::{Composed, OutgoingMail, compose};
use crate::reach::Service;
use crate::roots::for_smtp;
use crate::server_url::Security;

/// How long a server may take to let itself be connected to, before a word is said. What drops packets is not waited for.
const CONNECTING: Duration = Duration::from_secs(10);

/// Hands mails to one server. Cheap to share; keeps a connection open for a moment after each mail, for each thread its own.
pub struct Mailer {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    idle: Idle,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mailer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The server has taken the mail and answers for it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What the server said, often with its own id of the mail.
    pub said: String,
}

impl Mailer {
    /// A mailer for the server of `settings`. Connects when there is something to send.
    ///
    /// # Errors
    /// When TLS cannot be set up: a host that is no name, or roots that cannot be used.
    pub fn new(settings: SmtpSettings) -> Result<Self, SendError> {
        let tls = match settings.security {
            Security::Clear => None,
            Security::Tls | Security::StartTls => {
                let builder = for_smtp(&settings.roots)
                    .into_iter()
                    .fold(TlsParameters::builder(settings.place.host.clone()), |builder, root| {
                        builder.add_root_certificate(root)
                    });
                Some(builder.build().map_err(|error| Stage::Connecting.judge(&error))?)
            }
        };
        Ok(Self {
            settings,
            tls,
            idle: Idle::default(),
        })
    }

    /// Hands `mail` to the server.
    ///
    /// # Errors
    /// [`SendError`] tells whether to give up, come again, or find out.
    pub async fn send(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        let (accepted, connection) = self.announce(mail).await?.content().await?;
        self.idle.keep(connection);
        Ok(accepted)
    }

    /// Says to the server from whom and to whom `mail` goes, and that its content comes: the last step after which it certainly was
    /// not taken. [`Announced::hand_over`] is the next one.
    ///
    /// # Errors
    /// [`SendError::Rejected`] or [`SendError::RetryLater`].
    pub async fn announce(&self, mail: &OutgoingMail) -> Result<Announced, SendError> {
        let composed = compose(mail)?;
        let mut waiting = self.idle.take();
        loop {
            let is_reused = waiting.is_some();
            let mut connection = match waiting.take() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            match self.name_parties(&mut connection, &composed).await {
                Ok(()) => {
                    return Ok(Announced {
                        connection,
                        bytes: composed.bytes,
                        patience: self.settings.patience_for_content(),
                        patience_for_good_bye: self.settings.timeout,
                    });
                }
                // The server may have closed the kept connection meanwhile: nothing was handed over yet.
                Err(failure) if is_reused && failure.nothing_was_said => {
                    tracing::debug!("a kept connection to the mail server is gone; making a new one");
                }
                Err(failure) => {
                    // The connection is left in the middle of a dialogue, and closed.
                    let _closed = within(self.settings.timeout, connection.quit()).await;
                    return Err(failure.error);
                }
            }
        }
    }

    /// All of one mail but its content, over an open connection.
    async fn name_parties(&self, connection: &mut AsyncSmtpConnection, mail: &Composed) -> Result<(), Failure> {
        let patience = self.settings.timeout;
        let parameters = parameters(connection, mail).map_err(Failure::before_anything)?;
        let sender = mail.envelope.from().cloned();
        step(
            patience,
            connection.command(Mail::new(sender, parameters)),
            Stage::Sender,
        )
        .await
        .map_err(|error| Failure::unless_answered(error, connection))?;
        for recipient in mail.envelope.to() {
            let command = Rcpt::new(recipient.clone(), Vec::new());
            step(patience, connection.command(command), Stage::Recipient).await?;
        }
        step(patience, connection.command(Data), Stage::Recipient).await?;
        Ok(())
    }

    /// A connection on which mails can be sent.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let settings = &self.settings;
        let hello = settings.hello.clone().map_or_else(ClientId::default, ClientId::Domain);
        let looking_up = settings.place.addresses(Service::Smtp);
        let addresses = match within(settings.timeout.min(CONNECTING), looking_up).await {
            Some(found) => found?,
            None => return Err(Stage::Connecting.judge_silence()),
        };
        let from_the_start = self.tls.clone().filter(|_| settings.security == Security::Tls);
        let connecting = AsyncSmtpConnection::connect_tokio1(
            addresses.as_slice(),
            Some(settings.timeout.min(CONNECTING)),
            &hello,
            from_the_start,
            None,
        );
        let mut connection = step(settings.timeout, connecting, Stage::Connecting).await?;
        if let Some(tls) = self.tls.clone().filter(|_| settings.security == Security::StartTls) {
            let upgrading = connection.starttls(tls, &hello);
            step(settings.timeout, upgrading, Stage::Connecting).await?;
        }
        if let Some(login) = &settings.login {
            let credentials = Credentials::new(login.name.clone(), login.password.expose_secret().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let signing_in = connection.auth(&mechanisms, &credentials);
            step(settings.timeout, signing_in, Stage::Connecting).await?;
        }
        Ok(connection)
    }
}

/// A mail of which the server knows all but the content. Dropped, it was not sent.
pub struct Announced {
    connection: AsyncSmtpConnection,
    bytes: Vec<u8>,
    patience: Duration,
    patience_for_good_bye: Duration,
}

impl fmt::Debug for Announced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Announced")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Announced {
    /// Hands the content over. From here on nobody knows whether the server has taken the mail until it says so.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn hand_over(self) -> Result<Accepted, SendError> {
        self.content().await.map(|(accepted, _connection)| accepted)
    }

    async fn content(mut self) -> Result<(Accepted, AsyncSmtpConnection), SendError> {
        let content = self.connection.message(&self.bytes);
        match step(self.patience, content, Stage::Content).await {
            Ok(response) => {
                let said = response.message().collect::<Vec<_>>().join(" ");
                Ok((Accepted { said }, self.connection))
            }
            Err(error) => {
                // The connection is left in the middle of a dialogue, and closed.
                let _closed = within(self.patience_for_good_bye, self.connection.quit()).await;
                Err(error)
            }
        }
    }
}

/// One step of the dialogue, judged by where it failed.
async fn step<T>(
    patience: Duration,
    step: impl Future<Output = Result<T, SmtpError>>,
    stage: Stage,
) -> Result<T, SendError> {
    match within(patience, step).await {
        Some(result) => result.map_err(|error| stage.judge(&error)),
        None => Err(stage.judge_silence()),
    }
}

async fn within<T>(patience: Duration, step: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(patience, step).await.ok()
}

/// Why a mail was not handed over.
struct Failure {
    error: SendError,
    /// The connection ended before the server said a word of this mail.
    nothing_was_said: bool,
}

impl Failure {
    const fn before_anything(error: SendError) -> Self {
        Self {
            error,
            nothing_was_said: false,
        }
    }

    /// The failure of the first command: on a connection that the server has closed, nobody has read it.
    fn unless_answered(error: SendError, connection: &AsyncSmtpConnection) -> Self {
        let is_closing =
            matches!(&error, SendError::RetryLater { reason, .. } if reason.code().is_none_or(|code| code == 421));
        Self {
            error,
            nothing_was_said: is_closing || connection.has_broken(),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self::before_anything(error)
    }
}

/// What the mail needs of the server.
fn parameters(connection: &AsyncSmtpConnection, mail: &Composed) -> Result<Vec<MailParameter>, SendError> {
    let server = connection.server_info();
    let mut parameters = Vec::new();
    let mut addresses = mail.envelope.to().iter().chain(mail.envelope.from());
    if addresses.any(|address| !address.user().is_ascii() || !address.domain().is_ascii()) {
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(SendError::Rejected {
                reason: Reason::own("the mail server takes no addresses outside ASCII"),
            });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !mail.bytes.is_ascii() {
        if !server.supports_feature(Extension::EightBitMime) {
            return Err(SendError::Rejected {
                reason: Reason::own("the mail server takes no text outside ASCII"),
            });
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}
