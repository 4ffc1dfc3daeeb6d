//! What an appointment has been through.

use serde_json::{Value, json};
use test_support::world;

use crate::agenda::{act, book, column, consulta, count, tuesday};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";

#[tokio::test]
async fn every_move_is_in_the_history_oldest_first() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let path = format!("{APPOINTMENTS}/{}", booked.id());
    act(&reception, booked.id(), "confirm").await.assert_status(200);
    let body = json!({ "starts_at": tuesday("14:00"), "reason": "A pedido" });
    reception
        .post(&format!("{path}/reschedule"), body)
        .await
        .assert_status(200);
    reception
        .patch(&path, json!({ "notes": "Nada que mova" }))
        .await
        .assert_status(200);
    let doctor = app.actor("practitioner@aurora");
    act(&doctor, booked.id(), "check-in").await.assert_status(200);
    let history = reception.get(&format!("{path}/history")).await.expect_status(200);
    assert_eq!(
        column(&history, "action"),
        ["book", "confirm", "reschedule", "check-in"]
    );
    assert_eq!(
        column(&history, "to_status"),
        ["scheduled", "confirmed", "scheduled", "checked_in"]
    );
    assert_eq!(
        column(&history, "from_status"),
        ["", "scheduled", "confirmed", "scheduled"]
    );
    let [first, _, moved, last] = history.data() else {
        panic!("{history}")
    };
    assert_eq!(
        (&first["from_starts_at"], &first["to_starts_at"]),
        (&Value::Null, &booked.body["starts_at"])
    );
    assert_eq!(
        (&moved["from_starts_at"], &moved["reason"]),
        (&booked.body["starts_at"], &json!("A pedido"))
    );
    assert_eq!(moved["to_starts_at"], "2026-11-24T17:00:00Z");
    assert_eq!(
        last["actor"],
        json!({ "kind": "user", "id": world::user("practitioner@aurora") })
    );
    assert_eq!(
        (&last["appointment_version"], &first["appointment_version"]),
        (&json!(5), &json!(1))
    );
}

#[tokio::test]
async fn a_long_history_comes_in_pages() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    for _ in 0..2 {
        act(&reception, booked.id(), "no-show").await.assert_status(200);
        act(&reception, booked.id(), "reopen").await.assert_status(200);
    }
    let mut path = format!("{APPOINTMENTS}/{}/history?limit=2", booked.id());
    let mut actions = Vec::new();
    loop {
        let page = reception.get(&path).await.expect_status(200);
        actions.extend(column(&page, "action"));
        let Some(cursor) = page.body["page"]["next_cursor"].as_str() else {
            break;
        };
        path = format!("{APPOINTMENTS}/{}/history?limit=2&cursor={cursor}", booked.id());
    }
    assert_eq!(actions, ["book", "no-show", "reopen", "no-show", "reopen"]);
}

#[tokio::test]
async fn a_refused_move_leaves_no_trace_in_the_history() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    act(&reception, booked.id(), "start")
        .await
        .assert_problem(409, "illegal_move");
    let history = reception.get(&format!("{APPOINTMENTS}/{}/history", booked.id())).await;
    assert_eq!(column(&history, "action"), ["book"]);
}

#[tokio::test]
async fn the_history_of_another_clinics_appointment_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("{APPOINTMENTS}/{}/history", world::appointment("pedro-monday"));
    let answer = app.get("reception@aurora", &path).await;
    assert!(answer.status == 404 || answer.data().is_empty(), "{answer}");
}

#[tokio::test]
async fn every_move_is_audited_and_told_to_the_outbox_with_it() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    act(&reception, booked.id(), "confirm").await.assert_status(200);
    act(&reception, booked.id(), "start")
        .await
        .assert_problem(409, "illegal_move");
    let audited = format!("SELECT count(*) FROM audit_log WHERE resource_id = '{}'", booked.id());
    assert_eq!(count(&app, &audited).await, 2);
    let told = format!(
        "SELECT count(*) FROM outbox WHERE payload->>'appointment_id' = '{}'",
        booked.id()
    );
    assert_eq!(count(&app, &told).await, 2);
}
