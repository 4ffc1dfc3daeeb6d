//! Webhooks of every common kind, and of kinds that nobody has seen yet.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking, and so does what they share"
)]

use proptest::prelude::*;
use serde_json::{Value, json};
use test_support::whatsapp::WhatsAppServer;
use whatsapp::webhook::parse;
use whatsapp::{Content, IncomingMessage, Status, WebhookEvent};

const MARIA: &str = "551187654321";

fn events(payload: &Value) -> Vec<WebhookEvent> {
    parse(payload.to_string().as_bytes()).unwrap()
}

fn message(content: &Value) -> IncomingMessage {
    let server = WhatsAppServer::start();
    let payload = server.message(MARIA, "Maria", "wamid.1", 1_795_518_000, content);
    match events(&payload).into_iter().next() {
        Some(WebhookEvent::Message(message)) => *message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_says_who_wrote_what_and_when() {
    let message = message(&json!({
        "type": "text", "text": {"body": "Quero marcar\u{0} uma consulta"},
        "context": {"id": "wamid.0", "forwarded": true}, "unknown": {"field": []},
    }));
    assert_eq!(message.id, "wamid.1");
    // Called without its ninth digit, and known with it.
    assert_eq!(message.from.phone.unwrap().as_str(), "+5511987654321");
    assert_eq!(message.profile.name.as_deref(), Some("Maria"));
    assert_eq!(message.sent_at.unwrap().as_datetime().timestamp(), 1_795_518_000);
    assert_eq!(message.answers.as_deref(), Some("wamid.0"));
    assert!(message.is_forwarded);
    assert!(matches!(message.content, Content::Text(text) if text == "Quero marcar uma consulta"));
}

#[test]
fn every_common_kind_is_read() {
    let content = |value: Value| message(&value).content;
    let image = content(json!({"type": "image", "image": {"id": "1", "mime_type": "image/jpeg", "caption": "aqui"}}));
    assert!(matches!(image, Content::Media(file) if file.kind == "image" && file.caption.as_deref() == Some("aqui")));
    let voice =
        content(json!({"type": "audio", "audio": {"id": "1", "mime_type": "audio/ogg; codecs=opus", "voice": true}}));
    assert!(matches!(voice, Content::Media(file) if file.is_voice));
    let file = content(json!({"type": "document", "document": {"id": "1", "filename": "../../exame.pdf"}}));
    assert!(matches!(file, Content::Media(file) if file.file_name.as_deref() == Some("exame.pdf")));
    let button = content(json!({"type": "button", "button": {"payload": "confirm:7", "text": "Confirmar"}}));
    assert!(matches!(button, Content::Choice { id, title } if id == "confirm:7" && title == "Confirmar"));
    let reply = json!({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "a", "title": "Sim"}}});
    assert!(matches!(content(reply), Content::Choice { id, .. } if id == "a"));
    let line =
        json!({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "b", "title": "9h"}}});
    assert!(matches!(content(line), Content::Choice { id, .. } if id == "b"));
    let place =
        content(json!({"type": "location", "location": {"latitude": -23.5, "longitude": -46.6, "name": "Casa"}}));
    assert!(matches!(place, Content::Location { name, .. } if name.as_deref() == Some("Casa")));
    let cards = json!({"type": "contacts", "contacts": [{"name": {"formatted_name": "Ana"}, "phones": [{"phone": "+55 11 9"}]}]});
    assert!(matches!(content(cards), Content::Contacts(cards) if cards[0].1 == ["+55 11 9"]));
    let sign = content(json!({"type": "reaction", "reaction": {"message_id": "wamid.0", "emoji": "👍"}}));
    assert!(matches!(sign, Content::Reaction { emoji, .. } if emoji.as_deref() == Some("👍")));
    for strange in [
        json!({"type": "order", "order": {}}),
        json!({"type": "unsupported", "errors": [{"code": 131051}]}),
        json!({"type": "text", "text": 7}),
        json!({"type": "image", "image": {}}),
    ] {
        assert!(matches!(content(strange), Content::Other(_)));
    }
}

