//! What the clinic has read is shown as read, where the inbox wants it.

use chrono::TimeDelta;
use serde_json::json;
use test_support::whatsapp::Failure;

use super::super::{comes_to, say};
use super::Stage;
use crate::agenda::count;
use crate::app::until;
use crate::waitlist::settled;

#[tokio::test]
async fn what_was_read_is_marked_read_at_whatsapp_unless_the_inbox_does_not_want_it() {
    let Some(stage) = Stage::set().await else { return };
    let reception = stage.app.actor("reception@aurora");
    let inbox = format!("/v1/inboxes/{}", stage.inbox.id);
    let shows = async |shown: bool| {
        let settings = json!({"phone_number_id": stage.server.phone_number_id(), "read_receipts": shown});
        let owner = stage.app.actor("owner@aurora");
        owner
            .patch(&inbox, json!({"settings": settings}))
            .await
            .assert_status(200);
    };
    let shown = stage.app.get("owner@aurora", &inbox).await.expect_status(200);
    assert_eq!(shown.body["settings"]["read_receipts"], true, "unless said otherwise");
    shows(false).await;
    let conversation = stage.hears_text("w1", "Oi").await;
    let read = async || {
        let path = format!("/v1/conversations/{conversation}/read");
        reception.post(&path, json!(null)).await.assert_status(200);
    };
    read().await;
    settled(&stage.app).await;
    assert!(stage.server.marked_read().is_empty());

    shows(true).await;
    stage.hears_text("w2", "Tem horário?").await;
    stage.hears_text("w3", "Amanhã?").await;
    read().await;
    // The last one; those before it are shown as read by that.
    until("it is shown", async || stage.server.marked_read() == ["w3"]).await;
    // There was nothing more to read.
    read().await;
    settled(&stage.app).await;
    assert_eq!(stage.server.marked_read(), ["w3"]);

    // Whoever answers has read; and what WhatsApp could not do is done later.
    stage.hears_text("w4", "Alô?").await;
    stage.server.fail_next_marks(1, &Failure::Status(503, None));
    let answer = say(&stage.app, &conversation, "Temos às 10h").await;
    comes_to(&stage.app, &answer, "sent").await;
    let put_off = "SELECT count(*) FROM outbox WHERE kind = 'conversation.show_read' AND attempts = 1
                       AND locked_until IS NULL AND handled_at IS NULL";
    until("it is put off", async || count(&stage.app, put_off).await == 1).await;
    stage.app.clock.advance(TimeDelta::minutes(1));
    stage.app.shared.wake().notify();
    until("it is shown later", async || stage.server.marked_read() == ["w3", "w4"]).await;
    // A refusal is nobody's trouble.
    stage.hears_text("w5", "Combinado").await;
    stage.server.fail_next_marks(1, &Failure::Code(131_009, 400));
    stage
        .app
        .actor("reception@aurora")
        .post(&format!("/v1/conversations/{conversation}/read"), json!(null))
        .await
        .assert_status(200);
    let open = "SELECT count(*) FROM outbox WHERE kind = 'conversation.show_read' AND handled_at IS NULL";
    until("nothing is left to show", async || count(&stage.app, open).await == 0).await;
    assert_eq!(stage.server.marked_read(), ["w3", "w4"]);
}
