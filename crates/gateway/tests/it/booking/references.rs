//! What a booking names must be there, in this clinic, in use, and fit together.

use serde_json::json;
use test_support::world;

use crate::agenda::{act, book, consulta, exame, faults, new_contact, new_practitioner, tuesday, with};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";

#[tokio::test]
async fn ids_of_another_clinic_are_unknown() {
    let Some(app) = TestApp::start().await else { return };
    let body = with(
        consulta(&tuesday("09:00")),
        json!({
            "contact_id": world::contact("pedro"), "practitioner_id": world::practitioner("dr-alves"),
            "room_id": world::room("sala-azul"), "service_id": world::service("avaliacao")
        }),
    );
    let refused = app.actor("reception@aurora").post(APPOINTMENTS, body).await;
    let pointers = ["/contact_id", "/practitioner_id", "/room_id", "/service_id"];
    assert_eq!(faults(&refused), pointers.map(|pointer| (pointer, "unknown")).into());
}

#[tokio::test]
async fn an_unknown_hold_is_told() {
    let Some(app) = TestApp::start().await else { return };
    let body = with(
        consulta(&tuesday("09:00")),
        json!({ "hold_id": "0193567a-0000-7000-8000-000000000001" }),
    );
    let refused = app.actor("reception@aurora").post(APPOINTMENTS, body).await;
    assert_eq!(faults(&refused), [("/hold_id", "unknown")].into());
}

#[tokio::test]
async fn what_is_archived_is_booked_no_more() {
    let Some(app) = TestApp::start().await else { return };
    let director = app.actor("director@aurora");
    let practitioner = new_practitioner(&app, 1, &["consulta"]).await;
    let contact = new_contact(&app, "Ida Soares").await;
    let room = director
        .post("/v1/rooms", json!({ "name": "Sala velha" }))
        .await
        .expect_status(201);
    let price = json!({ "amount_cents": 100, "currency": "BRL" });
    let service = json!({ "name": "Antigo", "duration_minutes": 30, "price": price });
    let service = director.post("/v1/services", service).await.expect_status(201);
    for (kind, id) in [
        ("contacts", contact.as_str()),
        ("rooms", room.id()),
        ("services", service.id()),
        ("practitioners", &practitioner),
    ] {
        director.delete(&format!("/v1/{kind}/{id}")).await.assert_status(204);
    }
    let body = json!({
        "contact_id": contact, "practitioner_id": practitioner, "room_id": room.id(), "service_id": service.id()
    });
    let refused = director
        .post(APPOINTMENTS, with(consulta(&tuesday("09:00")), body))
        .await;
    let pointers = ["/contact_id", "/practitioner_id", "/room_id", "/service_id"];
    assert_eq!(faults(&refused), pointers.map(|pointer| (pointer, "archived")).into());
}

#[tokio::test]
async fn a_service_that_the_practitioner_does_not_offer_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let body = with(
        exame(&tuesday("09:00")),
        json!({ "practitioner_id": world::practitioner("dr-souza") }),
    );
    let refused = app.actor("reception@aurora").post(APPOINTMENTS, body).await;
    assert_eq!(faults(&refused), [("/service_id", "not_offered")].into());
}

#[tokio::test]
async fn a_service_takes_place_in_its_rooms_alone() {
    let Some(app) = TestApp::start().await else { return };
    let rooms = json!({ "room_ids": [world::room("consultorio-2")] });
    let path = format!("/v1/services/{}", world::service("exame"));
    app.actor("director@aurora")
        .patch(&path, rooms)
        .await
        .assert_status(200);
    let reception = app.actor("reception@aurora");
    let elsewhere = with(
        exame(&tuesday("09:00")),
        json!({ "room_id": world::room("consultorio-1") }),
    );
    let refused = reception.post(APPOINTMENTS, elsewhere).await;
    assert_eq!(faults(&refused), [("/room_id", "not_allowed")].into());
    let made = book(&reception, exame(&tuesday("09:00"))).await;
    assert_eq!(made.body["room_id"], json!(world::room("consultorio-2")));
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({
        "contact_id": world::contact("pedro"), "practitioner_id": world::practitioner("dr-lima"),
        "service_id": world::service("avaliacao"), "starts_at": "2026-01-05T09:00:00-03:00",
        "ends_at": "2026-01-05T08:00:00-03:00"
    });
    let refused = app.actor("reception@aurora").post(APPOINTMENTS, body).await;
    let expected = [
        ("/contact_id", "unknown"),
        ("/service_id", "unknown"),
        ("/starts_at", "in_past"),
        ("/ends_at", "invalid_slot"),
    ];
    assert_eq!(faults(&refused), expected.into());
}

#[tokio::test]
async fn notes_that_are_blank_or_too_long_are_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for notes in [" ".to_owned(), "á".repeat(2001), "a\u{7}b".to_owned()] {
        let refused = reception
            .post(
                APPOINTMENTS,
                with(consulta(&tuesday("09:00")), json!({ "notes": notes })),
            )
            .await;
        assert_eq!(
            faults(&refused).iter().map(|fault| fault.0).collect::<Vec<_>>(),
            ["/notes"]
        );
    }
}

#[tokio::test]
async fn appointments_of_another_clinic_are_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let id = &world::appointment("pedro-monday").to_string();
    let path = format!("/v1/appointments/{id}");
    reception.get(&path).await.assert_problem(404, "appointment_not_found");
    reception
        .patch(&path, json!({ "notes": "Oi" }))
        .await
        .assert_problem(404, "appointment_not_found");
    for action in [
        "confirm", "check-in", "start", "complete", "no-show", "cancel", "reopen",
    ] {
        act(&reception, id, action)
            .await
            .assert_problem(404, "appointment_not_found");
    }
    let reschedule = json!({ "starts_at": tuesday("09:00") });
    reception
        .post(&format!("{path}/reschedule"), reschedule)
        .await
        .assert_problem(404, "appointment_not_found");
}