#[test]
fn who_keeps_their_number_is_known_by_id_and_username() {
    let server = WhatsAppServer::start();
    let text = json!({"type": "text", "text": {"body": "oi"}});
    let payload = server.message_of_user("BR.134912", "maria.s", "wamid.2", 1_795_518_000, &text);
    let events = events(&payload);
    let [WebhookEvent::Message(message)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(message.from.phone, None);
    assert_eq!(message.from.user_id.as_ref().unwrap().as_str(), "BR.134912");
    assert_eq!(message.profile.username.as_deref(), Some("maria.s"));
}

#[test]
fn a_person_who_changed_is_followed() {
    let notice = message_event(&json!({"type": "system", "system": {
        "body": "User changed", "type": "user_changed_number", "wa_id": "5521987654321",
    }}));
    let WebhookEvent::Changed(changed) = notice else {
        panic!("{notice:?}")
    };
    assert_eq!(changed.before.phone.unwrap().as_str(), "+5511987654321");
    assert_eq!(changed.phone.unwrap().as_str(), "+5521987654321");
}

fn message_event(content: &Value) -> WebhookEvent {
    let server = WhatsAppServer::start();
    events(&server.message(MARIA, "Maria", "wamid.1", 1_795_518_000, content)).remove(0)
}

#[test]
fn statuses_bring_our_reference_and_the_reason() {
    let payload = |status: &str| {
        json!({
            "object": "whatsapp_business_account",
            "entry": [{"changes": [{"field": "messages", "value": {
                "metadata": {"phone_number_id": "1"},
                "statuses": [{"id": "wamid.1", "status": status, "timestamp": "1795518000", "recipient_id": MARIA,
                    "biz_opaque_callback_data": "ours", "errors": [{"code": 131026, "title": "Undeliverable"}]}],
            }}]}],
        })
    };
    for (word, status) in [
        ("sent", Status::Sent),
        ("delivered", Status::Delivered),
        ("read", Status::Read),
        ("failed", Status::Failed),
    ] {
        let events = events(&payload(word));
        let [WebhookEvent::Status(update)] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((update.status, update.reference.as_deref()), (status, Some("ours")));
        assert_eq!(update.error.as_ref().unwrap().code, 131_026);
    }
    assert_eq!(events(&payload("warning")), []);
}

#[test]
fn what_is_not_about_messages_is_passed_over_and_what_is_not_whatsapps_is_refused() {
    let other = json!({"object": "whatsapp_business_account", "entry": [
        {"changes": [{"field": "template_status", "value": {}}, {"field": "messages"}, 7, {"field": "messages", "value": {
            "metadata": {"phone_number_id": "1"}, "errors": [{"code": 130429, "title": "Rate limit hit"}], "messages": [7, {}, null]}}]},
    ]});
    let events = events(&other);
    assert!(
        matches!(events.as_slice(), [WebhookEvent::AccountError(error)] if error.code == 130_429),
        "{events:?}"
    );
    for body in ["", "[]", "{}", r#"{"object": "page", "entry": []}"#] {
        assert!(parse(body.as_bytes()).is_err(), "{body}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["text", "image", "system", "551187654321", "BR.1", "messages"]).prop_map(Value::from),
    ];
    let names = || {
        prop::sample::select(vec![
            "id",
            "type",
            "from",
            "text",
            "body",
            "image",
            "system",
            "metadata",
            "phone_number_id",
            "messages",
            "contacts",
            "statuses",
            "errors",
            "wa_id",
            "profile",
            "timestamp",
            "context",
            "status",
            "code",
        ])
        .prop_map(str::to_owned)
    };
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(names(), inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_post_makes_it_panic(value in any_json()) {
        let post = json!({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]});
        let _ = parse(post.to_string().as_bytes());
    }
}
