//! What a visitor's page says and is told.

use conversations::messages::{Direction, MessageText, Said};
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::PersonName;
use kernel::{FieldErrors, MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::workflows::inbound::Claims;

/// What a visitor is told when they come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VisitView {
    /// The visitor's secret: to be kept by the page, and sent as `X-Visitor-Token`.
    #[schema(example = "tmv_0192f0c12a3b7c4d8e5f60718293a4b5_jqOtnnLXEjEGEWyGB3Ubeps1cJzLZKQeFFlhVd-2wmE")]
    pub(super) visitor_token: String,
    /// What to show first.
    pub(super) greeting: Option<String>,
    /// Whether they have written before.
    pub(super) is_known: bool,
}

/// A message as a visitor sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VisitorMessage {
    /// The message.
    id: MessageId,
    /// `inbound` from the visitor, `outbound` from the clinic.
    direction: Direction,
    /// What it says.
    body: String,
    /// When it was written.
    sent_at: Timestamp,
    /// When the visitor read it.
    read_at: Option<Timestamp>,
}

impl From<Said> for VisitorMessage {
    fn from(said: Said) -> Self {
        let message = said.message;
        Self {
            id: message.id,
            direction: message.direction,
            body: message.body,
            sent_at: message.sent_at,
            read_at: message.read_at,
        }
    }
}

/// What was said, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VisitorMessages {
    /// The messages.
    pub(super) data: Vec<VisitorMessage>,
}

/// What a visitor says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"body": "Bom dia! Vocês atendem aos sábados?", "name": "Ana"}))]
pub(super) struct SendVisitorMessage {
    /// Made by the page: the same message sent again is taken once.
    id: Option<Uuid>,
    #[schema(value_type = MessageText)]
    body: String,
    /// Their name; counts with their first words only, as do the two below.
    #[schema(value_type = Option<PersonName>)]
    name: Option<String>,
    #[schema(value_type = Option<EmailAddress>)]
    email: Option<String>,
    #[schema(value_type = Option<PhoneNumber>)]
    phone: Option<String>,
}

/// A message that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TakenView {
    /// The message.
    pub(super) id: MessageId,
}

/// From where on to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// The last message that the page has; the latest ones are given when there is none.
    pub(super) after: Option<MessageId>,
}

/// Which messages the visitor has read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadMessages {
    #[schema(max_items = 100)]
    pub(super) ids: Vec<MessageId>,
}

/// What a visitor says, checked.
pub(super) struct Words {
    pub(super) id: Uuid,
    pub(super) body: MessageText,
    pub(super) claims: Claims,
}

/// What `body` says, checked; a message to which the page gave no id gets one.
///
/// # Errors
/// Everything in it that makes no sense.
pub(super) fn checked(body: SendVisitorMessage, now: Timestamp) -> Result<Words, FieldErrors> {
    let mut errors = FieldErrors::new();
    let text = errors.read("/body", MessageText::parse(&body.body));
    let name = errors.read_if_given("/name", body.name.as_deref(), PersonName::parse);
    let email = errors.read_if_given("/email", body.email.as_deref(), EmailAddress::parse);
    let phone = errors.read_if_given("/phone", body.phone.as_deref(), PhoneNumber::parse_international);
    let id = body.id.unwrap_or_else(|| MessageId::new_at(now).into());
    errors.finish(text.map(|body| Words {
        id,
        body,
        claims: Claims { name, phone, email },
    }))
}
