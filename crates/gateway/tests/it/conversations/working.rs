//! Working with conversations: lists, counts, snoozing, search, files and canned responses.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use test_support::world;

use super::{bodies, texts, whatsapp, write_in};
use crate::app::{TestApp, until};

#[tokio::test]
async fn lists_and_counts_say_what_is_to_do() {
    let Some(app) = TestApp::start().await else { return };
    let inbox = whatsapp(&app).await;
    let mut ids = Vec::new();
    for (number, digits) in ["5571981234567", "5571987654321", "5571912345678"].iter().enumerate() {
        ids.push(
            write_in(&app, inbox, digits, &format!("w{number}"), &format!("m{number}"))
                .await
                .conversation,
        );
        app.clock.advance(TimeDelta::minutes(1));
    }
    let reception = app.actor("reception@aurora");
    let list = async |query: &str| {
        let listed = reception
            .get(&format!("/v1/conversations?{query}"))
            .await
            .expect_status(200);
        texts(listed.data(), "last_message_preview")
    };
    assert_eq!(list("").await, ["m2", "m1", "m0"]);
    assert_eq!(list("sort=waiting_since").await, ["m0", "m1", "m2"]);
    let path = |index: usize, action: &str| format!("/v1/conversations/{}{action}", ids[index]);
    reception.post(&path(0, "/assign"), json!({})).await.assert_status(200);
    reception.post(&path(1, "/read"), json!({})).await.assert_status(200);
    let labelled = json!({"labels": ["orçamento"], "priority": "high"});
    reception.patch(&path(2, ""), labelled).await.assert_status(200);
    assert_eq!(list("assignee=me").await, ["m0"]);
    assert_eq!(list("assignee=none").await, ["m2", "m1"]);
    assert_eq!(list("unread=true").await, ["m2", "m0"]);
    assert_eq!(list("label=or%C3%A7amento").await, ["m2"]);
    assert_eq!(list("priority=high").await, ["m2"]);
    assert_eq!(list("q=98765").await, ["m1"]);
    let counts = reception.get("/v1/conversations/counts").await.expect_status(200);
    assert_eq!(
        counts.body["total"],
        json!({"open": 3, "unread": 2, "mine": 1, "unassigned": 2})
    );
    reception.post(&path(0, "/resolve"), json!({})).await.assert_status(200);
    assert_eq!(list("").await, ["m2", "m1"]);
    assert_eq!(list("status=resolved").await, ["m0"]);
    let page = reception.get("/v1/conversations?limit=1").await.expect_status(200);
    let cursor = page.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(list(&format!("limit=1&cursor={cursor}")).await, ["m1"]);
}

#[tokio::test]
async fn what_was_put_off_comes_back_at_its_time() {
    let Some(app) = TestApp::start().await else { return };
    let id = write_in(&app, whatsapp(&app).await, "5571981234567", "w1", "Oi")
        .await
        .conversation;
    let reception = app.actor("reception@aurora");
    let until_then = kernel::Clock::now(&*app.clock).saturating_add(TimeDelta::minutes(10));
    let snoozed = reception
        .post(&format!("/v1/conversations/{id}/snooze"), json!({"until": until_then}))
        .await
        .expect_status(200);
    assert_eq!(snoozed.body["status"], "snoozed");
    let past = reception
        .post(
            &format!("/v1/conversations/{id}/snooze"),
            json!({"until": "2020-01-01T00:00:00Z"}),
        )
        .await;
    past.assert_problem(422, "invalid_fields");
    app.clock.advance(TimeDelta::minutes(11));
    app.shared.wake().notify();
    let path = format!("/v1/conversations/{id}");
    until("it is open again", async || {
        app.get("reception@aurora", &path).await.body["status"] == "open"
    })
    .await;
}

#[tokio::test]
async fn messages_are_found_by_any_part_in_any_spelling() {
    let Some(app) = TestApp::start().await else { return };
    let inbox = whatsapp(&app).await;
    write_in(
        &app,
        inbox,
        "5571981234567",
        "w1",
        "Queria marcar AVALIAÇÃO 100% grátis",
    )
    .await;
    write_in(&app, inbox, "5571987654321", "w2", "avaliacao física").await;
    write_in(&app, inbox, "5571912345678", "w3", "Outra coisa").await;
    let reception = app.actor("reception@aurora");
    let find = async |q: &str| {
        bodies(
            &reception
                .get(&format!("/v1/messages/search?q={q}"))
                .await
                .expect_status(200),
        )
    };
    assert_eq!(find("avaliac").await.len(), 2);
    assert_eq!(find("fisica%20avalia").await, ["avaliacao física"]);
    assert_eq!(find("100%25").await.len(), 1);
    assert_eq!(find("nada%20disso").await.len(), 0);
    reception
        .get("/v1/messages/search?q=ab")
        .await
        .assert_problem(422, "invalid_fields");
    let neighbour = app.actor("reception@horizonte");
    let theirs = neighbour.get("/v1/messages/search?q=avaliac").await.expect_status(200);
    assert!(theirs.data().is_empty());
}

