//! Channels over servers that behave as the real ones: what people write comes in, what the clinic writes goes out.

pub(crate) mod email;
mod hostile_mail;
mod logins;
mod reach;
mod whatsapp;

use conversations::messages::find;
use serde_json::{Value, json};
use test_support::Answer;

use crate::app::{TestApp, until};
use crate::conversations::{aurora, database};

/// An inbox of Aurora with its token.
pub(crate) struct MadeInbox {
    pub(crate) id: String,
    pub(crate) token: String,
}

pub(crate) async fn make_inbox(app: &TestApp, body: Value) -> MadeInbox {
    let made = app
        .actor("owner@aurora")
        .post("/v1/inboxes", body)
        .await
        .expect_status(201);
    let text = |pointer: &str| made.body.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    MadeInbox {
        id: text("/inbox/id"),
        token: text("/token"),
    }
}

pub(crate) async fn conversations(app: &TestApp) -> Vec<Value> {
    let listed = app
        .get("reception@aurora", "/v1/conversations")
        .await
        .expect_status(200);
    listed.data().to_vec()
}

/// The only conversation, once there is one.
pub(crate) async fn the_conversation(app: &TestApp) -> String {
    until("a conversation", async || !conversations(app).await.is_empty()).await;
    let all = conversations(app).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]["id"].as_str().unwrap().to_owned()
}

/// The messages of a conversation, newest first.
pub(crate) async fn messages(app: &TestApp, conversation: &str) -> Vec<Value> {
    let path = format!("/v1/conversations/{conversation}/messages?limit=100");
    let listed = app.get("reception@aurora", &path).await.expect_status(200);
    listed.data().to_vec()
}

pub(crate) async fn write(app: &TestApp, conversation: &str, body: Value) -> Answer {
    app.actor("reception@aurora")
        .post(&format!("/v1/conversations/{conversation}/messages"), body)
        .await
}

/// Writes, and gives the message's id.
pub(crate) async fn say(app: &TestApp, conversation: &str, text: &str) -> String {
    let written = write(app, conversation, json!({"body": text})).await.expect_status(201);
    written.id().to_owned()
}

pub(crate) async fn message(app: &TestApp, id: &str) -> Value {
    let shown = app.get("reception@aurora", &format!("/v1/messages/{id}")).await;
    shown.expect_status(200).body
}

/// Waits until a message has come as far as `delivery`.
pub(crate) async fn comes_to(app: &TestApp, id: &str, delivery: &str) {
    until(delivery, async || message(app, id).await["delivery"] == delivery).await;
}

/// Waits until so many attempts at a message have ended and the next one is put off. Asked of the database: attempts are nobody's news.
pub(crate) async fn is_put_off(app: &TestApp, id: &str, attempts: i32) {
    let db = database(app);
    let id = id.parse().unwrap();
    until("another attempt", async || {
        let found = db.read(&aurora(), async |tx| find(tx, id).await).await.unwrap();
        found.attempts == attempts && found.attempted_at.is_none() && found.next_attempt_at.is_some()
    })
    .await;
}

/// Uploads a file to a conversation, and gives its id.
pub(crate) async fn upload(app: &TestApp, conversation: &str, name: &str, bytes: &'static [u8]) -> String {
    let path = format!("/v1/conversations/{conversation}/attachments?file_name={name}");
    let call = app.actor("reception@aurora").call(reqwest::Method::POST, &path);
    let kept = call
        .bytes("application/octet-stream", bytes)
        .send()
        .await
        .expect_status(201);
    kept.id().to_owned()
}
