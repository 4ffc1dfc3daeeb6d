//! Canned responses: texts that are written again and again, with places that are filled in.

mod http;
mod model;
mod store;

use db::{AuditRecord, TenantRead, TenantTx};
use kernel::{Actor, CannedResponseId, ConversationId, FieldErrors, Version};
use rest::{Problem, changed};
use serde_json::json;

pub(crate) use self::http::routes;
pub use self::model::{CannedBody, CannedResponse, InvalidCannedBody, InvalidShortcut, Placeholder, Shortcut};

use self::model::Values;
use self::store::Change;
use crate::error::{RowError, domain_error, kind};
use crate::messages::{MessageError, MessageText};
use crate::tags;

/// Why a canned response cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum CannedError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Another one in use has this shortcut.
    #[error("another canned response has this shortcut")]
    ShortcutTaken,
}

domain_error!(CannedError);

impl From<CannedError> for Problem {
    fn from(error: CannedError) -> Self {
        match error {
            CannedError::Row(error) => error.into(),
            CannedError::ShortcutTaken => Self::conflict("canned_response_exists", error.to_string()),
        }
    }
}

/// Makes a canned response.
///
/// # Errors
/// [`CannedError::ShortcutTaken`].
pub async fn create(
    tx: &mut TenantTx<'_>,
    shortcut: &Shortcut,
    body: &CannedBody,
) -> Result<CannedResponse, CannedError> {
    let made = store::insert(tx, shortcut, body).await?;
    tx.audit(AuditRecord::new(
        "canned_responses.create",
        "canned_response",
        made.id.as_uuid(),
    ));
    tx.touch(tags::canned_responses());
    Ok(made)
}

async fn lock_active(
    tx: &TenantRead<'_>,
    id: CannedResponseId,
    expected: Option<Version>,
) -> Result<CannedResponse, RowError> {
    let found = store::lock(tx, id, expected).await?;
    if found.archived_at.is_some() {
        return Err(RowError::Archived(kind::CANNED_RESPONSE));
    }
    Ok(found)
}

/// Changes a canned response in use; what is set to what it is already is no change.
async fn update(
    tx: &mut TenantTx<'_>,
    id: CannedResponseId,
    (shortcut, body): (Option<Shortcut>, Option<CannedBody>),
    expected: Option<Version>,
) -> Result<CannedResponse, CannedError> {
    let current = lock_active(tx, id, expected).await?;
    let change = Change {
        shortcut: shortcut.filter(|shortcut| *shortcut != current.shortcut),
        body: body.filter(|body| *body != current.body),
        archived_at: None,
    };
    let changed = changed([("shortcut", change.shortcut.is_some()), ("body", change.body.is_some())]);
    if changed.is_empty() {
        return Ok(current);
    }
    let updated = store::update(tx, id, change).await?;
    let record = AuditRecord::new("canned_responses.update", "canned_response", id.as_uuid());
    tx.audit(record.with_detail(json!({ "changed": changed })));
    tx.touch(tags::canned_responses());
    Ok(updated)
}

/// Puts a canned response away. Doing it twice is doing it once.
async fn archive(tx: &mut TenantTx<'_>, id: CannedResponseId, expected: Option<Version>) -> Result<(), CannedError> {
    if store::lock(tx, id, expected).await?.archived_at.is_some() {
        return Ok(());
    }
    let change = Change {
        archived_at: Some(tx.now()),
        ..Change::default()
    };
    store::update(tx, id, change).await?;
    tx.audit(AuditRecord::new(
        "canned_responses.archive",
        "canned_response",
        id.as_uuid(),
    ));
    tx.touch(tags::canned_responses());
    Ok(())
}

/// What the canned response `id` says in `conversation`, its places filled in.
///
/// # Errors
/// [`MessageError::Invalid`] when there is no such response in use, or it is too long when filled in.
pub(crate) async fn filled(
    tx: &TenantTx<'_>,
    id: CannedResponseId,
    conversation: ConversationId,
) -> Result<MessageText, MessageError> {
    let found = match store::find(tx, id).await {
        Ok(found) if found.archived_at.is_none() => found,
        Ok(_) | Err(RowError::NotFound(_)) => {
            let message = "there is no such canned response in use";
            return Err(FieldErrors::one("/canned_response_id", "unknown_canned_response", message).into());
        }
        Err(error) => return Err(error.into()),
    };
    let (contact_name, clinic_name) = store::names(tx, conversation).await?;
    let member_name = match tx.actor() {
        Actor::User { user, .. } => store::member_name(tx, user).await?,
        Actor::ApiKey { .. } | Actor::System { .. } => None,
    };
    let values = Values {
        contact: contact_name,
        clinic: clinic_name,
        member: member_name,
    };
    let text = found.body.filled(&values);
    MessageText::parse(&text).map_err(|error| FieldErrors::one("/canned_response_id", error.code(), error).into())
}
