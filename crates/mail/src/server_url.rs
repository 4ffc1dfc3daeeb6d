//! A mail server as one URL: `smtps://name:password@host:port?…`. Names and passwords are percent-encoded.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// Why a URL names no mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServerUrl {
    /// No URL, or one without a host.
    #[error("is no URL of a mail server: write {0}")]
    Malformed(&'static str),
    /// Another scheme.
    #[error("has an unknown scheme: write {0}")]
    Scheme(&'static str),
    /// A name without a password or a password without a name.
    #[error("needs both a name and a password, or neither")]
    HalfCredentials,
    /// The name or password is no UTF-8 once decoded.
    #[error("carries a name or password that is no text")]
    NotText,
    /// In the clear over a network.
    #[error("would send in the clear, which is for loopback addresses only")]
    ClearOverNetwork,
    /// A parameter that means nothing.
    #[error("has an unknown parameter")]
    UnknownParameter,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, or no connection.
    StartTls,
    /// In the clear, to a loopback address.
    Clear,
}

/// A name and its password.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) name: String,
    pub(crate) password: SecretString,
}

/// The parts of a URL that each protocol reads in its own way.
#[derive(Debug)]
pub(crate) struct ServerUrl {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) is_loopback: bool,
    pub(crate) port: Option<u16>,
    pub(crate) login: Option<Login>,
    pub(crate) path: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl ServerUrl {
    /// Takes `url` apart; `example` is what a right one looks like.
    pub(crate) fn parse(url: &SecretString, example: &'static str) -> Result<Self, InvalidServerUrl> {
        let malformed = InvalidServerUrl::Malformed(example);
        let url = Url::parse(url.expose_secret()).or(Err(malformed))?;
        let (host, is_loopback) = match url.host().ok_or(malformed)? {
            // Schemes that the URL standard does not know have their addresses left as text.
            Host::Domain(name) => match name.parse::<IpAddr>() {
                Ok(address) => (address.to_string(), address.is_loopback()),
                Err(_) => (name.to_owned(), name == "localhost"),
            },
            Host::Ipv4(address) => (address.to_string(), address.is_loopback()),
            Host::Ipv6(address) => (address.to_string(), address.is_loopback()),
        };
        let login = match (text(url.username())?, url.password().map(text).transpose()?) {
            (name, None) if name.is_empty() => None,
            (name, Some(password)) if !name.is_empty() => Some(Login {
                name,
                password: password.into(),
            }),
            _ => return Err(InvalidServerUrl::HalfCredentials),
        };
        Ok(Self {
            scheme: url.scheme().to_owned(),
            host,
            is_loopback,
            port: url.port(),
            login,
            path: text(url.path().trim_start_matches('/'))?,
            parameters: url.query_pairs().into_owned().collect(),
        })
    }

    /// What `tls=none` means: no protection, which is for loopback addresses alone, and for a scheme that does not promise any.
    pub(crate) fn in_the_clear(&self, scheme: &str) -> Result<Security, InvalidServerUrl> {
        if self.scheme == scheme && self.is_loopback {
            Ok(Security::Clear)
        } else {
            Err(InvalidServerUrl::ClearOverNetwork)
        }
    }
}

fn text(encoded: &str) -> Result<String, InvalidServerUrl> {
    percent_decode_str(encoded)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .or(Err(InvalidServerUrl::NotText))
}
