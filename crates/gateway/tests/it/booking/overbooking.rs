//! Squeezing somebody in: who may, what it passes, and what it takes from others.

use kernel::{Permission, PermissionSet};
use serde_json::{Value, json};
use test_support::world;

use crate::agenda::{TUESDAY, act, book, column, consulta, count, on, tuesday, with};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";

fn overbooked(body: Value) -> Value {
    with(body, json!({ "overbook": true }))
}

#[tokio::test]
async fn whoever_may_overbook_passes_a_booking() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta(&tuesday("09:00"))).await;
    let squeezed = book(&reception, overbooked(consulta(&tuesday("09:00")))).await;
    assert_eq!(squeezed.body["overbooked"], true);
}

#[tokio::test]
async fn whoever_may_overbook_passes_opening_hours() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, overbooked(consulta(&on(TUESDAY, "20:00")))).await;
    book(&reception, overbooked(consulta(&on("2026-12-25", "09:00")))).await;
}

#[tokio::test]
async fn without_the_permission_nobody_overbooks() {
    let Some(app) = TestApp::start().await else { return };
    let clerk = app
        .integration(
            "aurora",
            PermissionSet::of(&[Permission::AppointmentsRead, Permission::AppointmentsWrite]),
        )
        .await;
    let made = book(&clerk, consulta(&tuesday("09:00"))).await;
    let refused = clerk.post(APPOINTMENTS, overbooked(consulta(&tuesday("09:00")))).await;
    refused.assert_problem(403, "permission_denied");
    assert_eq!(refused.body["permission"], "appointments:overbook");
    let move_it = json!({ "starts_at": tuesday("20:00"), "overbook": true });
    let refused = clerk
        .post(&format!("{APPOINTMENTS}/{}/reschedule", made.id()), move_it)
        .await;
    refused.assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn overbooking_is_told_apart_in_the_audit_log() {
    let Some(app) = TestApp::start().await else { return };
    book(&app.actor("reception@aurora"), overbooked(consulta(&tuesday("09:00")))).await;
    let noted = "SELECT count(*) FROM audit_log WHERE action = 'appointments.overbook'";
    assert_eq!(count(&app, noted).await, 1);
}

#[tokio::test]
async fn overbooked_time_is_offered_to_nobody() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, overbooked(consulta(&tuesday("09:00")))).await;
    let slots = format!(
        "/v1/availability/slots?practitioner_id={}&service_id={}&from={TUESDAY}&to={TUESDAY}&limit=100",
        world::practitioner("dr-lima"),
        world::service("consulta")
    );
    let starts = column(&reception.get(&slots).await.expect_status(200), "starts_at");
    assert!(starts.contains(&"2026-11-24T11:30:00Z".to_owned()), "{starts:?}");
    for hidden in ["2026-11-24T11:45:00Z", "2026-11-24T12:00:00Z", "2026-11-24T12:15:00Z"] {
        assert!(!starts.contains(&hidden.to_owned()), "{hidden}");
    }
    assert!(starts.contains(&"2026-11-24T12:30:00Z".to_owned()), "{starts:?}");
}

#[tokio::test]
async fn overbooked_time_is_taken_from_nobody() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, overbooked(consulta(&tuesday("09:00")))).await;
    book(&reception, consulta(&tuesday("09:00"))).await;
}

#[tokio::test]
async fn an_overbooked_no_show_is_taken_back_whatever_stands_there() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta(&tuesday("09:00"))).await;
    let squeezed = book(&reception, overbooked(consulta(&tuesday("09:00")))).await;
    act(&reception, squeezed.id(), "no-show").await.assert_status(200);
    let back = act(&reception, squeezed.id(), "reopen").await.expect_status(200);
    assert_eq!(
        (&back.body["status"], &back.body["overbooked"]),
        (&json!("scheduled"), &json!(true))
    );
}

#[tokio::test]
async fn rescheduled_to_a_free_time_it_is_overbooked_no_more() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let squeezed = book(&reception, overbooked(consulta(&tuesday("20:00")))).await;
    let path = format!("{APPOINTMENTS}/{}/reschedule", squeezed.id());
    let moved = reception
        .post(&path, json!({ "starts_at": tuesday("09:00") }))
        .await
        .expect_status(200);
    assert_eq!(moved.body["overbooked"], false);
    let refused = reception.post(APPOINTMENTS, consulta(&tuesday("09:00"))).await;
    refused.assert_problem(409, "appointment_conflict");
}
