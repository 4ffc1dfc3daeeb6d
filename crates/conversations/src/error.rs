//! The kinds of rows of this domain, and what can be wrong with any of them.

pub use rest::RowError;
pub(crate) use rest::{check_version, domain_error};

/// The kinds of rows of this domain.
pub(crate) mod kind {
    use rest::Resource;

    /// A place where people write to the clinic.
    pub(crate) const INBOX: Resource = Resource::new("inbox", "inbox_not_found");
    /// A thread with one person.
    pub(crate) const CONVERSATION: Resource = Resource::new("conversation", "conversation_not_found");
    /// A message.
    pub(crate) const MESSAGE: Resource = Resource::new("message", "message_not_found");
    /// A file of a message.
    pub(crate) const ATTACHMENT: Resource = Resource::new("attachment", "attachment_not_found");
    /// A text that is written again and again.
    pub(crate) const CANNED_RESPONSE: Resource = Resource::new("canned_response", "canned_response_not_found");
    /// A message that a channel has to approve.
    pub(crate) const MESSAGE_TEMPLATE: Resource = Resource::new("message_template", "message_template_not_found");
}
