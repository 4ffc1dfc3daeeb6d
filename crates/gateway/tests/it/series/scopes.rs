//! Changing and calling off: this one, this and those after it, all that lie ahead.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use super::{SERIES, appointments, id_of, make, starts, told, tuesdays};
use crate::agenda::{act, book, bring, column, consulta, count, on, with};
use crate::app::TestApp;
use crate::waitlist::{WAITLIST, settled};

/// The series of four Tuesdays, with its id and its appointments.
async fn four(actor: &Actor) -> (String, Vec<Value>) {
    let made = make(actor, tuesdays(json!({}))).await;
    let id = id_of(&made);
    let booked = appointments(actor, &id).await;
    (id, booked)
}

async fn change(actor: &Actor, series: &str, body: Value) -> Answer {
    actor.post(&format!("{SERIES}/{series}/change"), body).await
}

async fn cancel(actor: &Actor, series: &str, body: Value) -> Answer {
    actor.post(&format!("{SERIES}/{series}/cancel"), body).await
}

fn statuses(appointments: &[Value]) -> Vec<&str> {
    appointments.iter().map(|one| one["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn one_moves_by_itself_and_stays_apart() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    let second = &booked[1];
    let body = json!({ "scope": "this", "appointment_id": second["id"], "starts_at": "2026-12-02T10:00:00-03:00" });
    let changed = change(&reception, &id, body).await.expect_status(200);
    assert_eq!(changed.body["series"]["id"], json!(id));
    assert_eq!(told(&changed, "appointment_id"), [second["id"].as_str().unwrap()]);
    let now = appointments(&reception, &id).await;
    assert_eq!(
        starts(&now),
        [
            "2026-11-24T12:00:00Z",
            "2026-12-02T13:00:00Z",
            "2026-12-08T12:00:00Z",
            "2026-12-15T12:00:00Z"
        ]
    );
    assert_eq!(now[1]["occurrence_at"], "2026-12-01T12:00:00Z");
    assert_eq!(now[1]["series_exception"], true);
    // All move by an hour; what was agreed by itself stays.
    let later = json!({ "scope": "all", "starts_at": "2026-11-24T10:00:00-03:00" });
    let moved = change(&reception, &id, later.clone()).await.expect_status(200);
    assert_eq!(told(&moved, "outcome"), ["booked"; 3]);
    let now = appointments(&reception, &id).await;
    assert_eq!(
        starts(&now),
        [
            "2026-11-24T13:00:00Z",
            "2026-12-02T13:00:00Z",
            "2026-12-08T13:00:00Z",
            "2026-12-15T13:00:00Z"
        ]
    );
    assert_eq!(now[0]["occurrence_at"], "2026-11-24T13:00:00Z");
    // Unless that is asked for.
    let all = with(
        later,
        json!({ "exceptions": "overwrite", "starts_at": "2026-11-24T11:00:00-03:00" }),
    );
    change(&reception, &id, all).await.assert_status(200);
    let now = appointments(&reception, &id).await;
    assert_eq!(
        starts(&now),
        [
            "2026-11-24T14:00:00Z",
            "2026-12-01T14:00:00Z",
            "2026-12-08T14:00:00Z",
            "2026-12-15T14:00:00Z"
        ]
    );
    assert!(now.iter().all(|one| one["series_exception"] == false));
}

#[tokio::test]
async fn an_appointment_that_is_moved_on_its_own_page_is_an_exception_too() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    let path = format!("/v1/appointments/{}/reschedule", booked[2]["id"].as_str().unwrap());
    let moved = reception
        .post(&path, json!({ "starts_at": on("2026-12-09", "09:00") }))
        .await
        .expect_status(200);
    assert_eq!(moved.body["series_exception"], true);
    let all = json!({ "scope": "all", "starts_at": "2026-11-24T10:00:00-03:00" });
    change(&reception, &id, all).await.assert_status(200);
    let now = appointments(&reception, &id).await;
    assert_eq!(now[2]["starts_at"], "2026-12-09T12:00:00Z");
}

#[tokio::test]
async fn what_follows_becomes_a_series_of_its_own() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    let body = json!({
        "scope": "following", "appointment_id": booked[2]["id"], "starts_at": "2026-12-10T09:00:00-03:00", "notes": "Às quintas"
    });
    let changed = change(&reception, &id, body).await.expect_status(200);
    let new = id_of(&changed);
    assert_ne!(new, id);
    assert_eq!(changed.body["series"]["previous_id"], json!(id));
    assert_eq!(changed.body["series"]["rule"], "FREQ=WEEKLY;WKST=WE;COUNT=2");
    let old = reception.get(&format!("{SERIES}/{id}")).await;
    assert_eq!(old.body["rule"], "FREQ=WEEKLY;UNTIL=20261208T115959Z");
    assert_eq!(
        starts(&appointments(&reception, &id).await),
        ["2026-11-24T12:00:00Z", "2026-12-01T12:00:00Z"]
    );
    let after = appointments(&reception, &new).await;
    assert_eq!(starts(&after), ["2026-12-10T12:00:00Z", "2026-12-17T12:00:00Z"]);
    assert!(after.iter().all(|one| one["notes"] == "Às quintas"));
    // The first and all after it are the whole series: nothing is split.
    let again =
        json!({ "scope": "following", "appointment_id": after[0]["id"], "starts_at": "2026-12-10T10:00:00-03:00" });
    let changed = change(&reception, &new, again).await.expect_status(200);
    assert_eq!(id_of(&changed), new);
}

