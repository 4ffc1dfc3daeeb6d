//! The rules of inboxes.

use auth::ClinicKeys;
use auth::sealing::cell;
use auth::secrets::InboxToken;
use db::{AuditRecord, DbError, TenantRead, TenantTx};
use kernel::{FieldErrors, InboxId, Version};
use rest::Problem;
use serde_json::json;

use super::error::InboxError;
use super::logins;
use super::model::{Inbox, InboxChanges, NewInbox};
use super::polls;
use super::secrets::{InboxSecrets, SecretChanges};
use super::settings::InboxSettings;
use super::store::{self, Change, NewRow};
use crate::error::{RowError, kind};
use crate::tags;

/// The place of an inbox's secrets, to which they are sealed.
fn context(id: InboxId) -> String {
    cell("inboxes", "sealed_secrets", id.as_uuid())
}

async fn seal(
    tx: &TenantRead<'_>,
    keys: &ClinicKeys,
    id: InboxId,
    secrets: &InboxSecrets,
) -> Result<Vec<u8>, InboxError> {
    let plain = secrets.to_bytes().map_err(DbError::unwritable)?;
    Ok(keys.seal(tx, &context(id), &plain).await?)
}

/// Makes an inbox; its token is shown now and never again.
///
/// # Errors
/// [`InboxError::NameTaken`], or that its secrets cannot be sealed.
pub async fn create(
    tx: &mut TenantTx<'_>,
    keys: &ClinicKeys,
    new: &NewInbox,
) -> Result<(Inbox, InboxToken), InboxError> {
    let id = InboxId::new_at(tx.now());
    let token = InboxToken::generate(tx.clinic())?;
    let hash = token.hash();
    let secrets = InboxSecrets::default().changed(&new.secrets);
    let sealed_secrets = if new.secrets.is_empty() {
        None
    } else {
        Some(seal(tx, keys, id, &secrets).await?)
    };
    let row = NewRow {
        clinic_id: tx.clinic(),
        id,
        channel: new.settings.channel(),
        name: &new.name,
        settings: new.settings.to_value().map_err(DbError::unwritable)?,
        sealed_secrets,
        secret_names: secrets.names(),
        token_hash: hash.as_bytes(),
        reopen_days: new.reopen_days,
    };
    let inbox = store::insert(tx, row).await?;
    polls::begin(tx, &inbox).await?;
    tx.audit(AuditRecord::new("inboxes.create", "inbox", id.as_uuid()));
    tx.touch(tags::inboxes());
    Ok((inbox, token))
}

/// Why an inbox cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// As for any inbox.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// Values that do not fit the inbox's channel.
    #[error("{0}")]
    Invalid(#[from] FieldErrors),
}

impl From<DbError> for ChangeError {
    fn from(error: DbError) -> Self {
        Self::Inbox(error.into())
    }
}

impl From<RowError> for ChangeError {
    fn from(error: RowError) -> Self {
        Self::Inbox(error.into())
    }
}

impl db::TxError for ChangeError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Inbox(error) => error.db_error(),
            Self::Invalid(_) => None,
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Inbox(error) => error.into(),
            ChangeError::Invalid(errors) => errors.into(),
        }
    }
}

