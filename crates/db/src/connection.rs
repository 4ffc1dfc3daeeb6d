//! Opens connections: the session's time-outs set, statements counted, the clinic's setting prepared.

use std::net::IpAddr;
use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use kernel::ClinicId;
use secrecy::ExposeSecret;
use tokio_postgres::NoTls;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::accounting::CountStatements;
use crate::config::DatabaseConfig;
use crate::roll::connection_name;
use crate::schema::functions::set_config;

/// How long a server may leave what was sent to it unacknowledged before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(10);

/// Why no connection could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is no PostgreSQL URL.
    #[error("the database URL is not valid: write postgres://user:password@host:port/database")]
    InvalidUrl(#[source] tokio_postgres::Error),
    /// The server could not be reached or refused the sign-in.
    #[error("the database does not answer: {0}")]
    Refused(#[source] tokio_postgres::Error),
    /// Passwords and health data would cross a network in the clear.
    #[error("the database is on another machine: add sslmode=require to its URL")]
    PlainOverNetwork,
    /// The machine has no certificates to check the server's by.
    #[error("no trusted certificates were found; install ca-certificates, or name a file in SSL_CERT_FILE")]
    NoTrustedCertificates,
    /// The server ended the connection while it was idle; another is made in its place.
    #[error("the database closed an idle connection")]
    Closed,
    /// The session could not be set up.
    #[error("the database session could not be set up: {0}")]
    Setup(String),
}

/// Opens a connection as the role of `config`: with `sslmode=require` over TLS, the server's certificate and name checked
/// against the machine's trusted ones (or those in `SSL_CERT_FILE`); without it only to this machine.
///
/// # Errors
/// [`ConnectError`] when the URL is wrong, the server does not answer, or the session cannot be set up.
pub async fn connect(config: &DatabaseConfig) -> Result<AsyncPgConnection, ConnectError> {
    let mut settings: tokio_postgres::Config = config.url.expose_secret().parse().map_err(ConnectError::InvalidUrl)?;
    settings.application_name(connection_name(config.process));
    settings.connect_timeout(Duration::from_secs(5));
    // A server that vanished without a word (a failover, a cut cable) is noticed within seconds, not after the system's quarter of
    // an hour: by what it does not acknowledge, and where nothing is under way by what it does not answer.
    settings.tcp_user_timeout(SILENCE);
    settings.keepalives_idle(SILENCE);
    settings.keepalives_interval(Duration::from_secs(2));
    settings.keepalives_retries(3);
    // Data lies in memory or on solid-state disks, where a page out of order costs little more than one in order.
    settings.options(format!(
        "-c random_page_cost=1.1 -c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={}",
        config.statement_timeout.as_millis(),
        config.lock_timeout.as_millis(),
        config.idle_in_transaction_timeout.as_millis(),
    ));
    let mut connection = if settings.get_ssl_mode() == SslMode::Require {
        let (tls, _unreadable) =
            MakeRustlsConnect::with_native_certs().map_err(|_none| ConnectError::NoTrustedCertificates)?;
        let (client, connection) = settings.connect(tls).await.map_err(ConnectError::Refused)?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    } else {
        if !settings.get_hosts().iter().all(is_this_machine) {
            return Err(ConnectError::PlainOverNetwork);
        }
        let (client, connection) = settings.connect(NoTls).await.map_err(ConnectError::Refused)?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }
    .map_err(|error| ConnectError::Setup(error.to_string()))?;
    connection.set_instrumentation(CountStatements);
    Ok(connection)
}

/// Whether `host` is reached without a network.
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        Host::Unix(_) => true,
    }
}

/// A pooled connection of the server's role, and what is known of its state.
pub(crate) struct TenantConnection {
    pub(crate) inner: AsyncPgConnection,
    /// The clinic that the session is set to; `None` when that is not known.
    pub(crate) clinic: Option<ClinicId>,
    /// Set while a unit of work is under way. Still set when the connection comes back: the work was abandoned, and the
    /// connection must not be used again.
    pub(crate) under_way: bool,
}

impl TenantConnection {
    /// Opens a connection and prepares the statement that sets the clinic, so that it can later be sent ahead of others.
    pub(crate) async fn open(config: &DatabaseConfig) -> Result<Self, ConnectError> {
        let inner = connect(config).await?;
        let connection = Self {
            inner,
            clinic: None,
            under_way: false,
        };
        connection
            .set_session_clinic("")
            .await
            .map_err(|error| ConnectError::Setup(error.to_string()))?;
        Ok(connection)
    }

    /// Sets the clinic of the session; `clinic` is a UUID's text, or empty for none.
    pub(crate) async fn set_session_clinic(&self, clinic: &str) -> diesel::QueryResult<()> {
        diesel::select(set_config("app.clinic_id", clinic, false))
            .execute(&mut &self.inner)
            .await?;
        Ok(())
    }

    /// Sends `statements` as one message, unprepared.
    pub(crate) async fn send(&self, statements: &str) -> diesel::QueryResult<()> {
        (&self.inner).batch_execute(statements).await
    }
}
