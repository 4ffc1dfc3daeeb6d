//! What a message is.

use db::schema::messages;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::text::{InvalidText, multiline};
use kernel::{Actor, ConversationId, MessageId, Timestamp, Version, text_column, text_enum};
use serde_json::Value;
use uuid::Uuid;

pub use crate::threads::Direction;

text_enum! {
    /// What kind of message it is.
    pub enum MessageKind {
        /// Words, perhaps with files.
        Text = "text",
        /// Words that a channel has approved, with values in them.
        Template = "template",
        /// A note for colleagues, which never leaves.
        Note = "note",
        /// Files without words.
        Media = "media",
    }
    error = InvalidMessageKind, code = "unknown_kind";
}

text_enum! {
    /// Who wrote a message.
    pub enum AuthorKind {
        /// Somebody of the clinic.
        Member = "member",
        /// An integration.
        ApiKey = "api_key",
        /// The person whom the conversation is with.
        Contact = "contact",
        /// The system: reminders, offers.
        System = "system",
    }
    error = InvalidAuthorKind, code = "unknown_author";
}

text_enum! {
    /// How far a message of the clinic has come. It never goes back, but for one that is sent again by hand.
    pub enum Delivery {
        /// Waits to be sent.
        Queued = "queued",
        /// An attempt ended without an answer, and the channel cannot be asked: it may have arrived, or not.
        Unconfirmed = "unconfirmed",
        /// The channel took it.
        Sent = "sent",
        /// It reached the person's device.
        Delivered = "delivered",
        /// The person read it.
        Read = "read",
        /// It could not be delivered.
        Failed = "failed",
    }
    error = InvalidDelivery, code = "unknown_delivery";
}

impl Delivery {
    /// From where a message may come here. What was delivered cannot fail, and what failed stays so until somebody sends it again.
    #[must_use]
    pub const fn reached_from(self) -> &'static [Self] {
        match self {
            Self::Queued => &[Self::Failed, Self::Unconfirmed],
            Self::Unconfirmed => &[Self::Queued],
            Self::Sent => &[Self::Queued, Self::Unconfirmed],
            Self::Delivered | Self::Failed => &[Self::Queued, Self::Unconfirmed, Self::Sent],
            Self::Read => &[Self::Queued, Self::Unconfirmed, Self::Sent, Self::Delivered],
        }
    }

    /// Whether a channel's report of this state says more than one of `other` did.
    #[must_use]
    pub fn says_more_than(self, other: Self) -> bool {
        self.reached_from().contains(&other)
    }
}

/// The most characters of a message: WhatsApp's limit is 4,096, e-mail has none that matters.
pub(crate) const MOST_CHARS: usize = 10_000;

/// The most files of a message; a channel may take fewer.
pub(crate) const MOST_ATTACHMENTS: usize = 10;

text_column! {
    /// What a message says: 1 to 10,000 characters on any number of lines.
    #[schema(min_length = 1, max_length = 10_000, example = "Bom dia! Sua consulta está confirmada.")]
    pub struct MessageText(String);
    error = InvalidText;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| format!("{} characters", text.chars().count());
}

impl MessageText {
    /// The text, without white space around it.
    ///
    /// # Errors
    /// [`InvalidText`] when it is blank, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        multiline(text, 1, MOST_CHARS).map(Self)
    }

    /// The text of a message that came in, which cannot be refused: control characters go, and what is too long is cut.
    #[must_use]
    pub fn received(text: &str) -> String {
        text.replace("\r\n", "\n")
            .chars()
            .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
            .take(MOST_CHARS)
            .collect::<String>()
            .trim()
            .to_owned()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The beginning of a text on one line, for lists.
#[must_use]
pub(crate) fn preview(body: &str) -> Option<String> {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(120).collect();
    (!short.is_empty()).then_some(short)
}

/// A message, as stored.
#[derive(Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = messages, check_for_backend(Pg))]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// In the order of arrival within the conversation.
    pub number: i64,
    /// Which way it goes.
    pub direction: Direction,
    /// What kind it is.
    pub kind: MessageKind,
    /// What it says; empty where there are files only.
    pub body: String,
    /// Who wrote it.
    pub author_kind: AuthorKind,
    /// The member's user, or the key.
    pub author_id: Option<Uuid>,
    /// How far it has come; null for notes and for what came in.
    pub delivery: Option<Delivery>,
    /// Why it could not be delivered.
    pub failure_reason: Option<String>,
    /// The template that was used.
    pub template: Option<Value>,
    /// Which message it answers.
    pub reply_to_id: Option<MessageId>,
    /// When it was written, by the channel's clock where it came in.
    pub sent_at: Timestamp,
    /// When it reached the person.
    pub delivered_at: Option<Timestamp>,
    /// When the person read it.
    pub read_at: Option<Timestamp>,
    /// How often it was tried to send it.
    pub attempts: i32,
    /// Since when an attempt is under way, or when the one began that ended without saying how.
    pub attempted_at: Option<Timestamp>,
    /// When the next attempt is made.
    pub next_attempt_at: Option<Timestamp>,
    /// Since when it waits to be sent.
    pub queued_at: Option<Timestamp>,
    /// Since when the content of that attempt is on its way.
    pub handed_over_at: Option<Timestamp>,
    /// How often it was written.
    pub version: Version,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl std::fmt::Debug for Message {
    /// Without what it says.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Message")
            .field("id", &self.id)
            .field("number", &self.number)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// Who `actor` is as an author of what the clinic writes.
pub(crate) fn author_of(actor: Actor) -> (AuthorKind, Option<Uuid>) {
    match actor {
        Actor::User { user, .. } => (AuthorKind::Member, Some(user.into())),
        Actor::ApiKey { key } => (AuthorKind::ApiKey, Some(key.into())),
        Actor::System { .. } => (AuthorKind::System, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_delivery() -> impl Strategy<Value = Delivery> {
        prop::sample::select(Delivery::ALL)
    }

    /// How far each state is; of two that are equally far none replaces the other.
    const fn distance(delivery: Delivery) -> u8 {
        match delivery {
            Delivery::Queued => 0,
            Delivery::Unconfirmed => 1,
            Delivery::Sent => 2,
            Delivery::Delivered | Delivery::Failed => 3,
            Delivery::Read => 4,
        }
    }

    proptest! {
        #[test]
        fn reports_in_any_order_never_take_a_message_back(reports in prop::collection::vec(any_delivery(), 0..12)) {
            let mut state = Delivery::Queued;
            for report in reports.into_iter().filter(|report| *report != Delivery::Queued) {
                let before = state;
                if report.says_more_than(state) {
                    state = report;
                }
                prop_assert!(distance(state) >= distance(before), "{before:?} to {state:?}");
                prop_assert!(before != Delivery::Failed || state == Delivery::Failed);
            }
        }

        #[test]
        fn whatever_comes_in_can_be_kept(text in "\\PC{0,60}|[\\x00-\\x1f]{0,10}") {
            let kept = MessageText::received(&text);
            prop_assert!(kept.is_empty() || MessageText::parse(&kept).is_ok());
        }
    }

    #[test]
    fn a_preview_is_one_short_line() {
        assert_eq!(preview("Bom\n dia "), Some("Bom dia".to_owned()));
        assert_eq!(preview("  "), None);
        assert_eq!(preview(&"a".repeat(200)).unwrap().len(), 120);
    }
}
