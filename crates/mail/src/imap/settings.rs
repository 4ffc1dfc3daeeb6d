//! Which mailbox is read, and how.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use fetch::{AllowedNetworks, Roots};
use secrecy::SecretString;

use super::FetchError;
use crate::reach::{Place, Service};
use crate::server_url::{InvalidServerUrl, Login, Security, ServerUrl};

const EXAMPLE: &str = "imaps://name:password@host/INBOX";

/// A mailbox, and who may read it.
#[derive(Debug, Clone)]
pub struct ImapSettings {
    pub(super) place: Place,
    pub(super) security: Security,
    pub(super) login: Login,
    pub(super) mailbox: String,
    pub(super) timeout: Duration,
    pub(super) roots: Roots,
}

impl ImapSettings {
    /// The mailbox that `url` names:
    /// - `imaps://name:password@host:993/INBOX`: TLS from the first byte;
    /// - `imap://name:password@host:143/INBOX`: STARTTLS, and nobody signs in when the server does not offer it;
    /// - `imap://name:password@127.0.0.1:143/INBOX?tls=none`: in the clear, from loopback addresses only.
    ///
    /// Without a path it is `INBOX`; another name stands as IMAP spells it (RFC 3501, 5.1.3).
    ///
    /// # Errors
    /// [`InvalidServerUrl`].
    pub fn parse(url: &SecretString) -> Result<Self, InvalidServerUrl> {
        let url = ServerUrl::parse(url, EXAMPLE)?;
        let (mut security, standard_port) = match url.scheme.as_str() {
            "imaps" => (Security::Tls, 993),
            "imap" => (Security::StartTls, 143),
            _ => return Err(InvalidServerUrl::Scheme(EXAMPLE)),
        };
        for (name, value) in &url.parameters {
            match (name.as_str(), value.as_str()) {
                ("tls", "none") => security = url.in_the_clear("imap")?,
                _ => return Err(InvalidServerUrl::UnknownParameter),
            }
        }
        let mailbox = if url.path.is_empty() {
            "INBOX".to_owned()
        } else {
            url.path
        };
        if !mailbox.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(InvalidServerUrl::Malformed(EXAMPLE));
        }
        Ok(Self {
            place: Place::trusted(url.host, url.port.unwrap_or(standard_port)),
            security,
            login: url.login.ok_or(InvalidServerUrl::HalfCredentials)?,
            mailbox,
            timeout: Duration::from_secs(30),
            roots: Roots::default(),
        })
    }

    /// The same, with certificate authorities besides the system's.
    #[must_use]
    pub fn trusting(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// The same, of a server that not the operator named: it must be public and at a port of mail, or in one of `networks`.
    #[must_use]
    pub fn judged_by(mut self, networks: AllowedNetworks) -> Self {
        self.place.judged_by = Some(networks);
        self
    }

    /// The same, with another time that each answer may take, instead of 30 seconds.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The addresses to connect to.
    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, FetchError> {
        match tokio::time::timeout(self.timeout, self.place.addresses(Service::Imap)).await {
            Ok(found) => Ok(found?),
            Err(_elapsed) => Err(FetchError::Unreachable("the name was not found in time".to_owned())),
        }
    }

    pub(super) async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, async_imap::error::Error>>,
    ) -> Result<T, FetchError> {
        limited(self.timeout, step).await
    }

    /// As [`Self::within`], for an answer of many megabytes.
    pub(super) async fn within_long<T>(
        &self,
        step: impl Future<Output = Result<T, async_imap::error::Error>>,
    ) -> Result<T, FetchError> {
        limited(self.timeout.saturating_mul(4), step).await
    }
}

async fn limited<T>(
    patience: Duration,
    step: impl Future<Output = Result<T, async_imap::error::Error>>,
) -> Result<T, FetchError> {
    match tokio::time::timeout(patience, step).await {
        Ok(result) => Ok(result?),
        Err(_elapsed) => Err(FetchError::Unreachable("no answer in time".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_mailbox() {
        let parse = |url: &str| ImapSettings::parse(&url.into());
        let settings = parse("imaps://agenda%40aurora.example:s%2Fx@imap.example").unwrap();
        assert_eq!(
            (settings.place.host.as_str(), settings.place.port, settings.security),
            ("imap.example", 993, Security::Tls)
        );
        assert_eq!(settings.mailbox, "INBOX");
        let upgraded = parse("imap://a:b@imap.example").unwrap();
        assert_eq!((upgraded.place.port, upgraded.security), (143, Security::StartTls));
        assert_eq!(settings.login.name, "agenda@aurora.example");
        let near = parse("imap://a:b@[::1]:1143/Lidas%202026?tls=none").unwrap();
        assert_eq!((near.mailbox.as_str(), near.security), ("Lidas 2026", Security::Clear));
        for far in ["imap://a:b@imap.example?tls=none", "imaps://a:b@127.0.0.1?tls=none"] {
            assert_eq!(parse(far).err(), Some(InvalidServerUrl::ClearOverNetwork), "{far}");
        }
        assert_eq!(
            parse("imap://a:b@imap.example?tls=some").err(),
            Some(InvalidServerUrl::UnknownParameter)
        );
        assert_eq!(
            parse("imaps://imap.example").err(),
            Some(InvalidServerUrl::HalfCredentials)
        );
        assert_eq!(
            parse("imaps://a:b@imap.example/x%0d%0ay").err(),
            Some(InvalidServerUrl::Malformed("imaps://name:password@host/INBOX"))
        );
    }
}
