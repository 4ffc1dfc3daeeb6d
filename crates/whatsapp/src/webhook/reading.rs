//! From a post to its events.

use chrono::DateTime;
use kernel::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::incoming::{
    AccountError, Changed, Content, IncomingMessage, MediaFile, Profile, Status, StatusUpdate, WebhookEvent,
};
use crate::person::{Person, UserId, phone_of_wa_id};

/// The most characters that are kept of anything; a message has at most 4,096.
const MAX_CHARS: usize = 8_192;

/// A post that is none of WhatsApp's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the post has not the form of a WhatsApp webhook")]
pub struct Unreadable;

#[derive(Deserialize)]
struct Post {
    object: String,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Value>,
}

/// The events of a post, in its order.
///
/// # Errors
/// [`Unreadable`] when it is no post about WhatsApp at all. What is not understood within one is passed over.
pub fn parse(body: &[u8]) -> Result<Vec<WebhookEvent>, Unreadable> {
    let post: Post = serde_json::from_slice(body).or(Err(Unreadable))?;
    if post.object != "whatsapp_business_account" {
        return Err(Unreadable);
    }
    let mut events = Vec::new();
    for change in post.entry.iter().flat_map(|entry| &entry.changes) {
        if text_at(change, "/field").as_deref() == Some("messages")
            && let Some(value) = change.get("value")
        {
            read_value(value, &mut events);
        }
    }
    Ok(events)
}

fn read_value(value: &Value, events: &mut Vec<WebhookEvent>) {
    let Some(number) = text_at(value, "/metadata/phone_number_id") else {
        return;
    };
    let contacts = list(value, "contacts");
    for message in list(value, "messages") {
        events.extend(read_message(&number, message, contacts));
    }
    for status in list(value, "statuses") {
        events.extend(read_status(&number, status));
    }
    events.extend(
        list(value, "errors")
            .iter()
            .filter_map(read_error)
            .map(WebhookEvent::AccountError),
    );
}

fn read_message(number: &str, message: &Value, contacts: &[Value]) -> Option<WebhookEvent> {
    let id = text_at(message, "/id")?;
    let kind = text_at(message, "/type")?;
    let wa_id = text_at(message, "/from");
    let user_id = text_at(message, "/from_user_id");
    // The card of who wrote; a post about one person need not say whose it is.
    let is_theirs = |contact: &&Value| {
        let same = |name: &str, known: &Option<String>| known.is_some() && text_at(contact, name) == *known;
        same("/wa_id", &wa_id) || same("/user_id", &user_id)
    };
    let contact = contacts.iter().find(is_theirs).or(match contacts {
        [only] => Some(only),
        _ => None,
    });
    let of_contact = |name| contact.and_then(|contact| text_at(contact, name));
    let from = Person {
        phone: wa_id
            .clone()
            .or_else(|| of_contact("/wa_id"))
            .as_deref()
            .and_then(phone_of_wa_id),
        user_id: user_id
            .or_else(|| of_contact("/user_id"))
            // A person without a known number may stand with their id where the number was.
            .or(wa_id)
            .and_then(|id| UserId::try_from(id).ok()),
    };
    if from == Person::default() {
        return None;
    }
    if kind == "system" {
        return Some(WebhookEvent::Changed(Box::new(Changed {
            phone_number_id: number.to_owned(),
            id,
            before: from,
            phone: text_at(message, "/system/wa_id").as_deref().and_then(phone_of_wa_id),
            user_id: text_at(message, "/system/user_id").and_then(|id| UserId::try_from(id).ok()),
        })));
    }
    Some(WebhookEvent::Message(Box::new(IncomingMessage {
        phone_number_id: number.to_owned(),
        id,
        from,
        profile: Profile {
            name: of_contact("/profile/name"),
            username: of_contact("/profile/username").or_else(|| of_contact("/username")),
        },
        sent_at: moment(message),
        answers: text_at(message, "/context/id"),
        is_forwarded: ["/context/forwarded", "/context/frequently_forwarded"]
            .iter()
            .any(|flag| message.pointer(flag).and_then(Value::as_bool) == Some(true)),
        content: read_content(message, &kind).unwrap_or(Content::Other(kind)),
    })))
}

