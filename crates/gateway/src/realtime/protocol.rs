//! The frames of a live connection, both ways, and the reasons for which it is closed.

use kernel::{EventId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What a client sends: any of these, done in the order in which they stand here.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClientFrame {
    /// Topics to be heard no longer.
    pub(super) unsubscribe: Vec<String>,
    /// Topics to be heard from now on.
    pub(super) subscribe: Vec<String>,
    /// The last event seen: what has happened since is told again.
    pub(super) resume: Option<EventId>,
    /// Somebody writes in a conversation.
    pub(super) typing: Option<Typing>,
}

/// Somebody writes, or has stopped.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing {
    pub(super) conversation_id: Uuid,
    /// False when they have stopped.
    #[serde(default = "yes")]
    pub(super) active: bool,
}

fn yes() -> bool {
    true
}

/// What the server sends, besides events.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    /// These are heard from now on.
    Subscribed { topics: Vec<String> },
    /// These are heard no longer.
    Unsubscribed { topics: Vec<String> },
    /// This is not, and why.
    Refused {
        topic: &'a str,
        code: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        permission: Option<&'static str>,
        detail: String,
    },
    /// All that has happened since was told; what follows happens now.
    Resumed { events: usize },
    /// What has happened since cannot be told: load everything anew.
    Gap { code: &'static str, detail: &'static str },
    /// The connection lives.
    Ping { at: Timestamp },
    /// What the client sent was not understood, and is passed over.
    Error { code: &'static str, detail: String },
}

/// An event, or something passing, as it is sent.
#[derive(Debug, Serialize)]
pub(super) struct EventFrame<'a> {
    /// The event's id; none of what is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<EventId>,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) occurred_at: Option<Timestamp>,
    /// The collection, or what is passing.
    pub(super) topic: &'a str,
    /// Every topic by which it could be heard.
    pub(super) topics: &'a [String],
    pub(super) data: &'a Value,
}

/// Why a connection is closed: a code of RFC 6455 and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closing {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

const fn closing(code: u16, reason: &'static str) -> Closing {
    Closing { code, reason }
}

impl Closing {
    pub(super) const GOING_AWAY: Self = closing(1001, "the server stops; connect again");
    pub(super) const UNAVAILABLE: Self = closing(
        1013,
        "what has happened cannot be read just now; connect again and resume",
    );
    pub(super) const UNREADABLE: Self = closing(4400, "a frame was too long or no text");
    pub(super) const SIGNED_OUT: Self = closing(4401, "this sign-in or key was ended; sign in again");
    pub(super) const FORBIDDEN: Self = closing(4403, "a permission for a subscribed topic was taken away");
    pub(super) const TOO_SLOW: Self = closing(4408, "frames were not read fast enough; connect again and resume");
    pub(super) const SILENT: Self = closing(4410, "nothing was heard for too long");
    pub(super) const TOO_MANY: Self = closing(4429, "too many frames were sent");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_client_frame_holds_any_of_its_parts_and_nothing_else() {
        let frame: ClientFrame = serde_json::from_value(json!({"subscribe": ["appointments"]})).unwrap();
        assert_eq!(frame.subscribe, ["appointments"]);
        assert!(serde_json::from_value::<ClientFrame>(json!({"subscribe": "appointments"})).is_err());
        assert!(serde_json::from_value::<ClientFrame>(json!({"shout": true})).is_err());
        let typing = json!({"typing": {"conversation_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5"}});
        assert!(
            serde_json::from_value::<ClientFrame>(typing)
                .unwrap()
                .typing
                .is_some_and(|typing| typing.active)
        );
    }

    #[test]
    fn reasons_fit_into_a_closing_frame() {
        for closing in [
            Closing::SIGNED_OUT,
            Closing::FORBIDDEN,
            Closing::TOO_SLOW,
            Closing::GOING_AWAY,
        ] {
            assert!(closing.reason.len() <= 123);
        }
    }
}
