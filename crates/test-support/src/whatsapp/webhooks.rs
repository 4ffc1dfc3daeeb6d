//! What the server posts.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::state::PHONE_NUMBER_ID;

/// Posts `payload`, signed with `secret`.
pub(super) async fn post(client: &reqwest::Client, url: &str, payload: &Value, secret: &str) -> u16 {
    let body = payload.to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature: String = hmac::sign(&key, body.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let answer = client
        .post(url)
        .header("content-type", "application/json")
        .header("user-agent", "facebookexternalua")
        .header("x-hub-signature-256", format!("sha256={signature}"))
        .body(body)
        .send()
        .await
        .expect("somebody answers");
    answer.status().as_u16()
}

/// Asks for the handshake.
pub(super) async fn shake_hands(client: &reqwest::Client, url: &str, verify_token: &str) -> (String, u16, String) {
    let challenge = "1158201444";
    let answer = client
        .get(url)
        .query(&[
            ("hub.mode", "subscribe"),
            ("hub.verify_token", verify_token),
            ("hub.challenge", challenge),
        ])
        .send()
        .await
        .expect("somebody answers");
    let status = answer.status().as_u16();
    (
        challenge.to_owned(),
        status,
        answer.text().await.expect("an answer that is text"),
    )
}

/// What the server posts with. Made once: it takes long, and of a hundred posts at once the first would have to wait for the last
/// client with a connection that is open already.
pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client can be made")
}

pub(super) fn message(from: &str, name: &str, id: &str, second: i64, content: &Value) -> Value {
    let mut message = json!({"from": from, "id": id, "timestamp": second.to_string()});
    merge(&mut message, content);
    envelope(&json!({
        "contacts": [{"profile": {"name": name}, "wa_id": from}],
        "messages": [message],
    }))
}

pub(super) fn message_of_user(user_id: &str, username: &str, id: &str, second: i64, content: &Value) -> Value {
    let mut message = json!({"from_user_id": user_id, "id": id, "timestamp": second.to_string()});
    merge(&mut message, content);
    envelope(&json!({
        "contacts": [{"profile": {"name": username, "username": username}, "user_id": user_id}],
        "messages": [message],
    }))
}

pub(super) fn status(message: &Value, status: &str, second: i64, error_code: Option<i64>) -> Value {
    let mut report = json!({
        "id": message["wamid"],
        "status": status,
        "timestamp": second.to_string(),
        "biz_opaque_callback_data": message["biz_opaque_callback_data"],
        "pricing": {"billable": false, "pricing_model": "PMP", "category": "service", "type": "free_customer_service"},
    });
    match message.get("to") {
        Some(to) => report["recipient_id"] = to.clone(),
        None => report["recipient_user_id"] = message["recipient"].clone(),
    }
    if let Some(code) = error_code {
        report["errors"] = json!([{
            "code": code,
            "title": "Failed",
            "message": "Failed",
            "error_data": {"details": "Failed on command"},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
        }]);
    }
    envelope(&json!({"statuses": [report]}))
}

fn envelope(content: &Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551140001234", "phone_number_id": PHONE_NUMBER_ID},
    });
    merge(&mut value, content);
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}],
    })
}

fn merge(into: &mut Value, from: &Value) {
    let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) else {
        panic!("both are objects");
    };
    into.extend(from.clone());
}
