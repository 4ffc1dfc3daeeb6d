//! Another time, another practitioner, another room, other notes.

use serde_json::{Value, json};
use test_support::{Answer, world};

use crate::agenda::{act, book, consulta, exame, faults, on, tuesday, with};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";

/// A gateway, and Tuesday's `exame` at nine in it.
async fn with_exame() -> Option<(TestApp, String)> {
    let app = TestApp::start().await?;
    let booked = book(&app.actor("reception@aurora"), exame(&tuesday("09:00"))).await;
    let path = format!("{APPOINTMENTS}/{}", booked.id());
    Some((app, path))
}

async fn reschedule(app: &TestApp, path: &str, body: Value) -> Answer {
    app.actor("reception@aurora")
        .post(&format!("{path}/reschedule"), body)
        .await
}

#[tokio::test]
async fn rescheduled_it_is_to_be_confirmed_anew() {
    let Some((app, path)) = with_exame().await else { return };
    app.actor("reception@aurora")
        .post(&format!("{path}/confirm"), Value::Null)
        .await
        .assert_status(200);
    let body = json!({ "starts_at": tuesday("14:00"), "reason": "A pedido" });
    let moved = reschedule(&app, &path, body).await.expect_status(200);
    assert_eq!(moved.body["status"], "scheduled");
    assert_eq!(moved.body["starts_at"], "2026-11-24T17:00:00Z");
    assert_eq!(moved.body["ends_at"], "2026-11-24T17:45:00Z");
}

#[tokio::test]
async fn the_time_that_it_leaves_is_free() {
    let Some((app, path)) = with_exame().await else { return };
    reschedule(&app, &path, json!({ "starts_at": tuesday("14:00") }))
        .await
        .assert_status(200);
    book(&app.actor("reception@aurora"), exame(&tuesday("09:00"))).await;
}

#[tokio::test]
async fn it_is_not_in_its_own_way() {
    let Some((app, path)) = with_exame().await else { return };
    let moved = reschedule(&app, &path, json!({ "starts_at": tuesday("09:15") }))
        .await
        .expect_status(200);
    assert_eq!(moved.body["room_id"], json!(world::room("consultorio-1")));
}

#[tokio::test]
async fn it_stays_where_it_was_when_the_new_time_is_taken() {
    let Some((app, path)) = with_exame().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta(&tuesday("14:00"))).await;
    let before = reception.get(&path).await;
    let refused = reschedule(&app, &path, json!({ "starts_at": tuesday("13:30") })).await;
    refused.assert_problem(409, "appointment_conflict");
    assert_eq!(reception.get(&path).await.body, before.body);
}

#[tokio::test]
async fn outside_hours_it_is_told_where_to_go_instead() {
    let Some((app, path)) = with_exame().await else { return };
    let refused = reschedule(&app, &path, json!({ "starts_at": tuesday("19:00") })).await;
    refused.assert_problem(409, "outside_hours");
    for slot in refused.body["nearest_slots"].as_array().unwrap() {
        reschedule(&app, &path, json!({ "starts_at": slot["starts_at"] }))
            .await
            .assert_status(200);
    }
}

#[tokio::test]
async fn another_practitioner_must_offer_the_service() {
    let Some((app, path)) = with_exame().await else { return };
    let body = json!({ "starts_at": tuesday("14:00"), "practitioner_id": world::practitioner("dr-souza") });
    let refused = reschedule(&app, &path, body).await;
    assert_eq!(faults(&refused), [("/service_id", "not_offered")].into());
}

#[tokio::test]
async fn another_practitioner_gets_it_into_their_agenda() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let to = json!({ "starts_at": tuesday("09:00"), "practitioner_id": world::practitioner("dr-souza") });
    reschedule(&app, &format!("{APPOINTMENTS}/{}", booked.id()), to.clone())
        .await
        .assert_status(200);
    book(&reception, consulta(&tuesday("09:00"))).await;
    let refused = reception
        .post(APPOINTMENTS, with(consulta(&tuesday("09:00")), to))
        .await;
    refused.assert_problem(409, "appointment_conflict");
}

#[tokio::test]
async fn ids_of_another_clinic_are_unknown_to_it() {
    let Some((app, path)) = with_exame().await else { return };
    let body = json!({
        "starts_at": tuesday("14:00"), "practitioner_id": world::practitioner("dr-alves"),
        "room_id": world::room("sala-azul")
    });
    let refused = reschedule(&app, &path, body).await;
    assert_eq!(
        faults(&refused),
        [("/practitioner_id", "unknown"), ("/room_id", "unknown")].into()
    );
}

