//! Which business number is spoken for, and where the API is.

use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

/// Where the API is, unless said otherwise.
pub const BASE: &str = "https://graph.facebook.com/";

/// The version of the API, unless said otherwise.
pub const VERSION: &str = "v23.0";

/// A business number on WhatsApp.
#[derive(Debug, Clone)]
pub struct WhatsAppSettings {
    pub(crate) base: Url,
    pub(crate) version: String,
    pub(crate) phone_number_id: String,
    pub(crate) access_token: SecretString,
    pub(crate) timeout: Duration,
}

/// Why settings cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// No `https` address; `http` is for loopback only.
    #[error("the address of the WhatsApp API must be https, or http on a loopback address")]
    Base,
    /// Not of the form `v23.0`.
    #[error("the version of the WhatsApp API looks like v23.0")]
    Version,
    /// The id has something but digits in it.
    #[error("the id of a WhatsApp number has digits only")]
    PhoneNumberId,
    /// The client could not be made.
    #[error("a client for HTTPS could not be made")]
    Client,
}

impl WhatsAppSettings {
    /// The business number `phone_number_id`, spoken for by `access_token`, at the usual address.
    ///
    /// # Errors
    /// [`InvalidSettings`].
    pub fn new(phone_number_id: &str, access_token: SecretString) -> Result<Self, InvalidSettings> {
        let is_id =
            (1..=32).contains(&phone_number_id.len()) && phone_number_id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_id {
            return Err(InvalidSettings::PhoneNumberId);
        }
        Ok(Self {
            base: base_url(BASE)?,
            version: VERSION.to_owned(),
            phone_number_id: phone_number_id.to_owned(),
            access_token,
            timeout: Duration::from_secs(20),
        })
    }

    /// The same, with the API at another address and of another version.
    ///
    /// # Errors
    /// [`InvalidSettings`].
    pub fn at(mut self, base: &str, version: &str) -> Result<Self, InvalidSettings> {
        self.base = base_url(base)?;
        let numbers = version.strip_prefix('v').and_then(|rest| rest.split_once('.'));
        let is_number = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !numbers.is_some_and(|(major, minor)| is_number(major) && is_number(minor)) {
            return Err(InvalidSettings::Version);
        }
        version.clone_into(&mut self.version);
        Ok(self)
    }

    /// The same, with another time that each answer may take, instead of 20 seconds.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The address of something in the API.
    pub(crate) fn address(&self, path: &[&str]) -> Option<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .push(&self.version)
            .extend(path);
        Some(url)
    }
}

/// `text` as an address that secrets may be sent to.
fn base_url(text: &str) -> Result<Url, InvalidSettings> {
    Url::parse(text)
        .ok()
        .filter(|url| is_safe(url) && !url.cannot_be_a_base())
        .ok_or(InvalidSettings::Base)
}

/// Whether what is sent there stays secret.
fn is_safe(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_https_only() {
        let settings = WhatsAppSettings::new("106540352242922", "token".into()).unwrap();
        assert_eq!(
            settings.address(&["106540352242922", "messages"]).unwrap().as_str(),
            format!("https://graph.facebook.com/{VERSION}/106540352242922/messages")
        );
        let at = |base: &str, version: &str| settings.clone().at(base, version).err();
        assert_eq!(at("http://127.0.0.1:8000", "v24.0"), None);
        assert_eq!(at("http://graph.example", "v24.0"), Some(InvalidSettings::Base));
        assert_eq!(at("https://graph.example/", "24"), Some(InvalidSettings::Version));
        assert_eq!(
            at("https://graph.example/", "v1.0/../.."),
            Some(InvalidSettings::Version)
        );
        assert_eq!(
            WhatsAppSettings::new("1/../2", "token".into()).err(),
            Some(InvalidSettings::PhoneNumberId)
        );
    }
}
