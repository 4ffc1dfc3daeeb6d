//! The settings of mails about accounts: the server that takes them, who writes, and where links lead.

use std::fmt;
use std::net::IpAddr;

use fetch::Roots;
use kernel::email::EmailAddress;
use mail::{Mailbox, SmtpSettings};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::reader::Reader;

/// What it takes to mail invitations and links for new passwords.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// The server that takes the mails.
    pub smtp: SmtpSettings,
    /// Who writes them.
    pub from: Mailbox,
    /// Where the pages are that their links lead to.
    pub public_url: PublicUrl,
}

/// Where people find the product with a browser: an address without a `/` at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// Text that is no address for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no address for people: write https://host, with a path where there is one (http only to this machine itself)"
)]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// The address that `text` is: `https`, or `http` to a loopback address, without credentials, query and fragment.
    ///
    /// # Errors
    /// [`InvalidPublicUrl`].
    pub fn parse(text: &str) -> Result<Self, InvalidPublicUrl> {
        let url = Url::parse(text).or(Err(InvalidPublicUrl))?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        };
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
        let is_plain =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if is_safe && is_plain {
            Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
        } else {
            Err(InvalidPublicUrl)
        }
    }

    /// The address of the application's first page.
    pub(crate) fn start(&self) -> String {
        format!("{self}/")
    }

    /// The address of the application's `page` for who has `token`. All of it stands in the fragment, which browsers keep to
    /// themselves (RFC 9110, 7.1): the token gets into no log of a server or proxy, and into no `Referer`.
    pub(crate) fn page_with_token(&self, page: &str, token: &SecretString) -> String {
        format!("{self}/#/{page}?token={}", token.expose_secret())
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// All of the settings, or none of them: then no mail is sent. The server is the operator's own, and so may be anywhere.
pub(super) fn read(reader: &mut Reader, roots: &Roots) -> Option<MailConfig> {
    let smtp: Option<SecretString> = reader.optional("smtp_url");
    let from: Option<String> = reader.optional("mail_from");
    let public_url: Option<String> = reader.optional("public_url");
    let present = [smtp.is_some(), from.is_some(), public_url.is_some()];
    if present.iter().any(|is_present| *is_present) {
        for (setting, is_present) in ["smtp_url", "mail_from", "public_url"].into_iter().zip(present) {
            if !is_present {
                reader.fault(
                    setting,
                    "must be set too: TASKMED_SMTP_URL, TASKMED_MAIL_FROM and TASKMED_PUBLIC_URL go together",
                );
            }
        }
    }
    let smtp = smtp.and_then(|url| match SmtpSettings::parse(&url) {
        Ok(settings) => Some(settings.trusting(roots.clone())),
        Err(error) => {
            reader.fault("smtp_url", error);
            None
        }
    });
    let from = from.and_then(|text| {
        let from = mailbox(&text);
        if from.is_none() {
            reader.fault("mail_from", "is no address: write name@host or A Name <name@host>");
        }
        from
    });
    let public_url = public_url.and_then(|text| match PublicUrl::parse(&text) {
        Ok(url) => Some(url),
        Err(error) => {
            reader.fault("public_url", error);
            None
        }
    });
    Some(MailConfig {
        smtp: smtp?,
        from: from?,
        public_url: public_url?,
    })
}

/// `name@host`, or `A Name <name@host>`.
fn mailbox(text: &str) -> Option<Mailbox> {
    match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => {
            let name = name.trim().trim_matches('"').trim();
            let address = EmailAddress::parse(address).ok()?;
            Some(if name.is_empty() {
                Mailbox::bare(address)
            } else {
                Mailbox::named(name, address)
            })
        }
        None => EmailAddress::parse(text).ok().map(Mailbox::bare),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_safe_and_plain() {
        for (text, read) in [
            ("https://app.clinic.example", "https://app.clinic.example"),
            ("https://clinic.example/taskmed/", "https://clinic.example/taskmed"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().to_string(), read);
        }
        for text in [
            "app.clinic.example",
            "http://app.clinic.example",
            "http://10.0.0.1",
            "ftp://localhost",
            "https://me:secret@clinic.example",
            "https://clinic.example/?a=b",
            "https://clinic.example/#a",
        ] {
            assert_eq!(PublicUrl::parse(text), Err(InvalidPublicUrl), "{text}");
        }
    }

    #[test]
    fn the_token_stands_in_the_fragment() {
        let url = PublicUrl::parse("https://clinic.example/app").unwrap();
        let link = url.page_with_token("password-reset", &"tmp_1".into());
        assert_eq!(link, "https://clinic.example/app/#/password-reset?token=tmp_1");
        let link = Url::parse(&link).unwrap();
        assert_eq!((link.path(), link.query()), ("/app/", None));
    }

    #[test]
    fn who_writes_may_have_a_name() {
        let named = mailbox("TaskMed Aurora <no-reply@clinic.example>").unwrap();
        assert_eq!(named.name.as_deref(), Some("TaskMed Aurora"));
        assert_eq!(named.address.as_str(), "no-reply@clinic.example");
        assert_eq!(mailbox("no-reply@clinic.example").unwrap().name, None);
        assert_eq!(mailbox("<no-reply@clinic.example>").unwrap().name, None);
        assert!(mailbox("no-reply").is_none() && mailbox("A <b> c").is_none());
    }
}
