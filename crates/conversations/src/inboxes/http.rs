//! Inboxes over HTTP.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use auth::ClinicKeys;
use auth::secrets::InboxToken;
use db::{DbError, TenantRead};
use kernel::text::Label;
use kernel::{FieldErrors, InboxId, Timestamp, Version};
use rest::permissions::{ConversationsManage, ConversationsRead};
use rest::{
    Authorized, ListParams, ListQuery, Page, Patch, PathId, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid, View,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::InboxError;
use super::logins;
use super::model::{DEFAULT_REOPEN_DAYS, Inbox, InboxChanges, NewInbox};
use super::polls::{Poll, polls_of};
use super::secrets::SecretChanges;
use super::service::{self, ChangeError};
use super::settings::InboxSettings;
use super::store::{self, InboxPosition};
use crate::channels::ChannelKind;
use crate::error::RowError;
use crate::fields::{change, noted};
use crate::tags;

/// How the looks into the mailbox of an e-mail inbox go.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailboxView {
    /// When it was last looked into.
    last_success_at: Option<Timestamp>,
    /// Why that failed the last time: `mailbox_unreachable`, `mailbox_sign_in_refused`, `mailbox_not_found`,
    /// `mailbox_answers_nonsense`, `mailbox_settings_unusable`, `mailbox_secrets_unreadable`, `mailbox_too_slow`,
    /// `mail_not_storable`; null once it went well.
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
    fn of(inbox: Inbox, poll: Option<Poll>) -> Self {
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
    async fn shown(tx: &TenantRead<'_>, inbox: Inbox) -> Result<Self, DbError> {
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
    fn of((inbox, token): (InboxView, InboxToken)) -> Self {
        Self {
            inbox,
            token: token.reveal().expose_secret().to_owned(),
        }
    }
}

/// An inbox to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "webchat", "name": "Site", "settings": {"allowed_origins": ["https://www.clinica.example"]}}))]
pub(crate) struct CreateInbox {
    /// By what means people write to it; does not change later.
    #[schema(value_type = ChannelKind)]
    channel: String,
    #[schema(value_type = Label)]
    name: String,
    /// What the channel needs.
    #[serde(default)]
    settings: Map<String, Value>,
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
        let name = noted(&mut errors, "/name", Label::parse(&body.name));
        let kind = noted(&mut errors, "/channel", ChannelKind::parse(&body.channel));
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
    settings: Option<Map<String, Value>>,
    /// Secrets to be set; null takes one away, and what is not named stays.
    secrets: Option<Map<String, Value>>,
    #[schema(minimum = 0, maximum = 365)]
    reopen_days: Option<i64>,
}

impl TryFrom<PatchInbox> for InboxChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchInbox) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = change(&mut errors, "/name", body.name, |name| Label::parse(&name));
        let reopen_days = body.reopen_days.and_then(|days| reopen_days(&mut errors, days));
        errors.finish(Some(Self {
            name,
            settings: body.settings.map(Value::Object),
            secrets: body.secrets,
            reopen_days,
        }))
    }
}

/// Which inboxes.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct InboxFilter {
    /// Those put away, instead of those in use.
    archived: bool,
}

/// Lists inboxes, by name.
#[utoipa::path(tag = "inboxes", summary = "Lists inboxes", operation_id = "list_inboxes",
    security(("bearer" = ["conversations:read"])), params(ListParams, InboxFilter), responses((status = 200, body = Page<InboxView>)))]
#[get("/inboxes")]
async fn list_inboxes(
    caller: Authorized<ConversationsRead>,
    list: ListQuery<InboxFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<InboxPosition, _>("inboxes.list", &list, &["name"])?;
    let plan = ReadPlan::new("inboxes.list")
        .tag(tags::inboxes())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, list.filter.archived, list.updated_since, &paging).await?;
            let position = |inbox: &Inbox| InboxPosition {
                name: inbox.name.as_str().to_owned(),
                id: inbox.id,
            };
            let with_mailbox: Vec<InboxId> = rows
                .iter()
                .filter(|inbox| inbox.channel == ChannelKind::Email)
                .map(|inbox| inbox.id)
                .collect();
            let mut polls = match with_mailbox.as_slice() {
                [] => HashMap::new(),
                ids => polls_of(tx, ids).await?,
            };
            let view = |inbox: Inbox| {
                let poll = polls.remove(&inbox.id);
                InboxView::of(inbox, poll)
            };
            Ok::<_, RowError>(paging.page(rows, position, view))
        })
        .await
}

