//! An inbox's secrets: written, sealed, used, and never shown.

use std::collections::BTreeMap;
use std::fmt;

use kernel::FieldErrors;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::channels::ChannelKind;

/// The longest secret; Meta's tokens have some hundred characters.
const MOST_CHARS: usize = 4096;

/// An inbox's secrets, by name.
#[derive(Clone, Default)]
pub struct InboxSecrets(BTreeMap<String, SecretString>);

impl InboxSecrets {
    /// The secret called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }

    /// The names, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// With `changes` made to them.
    pub(super) fn changed(mut self, changes: &SecretChanges) -> Self {
        for (name, value) in &changes.0 {
            match value {
                Some(secret) => self.0.insert(name.clone(), secret.clone()),
                None => self.0.remove(name),
            };
        }
        self
    }

    /// As they are sealed.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let plain: BTreeMap<&str, &str> = self
            .0
            .iter()
            .map(|(name, secret)| (name.as_str(), secret.expose_secret()))
            .collect();
        serde_json::to_vec(&plain)
    }

    /// As they were sealed.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let plain: BTreeMap<String, String> = serde_json::from_slice(bytes)?;
        Ok(Self(
            plain
                .into_iter()
                .map(|(name, secret)| (name, SecretString::from(secret)))
                .collect(),
        ))
    }
}

impl fmt::Debug for InboxSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Secrets to be set, or taken away.
#[derive(Clone, Default)]
pub struct SecretChanges(BTreeMap<String, Option<SecretString>>);

impl fmt::Debug for SecretChanges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// The secrets that an inbox of `kind` may have.
pub(super) const fn known(kind: ChannelKind) -> &'static [&'static str] {
    match kind {
        ChannelKind::Whatsapp => &["access_token", "app_secret", "verify_token"],
        ChannelKind::Email => &["smtp_password", "imap_password"],
        ChannelKind::Sms | ChannelKind::Webchat => &[],
    }
}

/// Whether `text` can be what an inbox of `kind` keeps secret: Meta's tokens travel in headers, and no password has control
/// characters in it, which would end a line of a dialogue.
fn is_secret(kind: ChannelKind, text: &str) -> bool {
    let text = text.trim();
    let is_plain = match kind {
        ChannelKind::Whatsapp => text.bytes().all(|byte| byte.is_ascii_graphic()),
        ChannelKind::Email | ChannelKind::Sms | ChannelKind::Webchat => !text.chars().any(char::is_control),
    };
    is_plain && !text.is_empty() && text.chars().count() <= MOST_CHARS
}

impl SecretChanges {
    /// The changes that a client sent for an inbox of `kind`.
    pub(super) fn parse(kind: ChannelKind, values: &Map<String, Value>, errors: &mut FieldErrors) -> Self {
        let mut changes = BTreeMap::new();
        for (name, value) in values {
            let pointer = format!("/secrets/{name}");
            if !known(kind).contains(&name.as_str()) {
                errors.push(
                    pointer,
                    "unknown_field",
                    format!("an inbox of this channel has the secrets {:?}", known(kind)),
                );
                continue;
            }
            match value {
                Value::Null => {
                    changes.insert(name.clone(), None);
                }
                Value::String(text) if is_secret(kind, text) => {
                    changes.insert(name.clone(), Some(SecretString::from(text.trim())));
                }
                _ => errors.push(
                    pointer,
                    "invalid_secret",
                    "a secret is a text that is not blank and has no control characters, or null; Meta's are plain ASCII",
                ),
            }
        }
        Self(changes)
    }

    /// Whether the secret called `name` is set by these changes; `Some(false)` when it is taken away, none when it stays.
    pub(super) fn sets(&self, name: &str) -> Option<bool> {
        self.0.get(name).map(Option::is_some)
    }

    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
