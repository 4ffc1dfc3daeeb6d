//! The address of an endpoint, as far as it can be judged before its name is looked up.

use std::net::IpAddr;

use reqwest::Url;

use super::TargetRules;

/// The most characters of an address.
const LONGEST: usize = 2048;

/// The address of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetUrl(Url);

/// Why an address cannot be an endpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTarget {
    #[error("write a whole address, such as https://example.com/hooks")]
    NotAnAddress,
    #[error("an address has at most {LONGEST} characters")]
    TooLong,
    #[error("the address begins with https://")]
    NotHttps,
    #[error("an address carries no name and password; verify the signature instead")]
    Credentials,
    #[error("an address has no part behind #, which is never sent")]
    Fragment,
    #[error("the address is not public, and the operator of this installation does not allow it")]
    AddressNotAllowed,
}

impl InvalidTarget {
    /// A stable word for programs.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NotAnAddress => "invalid_url",
            Self::TooLong => "too_long",
            Self::NotHttps => "https_required",
            Self::Credentials => "credentials_in_url",
            Self::Fragment => "fragment_in_url",
            Self::AddressNotAllowed => "address_not_allowed",
        }
    }
}

impl TargetUrl {
    /// The address that `text` is. What can be seen without looking up a name is checked against `rules`: the protocol, an
    /// address written as a number in whatever form, and names that always mean this machine (RFC 6761).
    pub(crate) fn parse(text: &str, rules: &TargetRules) -> Result<Self, InvalidTarget> {
        let text = text.trim();
        if text.chars().count() > LONGEST {
            return Err(InvalidTarget::TooLong);
        }
        let url = Url::parse(text).map_err(|_not_a_url| InvalidTarget::NotAnAddress)?;
        match url.scheme() {
            "https" => {}
            "http" if rules.allow_http => {}
            _ => return Err(InvalidTarget::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTarget::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidTarget::Fragment);
        }
        if url.as_str().len() > LONGEST {
            return Err(InvalidTarget::TooLong);
        }
        let target = Self(url);
        let host = target.0.host_str().ok_or(InvalidTarget::NotAnAddress)?;
        let name = host.trim_end_matches('.');
        let means_us = (name == "localhost" || name.ends_with(".localhost")).then_some(IpAddr::from([127, 0, 0, 1]));
        match target.literal_address().or(means_us) {
            Some(address) if !rules.permits(address) => Err(InvalidTarget::AddressNotAllowed),
            _ => Ok(target),
        }
    }

    /// The address, where it is written as a number: then no name is looked up.
    pub(crate) fn literal_address(&self) -> Option<IpAddr> {
        let host = self.0.host_str()?;
        host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// The address as a client takes it.
    pub(crate) const fn as_url(&self) -> &Url {
        &self.0
    }

    /// The address as text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_written_as_numbers_are_judged_in_every_form() {
        let rules = TargetRules::default();
        for inside in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://[fd00::1]:8443/hook",
            "https://10.0.0.1:8443/",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://１２７.0.0.1/",
        ] {
            assert_eq!(
                TargetUrl::parse(inside, &rules),
                Err(InvalidTarget::AddressNotAllowed),
                "{inside}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_told() {
        let refused = |text: &str| TargetUrl::parse(text, &TargetRules::default()).unwrap_err();
        assert_eq!(refused("example.com"), InvalidTarget::NotAnAddress);
        assert_eq!(refused("https://"), InvalidTarget::NotAnAddress);
        assert_eq!(refused("http://example.com/"), InvalidTarget::NotHttps);
        assert_eq!(refused("file:///etc/passwd"), InvalidTarget::NotHttps);
        assert_eq!(refused("https://me:secret@example.com/"), InvalidTarget::Credentials);
        assert_eq!(refused("https://example.com/#top"), InvalidTarget::Fragment);
        assert_eq!(
            refused(&format!("https://example.com/{}", "a".repeat(2048))),
            InvalidTarget::TooLong
        );
    }

    #[test]
    fn public_addresses_are_taken_with_any_port_and_query() {
        let rules = TargetRules::default();
        for text in [
            "https://example.com/",
            "https://example.com:8443/hooks?token=1",
            "https://8.8.8.8/",
            "https://bücher.example/",
        ] {
            assert!(TargetUrl::parse(text, &rules).is_ok(), "{text}");
        }
        let open = TargetRules {
            allowed_networks: "127.0.0.0/8".parse().unwrap(),
            allow_http: true,
        };
        assert!(TargetUrl::parse("http://127.0.0.1:9000/", &open).is_ok());
        assert!(TargetUrl::parse("http://localhost:9000/", &open).is_ok());
    }
}