/// Shows an inbox, archived or not.
#[utoipa::path(tag = "inboxes", summary = "Shows an inbox", operation_id = "get_inbox",
    security(("bearer" = ["conversations:read"])), params(("id" = InboxId, Path), RowQuery), responses((status = 200, body = InboxView)))]
#[get("/inboxes/{id}")]
async fn get_inbox(
    caller: Authorized<ConversationsRead>,
    id: PathId<InboxId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("inboxes.get")
        .query(&id)
        .tag(tags::inboxes())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            let inbox = store::find(tx, id).await?;
            Ok::<_, RowError>(InboxView::shown(tx, inbox).await?)
        })
        .await
}

/// Makes an inbox; its token is shown this once.
#[utoipa::path(tag = "inboxes", summary = "Makes an inbox", operation_id = "create_inbox",
    security(("bearer" = ["conversations:manage"])), request_body = CreateInbox,
    responses((status = 201, body = InboxWithToken), (status = 409, body = Problem, description = "`inbox_exists`")))]
#[post("/inboxes")]
async fn create_inbox(
    caller: Authorized<ConversationsManage>,
    body: Valid<CreateInbox>,
    keys: Data<ClinicKeys>,
) -> Result<HttpResponse, Problem> {
    let new = NewInbox::try_from(body.into_inner())?;
    caller
        .write_unrecorded(async |tx| {
            let (inbox, token) = service::create(tx, &keys, &new).await?;
            let location = format!("/v1/inboxes/{}", inbox.id);
            let inbox = InboxView::shown(tx, inbox).await?;
            Ok::<_, InboxError>(Reply::created(location, InboxWithToken::of((inbox, token))))
        })
        .await
}

/// Changes an inbox in use.
#[utoipa::path(tag = "inboxes", summary = "Changes an inbox", operation_id = "update_inbox",
    security(("bearer" = ["conversations:manage"])), params(("id" = InboxId, Path)), request_body = PatchInbox,
    responses((status = 200, body = InboxView), (status = 409, body = Problem, description = "`inbox_exists`, `archived`")))]
#[patch("/inboxes/{id}")]
async fn update_inbox(
    caller: Authorized<ConversationsManage>,
    id: PathId<InboxId>,
    body: Valid<PatchInbox>,
    keys: Data<ClinicKeys>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = InboxChanges::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let inbox = service::update(tx, &keys, id, &changes, caller.if_match()).await?;
            Ok::<_, ChangeError>(Reply::ok(InboxView::shown(tx, inbox).await?))
        })
        .await
}

/// Gives an inbox a new token, shown this once; the one before opens nothing from now on.
#[utoipa::path(tag = "inboxes", summary = "Renews an inbox's token", operation_id = "renew_inbox_token",
    security(("bearer" = ["conversations:manage"])), params(("id" = InboxId, Path)),
    responses((status = 200, body = InboxWithToken), (status = 409, body = Problem, description = "`archived`")))]
#[post("/inboxes/{id}/token")]
async fn renew_inbox_token(
    caller: Authorized<ConversationsManage>,
    id: PathId<InboxId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write_unrecorded(async |tx| {
            let (inbox, token) = service::renew_token(tx, id, caller.if_match()).await?;
            let inbox = InboxView::shown(tx, inbox).await?;
            Ok::<_, InboxError>(Reply::ok(InboxWithToken::of((inbox, token))))
        })
        .await
}

/// Archives an inbox: nothing comes in or goes out by it, its conversations stay.
#[utoipa::path(tag = "inboxes", summary = "Archives an inbox", operation_id = "archive_inbox",
    security(("bearer" = ["conversations:manage"])), params(("id" = InboxId, Path)), responses((status = 204, description = "archived")))]
#[delete("/inboxes/{id}")]
async fn archive_inbox(caller: Authorized<ConversationsManage>, id: PathId<InboxId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::archive(tx, id, caller.if_match()).await?;
            Ok::<_, InboxError>(Reply::no_content())
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_inboxes)
        .service(get_inbox)
        .service(create_inbox)
        .service(update_inbox)
        .service(renew_inbox_token)
        .service(archive_inbox);
}
