//! What can stand in the way of a message.

use kernel::FieldErrors;
use rest::Problem;
use serde_json::json;

use crate::error::{RowError, domain_error, kind};
use crate::inboxes::InboxError;
use crate::templates::Template;
use crate::threads::ConversationError;

/// Why a message cannot be written or sent.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Its conversation.
    #[error(transparent)]
    Conversation(ConversationError),
    /// Its inbox.
    #[error(transparent)]
    Inbox(InboxError),
    /// WhatsApp takes free text only within 24 hours of the person's last message.
    #[error("the person's last message is more than 24 hours old: WhatsApp takes approved templates only")]
    WindowClosed {
        /// Those that may be used.
        templates: Vec<Template>,
    },
    /// Only messages that failed, or of which nothing is known, are sent again.
    #[error("only a message that failed or is unconfirmed can be sent again")]
    NotFailed,
    /// The template was not approved, or not yet.
    #[error("the template is not approved")]
    TemplateNotApproved,
    /// Values that do not fit what is there.
    #[error("{0}")]
    Invalid(#[from] FieldErrors),
}

domain_error!(MessageError);

impl From<ConversationError> for MessageError {
    fn from(error: ConversationError) -> Self {
        match error {
            ConversationError::Row(error) => Self::Row(error),
            other => Self::Conversation(other),
        }
    }
}

impl From<InboxError> for MessageError {
    fn from(error: InboxError) -> Self {
        match error {
            InboxError::Row(error) => Self::Row(error),
            other => Self::Inbox(other),
        }
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        let detail = error.to_string();
        match error {
            MessageError::Row(RowError::Archived(kind::INBOX)) => Self::conflict(
                "inbox_archived",
                "the inbox is archived: nothing goes out by it any more",
            ),
            MessageError::Row(error) => error.into(),
            MessageError::Conversation(error) => error.into(),
            MessageError::Inbox(error) => error.into(),
            MessageError::WindowClosed { templates } => {
                let templates: Vec<_> = templates
                    .iter()
                    .map(|template| {
                        json!({
                            "id": template.id, "name": template.name, "language": template.language,
                            "category": template.category, "body": template.body,
                            "parameter_count": template.parameter_count,
                        })
                    })
                    .collect();
                Self::conflict("messaging_window_closed", detail).with("templates", templates)
            }
            MessageError::NotFailed => Self::conflict("message_not_failed", detail),
            MessageError::TemplateNotApproved => Self::conflict("template_not_approved", detail),
            MessageError::Invalid(errors) => errors.into(),
        }
    }
}
