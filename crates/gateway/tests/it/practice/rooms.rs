//! Rooms: named once, accents and case aside, and put away when nobody is expected in them.

use serde_json::json;
use test_support::world;

use super::{STALE, UNKNOWN_ID, book_exame, column, delete_if, made, patch_if};
use crate::accounts::{assert_fault, faults};
use crate::app::TestApp;

const PATH: &str = "/v1/rooms";

fn at(key: &str) -> String {
    format!("{PATH}/{}", world::room(key))
}

#[tokio::test]
async fn a_room_is_made_read_and_renamed() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let id = made(&admin, PATH, json!({"name": "Sala de exames"})).await;
    let path = format!("{PATH}/{id}");
    assert_eq!(app.get("reception@aurora", &path).await.body["name"], "Sala de exames");
    admin
        .patch(&path, json!({"name": "Sala de Exames 2"}))
        .await
        .assert_status(200);
    assert_eq!(
        app.get("reception@aurora", &path).await.body["name"],
        "Sala de Exames 2"
    );
    assert_eq!(
        column(&admin.get(PATH).await, "name"),
        ["Consultório 1", "Consultório 2", "Sala de Exames 2"]
    );
}

#[tokio::test]
async fn a_name_is_one_rooms_alone_accents_and_case_aside() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for same in ["Consultório 1", "consultorio 1", "CONSULTÓRIO 1", " Consultório  1 "] {
        admin
            .post(PATH, json!({"name": same}))
            .await
            .assert_problem(409, "room_exists");
    }
    admin
        .patch(&at("consultorio-2"), json!({"name": "CONSULTORIO 1"}))
        .await
        .assert_problem(409, "room_exists");
    admin
        .patch(&at("consultorio-1"), json!({"name": "CONSULTORIO 1"}))
        .await
        .assert_status(200);
    app.actor("admin@horizonte")
        .post(PATH, json!({"name": "Consultório 1"}))
        .await
        .assert_status(201);
}

#[tokio::test]
async fn of_many_rooms_of_one_name_made_at_once_one_is_made() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let answers = futures_util::future::join_all((0..8).map(|_| admin.post(PATH, json!({"name": "Sala nova"})))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(
        answers.iter().filter(|answer| answer.code() == "room_exists").count(),
        7
    );
}

#[tokio::test]
async fn the_name_of_a_room_that_was_put_away_is_free_again() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    admin.delete(&at("consultorio-1")).await.assert_status(204);
    admin
        .post(PATH, json!({"name": "Consultório 1"}))
        .await
        .assert_status(201);
}

#[tokio::test]
async fn a_room_has_a_name() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for name in [json!(""), json!("  "), json!("a\nb"), json!("x".repeat(500))] {
        let answer = admin.post(PATH, json!({"name": name})).await.expect_status(422);
        assert_eq!(faults(&answer)[0].0, "/name", "{answer}");
    }
    let answer = admin.post(PATH, json!({"name": 1})).await.expect_status(422);
    assert_eq!(faults(&answer)[0].0, "/name");
    assert_fault(
        &admin.post(PATH, json!({"name": "Sala", "colour": "azul"})).await,
        "/colour",
        "unknown_field",
    );
}

#[tokio::test]
async fn a_room_in_which_somebody_is_expected_is_not_put_away() {
    let Some(app) = TestApp::start().await else { return };
    let room = world::room("consultorio-1").to_string();
    let appointment = book_exame(&app, &room).await;
    let admin = app.actor("admin@aurora");
    let refused = admin.delete(&at("consultorio-1")).await;
    refused.assert_problem(409, "has_upcoming_appointments");
    assert_eq!(refused.body["count"], 1);
    let path = format!("/v1/appointments/{appointment}/cancel");
    app.actor("reception@aurora")
        .post(&path, json!({}))
        .await
        .assert_status(200);
    admin.delete(&at("consultorio-1")).await.assert_status(204);
}

#[tokio::test]
async fn what_is_over_keeps_no_room() {
    let Some(app) = TestApp::start().await else { return };
    book_exame(&app, &world::room("consultorio-1").to_string()).await;
    app.clock.set(world::at("2026-11-24T12:45:00Z"));
    app.actor("admin@aurora")
        .delete(&at("consultorio-1"))
        .await
        .assert_status(204);
}

#[tokio::test]
async fn a_room_that_was_put_away_does_not_change() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    admin.delete(&at("consultorio-1")).await.assert_status(204);
    admin.delete(&at("consultorio-1")).await.assert_status(204);
    admin
        .patch(&at("consultorio-1"), json!({"name": "Outra"}))
        .await
        .assert_problem(409, "archived");
    assert_eq!(admin.get(&at("consultorio-1")).await.body["status"], "archived");
    assert_eq!(column(&admin.get(PATH).await, "name"), ["Consultório 2"]);
}

#[tokio::test]
async fn a_change_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let read = admin.get(&at("consultorio-1")).await.etag().to_owned();
    patch_if(&admin, &at("consultorio-1"), &read, json!({"name": "Um"}))
        .await
        .assert_status(200);
    let stale = patch_if(&admin, &at("consultorio-1"), &read, json!({"name": "Dois"})).await;
    stale.assert_problem(412, "version_mismatch");
    delete_if(&admin, &at("consultorio-1"), STALE)
        .await
        .assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn a_client_may_choose_the_id_once() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    admin
        .post(PATH, json!({"id": UNKNOWN_ID, "name": "Um"}))
        .await
        .assert_status(201);
    admin
        .post(PATH, json!({"id": UNKNOWN_ID, "name": "Dois"}))
        .await
        .assert_problem(409, "id_taken");
}

#[tokio::test]
async fn an_unread_change_is_answered_without_a_body() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let read = reception.get(&at("consultorio-1")).await.etag().to_owned();
    let call = reception.call(reqwest::Method::GET, &at("consultorio-1"));
    let again = call.header("if-none-match", &read).send().await;
    again.assert_status(304);
    assert!(again.bytes.is_empty());
}

#[tokio::test]
async fn another_clinics_room_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for path in [at("sala-azul"), format!("{PATH}/{UNKNOWN_ID}"), format!("{PATH}/1")] {
        admin.get(&path).await.assert_status(404);
        admin.patch(&path, json!({"name": "Minha"})).await.assert_status(404);
        admin.delete(&path).await.assert_status(404);
    }
}
