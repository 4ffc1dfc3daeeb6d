//! What an inbox is.

use db::schema::inboxes;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::text::Label;
use kernel::{InboxId, Timestamp, Version};
use serde_json::Value;

use super::secrets::SecretChanges;
use super::settings::InboxSettings;
use crate::channels::ChannelKind;

/// An inbox of the clinic.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = inboxes, check_for_backend(Pg))]
pub struct Inbox {
    /// Its id.
    pub id: InboxId,
    /// By what means people write to it.
    pub channel: ChannelKind,
    /// Its name, unique among the inboxes in use.
    pub name: Label,
    /// What the channel needs, as it is stored.
    pub settings: Value,
    /// Which secrets it has.
    pub secret_names: Vec<String>,
    /// For how many days after it was resolved a conversation is taken up again by a new message.
    pub reopen_days: i16,
    /// When it was put away.
    pub archived_at: Option<Timestamp>,
    /// How often it was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Inbox {
    /// What the channel needs.
    #[must_use]
    pub fn settings(&self) -> InboxSettings {
        InboxSettings::stored(self.channel, &self.settings)
    }
}

/// An inbox to be made.
#[derive(Debug, Clone)]
pub struct NewInbox {
    /// Its name.
    pub name: Label,
    /// Its channel, with what that needs.
    pub settings: InboxSettings,
    /// Its secrets.
    pub secrets: SecretChanges,
    /// For how many days after it was resolved a conversation is taken up again by a new message.
    pub reopen_days: i16,
}

impl NewInbox {
    /// An inbox with `name` and `settings`, without secrets.
    #[must_use]
    pub fn named(name: Label, settings: InboxSettings) -> Self {
        Self {
            name,
            settings,
            secrets: SecretChanges::default(),
            reopen_days: DEFAULT_REOPEN_DAYS,
        }
    }
}

/// For how many days a resolved conversation is taken up again when nobody says otherwise.
pub(super) const DEFAULT_REOPEN_DAYS: i16 = 7;

/// What changes about an inbox; `None` keeps. Settings are checked against the inbox's channel.
#[derive(Debug, Clone, Default)]
pub struct InboxChanges {
    /// Its name.
    pub name: Option<Label>,
    /// All of its settings.
    pub settings: Option<Value>,
    /// Some of its secrets.
    pub secrets: Option<serde_json::Map<String, Value>>,
    /// For how many days a resolved conversation is taken up again.
    pub reopen_days: Option<i16>,
}