fn read_content(message: &Value, kind: &str) -> Option<Content> {
    let content = message.get(kind)?;
    match kind {
        "text" => Some(Content::Text(text_at(content, "/body")?)),
        "image" | "audio" | "video" | "document" | "sticker" => Some(Content::Media(MediaFile {
            id: text_at(content, "/id")?,
            kind: kind.to_owned(),
            content_type: text_at(content, "/mime_type").unwrap_or_default(),
            caption: text_at(content, "/caption"),
            file_name: text_at(content, "/filename").map(|name| file_name(&name)),
            is_voice: content.get("voice").and_then(Value::as_bool) == Some(true),
        })),
        "button" => Some(Content::Choice {
            id: text_at(content, "/payload").or_else(|| text_at(content, "/text"))?,
            title: text_at(content, "/text")?,
        }),
        "interactive" => {
            let reply = content.get("button_reply").or_else(|| content.get("list_reply"))?;
            Some(Content::Choice {
                id: text_at(reply, "/id")?,
                title: text_at(reply, "/title")?,
            })
        }
        "location" => Some(Content::Location {
            latitude: content.get("latitude")?.as_f64()?,
            longitude: content.get("longitude")?.as_f64()?,
            name: text_at(content, "/name"),
            address: text_at(content, "/address"),
        }),
        "contacts" => Some(Content::Contacts(
            content.as_array()?.iter().take(100).map(card).collect(),
        )),
        "reaction" => Some(Content::Reaction {
            message: text_at(content, "/message_id")?,
            emoji: text_at(content, "/emoji").filter(|emoji| !emoji.is_empty()),
        }),
        _ => None,
    }
}

fn card(card: &Value) -> (String, Vec<String>) {
    let name = text_at(card, "/name/formatted_name").unwrap_or_default();
    let phones = list(card, "phones")
        .iter()
        .take(20)
        .filter_map(|phone| text_at(phone, "/phone"));
    (name, phones.collect())
}

fn read_status(number: &str, status: &Value) -> Option<WebhookEvent> {
    let word = text_at(status, "/status")?;
    let status_of_word = match word.as_str() {
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        "read" | "played" => Status::Read,
        "failed" => Status::Failed,
        _ => return None,
    };
    Some(WebhookEvent::Status(Box::new(StatusUpdate {
        phone_number_id: number.to_owned(),
        message_id: text_at(status, "/id")?,
        reference: text_at(status, "/biz_opaque_callback_data").filter(|reference| !reference.is_empty()),
        status: status_of_word,
        at: moment(status),
        to: Person {
            phone: text_at(status, "/recipient_id").as_deref().and_then(phone_of_wa_id),
            user_id: text_at(status, "/recipient_user_id").and_then(|id| UserId::try_from(id).ok()),
        },
        error: list(status, "errors").first().and_then(read_error),
    })))
}

fn read_error(error: &Value) -> Option<AccountError> {
    Some(AccountError {
        code: error.get("code")?.as_i64()?,
        detail: text_at(error, "/error_data/details")
            .or_else(|| text_at(error, "/message"))
            .or_else(|| text_at(error, "/title"))
            .unwrap_or_default(),
    })
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The text at `pointer`, without control characters that neither the database nor a screen takes.
fn text_at(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?;
    let plain = text
        .chars()
        .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'));
    Some(plain.take(MAX_CHARS).collect())
}

/// `timestamp`: seconds since 1970, as text.
fn moment(value: &Value) -> Option<Timestamp> {
    let seconds = text_at(value, "/timestamp")?.parse().ok()?;
    Timestamp::new(DateTime::from_timestamp(seconds, 0)?).ok()
}

fn file_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    name.trim_matches(['.', ' ']).to_owned()
}
