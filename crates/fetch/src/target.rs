//! An address that a user named, checked as far as can be without resolving its name. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use reqwest::Url;

use crate::networks::AllowedNetworks;

/// The longest address that is taken, in bytes.
const LONGEST: usize = 2048;

/// What is no target of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// No URL with a host.
    #[error("is no address such as https://example.org/path")]
    NoUrl,
    /// Not encrypted, and not in a network that the operator named.
    #[error("must begin with https://")]
    NotHttps,
    /// A user or password in it.
    #[error("must not carry a user or password")]
    Credentials,
    /// A part behind `#`, which is never sent.
    #[error("must not have a part behind #, which is never sent")]
    Fragment,
    /// More than 2048 bytes.
    #[error("is longer than 2048 bytes")]
    TooLong,
    /// The host is written as an address that is not public.
    #[error("leads into a network that is not public")]
    NotPublic,
}

impl InvalidTarget {
    /// The word for it where machines read.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoUrl => "invalid_url",
            Self::NotHttps => "https_required",
            Self::Credentials => "credentials_in_url",
            Self::Fragment => "fragment_in_url",
            Self::TooLong => "too_long",
            Self::NotPublic => "address_not_allowed",
        }
    }
}

/// An address to call. Whether its name leads inward shows when it is called.
///
/// Its `Debug` shows no more than the host: what follows may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// Checks `text`, spaces around it aside: `https` (or `http` where the operator may have named the network), no user,
    /// password or part behind `#`, and no address or name that leads inward on its face.
    ///
    /// # Errors
    /// [`InvalidTarget`].
    pub fn parse(text: &str, allowed: &AllowedNetworks) -> Result<Self, InvalidTarget> {
        if text.len() > LONGEST {
            return Err(InvalidTarget::TooLong);
        }
        let url = Url::parse(text.trim()).or(Err(InvalidTarget::NoUrl))?;
        if url.fragment().is_some() {
            return Err(InvalidTarget::Fragment);
        }
        Self::check(url, allowed)
    }

    /// Where a redirect to `location` leads from here.
    pub(crate) fn follow(&self, location: &str, allowed: &AllowedNetworks) -> Result<Self, InvalidTarget> {
        if location.len() > LONGEST {
            return Err(InvalidTarget::TooLong);
        }
        let url = self.0.join(location).or(Err(InvalidTarget::NoUrl))?;
        // What was encrypted stays so.
        if self.0.scheme() == "https" && url.scheme() != "https" {
            return Err(InvalidTarget::NotHttps);
        }
        Self::check(url, allowed)
    }

    fn check(url: Url, allowed: &AllowedNetworks) -> Result<Self, InvalidTarget> {
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(InvalidTarget::NoUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTarget::Credentials);
        }
        if url.as_str().len() > LONGEST {
            return Err(InvalidTarget::TooLong);
        }
        // The URL's parser has brought every way of writing an address into one: 0x7f.1 is 127.0.0.1 by now.
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        match (url.scheme(), literal.or_else(|| this_machine(host))) {
            ("https", Some(address)) if !allowed.permit(address) => Err(InvalidTarget::NotPublic),
            ("https", _) => Ok(Self(url)),
            ("http", Some(address)) if allowed.names(address) => Ok(Self(url)),
            ("http", Some(address)) if !allowed.permit(address) => Err(InvalidTarget::NotPublic),
            // A name may lead into a network that the operator named; the resolver lets it lead nowhere else.
            ("http", None) if !allowed.is_empty() => Ok(Self(url)),
            ("http", _) => Err(InvalidTarget::NotHttps),
            _ => Err(InvalidTarget::NoUrl),
        }
    }

    /// Whether it is called without encryption.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether `other` has the same scheme, host and port.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// The host's name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The whole address, secrets in it included.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }
}

