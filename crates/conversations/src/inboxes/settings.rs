//! What each channel needs to know of an inbox, checked; nothing of it is secret.

use std::net::Ipv6Addr;

use kernel::email::EmailAddress;
use kernel::text::{InvalidText, bounded, multiline};
use kernel::{FieldErrors, text_enum};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::channels::ChannelKind;

text_enum! {
    /// How a connection to a mail server is protected.
    pub enum Security {
        /// TLS from the first byte.
        Tls = "tls",
        /// TLS after a greeting in the clear, demanded.
        StartTls = "starttls",
        /// None; only for a server on the same machine.
        None = "none",
    }
    error = InvalidSecurity, code = "unknown_security";
}

/// What the WhatsApp Cloud API needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatsappSettings {
    /// The id of the phone number, as Meta's developer pages show it.
    #[schema(example = "106540352242922", pattern = "^[0-9]{1,32}$")]
    pub phone_number_id: String,
    /// The id of the WhatsApp Business account.
    #[serde(default)]
    #[schema(example = "102290129340398", pattern = "^[0-9]{1,32}$")]
    pub business_account_id: Option<String>,
    /// Whether people see that the clinic has read what they wrote: once somebody of the clinic has marked the conversation as read,
    /// or answered.
    #[serde(default = "shown")]
    #[schema(default = true)]
    pub read_receipts: bool,
}

const fn shown() -> bool {
    true
}

/// A mail server and who signs in to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailServer {
    /// Its name.
    #[schema(example = "mail.example.com", max_length = 253)]
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who signs in; nobody when left out.
    #[serde(default)]
    #[schema(max_length = 254)]
    pub username: Option<String>,
}

/// What e-mail needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    /// The address that people write to.
    pub address: EmailAddress,
    /// The name beside it.
    #[serde(default)]
    #[schema(max_length = 120, example = "Clínica Aurora")]
    pub from_name: Option<String>,
    /// What sends.
    pub smtp: MailServer,
    /// Where mail is fetched from; nothing comes in when left out.
    #[serde(default)]
    pub imap: Option<MailServer>,
    /// The mailbox that is looked into; INBOX when left out.
    #[serde(default)]
    #[schema(max_length = 120, example = "INBOX")]
    pub mailbox: Option<String>,
}

/// What the web chat needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebchatSettings {
    /// The sites whose pages may hold the chat, as browsers name them in `Origin`.
    #[schema(max_items = 50, example = json!(["https://www.clinica.example"]))]
    pub allowed_origins: Vec<String>,
    /// What a visitor reads first.
    #[schema(max_length = 500)]
    pub greeting: Option<String>,
}

/// The settings of an inbox, by its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxSettings {
    /// Of WhatsApp.
    Whatsapp(WhatsappSettings),
    /// Of e-mail.
    Email(EmailSettings),
    /// Of the web chat.
    Webchat(WebchatSettings),
    /// Of a channel that has none, or that were stored in a form not known any more.
    None(ChannelKind),
}

impl InboxSettings {
    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> ChannelKind {
        match self {
            Self::Whatsapp(_) => ChannelKind::Whatsapp,
            Self::Email(_) => ChannelKind::Email,
            Self::Webchat(_) => ChannelKind::Webchat,
            Self::None(kind) => *kind,
        }
    }

    /// What was stored.
    pub(super) fn stored(kind: ChannelKind, value: &Value) -> Self {
        let read = match kind {
            ChannelKind::Whatsapp => WhatsappSettings::deserialize(value).map(Self::Whatsapp),
            ChannelKind::Email => EmailSettings::deserialize(value).map(Self::Email),
            ChannelKind::Webchat => WebchatSettings::deserialize(value).map(Self::Webchat),
            ChannelKind::Sms => Ok(Self::None(kind)),
        };
        read.unwrap_or(Self::None(kind))
    }

    /// As they are stored.
    pub(super) fn to_value(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Whatsapp(settings) => serde_json::to_value(settings),
            Self::Email(settings) => serde_json::to_value(settings),
            Self::Webchat(settings) => serde_json::to_value(settings),
            Self::None(_) => Ok(Value::Object(serde_json::Map::new())),
        }
    }

    /// What a client sent for an inbox of `kind`; everything that is wrong is noted under `/settings`.
    pub(super) fn parse(kind: ChannelKind, value: &Value, errors: &mut FieldErrors) -> Option<Self> {
        fn read<T: serde::de::DeserializeOwned>(value: &Value, errors: &mut FieldErrors) -> Option<T> {
            T::deserialize(value)
                .map_err(|error| errors.push("/settings", "invalid_settings", error))
                .ok()
        }
        match kind {
            ChannelKind::Whatsapp => {
                let settings: WhatsappSettings = read(value, errors)?;
                check_digits("/settings/phone_number_id", &settings.phone_number_id, errors);
                if let Some(account) = &settings.business_account_id {
                    check_digits("/settings/business_account_id", account, errors);
                }
                Some(Self::Whatsapp(settings))
            }
            ChannelKind::Email => {
                let settings: EmailSettings = read(value, errors)?;
                check_server("/settings/smtp", &settings.smtp, errors);
                if let Some(imap) = &settings.imap {
                    check_server("/settings/imap", imap, errors);
                    check_mailbox(imap, errors);
                }
                for (pointer, text) in [
                    ("/settings/from_name", &settings.from_name),
                    ("/settings/mailbox", &settings.mailbox),
                ] {
                    if let Some(text) = text {
                        let _checked = errors.read(pointer, bounded(text, 1, 120));
                    }
                }
                if let Some(mailbox) = &settings.mailbox {
                    check_name_of_mailbox(mailbox, errors);
                }
                Some(Self::Email(settings))
            }
            ChannelKind::Webchat => {
                let settings: WebchatSettings = read(value, errors)?;
                check_webchat(&settings, errors);
                Some(Self::Webchat(settings))
            }
            ChannelKind::Sms => {
                errors.push("/channel", "channel_unsupported", "nothing carries short messages yet");
                None
            }
        }
    }
}

