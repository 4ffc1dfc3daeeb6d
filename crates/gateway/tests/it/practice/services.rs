//! Services: what they cost and take, who offers them, and where.

use serde_json::{Value, json};
use test_support::world;

use super::{STALE, UNKNOWN_ID, column, delete_if, patch_if};
use crate::accounts::{assert_fault, faults};
use crate::app::TestApp;

const PATH: &str = "/v1/services";

fn at(key: &str) -> String {
    format!("{PATH}/{}", world::service(key))
}

fn brl(amount_cents: i64) -> Value {
    json!({"amount_cents": amount_cents, "currency": "BRL"})
}

#[tokio::test]
async fn a_service_is_made_with_all_that_it_takes() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({
        "name": "Ultrassom", "duration_minutes": 40, "buffer_before_minutes": 5, "buffer_after_minutes": 10,
        "slot_step_minutes": 20, "price": brl(32_050), "online_bookable": true, "needs_room": true,
        "follow_up_days": 30, "practitioner_ids": [world::practitioner("dr-lima")],
        "room_ids": [world::room("consultorio-2")]
    });
    let answer = app
        .actor("admin@aurora")
        .post(PATH, body.clone())
        .await
        .expect_status(201);
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&answer.body[name], value, "{name}");
    }
    let read = app
        .get("reception@aurora", &format!("{PATH}/{}", answer.id()))
        .await
        .expect_status(200);
    assert_eq!(read.body, answer.body);
}

#[tokio::test]
async fn a_price_is_whole_cents_of_a_currency_and_not_negative() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    assert_eq!(admin.get(&at("consulta")).await.body["price"], brl(25_000));
    let changed = admin
        .patch(&at("consulta"), json!({"price": brl(27_550)}))
        .await
        .expect_status(200);
    assert_eq!(changed.body["price"], brl(27_550));
    for (price, pointer) in [
        (brl(-1), "/price/amount_cents"),
        (json!({"amount_cents": 1.5, "currency": "BRL"}), "/price/amount_cents"),
        (json!({"amount_cents": "100", "currency": "BRL"}), "/price/amount_cents"),
        (json!({"amount_cents": 100, "currency": "reais"}), "/price/currency"),
        (json!({"amount_cents": 100}), "/price"),
        (json!(100), "/price"),
        (Value::Null, "/price"),
    ] {
        let answer = admin
            .patch(&at("consulta"), json!({"price": price}))
            .await
            .expect_status(422);
        assert!(faults(&answer)[0].0.starts_with(pointer), "{pointer}: {answer}");
    }
    assert_eq!(admin.get(&at("consulta")).await.body["price"], brl(27_550));
}

#[tokio::test]
async fn a_name_is_one_services_alone_accents_and_case_aside() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for same in ["consulta", "CÔNSULTA", " Consulta "] {
        let body = json!({"name": same, "duration_minutes": 30, "price": brl(0)});
        admin.post(PATH, body).await.assert_problem(409, "service_exists");
    }
    admin
        .patch(&at("exame"), json!({"name": "CONSULTA"}))
        .await
        .assert_problem(409, "service_exists");
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({
        "name": "", "duration_minutes": 0, "buffer_after_minutes": -1, "slot_step_minutes": 1000,
        "price": {"amount_cents": -5, "currency": "real"}, "follow_up_days": 0, "room_ids": [UNKNOWN_ID]
    });
    let answer = app.actor("admin@aurora").post(PATH, body).await.expect_status(422);
    let pointers: Vec<_> = faults(&answer).iter().map(|(pointer, _)| *pointer).collect();
    let expected = [
        "/name",
        "/duration_minutes",
        "/buffer_after_minutes",
        "/slot_step_minutes",
        "/price/amount_cents",
        "/price/currency",
        "/follow_up_days",
        "/room_ids",
    ];
    assert_eq!(pointers, expected);
}

#[tokio::test]
async fn ids_that_the_clinic_does_not_have_are_all_named_by_their_place() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({
        "name": "Ultrassom", "duration_minutes": 40, "price": brl(0), "needs_room": true,
        "practitioner_ids": [world::practitioner("dr-lima"), world::practitioner("dr-alves")],
        "room_ids": [UNKNOWN_ID, world::room("consultorio-1"), world::room("sala-azul")]
    });
    let admin = app.actor("admin@aurora");
    let answer = admin.post(PATH, body).await.expect_status(422);
    let expected = [
        ("/practitioner_ids/1", "unknown_practitioner"),
        ("/room_ids/0", "unknown_room"),
        ("/room_ids/2", "unknown_room"),
    ];
    assert_eq!(faults(&answer), expected);
    assert_eq!(admin.get(PATH).await.data().len(), 2);
}

#[tokio::test]
async fn what_was_put_away_is_named_by_no_service() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    admin
        .delete(&format!("/v1/rooms/{}", world::room("consultorio-1")))
        .await
        .assert_status(204);
    let answer = admin
        .patch(&at("exame"), json!({"room_ids": [world::room("consultorio-1")]}))
        .await;
    assert_fault(&answer, "/room_ids/0", "unknown_room");
}

