//! Message templates: what WhatsApp has to approve before it may be sent outside the 24-hour window.

mod http;
mod language;
mod model;
mod store;

use db::{AuditRecord, TenantTx};
use kernel::{MessageTemplateId, Version};
use rest::{Problem, changed};
use serde_json::json;

pub(crate) use self::http::routes;
pub(crate) use self::language::in_language;
pub use self::model::{Category, NewTemplate, Template, TemplateChanges, TemplateStatus, UsedTemplate};
pub(crate) use self::store::approved;
pub use self::store::find;

use self::store::Change;
use crate::channels::ChannelKind;
use crate::error::{RowError, domain_error, kind};
use crate::inboxes;
use crate::tags;

/// Why a template cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The inbox has one of this name and language.
    #[error("the inbox has a template of this name and language")]
    Exists,
    /// The inbox is nobody's of this clinic, or put away.
    #[error("there is no such inbox in use")]
    UnknownInbox,
    /// Its channel knows no templates.
    #[error("only WhatsApp has templates")]
    NoTemplates,
}

domain_error!(TemplateError);

impl From<TemplateError> for Problem {
    fn from(error: TemplateError) -> Self {
        let detail = error.to_string();
        let pointed = |code: &str| kernel::FieldErrors::one("/inbox_id", code, &detail).into();
        match error {
            TemplateError::Row(error) => error.into(),
            TemplateError::Exists => Self::conflict("message_template_exists", detail),
            TemplateError::UnknownInbox => pointed("unknown_inbox"),
            TemplateError::NoTemplates => pointed("channel_without_templates"),
        }
    }
}

/// Makes a template of an inbox, as it was sent to the channel for approval.
///
/// # Errors
/// [`TemplateError`].
pub async fn create(tx: &mut TenantTx<'_>, new: &NewTemplate) -> Result<Template, TemplateError> {
    match inboxes::find(tx, new.inbox).await {
        Ok(inbox) if inbox.archived_at.is_some() => return Err(TemplateError::UnknownInbox),
        Ok(inbox) if inbox.channel != ChannelKind::Whatsapp => return Err(TemplateError::NoTemplates),
        Ok(_) => {}
        Err(RowError::NotFound(_)) => return Err(TemplateError::UnknownInbox),
        Err(error) => return Err(error.into()),
    }
    let made = store::insert(tx, new).await?;
    tx.audit(AuditRecord::new(
        "message_templates.create",
        "message_template",
        made.id.as_uuid(),
    ));
    tx.touch(tags::message_templates());
    Ok(made)
}

/// Changes a template in use: what it says, and whether the channel has approved it.
///
/// # Errors
/// [`TemplateError`].
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: MessageTemplateId,
    changes: &TemplateChanges,
    expected: Option<Version>,
) -> Result<Template, TemplateError> {
    let current = store::lock(tx, id, expected).await?;
    if current.archived_at.is_some() {
        return Err(RowError::Archived(kind::MESSAGE_TEMPLATE).into());
    }
    let body = changes.body.clone().filter(|body| *body != current.body);
    let change = Change {
        category: changes.category.filter(|category| *category != current.category),
        status: changes.status.filter(|status| *status != current.status),
        parameter_count: body.as_ref().map(model::TemplateBody::parameter_count),
        body,
        archived_at: None,
    };
    let changed = changed([
        ("category", change.category.is_some()),
        ("status", change.status.is_some()),
        ("body", change.body.is_some()),
    ]);
    if changed.is_empty() {
        return Ok(current);
    }
    let updated = store::update(tx, id, change).await?;
    let record = AuditRecord::new("message_templates.update", "message_template", id.as_uuid());
    tx.audit(record.with_detail(json!({ "changed": changed })));
    tx.touch(tags::message_templates());
    Ok(updated)
}

/// Puts a template away. Doing it twice is doing it once.
async fn archive(tx: &mut TenantTx<'_>, id: MessageTemplateId, expected: Option<Version>) -> Result<(), TemplateError> {
    if store::lock(tx, id, expected).await?.archived_at.is_some() {
        return Ok(());
    }
    let change = Change {
        archived_at: Some(tx.now()),
        ..Change::default()
    };
    store::update(tx, id, change).await?;
    tx.audit(AuditRecord::new(
        "message_templates.archive",
        "message_template",
        id.as_uuid(),
    ));
    tx.touch(tags::message_templates());
    Ok(())
}