fn check_digits(pointer: &str, text: &str, errors: &mut FieldErrors) {
    let is_number = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        errors.push(pointer, "invalid_id", "Meta's ids are numbers of 1 to 32 digits");
    }
}

fn check_server(pointer: &str, server: &MailServer, errors: &mut FieldErrors) {
    let host = &server.host;
    if !is_host(host) {
        errors.push(
            format!("{pointer}/host"),
            "invalid_host",
            "a host is a name or an address",
        );
    }
    if server.port == 0 {
        errors.push(format!("{pointer}/port"), "out_of_range", "a port is 1 to 65535");
    }
    let is_near = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if server.security == Security::None && !is_near {
        errors.push(
            format!("{pointer}/security"),
            "insecure",
            "mail and passwords leave this machine under TLS only",
        );
    }
    if let Some(username) = &server.username {
        let _checked = errors.read(&format!("{pointer}/username"), bounded(username, 1, 254));
    }
}

/// Whether `text` is the name of a host, or an address: one with colons is of IPv6, and nothing with a port.
fn is_host(text: &str) -> bool {
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().is_ok();
    }
    (1..=253).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

/// IMAP spells the names of mailboxes in ASCII: `Entrada` as it is, `Recepção` as `Recep&AOcA4w-o` (RFC 3501, 5.1.3).
fn check_name_of_mailbox(name: &str, errors: &mut FieldErrors) {
    if !name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        errors.push(
            "/settings/mailbox",
            "invalid_mailbox",
            "IMAP spells a mailbox's name in ASCII: other letters in modified UTF-7 (RFC 3501, 5.1.3)",
        );
    }
}

fn check_mailbox(imap: &MailServer, errors: &mut FieldErrors) {
    if imap.username.is_none() {
        errors.push("/settings/imap/username", "required", "a mailbox is somebody's");
    }
}

fn check_webchat(settings: &WebchatSettings, errors: &mut FieldErrors) {
    if settings.allowed_origins.len() > 50 {
        errors.push("/settings/allowed_origins", "too_many", "at most 50 sites");
    }
    for (index, origin) in settings.allowed_origins.iter().enumerate() {
        if !is_origin(origin) {
            errors.push(
                format!("/settings/allowed_origins/{index}"),
                "invalid_origin",
                "an origin is written as https://www.example.com, without a path; http only for localhost",
            );
        }
    }
    if let Some(greeting) = &settings.greeting {
        let checked: Result<String, InvalidText> = multiline(greeting, 1, 500);
        let _checked = errors.read("/settings/greeting", checked);
    }
}

/// Whether `text` is an origin as browsers write it (RFC 6454, 6.2): scheme, host, and a port where it is not the usual one.
fn is_origin(text: &str) -> bool {
    let (rest, is_https) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return false,
    };
    let (host, port) = rest.split_once(':').unwrap_or((rest, "443"));
    let is_host = (1..=253).contains(&host.len())
        && host
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    is_host && port.parse::<u16>().is_ok() && (is_https || matches!(host, "localhost" | "127.0.0.1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(kind: ChannelKind, value: Value) -> Vec<String> {
        let mut errors = FieldErrors::new();
        let _settings = InboxSettings::parse(kind, &value, &mut errors);
        errors.iter().map(|error| error.pointer.clone()).collect()
    }

    #[test]
    fn each_channel_says_what_is_wrong_with_its_settings() {
        assert!(faults(ChannelKind::Whatsapp, json!({"phone_number_id": "123"})).is_empty());
        assert_eq!(
            faults(
                ChannelKind::Whatsapp,
                json!({"phone_number_id": "x", "business_account_id": ""})
            ),
            ["/settings/phone_number_id", "/settings/business_account_id"]
        );
        let server = json!({"host": "mail.example.com", "port": 465, "security": "tls"});
        let email = json!({"address": "a@example.com", "smtp": server.clone()});
        assert!(faults(ChannelKind::Email, email).is_empty());
        let open =
            json!({"address": "a@example.com", "smtp": {"host": "mail.example.com", "port": 25, "security": "none"}});
        assert_eq!(faults(ChannelKind::Email, open), ["/settings/smtp/security"]);
        for (host, is_taken) in [
            ("::1", true),
            ("2001:db8::1", true),
            ("mail.example.com:25", false),
            ("a:25", false),
            ("-a", false),
        ] {
            let email = json!({"address": "a@example.com", "smtp": {"host": host, "port": 465, "security": "tls"}});
            let expected: &[&str] = if is_taken { &[] } else { &["/settings/smtp/host"] };
            assert_eq!(faults(ChannelKind::Email, email), expected, "{host}");
        }
        let elsewhere = json!({"address": "a@example.com", "smtp": server, "mailbox": "Recepção"});
        assert_eq!(faults(ChannelKind::Email, elsewhere), ["/settings/mailbox"]);
        assert_eq!(faults(ChannelKind::Sms, json!({})), ["/channel"]);
        assert_eq!(
            faults(
                ChannelKind::Webchat,
                json!({"allowed_origins": ["https://a.example", "https://a.example/x", "*"]})
            ),
            ["/settings/allowed_origins/1", "/settings/allowed_origins/2"]
        );
    }

    #[test]
    fn origins_are_as_browsers_write_them() {
        for good in ["https://a.example", "https://a.example:8443", "http://localhost:3000"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "http://a.example",
            "https://",
            "https://A.example",
            "a.example",
            "null",
            "https://a:b",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
