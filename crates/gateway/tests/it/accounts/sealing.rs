//! What is kept of answers is sealed: unreadable in the table, and good in its own row alone.

use reqwest::Method;
use serde_json::json;
use test_support::{Actor, Answer};

use super::{count, sql};
use crate::app::TestApp;

/// Makes a room by a request that may be repeated under `key`.
async fn make_room(actor: &Actor, key: &str, name: &str) -> Answer {
    let call = actor.call(Method::POST, "/v1/rooms").header("idempotency-key", key);
    call.json(&json!({"name": name})).send().await
}

#[tokio::test]
async fn a_repeated_request_gets_the_kept_answer() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let first = make_room(&admin, "one", "Sala de espera").await.expect_status(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let second = make_room(&admin, "one", "Sala de espera").await.expect_status(201);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.bytes, second.bytes);
    assert_eq!(first.header("location"), second.header("location"));
    make_room(&admin, "one", "Outra sala")
        .await
        .assert_problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn kept_answers_cannot_be_read_in_the_table() {
    let Some(app) = TestApp::start().await else { return };
    make_room(&app.actor("admin@aurora"), "one", "Sala Amarela")
        .await
        .assert_status(201);
    assert_eq!(count(&app, "idempotency_keys").await, 1);
    let readable =
        "idempotency_keys k WHERE encode(sealed_body, 'escape') LIKE '%Amarela%' OR k::text LIKE '%Amarela%'";
    assert_eq!(count(&app, readable).await, 0);
}

#[tokio::test]
async fn an_answer_moved_to_another_row_is_not_given() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    make_room(&admin, "one", "Sala um").await.assert_status(201);
    make_room(&admin, "two", "Sala dois").await.assert_status(201);
    let swap = "UPDATE idempotency_keys k SET sealed_body = o.sealed_body FROM idempotency_keys o WHERE o.key <> k.key";
    assert_eq!(sql(&app, swap).await, 2);
    let answer = make_room(&admin, "one", "Sala um").await;
    answer.assert_problem(500, "internal_error");
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("Sala"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_was_tampered_with_is_not_given() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    make_room(&admin, "one", "Sala um").await.assert_status(201);
    let tamper = "UPDATE idempotency_keys
                  SET sealed_body = set_byte(sealed_body, length(sealed_body) - 1,
                                             get_byte(sealed_body, length(sealed_body) - 1) # 1)";
    assert_eq!(sql(&app, tamper).await, 1);
    make_room(&admin, "one", "Sala um")
        .await
        .assert_problem(500, "internal_error");
}

#[tokio::test]
async fn a_clinic_does_not_open_what_was_sealed_for_another() {
    let Some(app) = TestApp::start().await else { return };
    make_room(&app.actor("admin@aurora"), "one", "Sala um")
        .await
        .assert_status(201);
    make_room(&app.actor("admin@horizonte"), "one", "Sala um")
        .await
        .assert_status(201);
    let swap = "UPDATE idempotency_keys k SET sealed_body = o.sealed_body FROM idempotency_keys o
                WHERE o.clinic_id <> k.clinic_id";
    assert_eq!(sql(&app, swap).await, 2);
    for member in ["admin@aurora", "admin@horizonte"] {
        make_room(&app.actor(member), "one", "Sala um")
            .await
            .assert_problem(500, "internal_error");
    }
}
