//! A signed-in connection to a mailbox's server.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_imap::Client;
use secrecy::ExposeSecret;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::FetchError;
use super::settings::ImapSettings;
use crate::reach::OutOfReach;
use crate::server_url::Security;

/// A connection in TLS or, on loopback, in the clear.
pub(super) enum Stream {
    Tls(Box<TlsStream<TcpStream>>),
    Clear(TcpStream),
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Stream")
    }
}

/// A signed-in connection.
pub(super) struct Session {
    pub(super) imap: async_imap::Session<Stream>,
}

impl Session {
    /// Says good-bye; whether the server hears it matters no more.
    pub(super) async fn leave(mut self, settings: &ImapSettings) {
        if let Err(error) = settings.within(self.imap.logout()).await {
            tracing::debug!(%error, "the server of a mailbox did not say good-bye");
        }
    }
}

/// Connects and signs in.
pub(super) async fn open(settings: &ImapSettings) -> Result<Session, FetchError> {
    let addresses = settings.addresses().await?;
    let tcp = settings
        .within(async { Ok(TcpStream::connect(addresses.as_slice()).await?) })
        .await?;
    let client = match settings.security {
        Security::Clear => greeted(settings, Stream::Clear(tcp)).await?,
        Security::Tls => greeted(settings, secure(settings, tcp).await?).await?,
        Security::StartTls => {
            let mut client = greeted(settings, Stream::Clear(tcp)).await?;
            let asking = client.run_command_and_check_ok("STARTTLS", None);
            settings
                .within(asking)
                .await
                .or(Err(FetchError::Unreachable("the server offers no TLS".to_owned())))?;
            // What somebody in between may have added in the clear goes with the connection that it was read on. The server greets
            // nobody twice (RFC 3501, 6.2.1).
            match client.into_inner() {
                Stream::Clear(tcp) => Client::new(secure(settings, tcp).await?),
                Stream::Tls(_) => return Err(FetchError::Protocol),
            }
        }
    };
    let signing_in = async {
        let login = client.login(&settings.login.name, settings.login.password.expose_secret());
        Ok(login.await.map_err(|(error, _)| error))
    };
    match settings.within(signing_in).await? {
        Ok(imap) => Ok(Session { imap }),
        Err(async_imap::error::Error::No(_) | async_imap::error::Error::Validate(_)) => Err(FetchError::SignInRefused),
        Err(error) => Err(error.into()),
    }
}

/// A client that has heard the greeting: the server speaks first.
async fn greeted(settings: &ImapSettings, stream: Stream) -> Result<Client<Stream>, FetchError> {
    let mut client = Client::new(stream);
    let greeting = async {
        let greeting = client.read_response().await?;
        greeting.ok_or(async_imap::error::Error::ConnectionLost)
    };
    settings.within(greeting).await?;
    Ok(client)
}

async fn secure(settings: &ImapSettings, tcp: TcpStream) -> Result<Stream, FetchError> {
    let unreachable = |cause: &dyn fmt::Display| FetchError::Unreachable(format!("no TLS: {cause}"));
    let config = settings.roots.client_config().map_err(|error| unreachable(&error))?;
    let name = ServerName::try_from(settings.place.host.clone()).map_err(|error| unreachable(&error))?;
    let stream = settings
        .within(async { Ok(TlsConnector::from(config).connect(name, tcp).await?) })
        .await?;
    Ok(Stream::Tls(Box::new(stream)))
}

impl From<OutOfReach> for FetchError {
    fn from(cause: OutOfReach) -> Self {
        match cause {
            OutOfReach::UnknownHost => Self::Unreachable(cause.to_string()),
            OutOfReach::NotPublic | OutOfReach::OtherPort => Self::OutOfReach(cause),
        }
    }
}

impl From<async_imap::error::Error> for FetchError {
    fn from(error: async_imap::error::Error) -> Self {
        use async_imap::error::Error;
        match error {
            Error::Io(cause) => Self::Unreachable(cause.to_string()),
            Error::ConnectionLost => Self::Unreachable("the connection was lost".to_owned()),
            Error::No(_) => Self::NoMailbox,
            _ => Self::Protocol,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Clear(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Clear(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Clear(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
