//! Files: fetched after their message, or not to be had, which is shown with it.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::{comes_to, messages, the_conversation, upload, write};
use super::{ANA, Stage};
use crate::agenda::count;
use crate::app::{TestApp, until};

const PDF: &[u8] = b"%PDF-1.7\nresultado";

/// The only file of the newest message.
async fn file_of(app: &TestApp, conversation: &str) -> Value {
    let newest = messages(app, conversation).await.remove(0);
    let files = newest["attachments"].as_array().unwrap();
    assert_eq!(files.len(), 1, "{newest}");
    files[0].clone()
}

#[tokio::test]
async fn files_come_in_after_their_message_and_go_out_with_their_words() {
    let Some(stage) = Stage::set().await else { return };
    let media = stage.server.keep_media("application/pdf", PDF);
    let spoilt = stage
        .server
        .keep_media("application/x-elf", b"\x7fELF\x02\x01\x01\0\0\0\0");
    stage
        .hears(ANA, "w1", &json!({"type": "document", "document": {"id": media, "mime_type": "application/pdf", "filename": "exame.pdf"}}))
        .await;
    let conversation = the_conversation(&stage.app).await;
    until("the file", async || {
        file_of(&stage.app, &conversation).await["status"] == "available"
    })
    .await;
    let shown = file_of(&stage.app, &conversation).await;
    assert_eq!(
        (&shown["file_name"], &shown["content_type"]),
        (&json!("exame.pdf"), &json!("application/pdf"))
    );
    stage
        .hears(ANA, "w2", &json!({"type": "document", "document": {"id": spoilt, "mime_type": "application/pdf", "filename": "x.pdf"}}))
        .await;
    until("the refusal", async || {
        file_of(&stage.app, &conversation).await["unavailable_reason"] == "file_type_not_taken"
    })
    .await;
    let file = upload(&stage.app, &conversation, "guia.pdf", PDF).await;
    let sent = write(
        &stage.app,
        &conversation,
        json!({"body": "Segue a guia", "attachment_ids": [file]}),
    )
    .await;
    comes_to(&stage.app, sent.expect_status(201).id(), "sent").await;
    let document = stage.server.taken()[0]["document"].clone();
    assert_eq!(
        (&document["caption"], &document["filename"]),
        (&json!("Segue a guia"), &json!("guia.pdf"))
    );
    let (kind, bytes) = stage.server.media(document["id"].as_str().unwrap()).unwrap();
    assert_eq!((kind.as_str(), bytes.as_slice()), ("application/pdf", PDF));
}

#[tokio::test]
async fn a_file_that_cannot_be_had_is_said_with_its_message_and_may_still_come() {
    const ATTEMPTS: i64 = 16;
    let Some(stage) = Stage::set().await else { return };
    let media = stage.server.keep_media("application/pdf", PDF);
    // It is not what it is said to be, however often it is fetched.
    stage.server.spoil_media(&media);
    let content =
        json!({"type": "document", "document": {"id": media, "mime_type": "application/pdf", "filename": "exame.pdf"}});
    stage.hears(ANA, "w1", &content).await;
    let conversation = the_conversation(&stage.app).await;
    let file = file_of(&stage.app, &conversation).await;
    assert_eq!(
        (&file["status"], &file["file_name"]),
        (&json!("pending"), &json!("exame.pdf"))
    );
    assert_eq!((&file["content_type"], &file["sha256"]), (&Value::Null, &Value::Null));
    let path = format!("/v1/message-attachments/{}", file["id"].as_str().unwrap());
    let refused = stage.app.get("reception@aurora", &path).await;
    refused.assert_problem(409, "attachment_not_available");
    assert_eq!(refused.body["attachment_status"], "pending");
    for attempt in 1..=ATTEMPTS {
        let tried = format!(
            "SELECT count(*) FROM outbox WHERE kind = 'message.fetch_media' AND attempts = {attempt} AND locked_until IS NULL"
        );
        until("another attempt", async || count(&stage.app, &tried).await == 1).await;
        stage.app.clock.advance(TimeDelta::hours(1));
        stage.app.shared.wake().notify();
    }
    until("it is given up", async || {
        file_of(&stage.app, &conversation).await["status"] == "unavailable"
    })
    .await;
    let file = file_of(&stage.app, &conversation).await;
    assert_eq!(file["unavailable_reason"], "file_not_fetched");
    stage
        .app
        .get("reception@aurora", &path)
        .await
        .assert_problem(409, "attachment_not_available");
    // Whoever puts it right has it fetched again.
    stage.server.mend_media(&media);
    let owner = stage.app.actor("owner@aurora");
    let dead = owner.get("/v1/monitoring/dead-letters").await.expect_status(200);
    assert_eq!(dead.data().len(), 1, "{dead}");
    let retry = format!(
        "/v1/monitoring/dead-letters/{}/retry",
        dead.data()[0]["id"].as_str().unwrap()
    );
    owner.post(&retry, json!(null)).await.assert_status(204);
    until("the file", async || {
        file_of(&stage.app, &conversation).await["status"] == "available"
    })
    .await;
    let file = file_of(&stage.app, &conversation).await;
    assert_eq!(
        (&file["unavailable_reason"], &file["content_type"]),
        (&Value::Null, &json!("application/pdf"))
    );
    stage.app.get("reception@aurora", &path).await.assert_status(200);
}