#[tokio::test]
async fn of_an_older_version_it_is_not_rescheduled() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    act(&reception, booked.id(), "confirm").await.assert_status(200);
    let call = reception.call(
        reqwest::Method::POST,
        &format!("{APPOINTMENTS}/{}/reschedule", booked.id()),
    );
    let call = call
        .header("if-match", booked.etag())
        .json(&json!({ "starts_at": tuesday("14:00") }));
    call.send().await.assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn the_agenda_of_either_day_shows_the_move_at_once() {
    let Some((app, path)) = with_exame().await else { return };
    let reception = app.actor("reception@aurora");
    let day = |day: &str| format!("{APPOINTMENTS}?from={day}&to={day}");
    assert_eq!(reception.get(&day("2026-11-24")).await.data().len(), 1);
    assert_eq!(reception.get(&day("2026-11-25")).await.data().len(), 0);
    reschedule(&app, &path, json!({ "starts_at": on("2026-11-25", "09:00") }))
        .await
        .assert_status(200);
    assert_eq!(reception.get(&day("2026-11-24")).await.data().len(), 0);
    assert_eq!(reception.get(&day("2026-11-25")).await.data().len(), 1);
}

#[tokio::test]
async fn notes_are_set_kept_and_cleared() {
    let Some((app, path)) = with_exame().await else { return };
    let reception = app.actor("reception@aurora");
    let set = reception
        .patch(&path, json!({ "notes": "Trazer exames" }))
        .await
        .expect_status(200);
    assert_eq!(set.body["notes"], "Trazer exames");
    let kept = reception.patch(&path, json!({})).await.expect_status(200);
    assert_eq!(
        (&kept.body["notes"], &kept.body["version"]),
        (&json!("Trazer exames"), &set.body["version"])
    );
    assert_eq!(
        reception.patch(&path, json!({ "notes": null })).await.body["notes"],
        Value::Null
    );
}

#[tokio::test]
async fn another_service_brings_its_price_and_its_buffers() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let next = book(&reception, consulta(&tuesday("09:30"))).await;
    let path = format!("{APPOINTMENTS}/{}", booked.id());
    let to_exame = json!({ "service_id": world::service("exame") });
    reception
        .patch(&path, to_exame.clone())
        .await
        .assert_problem(409, "appointment_conflict");
    act(&reception, next.id(), "cancel").await.assert_status(200);
    let changed = reception.patch(&path, to_exame).await.expect_status(200);
    assert_eq!(changed.body["price"]["amount_cents"], 40_000);
    assert_eq!(changed.body["ends_at"], booked.body["ends_at"]);
    assert_eq!(changed.body["room_id"], json!(world::room("consultorio-1")));
}

#[tokio::test]
async fn another_room_must_be_free() {
    let Some((app, path)) = with_exame().await else { return };
    let reception = app.actor("reception@aurora");
    let second = json!({ "room_id": world::room("consultorio-2") });
    let there = with(
        second.clone(),
        json!({ "practitioner_id": world::practitioner("dr-souza") }),
    );
    let there = book(&reception, with(consulta(&tuesday("09:00")), there)).await;
    let refused = reception.patch(&path, second.clone()).await;
    refused.assert_problem(409, "appointment_conflict");
    assert_eq!(refused.body["taken"], "room");
    act(&reception, there.id(), "cancel").await.assert_status(200);
    assert_eq!(
        reception.patch(&path, second.clone()).await.expect_status(200).body["room_id"],
        second["room_id"]
    );
}

#[tokio::test]
async fn what_is_over_keeps_its_room_but_not_its_notes() {
    let Some((app, path)) = with_exame().await else { return };
    let reception = app.actor("reception@aurora");
    reception
        .post(&format!("{path}/no-show"), Value::Null)
        .await
        .assert_status(200);
    let room = json!({ "room_id": world::room("consultorio-2") });
    reception
        .patch(&path, room)
        .await
        .assert_problem(409, "appointment_closed");
    reception
        .patch(&path, json!({ "notes": "Ligou depois" }))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn an_edit_of_an_older_version_is_refused() {
    let Some((app, path)) = with_exame().await else { return };
    let reception = app.actor("reception@aurora");
    let before = reception.get(&path).await;
    let edit = |tag: String, notes: &str| {
        let call = reception.call(reqwest::Method::PATCH, &path).header("if-match", tag);
        call.json(&json!({ "notes": notes })).send()
    };
    let first = edit(before.etag().to_owned(), "Um").await.expect_status(200);
    edit(before.etag().to_owned(), "Dois")
        .await
        .assert_problem(412, "version_mismatch");
    assert_eq!(edit(first.etag().to_owned(), "Dois").await.body["notes"], "Dois");
}