/// Changes an inbox in use.
///
/// # Errors
/// [`ChangeError::Invalid`] for settings or secrets that do not fit its channel; else as for any inbox.
pub(super) async fn update(
    tx: &mut TenantTx<'_>,
    keys: &ClinicKeys,
    id: InboxId,
    changes: &InboxChanges,
    expected: Option<Version>,
) -> Result<Inbox, ChangeError> {
    let current = lock_active(tx, id, expected).await?;
    let mut errors = FieldErrors::new();
    let settings = changes
        .settings
        .as_ref()
        .and_then(|value| InboxSettings::parse(current.channel, value, &mut errors));
    let secrets = changes
        .secrets
        .as_ref()
        .map(|values| SecretChanges::parse(current.channel, values, &mut errors))
        .filter(|secrets| !secrets.is_empty());
    if settings.is_some() || secrets.is_some() {
        let (before, none) = (current.settings(), SecretChanges::default());
        let (after, changes) = (settings.as_ref().unwrap_or(&before), secrets.as_ref().unwrap_or(&none));
        logins::check_moved((&before, after), &current.secret_names, changes, &mut errors);
        logins::check(after, &current.secret_names, changes, &mut errors);
    }
    errors.finish(Some(()))?;
    let mut change = Change {
        name: changes.name.clone().filter(|name| *name != current.name),
        reopen_days: changes.reopen_days.filter(|days| *days != current.reopen_days),
        ..Change::default()
    };
    let mut changed = Vec::new();
    if let Some(settings) = settings {
        let value = settings.to_value().map_err(DbError::unwritable)?;
        change.settings = Some(value).filter(|value| *value != current.settings);
    }
    if let Some(secrets) = secrets {
        let all = open_secrets(tx, keys, id).await?.changed(&secrets);
        change.secret_names = Some(all.names());
        change.sealed_secrets = Some(seal(tx, keys, id, &all).await?);
        changed.push("secrets");
    }
    for (name, is_changed) in [
        ("name", change.name.is_some()),
        ("settings", change.settings.is_some()),
        ("reopen_days", change.reopen_days.is_some()),
    ] {
        if is_changed {
            changed.push(name);
        }
    }
    if changed.is_empty() {
        return Ok(current);
    }
    let inbox = store::update(tx, id, change).await?;
    // What was wrong with the mailbox may be mended now.
    polls::begin(tx, &inbox).await?;
    tx.audit(AuditRecord::new("inboxes.update", "inbox", id.as_uuid()).with_detail(json!({ "changed": changed })));
    // Lists of conversations show the names of inboxes.
    tx.touch(tags::inboxes());
    Ok(inbox)
}

async fn lock_active(tx: &TenantTx<'_>, id: InboxId, expected: Option<Version>) -> Result<Inbox, RowError> {
    let inbox = store::lock(tx, id, expected).await?;
    if inbox.archived_at.is_some() {
        return Err(RowError::Archived(kind::INBOX));
    }
    Ok(inbox)
}

/// Gives an inbox a new token; the one before opens nothing any more.
///
/// # Errors
/// As for any inbox.
pub(super) async fn renew_token(
    tx: &mut TenantTx<'_>,
    id: InboxId,
    expected: Option<Version>,
) -> Result<(Inbox, InboxToken), InboxError> {
    lock_active(tx, id, expected).await?;
    let token = InboxToken::generate(tx.clinic())?;
    let change = Change {
        token_hash: Some(token.hash().as_bytes().to_vec()),
        ..Change::default()
    };
    let inbox = store::update(tx, id, change).await?;
    tx.audit(AuditRecord::new("inboxes.renew_token", "inbox", id.as_uuid()));
    tx.touch(tags::inboxes());
    Ok((inbox, token))
}

/// Puts an inbox away: nothing comes in or goes out by it any more, its conversations stay. Doing it twice is doing it once.
///
/// # Errors
/// As for any inbox.
pub(super) async fn archive(tx: &mut TenantTx<'_>, id: InboxId, expected: Option<Version>) -> Result<(), InboxError> {
    let inbox = store::lock(tx, id, expected).await?;
    if inbox.archived_at.is_some() {
        return Ok(());
    }
    let change = Change {
        archived_at: Some(tx.now()),
        ..Change::default()
    };
    let inbox = store::update(tx, id, change).await?;
    polls::begin(tx, &inbox).await?;
    tx.audit(AuditRecord::new("inboxes.archive", "inbox", id.as_uuid()));
    tx.touch(tags::inboxes());
    Ok(())
}

/// The inbox in use that `token` opens.
///
/// # Errors
/// [`RowError::NotFound`] for whatever else.
pub async fn open(tx: &TenantRead<'_>, token: &InboxToken) -> Result<Inbox, RowError> {
    store::open(tx, &token.hash()).await
}

/// An inbox's secrets.
///
/// # Errors
/// [`InboxError::Sealing`] when they cannot be opened.
pub async fn open_secrets(tx: &TenantRead<'_>, keys: &ClinicKeys, id: InboxId) -> Result<InboxSecrets, InboxError> {
    let Some(sealed) = store::sealed_secrets(tx, id).await? else {
        return Ok(InboxSecrets::default());
    };
    let plain = keys.open(tx, &context(id), &sealed).await?;
    Ok(InboxSecrets::from_bytes(&plain).map_err(DbError::unwritable)?)
}