#[tokio::test]
async fn a_series_may_move_over_its_own_places() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    // A week on: each takes the place that the next one leaves.
    let body = json!({ "scope": "all", "appointment_id": booked[0]["id"], "starts_at": "2026-12-01T09:00:00-03:00" });
    change(&reception, &id, body).await.assert_status(200);
    let now = appointments(&reception, &id).await;
    assert_eq!(
        starts(&now),
        [
            "2026-12-01T12:00:00Z",
            "2026-12-08T12:00:00Z",
            "2026-12-15T12:00:00Z",
            "2026-12-22T12:00:00Z"
        ]
    );
    assert_eq!(
        count(
            &app,
            "SELECT count(*) FROM occupancies WHERE busy_from = '2026-11-24T12:00:00Z'"
        )
        .await,
        0
    );
    let history = reception
        .get(&format!("/v1/appointments/{}/history", now[0]["id"].as_str().unwrap()))
        .await;
    assert_eq!(column(&history, "action"), ["book", "reschedule"]);
}

#[tokio::test]
async fn what_is_past_or_over_stays_and_conflicts_are_told_before_anything_is_written() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    bring(&reception, booked[1]["id"].as_str().unwrap(), "completed").await;
    app.clock.advance(TimeDelta::days(5));
    let reception = app.actor("reception@aurora");
    book(&reception, consulta("2026-12-15T10:00:00-03:00")).await;
    let body = json!({ "scope": "all", "starts_at": "2026-12-08T10:00:00-03:00" });
    let refused = change(&reception, &id, body.clone()).await;
    refused.assert_problem(409, "series_conflicts");
    assert_eq!(refused.body["conflicts"].as_array().unwrap().len(), 1);
    assert_eq!(refused.body["conflicts"][0]["starts_at"], "2026-12-15T13:00:00Z");
    assert_eq!(starts(&appointments(&reception, &id).await)[2], "2026-12-08T12:00:00Z");
    let skipped = change(&reception, &id, with(body, json!({ "on_conflict": "skip" })))
        .await
        .expect_status(200);
    assert_eq!(told(&skipped, "outcome"), ["booked", "skipped"]);
    let now = appointments(&reception, &id).await;
    assert_eq!(
        starts(&now),
        [
            "2026-11-24T12:00:00Z",
            "2026-12-01T12:00:00Z",
            "2026-12-08T13:00:00Z",
            "2026-12-15T12:00:00Z"
        ]
    );
    assert_eq!(now[3]["series_exception"], true);
    assert_eq!(statuses(&now), ["scheduled", "completed", "scheduled", "scheduled"]);
}

#[tokio::test]
async fn another_practitioner_room_service_or_note() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    let notes = json!({ "scope": "all", "notes": "Trazer exames" });
    let changed = change(&reception, &id, notes).await.expect_status(200);
    assert_eq!(changed.body["series"]["notes"], "Trazer exames");
    let souza = json!({
        "scope": "following", "appointment_id": booked[2]["id"], "practitioner_id": world::practitioner("dr-souza")
    });
    let changed = change(&reception, &id, souza).await.expect_status(200);
    let after = appointments(&reception, &id_of(&changed)).await;
    assert!(
        after
            .iter()
            .all(|one| one["practitioner_id"] == json!(world::practitioner("dr-souza")))
    );
    assert_eq!(after.len(), 2);
    let exame = json!({ "scope": "all", "service_id": world::service("exame") });
    let refused = change(&reception, &id_of(&changed), exame.clone()).await;
    assert_eq!(refused.status, 422, "dr-souza does not offer it");
    let changed = change(&reception, &id, exame).await.expect_status(200);
    let first = &appointments(&reception, &id).await[0];
    assert_eq!(first["service_id"], json!(world::service("exame")));
    assert!(first["room_id"].is_string(), "{changed}");
    assert_eq!(first["notes"], "Trazer exames");
}

