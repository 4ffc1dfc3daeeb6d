//! Where mails are handed to, and how.

use std::time::Duration;

use fetch::{AllowedNetworks, Roots};
use secrecy::SecretString;

use crate::reach::Place;
use crate::server_url::{InvalidServerUrl, Login, Security, ServerUrl};

const EXAMPLE: &str = "smtps://name:password@host or smtp://name:password@host";

/// A server that takes mails.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    pub(super) place: Place,
    pub(super) security: Security,
    pub(super) login: Option<Login>,
    pub(super) hello: Option<String>,
    pub(super) timeout: Duration,
    pub(super) roots: Roots,
}

impl SmtpSettings {
    /// The server that `url` names:
    /// - `smtps://name:password@host:465`: TLS from the first byte;
    /// - `smtp://name:password@host:587`: STARTTLS, and no mail when the server does not offer it;
    /// - `smtp://127.0.0.1:25?tls=none`: in the clear, to loopback addresses only.
    ///
    /// `?hello=name` is the name that this side gives itself (RFC 5321, 4.1.1.1), else its address.
    ///
    /// # Errors
    /// [`InvalidServerUrl`].
    pub fn parse(url: &SecretString) -> Result<Self, InvalidServerUrl> {
        let url = ServerUrl::parse(url, EXAMPLE)?;
        let (mut security, standard_port) = match url.scheme.as_str() {
            "smtps" => (Security::Tls, 465),
            "smtp" => (Security::StartTls, 587),
            _ => return Err(InvalidServerUrl::Scheme(EXAMPLE)),
        };
        let mut hello = None;
        for (name, value) in &url.parameters {
            match (name.as_str(), value.as_str()) {
                ("tls", "none") => security = url.in_the_clear("smtp")?,
                ("hello", name) if is_host_name(name) => hello = Some(name.to_owned()),
                _ => return Err(InvalidServerUrl::UnknownParameter),
            }
        }
        if !matches!(url.path.as_str(), "") {
            return Err(InvalidServerUrl::Malformed(EXAMPLE));
        }
        Ok(Self {
            place: Place::trusted(url.host, url.port.unwrap_or(standard_port)),
            security,
            login: url.login,
            hello,
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

    /// The server may look through the content before it answers; who gives up too soon sends twice (RFC 5321, 4.5.3.2.6).
    pub(super) const fn patience_for_content(&self) -> Duration {
        self.timeout.saturating_mul(4)
    }
}

fn is_host_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn parse(url: &str) -> Result<SmtpSettings, InvalidServerUrl> {
        SmtpSettings::parse(&url.into())
    }

    #[test]
    fn a_url_names_server_protection_and_login() {
        let tls = parse("smtps://clinica%40aurora.example:p%3Aw%2F%C3%A9@mail.example").unwrap();
        assert_eq!(
            (tls.place.host.as_str(), tls.place.port, tls.security),
            ("mail.example", 465, Security::Tls)
        );
        let login = tls.login.unwrap();
        assert_eq!(login.name, "clinica@aurora.example");
        assert_eq!(login.password.expose_secret(), "p:w/é");
        let upgraded = parse("smtp://mail.example?hello=app.aurora.example").unwrap();
        assert_eq!((upgraded.place.port, upgraded.security), (587, Security::StartTls));
        assert_eq!(upgraded.hello.as_deref(), Some("app.aurora.example"));
        for clear in [
            "smtp://127.0.0.1:2525?tls=none",
            "smtp://[::1]:2525?tls=none",
            "smtp://localhost?tls=none",
        ] {
            assert_eq!(parse(clear).unwrap().security, Security::Clear, "{clear}");
        }
    }

    #[test]
    fn nothing_goes_in_the_clear_over_a_network() {
        for url in [
            "smtp://mail.example?tls=none",
            "smtp://10.0.0.1?tls=none",
            "smtps://127.0.0.1?tls=none",
        ] {
            assert_eq!(parse(url).err(), Some(InvalidServerUrl::ClearOverNetwork), "{url}");
        }
    }

    #[test]
    fn what_names_no_server_is_told() {
        assert_eq!(
            parse("mail.example:25").err(),
            Some(InvalidServerUrl::Malformed(EXAMPLE))
        );
        assert_eq!(
            parse("https://mail.example").err(),
            Some(InvalidServerUrl::Scheme(EXAMPLE))
        );
        assert_eq!(
            parse("smtps://name@mail.example").err(),
            Some(InvalidServerUrl::HalfCredentials)
        );
        assert_eq!(
            parse("smtps://mail.example?x=y").err(),
            Some(InvalidServerUrl::UnknownParameter)
        );
        assert_eq!(
            parse("smtps://mail.example?hello=a%0d%0ab").err(),
            Some(InvalidServerUrl::UnknownParameter)
        );
    }
}