#[tokio::test]
async fn rooms_go_with_services_that_need_one() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let room = world::room("consultorio-1");
    let refused = admin
        .patch(&at("consulta"), json!({"room_ids": [room]}))
        .await
        .expect_status(422);
    assert_eq!(faults(&refused)[0].0, "/room_ids");
    let both = json!({"needs_room": true, "room_ids": [room]});
    admin.patch(&at("consulta"), both).await.assert_status(200);
    let refused = admin
        .patch(&at("consulta"), json!({"needs_room": false}))
        .await
        .expect_status(422);
    assert_eq!(faults(&refused)[0].0, "/room_ids");
    admin
        .patch(&at("consulta"), json!({"needs_room": false, "room_ids": []}))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn absent_keeps_and_null_clears() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let set = json!({"slot_step_minutes": 20, "follow_up_days": 15});
    let set = admin.patch(&at("exame"), set).await.expect_status(200);
    assert_eq!(
        (&set.body["buffer_before_minutes"], &set.body["buffer_after_minutes"]),
        (&json!(5), &json!(10))
    );
    let cleared = admin
        .patch(&at("exame"), json!({"slot_step_minutes": null}))
        .await
        .expect_status(200);
    assert_eq!(cleared.body["slot_step_minutes"], Value::Null);
    assert_eq!(cleared.body["follow_up_days"], 15);
    assert_fault(
        &admin.patch(&at("exame"), json!({"needs_room": null})).await,
        "/needs_room",
        "required",
    );
}

#[tokio::test]
async fn who_offers_a_service_is_shown_on_both_sides() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let souza = format!("/v1/practitioners/{}", world::practitioner("dr-souza"));
    assert_eq!(
        admin.get(&souza).await.body["service_ids"],
        json!([world::service("consulta")])
    );
    let body = json!({"practitioner_ids": [world::practitioner("dr-souza")]});
    admin.patch(&at("exame"), body).await.assert_status(200);
    assert_eq!(admin.get(&souza).await.body["service_ids"].as_array().unwrap().len(), 2);
    admin
        .patch(&at("consulta"), json!({"practitioner_ids": []}))
        .await
        .assert_status(200);
    assert_eq!(
        admin.get(&souza).await.body["service_ids"],
        json!([world::service("exame")])
    );
}

#[tokio::test]
async fn a_change_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let read = admin.get(&at("exame")).await.etag().to_owned();
    patch_if(&admin, &at("exame"), &read, json!({"practitioner_ids": []}))
        .await
        .assert_status(200);
    let stale = patch_if(&admin, &at("exame"), &read, json!({"duration_minutes": 50})).await;
    stale.assert_problem(412, "version_mismatch");
    delete_if(&admin, &at("exame"), STALE)
        .await
        .assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn a_service_that_is_booked_is_not_put_away() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let refused = admin.delete(&at("consulta")).await;
    refused.assert_problem(409, "has_upcoming_appointments");
    assert_eq!(refused.body["count"], 2);
    admin.delete(&at("exame")).await.assert_status(204);
    assert_eq!(column(&admin.get(PATH).await, "name"), ["Consulta"]);
    let practitioner = admin
        .get(&format!("/v1/practitioners/{}", world::practitioner("dr-lima")))
        .await;
    assert_eq!(practitioner.body["service_ids"], json!([world::service("consulta")]));
    admin
        .patch(&at("exame"), json!({"name": "Outro"}))
        .await
        .assert_problem(409, "archived");
}

#[tokio::test]
async fn another_clinics_service_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for path in [at("avaliacao"), format!("{PATH}/{UNKNOWN_ID}")] {
        admin.get(&path).await.assert_status(404);
        admin.patch(&path, json!({"price": brl(0)})).await.assert_status(404);
        admin.delete(&path).await.assert_status(404);
    }
}

#[tokio::test]
async fn a_list_of_services_costs_as_many_statements_as_one() {
    let Some(app) = TestApp::start().await else { return };
    let (admin, reception) = (app.actor("admin@aurora"), app.actor("reception@aurora"));
    // What a token costs when it is first seen is not the list's.
    reception.get("/v1/me").await.assert_status(200);
    let few = reception
        .get(&format!("{PATH}?limit=1"))
        .await
        .expect_status(200)
        .statements();
    for number in 0..20 {
        let body = json!({
            "name": format!("Serviço {number}"), "duration_minutes": 30, "price": brl(0),
            "practitioner_ids": [world::practitioner("dr-lima")]
        });
        admin.post(PATH, body).await.assert_status(201);
    }
    let many = reception.get(&format!("{PATH}?limit=100")).await.expect_status(200);
    assert_eq!(many.data().len(), 22);
    assert_eq!(many.statements(), few);
}
