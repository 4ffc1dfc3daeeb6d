//! Which mailbox is read, and how.

use std::future::Future;
use std::time::Duration;

use secrecy::SecretString;

use super::FetchError;
use crate::connect::Roots;
use crate::server_url::{InvalidServerUrl, Login, Security, ServerUrl};

const EXAMPLE: &str = "imaps://name:password@host/INBOX";

/// A mailbox, and who may read it.
#[derive(Debug, Clone)]
pub struct ImapSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Login,
    pub(super) mailbox: String,
    pub(super) timeout: Duration,
    pub(super) roots: Roots,
}

impl ImapSettings {
    /// The mailbox that `url` names: `imaps://name:password@host:993/INBOX`, or on loopback addresses
    /// `imap://name:password@127.0.0.1:143/INBOX` in the clear. Without a path it is `INBOX`;
    /// another name stands as IMAP spells it (RFC 3501, 5.1.3).
    ///
    /// # Errors
    /// [`InvalidServerUrl`].
    pub fn parse(url: &SecretString) -> Result<Self, InvalidServerUrl> {
        let url = ServerUrl::parse(url, EXAMPLE)?;
        let (security, standard_port) = match url.scheme.as_str() {
            "imaps" => (Security::Tls, 993),
            "imap" if url.is_loopback => (Security::Clear, 143),
            "imap" => return Err(InvalidServerUrl::ClearOverNetwork),
            _ => return Err(InvalidServerUrl::Scheme(EXAMPLE)),
        };
        if !url.parameters.is_empty() {
            return Err(InvalidServerUrl::UnknownParameter);
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
            host: url.host,
            port: url.port.unwrap_or(standard_port),
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

    /// The same, with another time that each answer may take, instead of 30 seconds.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
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
            (settings.host.as_str(), settings.port, settings.mailbox.as_str()),
            ("imap.example", 993, "INBOX")
        );
        assert_eq!(settings.login.name, "agenda@aurora.example");
        assert_eq!(
            parse("imap://a:b@[::1]:1143/Lidas%202026").unwrap().mailbox,
            "Lidas 2026"
        );
        assert_eq!(
            parse("imap://a:b@imap.example").err(),
            Some(InvalidServerUrl::ClearOverNetwork)
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