/// The host in an address, whether it may be called or not: what may be shown of one, since what follows may be a secret.
#[must_use]
pub fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// What the names that always mean this machine (RFC 6761, 6.3) lead to.
fn this_machine(host: &str) -> Option<IpAddr> {
    let name = host.trim_end_matches('.');
    (name == "localhost" || name.ends_with(".localhost")).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({}://{}/…)", self.0.scheme(), self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, allowed: &str) -> Result<String, InvalidTarget> {
        let allowed = if allowed.is_empty() {
            AllowedNetworks::default()
        } else {
            allowed.parse().unwrap()
        };
        Target::parse(text, &allowed).map(|target| target.reveal().to_owned())
    }

    #[test]
    fn addresses_are_judged_however_they_are_written() {
        for (text, fault) in [
            ("", InvalidTarget::NoUrl),
            ("example.org/a.ics", InvalidTarget::NoUrl),
            ("ftp://example.org/a", InvalidTarget::NoUrl),
            ("file:///etc/passwd", InvalidTarget::NoUrl),
            ("http://example.org/a.ics", InvalidTarget::NotHttps),
            ("http://8.8.8.8/a.ics", InvalidTarget::NotHttps),
            ("https://me@example.org/", InvalidTarget::Credentials),
            ("https://me:secret@example.org/", InvalidTarget::Credentials),
            ("https://127.0.0.1/", InvalidTarget::NotPublic),
            ("https://0x7f.1/", InvalidTarget::NotPublic),
            ("https://2130706433/", InvalidTarget::NotPublic),
            ("https://0177.0.0.1/", InvalidTarget::NotPublic),
            ("https://[::1]/", InvalidTarget::NotPublic),
            ("https://[::ffff:10.0.0.1]/", InvalidTarget::NotPublic),
            ("https://169.254.169.254/latest/meta-data", InvalidTarget::NotPublic),
            ("https://127.1/", InvalidTarget::NotPublic),
            ("https://[fd00::1]:8443/hook", InvalidTarget::NotPublic),
            ("https://１２７.0.0.1/", InvalidTarget::NotPublic),
            ("https://localhost/", InvalidTarget::NotPublic),
            ("https://LOCALHOST./", InvalidTarget::NotPublic),
            ("https://a.localhost/", InvalidTarget::NotPublic),
            ("http://127.0.0.1/", InvalidTarget::NotPublic),
            ("http://localhost/", InvalidTarget::NotPublic),
            ("https://example.org/#top", InvalidTarget::Fragment),
        ] {
            assert_eq!(parse(text, ""), Err(fault), "{text}");
        }
        assert_eq!(
            parse(&format!("https://example.org/{}", "a".repeat(2048)), ""),
            Err(InvalidTarget::TooLong)
        );
        assert_eq!(
            parse(&format!("https://example.org/{}", "é".repeat(900)), ""),
            Err(InvalidTarget::TooLong),
            "as it is sent"
        );
        assert!(parse(" https://example.org:8443/a.ics?key=1 ", "").is_ok());
        assert!(parse("https://bücher.example/", "").is_ok());
        assert!(parse("https://8.8.8.8/", "").is_ok());
    }

    #[test]
    fn a_named_network_may_be_called_and_without_encryption() {
        assert!(parse("http://127.0.0.1:8080/a", "127.0.0.0/8").is_ok());
        assert!(parse("http://localhost:8080/a", "127.0.0.0/8").is_ok());
        assert!(parse("http://calendar.inner/a", "10.0.0.0/8").is_ok());
        assert_eq!(parse("http://10.0.0.1/a", "127.0.0.0/8"), Err(InvalidTarget::NotPublic));
        assert_eq!(parse("http://8.8.8.8/a", "127.0.0.0/8"), Err(InvalidTarget::NotHttps));
    }

    #[test]
    fn a_redirect_does_not_leave_encryption_and_the_secret_is_not_shown() {
        let allowed: AllowedNetworks = "127.0.0.0/8".parse().unwrap();
        let target = Target::parse("https://example.org/secret.ics", &allowed).unwrap();
        assert_eq!(
            target.follow("http://127.0.0.1/", &allowed),
            Err(InvalidTarget::NotHttps)
        );
        assert_eq!(
            target.follow("https://10.0.0.1/", &allowed),
            Err(InvalidTarget::NotPublic)
        );
        assert_eq!(
            target.follow("/other", &allowed).unwrap().reveal(),
            "https://example.org/other"
        );
        assert_eq!(format!("{target:?}"), "Target(https://example.org/…)");
    }
}