#[tokio::test]
async fn files_are_looked_at_and_given_out_as_nothing_but_files() {
    let Some(app) = TestApp::start().await else { return };
    let id = write_in(&app, whatsapp(&app).await, "5571981234567", "w1", "Oi")
        .await
        .conversation;
    let reception = app.actor("reception@aurora");
    let upload = async |name: &str, bytes: &'static [u8]| {
        let path = format!("/v1/conversations/{id}/attachments?file_name={name}");
        reception
            .call(Method::POST, &path)
            .bytes("image/png", bytes)
            .send()
            .await
    };
    let pdf = upload("..%2Fexame.pdf", b"%PDF-1.7\n...").await.expect_status(201);
    assert_eq!(
        (&pdf.body["content_type"], &pdf.body["file_name"]),
        (&json!("application/pdf"), &json!("exame.pdf"))
    );
    for bad in [
        &b"<!DOCTYPE html><script>alert(1)</script>"[..],
        b"\x7fELF\x02\x01\x01\0\0\0",
        b"",
    ] {
        upload("x.pdf", bad).await.assert_problem(422, "invalid_fields");
    }
    let sent = reception
        .post(
            &format!("/v1/conversations/{id}/messages"),
            json!({"kind": "note", "body": "Exame", "attachment_ids": [pdf.id()]}),
        )
        .await
        .expect_status(201);
    assert_eq!(sent.body["attachments"][0]["id"], pdf.id());
    let file = reception
        .get(&format!("/v1/message-attachments/{}", pdf.id()))
        .await
        .expect_status(200);
    assert_eq!(&file.bytes[..], b"%PDF-1.7\n...");
    assert_eq!(file.header("content-type"), Some("application/pdf"));
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    assert!(file.header("content-disposition").unwrap().starts_with("attachment"));
    let twice = json!({"kind": "note", "body": "x", "attachment_ids": [pdf.id()]});
    let again = reception.post(&format!("/v1/conversations/{id}/messages"), twice).await;
    again.assert_problem(422, "invalid_fields");
}

#[tokio::test]
async fn a_canned_response_is_filled_in_where_it_is_used() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let body =
        json!({"shortcut": "oi", "body": "Olá, {{contact.first_name}}! Aqui é {{member.name}}, da {{clinic.name}}."});
    let canned = reception
        .post("/v1/canned-responses", body.clone())
        .await
        .expect_status(201);
    reception
        .post("/v1/canned-responses", body)
        .await
        .assert_problem(409, "canned_response_exists");
    let conversation = reception
        .post(
            "/v1/conversations",
            json!({"inbox_id": whatsapp(&app).await, "contact_id": world::contact("maria")}),
        )
        .await
        .expect_status(201);
    let path = format!("/v1/conversations/{}/messages", conversation.id());
    let closed = reception.post(&path, json!({"canned_response_id": canned.id()})).await;
    closed.assert_problem(409, "messaging_window_closed");
    write_to(&app, &conversation.body).await;
    let sent = reception
        .post(&path, json!({"canned_response_id": canned.id()}))
        .await
        .expect_status(201);
    let text = sent.body["body"].as_str().unwrap();
    assert!(
        text.starts_with("Olá, Maria") && text.ends_with("Aqui é Tiago Reis, da Clínica Aurora."),
        "{text}"
    );
}

/// The person of a conversation writes, so that they may be written to.
async fn write_to(app: &TestApp, conversation: &serde_json::Value) {
    let contact = conversation["contact_id"].as_str().unwrap();
    let shown = app.get("reception@aurora", &format!("/v1/contacts/{contact}")).await;
    let digits = shown.body["phone"].as_str().unwrap().trim_start_matches('+').to_owned();
    let inbox = conversation["inbox_id"].as_str().unwrap().parse().unwrap();
    let received = write_in(app, inbox, &digits, "w-answer", "Sim").await;
    assert_eq!(received.conversation.to_string(), conversation["id"].as_str().unwrap());
}

#[tokio::test]
async fn a_list_and_a_talk_cost_as_many_statements_long_as_short() {
    let Some(app) = TestApp::start().await else { return };
    let inbox = whatsapp(&app).await;
    let mut last = None;
    for number in 0..12 {
        let digits = format!("55719812345{:02}", number % 6);
        last = Some(
            write_in(&app, inbox, &digits, &format!("w{number}"), "Oi")
                .await
                .conversation,
        );
    }
    let reception = app.actor("reception@aurora");
    reception.get("/v1/me").await.assert_status(200);
    let cost = async |path: String| reception.get(&path).await.expect_status(200).statements();
    for limit in [1, 50] {
        assert_eq!(cost(format!("/v1/conversations?limit={limit}")).await, 1);
        let path = format!("/v1/conversations/{}/messages?limit={limit}", last.unwrap());
        assert_eq!(cost(path.clone()).await, 2);
        assert_eq!(cost(path).await, 0, "kept");
    }
    assert_eq!(cost("/v1/conversations/counts".to_owned()).await, 1);
}
