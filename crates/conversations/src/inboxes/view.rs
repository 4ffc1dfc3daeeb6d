//! Inboxes as clients see them.

use auth::secrets::InboxToken;
use db::{DbError, TenantRead};
use kernel::text::Label;
use kernel::{InboxId, Timestamp, Version};
use rest::View;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::model::Inbox;
use super::polls::{Poll, polls_of};
use crate::channels::ChannelKind;

/// How the looks into the mailbox of an e-mail inbox go.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailboxView {
    /// When it was last looked into.
    last_success_at: Option<Timestamp>,
    /// Why that failed the last time: `mailbox_unreachable`, `mailbox_sign_in_refused`, `mailbox_not_found`,
    /// `mailbox_answers_nonsense`, `mailbox_settings_unusable`, `mailbox_address_not_allowed`,
    /// `mailbox_secrets_unreadable`, `mailbox_too_slow`, `mail_not_storable`; null once it went well.
    last_error: Option<String>,
    /// Since when it fails.
    failing_since: Option<Timestamp>,
    /// When it is looked into next.
    next_poll_at: Option<Timestamp>,
}

/// An inbox, without its secrets and its token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InboxView {
    id: InboxId,
    /// By what means people write to it.
    channel: ChannelKind,
    /// Unique among the inboxes in use, accents and case aside.
    name: Label,
    /// What the channel needs: see the schemas `WhatsappSettings`, `EmailSettings` and `WebchatSettings`.
    #[schema(value_type = Object)]
    settings: Value,
    /// The names of the secrets that are set.
    #[schema(example = json!(["access_token", "app_secret"]))]
    secrets: Vec<String>,
    /// For how many days after it was resolved a conversation is taken up again by a new message; after that a new one begins.
    reopen_days: i16,
    /// How the looks into its mailbox go, where it has one.
    mailbox: Option<MailboxView>,
    archived_at: Option<Timestamp>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for InboxView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl InboxView {
    pub(super) fn of(inbox: Inbox, poll: Option<Poll>) -> Self {
        let Inbox {
            id,
            channel,
            name,
            settings,
            secret_names,
            reopen_days,
            archived_at,
            version,
            created_at,
            updated_at,
        } = inbox;
        Self {
            id,
            channel,
            name,
            settings,
            secrets: secret_names,
            reopen_days,
            mailbox: poll.map(|poll| MailboxView {
                last_success_at: poll.last_success_at,
                last_error: poll.last_error,
                failing_since: poll.failing_since,
                next_poll_at: poll.next_poll_at,
            }),
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }

    /// The inbox as it is shown alone.
    pub(super) async fn shown(tx: &TenantRead<'_>, inbox: Inbox) -> Result<Self, DbError> {
        let poll = match inbox.channel {
            ChannelKind::Email => polls_of(tx, &[inbox.id]).await?.remove(&inbox.id),
            _ => None,
        };
        Ok(Self::of(inbox, poll))
    }
}

/// An inbox with its token, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InboxWithToken {
    /// The inbox.
    inbox: InboxView,
    /// What opens it to the outside: part of a webhook's address, or of the page with the web chat in it.
    #[schema(example = "tmx_0192f0c12a3b7c4d8e5f60718293a4b5_jqOtnnLXEjEGEWyGB3Ubeps1cJzLZKQeFFlhVd-2wmE")]
    token: String,
}

impl View for InboxWithToken {
    fn version(&self) -> Option<Version> {
        Some(self.inbox.version)
    }
}

impl InboxWithToken {
    pub(super) fn of((inbox, token): (InboxView, InboxToken)) -> Self {
        Self {
            inbox,
            token: token.reveal().expose_secret().to_owned(),
        }
    }
}
