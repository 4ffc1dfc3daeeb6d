//! What can stand in the way of work on a conversation.

use kernel::{ConversationId, FieldErrors};
use rest::Problem;

use crate::error::{RowError, domain_error};

/// Why work on a conversation came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// There is another conversation with the person in this inbox that is not resolved.
    #[error("there is another conversation with this person in this inbox that is not resolved")]
    Exists {
        /// Which, where it is known.
        conversation: Option<ConversationId>,
    },
    /// It was joined with another one, where the talk goes on.
    #[error("this conversation goes on in another one")]
    Continued {
        /// In which.
        conversation: ConversationId,
    },
    /// The channel has nowhere to send to.
    #[error("the contact has no address that this inbox can write to")]
    NoAddress,
    /// Only visitors begin talks in the web chat.
    #[error("a talk in the web chat is begun by its visitor")]
    VisitorBegins,
    /// The inbox is nobody's of this clinic, or put away.
    #[error("there is no such inbox in use")]
    UnknownInbox,
    /// The contact is nobody of this clinic.
    #[error("there is no such contact")]
    UnknownContact,
    /// The assignee is nobody of this clinic.
    #[error("nobody of the clinic has this id")]
    UnknownAssignee,
    /// Values that do not fit what is there.
    #[error("{0}")]
    Invalid(#[from] FieldErrors),
}

domain_error!(ConversationError);

impl From<ConversationError> for Problem {
    fn from(error: ConversationError) -> Self {
        let detail = error.to_string();
        let pointed = |pointer: &str, code: &str| FieldErrors::one(pointer, code, &detail).into();
        match error {
            ConversationError::Row(error) => error.into(),
            ConversationError::Exists { conversation } => {
                let problem = Self::conflict("conversation_exists", detail);
                match conversation {
                    Some(id) => problem.with("conversation_id", id.to_string()),
                    None => problem,
                }
            }
            ConversationError::Continued { conversation } => {
                Self::conflict("conversation_continued", detail).with("conversation_id", conversation.to_string())
            }
            ConversationError::NoAddress => Self::conflict("no_address", detail),
            ConversationError::VisitorBegins => Self::conflict("visitor_begins", detail),
            ConversationError::UnknownInbox => pointed("/inbox_id", "unknown_inbox"),
            ConversationError::UnknownContact => pointed("/contact_id", "unknown_contact"),
            ConversationError::UnknownAssignee => pointed("/assignee_id", "unknown_member"),
            ConversationError::Invalid(errors) => errors.into(),
        }
    }
}