#[tokio::test]
async fn calling_off_frees_the_time_of_what_is_meant() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    let this = json!({ "scope": "this", "appointment_id": booked[0]["id"], "by": "patient", "reason": "Viagem" });
    let one = cancel(&reception, &id, this).await.expect_status(200);
    assert_eq!(
        (&one.body["cancelled"], &one.body["series"]["status"]),
        (&json!(1), &json!("active"))
    );
    let following = json!({ "scope": "following", "appointment_id": booked[2]["id"] });
    let two = cancel(&reception, &id, following).await.expect_status(200);
    assert_eq!(two.body["cancelled"], 2);
    assert_eq!(two.body["series"]["rule"], "FREQ=WEEKLY;UNTIL=20261208T115959Z");
    let now = appointments(&reception, &id).await;
    assert_eq!(statuses(&now), ["cancelled", "scheduled", "cancelled", "cancelled"]);
    let all = cancel(&reception, &id, json!({ "scope": "all" }))
        .await
        .expect_status(200);
    assert_eq!(all.body["series"]["status"], "cancelled");
    cancel(&reception, &id, json!({ "scope": "all" }))
        .await
        .assert_problem(409, "series_over");
    assert_eq!(
        count(&app, "SELECT count(*) FROM outbox WHERE kind = 'appointment.cancelled'").await,
        4
    );
    assert_eq!(
        count(
            &app,
            "SELECT count(*) FROM outbox WHERE kind = 'appointment_series.cancelled'"
        )
        .await,
        1
    );
    // The time is free again, and one of them may be taken up again on the same day.
    act(&reception, booked[3]["id"].as_str().unwrap(), "reopen")
        .await
        .assert_status(200);
    make(&reception, tuesdays(json!({ "rule": "FREQ=WEEKLY;COUNT=3" }))).await;
}

#[tokio::test]
async fn the_time_of_what_is_called_off_or_moved_is_offered_at_once_to_who_waits() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    let wait = async |contact: &str, day: &str| {
        let entry = json!({
            "contact_id": world::contact(contact), "service_id": world::service("consulta"),
            "practitioner_id": world::practitioner("dr-lima"),
            "windows": [{"from_date": day, "until_date": day, "from_time": "09:00", "until_time": "09:30"}],
        });
        let entry = reception.post(WAITLIST, entry).await.expect_status(201);
        format!("{WAITLIST}/{}", entry.id())
    };
    let (first, second) = (wait("joao", "2026-11-24").await, wait("ana", "2026-12-01").await);
    settled(&app).await;
    let status = async |entry: &str| reception.get(entry).await.body["status"].clone();
    assert_eq!(
        (status(&first).await, status(&second).await),
        (json!("waiting"), json!("waiting"))
    );

    let this = json!({ "scope": "this", "appointment_id": booked[0]["id"] });
    cancel(&reception, &id, this).await.assert_status(200);
    settled(&app).await;
    assert_eq!(
        (status(&first).await, status(&second).await),
        (json!("offered"), json!("waiting"))
    );
    let moved = json!({ "scope": "this", "appointment_id": booked[1]["id"], "starts_at": "2026-12-01T15:00:00-03:00" });
    change(&reception, &id, moved).await.assert_status(200);
    settled(&app).await;
    assert_eq!(status(&second).await, "offered");
}

#[tokio::test]
async fn who_read_an_older_version_is_told_so() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (id, booked) = four(&reception).await;
    let etag = reception.get(&format!("{SERIES}/{id}")).await.etag().to_owned();
    let send = async |body: Value| {
        let call = reception
            .call(Method::POST, &format!("{SERIES}/{id}/change"))
            .json(&body);
        call.header("if-match", &etag).send().await
    };
    let body = json!({ "scope": "this", "appointment_id": booked[1]["id"], "notes": "Um" });
    send(body.clone()).await.assert_status(200);
    send(body).await.assert_problem(412, "version_mismatch");
    for (body, pointer) in [
        (json!({ "scope": "this", "notes": "Um" }), "/appointment_id"),
        (json!({ "scope": "all" }), ""),
        (
            json!({ "scope": "this", "notes": "Um", "appointment_id": world::appointment("maria-monday") }),
            "/appointment_id",
        ),
    ] {
        let answer = change(&reception, &id, body).await;
        answer.assert_status(422);
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{answer}");
    }
}

#[tokio::test]
async fn days_that_hang_on_the_calendar_do_not_move() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let fridays = with(
        consulta("2026-11-27T10:00:00-03:00"),
        json!({ "rule": "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "on_conflict": "skip" }),
    );
    let id = id_of(&make(&reception, fridays).await);
    let to_thursday = change(
        &reception,
        &id,
        json!({ "scope": "all", "starts_at": "2026-11-26T10:00:00-03:00" }),
    )
    .await;
    to_thursday.assert_status(422);
    assert_eq!(to_thursday.body["errors"][0]["code"], "rule_cannot_move");
    let later = change(
        &reception,
        &id,
        json!({ "scope": "all", "starts_at": "2026-11-27T11:00:00-03:00" }),
    )
    .await;
    later.assert_status(200);
}
