//! Holds: a slot kept for some minutes while a booking is finished.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};

use crate::agenda::{
    RACERS, TUESDAY, book, column, consulta, contested, count, count_by, exame, faults, on, only_one, race, same,
    tuesday, with,
};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";
const HOLDS: &str = "/v1/appointments/holds";

/// A hold of dr-lima's `consulta`, for nobody in particular.
fn slot(starts_at: &str) -> Value {
    with(consulta(starts_at), json!({ "contact_id": null }))
}

async fn hold(actor: &Actor, body: Value) -> Answer {
    actor.post(HOLDS, body).await.expect_status(201)
}

/// The booking that finishes `hold` and leaves to it what it can.
fn finishing(hold: &Answer) -> Value {
    with(
        consulta(hold.body["starts_at"].as_str().unwrap()),
        json!({ "hold_id": hold.id(), "service_id": null }),
    )
}

/// As [`finishing`], with everything said again.
fn wholly_finishing(hold: &Answer) -> Value {
    with(finishing(hold), json!({ "service_id": hold.body["service_id"] }))
}

#[tokio::test]
async fn of_two_hundred_holds_of_one_slot_one_is_made() {
    let Some(app) = contested().await else { return };
    let answers = race(
        &app.actor("reception@aurora"),
        same(RACERS, HOLDS, &slot(&tuesday("09:00"))),
    )
    .await;
    only_one(&answers, 201, "appointment_conflict");
    assert_eq!(count(&app, "SELECT count(*) FROM holds").await, 1);
}

#[tokio::test]
async fn of_two_hundred_bookings_that_finish_one_hold_one_is_made() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let held = hold(&reception, slot(&tuesday("09:00"))).await;
    let answers = race(&reception, same(RACERS, APPOINTMENTS, &wholly_finishing(&held))).await;
    only_one(&answers, 201, "appointment_conflict");
    assert_eq!(count(&app, "SELECT count(*) FROM holds").await, 0);
    let there = "SELECT count(*) FROM occupancies WHERE busy_from = '2026-11-24T12:00:00Z'";
    assert_eq!(count(&app, there).await, 1);
}

#[tokio::test]
async fn a_hold_keeps_its_slot_for_as_long_as_the_clinic_says() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let held = hold(&reception, slot(&tuesday("09:00"))).await;
    assert_eq!(held.body["expires_at"], "2026-11-20T12:10:00Z");
    assert_eq!(held.body["ends_at"], "2026-11-24T12:30:00Z");
    assert_eq!(reception.get(held.header("location").unwrap()).await.body, held.body);
    reception
        .post(APPOINTMENTS, consulta(&tuesday("09:15")))
        .await
        .assert_problem(409, "appointment_conflict");
    reception
        .post(HOLDS, slot(&tuesday("08:45")))
        .await
        .assert_problem(409, "appointment_conflict");
}

#[tokio::test]
async fn a_hold_becomes_an_appointment_with_what_it_was_for() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let held = hold(
        &reception,
        with(
            exame(&tuesday("09:00")),
            json!({ "room_id": world::room("consultorio-2") }),
        ),
    )
    .await;
    let made = book(&reception, finishing(&held)).await;
    for member in ["practitioner_id", "room_id", "service_id", "starts_at", "ends_at"] {
        assert_eq!(made.body[member], held.body[member], "{member}");
    }
    reception
        .get(&format!("{HOLDS}/{}", held.id()))
        .await
        .assert_problem(404, "hold_not_found");
}

#[tokio::test]
async fn a_hold_for_one_contact_is_finished_for_that_one_only() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let held = hold(&reception, consulta(&tuesday("09:00"))).await;
    let for_joao = with(finishing(&held), json!({ "contact_id": world::contact("joao") }));
    let refused = reception.post(APPOINTMENTS, for_joao).await;
    assert_eq!(faults(&refused), [("/contact_id", "hold_mismatch")].into());
    book(&reception, finishing(&held)).await;
}

#[tokio::test]
async fn a_hold_of_another_slot_does_not_help() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let held = hold(&reception, slot(&tuesday("09:00"))).await;
    let elsewhere = with(finishing(&held), json!({ "starts_at": tuesday("10:00") }));
    let refused = reception.post(APPOINTMENTS, elsewhere).await;
    assert_eq!(faults(&refused), [("/starts_at", "hold_mismatch")].into());
}

#[tokio::test]
async fn a_hold_of_another_clinic_is_unknown() {
    let Some(app) = TestApp::start().await else { return };
    let there = json!({
        "practitioner_id": world::practitioner("dr-alves"), "service_id": world::service("avaliacao"),
        "starts_at": "2026-11-24T09:00:00-04:00"
    });
    let held = hold(&app.actor("reception@horizonte"), there).await;
    let reception = app.actor("reception@aurora");
    let path = format!("{HOLDS}/{}", held.id());
    reception.get(&path).await.assert_problem(404, "hold_not_found");
    reception.delete(&path).await.assert_problem(404, "hold_not_found");
    let refused = reception
        .post(
            APPOINTMENTS,
            with(consulta(&tuesday("09:00")), json!({ "hold_id": held.id() })),
        )
        .await;
    assert_eq!(faults(&refused), [("/hold_id", "unknown")].into());
}

