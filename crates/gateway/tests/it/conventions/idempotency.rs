//! Requests that are repeated with the same `Idempotency-Key`.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};

use super::{lock_rooms, until_waiting};
use crate::app::TestApp;

async fn post(actor: &Actor, path: &str, key: &str, body: Value) -> Answer {
    actor
        .call(Method::POST, path)
        .header("idempotency-key", key)
        .json(&body)
        .send()
        .await
}

async fn rooms(app: &TestApp) -> i64 {
    let maintenance = app.database.connect(Role::Maintenance).await;
    maintenance
        .query_one("SELECT count(*) FROM rooms WHERE name LIKE 'Sala nova%'", &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let first = post(&owner, "/v1/rooms", "one", json!({"name": "Sala nova"}))
        .await
        .expect_status(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = post(&owner, "/v1/rooms", "one", json!({"name": "Sala nova"}))
        .await
        .expect_status(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(
        (again.bytes.clone(), again.header("location"), again.header("etag")),
        (first.bytes.clone(), first.header("location"), first.header("etag"))
    );
    assert_eq!(rooms(&app).await, 1);
    app.clock.advance(TimeDelta::hours(24));
    let owner = app.actor("owner@aurora");
    let next_day = post(&owner, "/v1/rooms", "one", json!({"name": "Sala nova 2"}))
        .await
        .expect_status(201);
    assert_eq!(next_day.header("idempotency-replayed"), None);
}

#[tokio::test]
async fn a_key_is_good_for_one_request_of_one_caller() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    post(&owner, "/v1/rooms", "one", json!({"name": "Sala nova"}))
        .await
        .assert_status(201);
    post(&owner, "/v1/rooms", "one", json!({"name": "Sala nova 2"}))
        .await
        .assert_problem(422, "idempotency_key_reused");
    post(
        &owner,
        "/v1/services",
        "one",
        json!({"name": "Sala nova", "duration_minutes": 30, "price": {"amount_cents": 0, "currency": "BRL"}}),
    )
    .await
    .assert_problem(422, "idempotency_key_reused");
    let colleague = app.actor("admin@aurora");
    post(&colleague, "/v1/rooms", "one", json!({"name": "Sala nova 3"}))
        .await
        .assert_status(201);
    let neighbour = app.actor("owner@horizonte");
    let elsewhere = post(&neighbour, "/v1/rooms", "one", json!({"name": "Sala nova"}))
        .await
        .expect_status(201);
    assert_eq!(elsewhere.header("idempotency-replayed"), None);
}

#[tokio::test]
async fn what_failed_is_not_kept() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    post(&owner, "/v1/rooms", "one", json!({"name": ""}))
        .await
        .assert_status(422);
    let taken = post(&owner, "/v1/rooms", "one", json!({"name": "Consultório 1"})).await;
    assert_eq!(taken.status, 409, "{taken}");
    post(&owner, "/v1/rooms", "one", json!({"name": "Sala nova"}))
        .await
        .assert_status(201);
    assert_eq!(rooms(&app).await, 1);
}

#[tokio::test]
async fn a_key_whose_first_request_is_still_served_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let lock = lock_rooms(&app.database, "SHARE ROW EXCLUSIVE").await;
    let body = || json!({"name": "Sala nova"});
    let first = post(&owner, "/v1/rooms", "one", body());
    let second = async {
        until_waiting(&app.database, 1).await;
        let refused = post(&owner, "/v1/rooms", "one", body()).await;
        drop(lock);
        refused
    };
    let (first, second) = tokio::join!(first, second);
    second.assert_problem(409, "idempotency_in_flight");
    first.assert_status(201);
    let third = post(&owner, "/v1/rooms", "one", body()).await.expect_status(201);
    assert_eq!(third.body, first.body);
    assert_eq!(rooms(&app).await, 1);
}

#[tokio::test]
async fn many_at_once_with_one_key_do_it_once() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let posts = (0..20).map(|_| post(&owner, "/v1/rooms", "one", json!({"name": "Sala nova"})));
    for answer in futures_util::future::join_all(posts).await {
        assert!(
            answer.status == 201 || answer.code() == "idempotency_in_flight",
            "{answer}"
        );
    }
    assert_eq!(rooms(&app).await, 1);
}

#[tokio::test]
async fn the_kept_answer_cannot_be_read_in_the_table() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    post(
        &reception,
        "/v1/contacts",
        "one",
        json!({"name": "Segredo de Paciente"}),
    )
    .await
    .assert_status(201);
    let maintenance = app.database.connect(Role::Maintenance).await;
    let row = maintenance
        .query_one(
            "SELECT sealed_body, headers::text FROM idempotency_keys WHERE clinic_id = $1",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap();
    let (sealed, headers): (Vec<u8>, String) = (row.get(0), row.get(1));
    assert!(!String::from_utf8_lossy(&sealed).contains("Segredo") && !headers.contains("Segredo"));
}

#[tokio::test]
async fn secrets_are_never_given_twice() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let body = json!({"name": "Integration", "permissions": ["contacts:read"]});
    let first = post(&owner, "/v1/api-keys", "one", body.clone())
        .await
        .expect_status(201);
    let second = post(&owner, "/v1/api-keys", "one", body).await;
    assert_ne!(first.bytes, second.bytes);
    assert_eq!(second.header("idempotency-replayed"), None);
}
