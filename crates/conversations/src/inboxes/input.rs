//! Inboxes as clients ask for them; every fault of a body is told at once.

use kernel::FieldErrors;
use kernel::text::Label;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::logins;
use super::model::{DEFAULT_REOPEN_DAYS, InboxChanges, NewInbox};
use super::secrets::SecretChanges;
use super::settings::InboxSettings;
use crate::channels::ChannelKind;
use rest::{Patch, ReadPatch};

/// An inbox to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "webchat", "name": "Site", "settings": {"allowed_origins": ["https://www.clinica.example"]}}))]
pub(crate) struct CreateInbox {
    /// By what means people write to it; does not change later.
    #[schema(value_type = ChannelKind)]
    pub(super) channel: String,
    #[schema(value_type = Label)]
    name: String,
    /// What the channel needs.
    #[serde(default)]
    pub(super) settings: Map<String, Value>,
    /// What it needs that nobody may see again: `access_token`, `app_secret` and `verify_token` for WhatsApp, `smtp_password` and
    /// `imap_password` for e-mail.
    #[serde(default)]
    secrets: Map<String, Value>,
    /// For how many days a resolved conversation is taken up again; 7 when not given.
    #[schema(minimum = 0, maximum = 365)]
    reopen_days: Option<i64>,
}

fn reopen_days(errors: &mut FieldErrors, days: i64) -> Option<i16> {
    let checked = i16::try_from(days).ok().filter(|days| (0..=365).contains(days));
    if checked.is_none() {
        errors.push("/reopen_days", "out_of_range", "must be a whole number from 0 to 365");
    }
    checked
}

impl TryFrom<CreateInbox> for NewInbox {
    type Error = FieldErrors;

    fn try_from(body: CreateInbox) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read("/name", Label::parse(&body.name));
        let kind = errors.read("/channel", ChannelKind::parse(&body.channel));
        let days = body.reopen_days.map(|days| reopen_days(&mut errors, days));
        let settings = kind.and_then(|kind| InboxSettings::parse(kind, &Value::Object(body.settings), &mut errors));
        let secrets = kind
            .map(|kind| SecretChanges::parse(kind, &body.secrets, &mut errors))
            .unwrap_or_default();
        if let Some(settings) = &settings {
            logins::check(settings, &[], &secrets, &mut errors);
        }
        let whole = name.zip(settings).map(|(name, settings)| Self {
            name,
            settings,
            secrets,
            reopen_days: days.flatten().unwrap_or(DEFAULT_REOPEN_DAYS),
        });
        errors.finish(whole)
    }
}

/// What changes about an inbox; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchInbox {
    #[serde(default)]
    #[schema(value_type = Option<Label>)]
    name: Patch<String>,
    /// All settings, in place of those before.
    pub(super) settings: Option<Map<String, Value>>,
    /// Secrets to be set; null takes one away, and what is not named stays.
    secrets: Option<Map<String, Value>>,
    #[schema(minimum = 0, maximum = 365)]
    reopen_days: Option<i64>,
}

impl TryFrom<PatchInbox> for InboxChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchInbox) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read_change("/name", body.name, |name| Label::parse(&name));
        let reopen_days = body.reopen_days.and_then(|days| reopen_days(&mut errors, days));
        errors.finish(Some(Self {
            name,
            settings: body.settings.map(Value::Object),
            secrets: body.secrets,
            reopen_days,
        }))
    }
}
