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
    let tcp = settings
        .within(async { Ok(TcpStream::connect((settings.host.as_str(), settings.port)).await?) })
        .await?;
    let stream = match settings.security {
        Security::Clear => Stream::Clear(tcp),
        Security::Tls | Security::StartTls => Stream::Tls(Box::new(secure(settings, tcp).await?)),
    };
    let mut client = Client::new(stream);
    // The server speaks first.
    settings
        .within(async {
            client
                .read_response()
                .await?
                .ok_or(async_imap::error::Error::ConnectionLost)
        })
        .await?;
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

async fn secure(settings: &ImapSettings, tcp: TcpStream) -> Result<TlsStream<TcpStream>, FetchError> {
    let unreachable = |cause: &dyn fmt::Display| FetchError::Unreachable(format!("no TLS: {cause}"));
    let config = settings.roots.client_config().map_err(|error| unreachable(&error))?;
    let name = ServerName::try_from(settings.host.clone()).map_err(|error| unreachable(&error))?;
    settings
        .within(async { Ok(TlsConnector::from(config).connect(name, tcp).await?) })
        .await
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