#[tokio::test]
async fn what_is_released_is_free() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let held = hold(&reception, slot(&tuesday("09:00"))).await;
    let path = format!("{HOLDS}/{}", held.id());
    reception.delete(&path).await.assert_status(204);
    reception.delete(&path).await.assert_problem(404, "hold_not_found");
    book(&reception, consulta(&tuesday("09:00"))).await;
}

#[tokio::test]
async fn the_time_of_a_lapsed_hold_can_be_booked() {
    let Some(app) = TestApp::start().await else { return };
    let held = hold(
        &app.actor("reception@aurora"),
        with(slot(&tuesday("09:00")), json!({ "minutes": 5 })),
    )
    .await;
    app.clock.advance(TimeDelta::minutes(5) - TimeDelta::seconds(1));
    let reception = app.actor("reception@aurora");
    let early = reception.post(APPOINTMENTS, consulta(&tuesday("09:00"))).await;
    early.assert_problem(409, "appointment_conflict");
    app.clock.advance(TimeDelta::seconds(1));
    book(&reception, consulta(&tuesday("09:00"))).await;
    reception
        .get(&format!("{HOLDS}/{}", held.id()))
        .await
        .assert_problem(404, "hold_not_found");
}

#[tokio::test]
async fn a_lapsed_hold_cannot_be_finished() {
    let Some(app) = TestApp::start().await else { return };
    let held = hold(&app.actor("reception@aurora"), slot(&tuesday("09:00"))).await;
    app.clock.advance(TimeDelta::minutes(10));
    let reception = app.actor("reception@aurora");
    let refused = reception.post(APPOINTMENTS, wholly_finishing(&held)).await;
    assert_eq!(faults(&refused), [("/hold_id", "unknown")].into());
    let refused = reception.post(APPOINTMENTS, finishing(&held)).await;
    assert_eq!(
        faults(&refused),
        [("/hold_id", "unknown"), ("/ends_at", "required")].into()
    );
}

#[tokio::test]
async fn a_lapsed_hold_is_removed_by_the_job_that_it_left() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    hold(&reception, slot(&tuesday("09:00"))).await;
    let staying = hold(&reception, with(slot(&tuesday("10:00")), json!({ "minutes": 60 }))).await;
    let watcher = app.database.connect(Role::Maintenance).await;
    app.clock.advance(TimeDelta::minutes(10));
    // The worker looks when something is committed.
    book(&reception, consulta(&on(TUESDAY, "14:00"))).await;
    let patience = std::time::Duration::from_secs(60);
    let removed = tokio::time::timeout(patience, async {
        while count_by(&watcher, "SELECT count(*) FROM holds").await > 1 {}
    });
    removed.await.expect("the job removes the hold");
    let left = "SELECT count(*) FROM occupancies WHERE hold_id IS NOT NULL";
    assert_eq!(count_by(&watcher, left).await, 1);
    reception
        .get(&format!("{HOLDS}/{}", staying.id()))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn held_time_is_offered_to_nobody_until_it_lapses() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!(
        "/v1/availability/slots?practitioner_id={}&service_id={}&from={TUESDAY}&to={TUESDAY}&limit=100",
        world::practitioner("dr-lima"),
        world::service("consulta")
    );
    let reception = app.actor("reception@aurora");
    let before = column(&reception.get(&path).await, "starts_at");
    hold(&reception, slot(&tuesday("09:00"))).await;
    let during = column(&reception.get(&path).await, "starts_at");
    assert_eq!(before.len() - during.len(), 3, "{during:?}");
    app.clock.advance(TimeDelta::minutes(10));
    assert_eq!(column(&reception.get(&path).await, "starts_at"), before);
}

#[tokio::test]
async fn holds_are_listed_as_long_as_they_last() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let later = hold(&reception, with(slot(&tuesday("10:00")), json!({ "minutes": 14 }))).await;
    let sooner = hold(&reception, consulta(&tuesday("09:00"))).await;
    assert_eq!(column(&reception.get(HOLDS).await, "id"), [sooner.id(), later.id()]);
    let marias = format!("{HOLDS}?contact_id={}", world::contact("maria"));
    assert_eq!(column(&reception.get(&marias).await, "id"), [sooner.id()]);
    app.clock.advance(TimeDelta::minutes(10));
    assert_eq!(column(&reception.get(HOLDS).await, "id"), [later.id()]);
}

#[tokio::test]
async fn a_hold_lasts_one_to_sixty_minutes() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for minutes in [0, -1, 61] {
        let refused = reception
            .post(HOLDS, with(slot(&tuesday("09:00")), json!({ "minutes": minutes })))
            .await;
        assert_eq!(faults(&refused), [("/minutes", "out_of_range")].into());
    }
}

#[tokio::test]
async fn nothing_is_held_outside_hours() {
    let Some(app) = TestApp::start().await else { return };
    let refused = app.actor("reception@aurora").post(HOLDS, slot(&tuesday("12:15"))).await;
    refused.assert_problem(409, "outside_hours");
    assert!(!refused.body["nearest_slots"].as_array().unwrap().is_empty());
}
