//! Moves between statuses: which there are, what they do to the time, and whose version counts.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::Answer;

use crate::agenda::{act, book, bring, consulta, half_hours, tuesday};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";

/// From each status: what may be done, and where it leads.
const DECIDED: [(&str, &[(&str, &str)]); 7] = [
    (
        "scheduled",
        &[
            ("confirm", "confirmed"),
            ("check-in", "checked_in"),
            ("cancel", "cancelled"),
            ("no-show", "no_show"),
            ("reschedule", "scheduled"),
        ],
    ),
    (
        "confirmed",
        &[
            ("check-in", "checked_in"),
            ("cancel", "cancelled"),
            ("no-show", "no_show"),
            ("reschedule", "scheduled"),
        ],
    ),
    (
        "checked_in",
        &[
            ("start", "in_progress"),
            ("complete", "completed"),
            ("cancel", "cancelled"),
        ],
    ),
    ("in_progress", &[("complete", "completed")]),
    ("completed", &[("reopen", "in_progress")]),
    ("cancelled", &[("reopen", "scheduled")]),
    ("no_show", &[("reopen", "scheduled")]),
];

const ACTIONS: [&str; 8] = [
    "confirm",
    "check-in",
    "start",
    "complete",
    "cancel",
    "no-show",
    "reschedule",
    "reopen",
];

fn legal_moves(answer: &Answer) -> Vec<&str> {
    let moves = answer.body["legal_moves"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    let mut moves: Vec<_> = moves.iter().filter_map(Value::as_str).collect();
    moves.sort_unstable();
    moves
}

#[tokio::test]
async fn every_move_from_every_status_is_as_decided() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mut times = half_hours();
    for (status, legal) in DECIDED {
        let mut names: Vec<_> = legal.iter().map(|(action, _)| *action).collect();
        names.sort_unstable();
        for action in ACTIONS {
            let booked = book(&reception, consulta(&times.next().unwrap())).await;
            bring(&reception, booked.id(), status).await;
            let path = format!("{APPOINTMENTS}/{}", booked.id());
            let before = reception.get(&path).await.expect_status(200);
            assert_eq!(
                (&before.body["status"], legal_moves(&before)),
                (&json!(status), names.clone())
            );
            let call = reception.call(reqwest::Method::POST, &format!("{path}/{action}"));
            let call = match action {
                "reschedule" => call.json(&json!({ "starts_at": times.next().unwrap() })),
                _ => call,
            };
            let answer = call.send().await;
            match legal.iter().find(|(name, _)| *name == action) {
                Some((_, target)) => {
                    let after = answer.expect_status(200);
                    assert_eq!(after.body["status"], *target, "{status} {action}");
                }
                None => {
                    answer.assert_problem(409, "illegal_move");
                    assert_eq!(answer.body["appointment_status"], status, "{action}");
                    assert_eq!(legal_moves(&answer), names, "{status} {action}");
                    assert_eq!(reception.get(&path).await.body, before.body, "{status} {action}");
                }
            }
        }
    }
}

#[tokio::test]
async fn cancelled_time_is_free_again() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    act(&reception, booked.id(), "cancel").await.assert_status(200);
    book(&reception, consulta(&tuesday("09:00"))).await;
}

#[tokio::test]
async fn the_time_of_a_no_show_is_free_again() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    act(&reception, booked.id(), "no-show").await.assert_status(200);
    book(&reception, consulta(&tuesday("09:00"))).await;
}

#[tokio::test]
async fn back_from_no_show_takes_the_time_again() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    act(&reception, booked.id(), "no-show").await.assert_status(200);
    act(&reception, booked.id(), "reopen").await.assert_status(200);
    let refused = reception.post(APPOINTMENTS, consulta(&tuesday("09:00"))).await;
    refused.assert_problem(409, "appointment_conflict");
}

#[tokio::test]
async fn there_is_no_way_back_to_a_time_that_is_taken() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (action, status) in [("no-show", "no_show"), ("cancel", "cancelled")] {
        let booked = book(&reception, consulta(&tuesday("09:00"))).await;
        act(&reception, booked.id(), action).await.assert_status(200);
        let other = book(&reception, consulta(&tuesday("09:15"))).await;
        act(&reception, booked.id(), "reopen")
            .await
            .assert_problem(409, "appointment_conflict");
        let still = reception.get(&format!("{APPOINTMENTS}/{}", booked.id())).await;
        assert_eq!(still.body["status"], status);
        act(&reception, other.id(), "cancel").await.assert_status(200);
    }
}

#[tokio::test]
async fn what_is_over_is_reopened_on_the_same_day_only() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mut ids = Vec::new();
    for (time, status) in half_hours().zip(["completed", "cancelled", "no_show"]) {
        let booked = book(&reception, consulta(&time)).await;
        bring(&reception, booked.id(), status).await;
        ids.push(booked.id().to_owned());
    }
    // Nine in the morning; fifteen hours later it is midnight in São Paulo.
    app.clock.advance(TimeDelta::hours(15));
    let reception = app.actor("reception@aurora");
    for id in &ids {
        let refused = act(&reception, id, "reopen").await;
        refused.assert_problem(409, "illegal_move");
        assert!(legal_moves(&refused).is_empty());
    }
    app.clock.advance(-TimeDelta::minutes(1));
    let reception = app.actor("reception@aurora");
    for id in &ids {
        act(&reception, id, "reopen").await.assert_status(200);
    }
}

#[tokio::test]
async fn a_cancellation_keeps_who_and_why() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let path = format!("{APPOINTMENTS}/{}", booked.id());
    let why = json!({ "by": "patient", "reason": "Viajou" });
    let cancelled = reception.post(&format!("{path}/cancel"), why).await.expect_status(200);
    assert_eq!(cancelled.body["cancelled_by"], "patient");
    assert_eq!(cancelled.body["cancellation_reason"], "Viajou");
    let reopened = act(&reception, booked.id(), "reopen").await.expect_status(200);
    assert_eq!(
        (&reopened.body["cancelled_by"], &reopened.body["cancellation_reason"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn nobody_in_particular_cancels_for_the_clinic() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    assert_eq!(
        act(&reception, booked.id(), "cancel").await.body["cancelled_by"],
        "clinic"
    );
}

#[tokio::test]
async fn a_move_of_an_older_version_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let confirm = |tag: String| {
        let path = format!("{APPOINTMENTS}/{}/check-in", booked.id());
        reception
            .call(reqwest::Method::POST, &path)
            .header("if-match", tag)
            .send()
    };
    let confirmed = act(&reception, booked.id(), "confirm").await.expect_status(200);
    assert_ne!(confirmed.etag(), booked.etag());
    confirm(booked.etag().to_owned())
        .await
        .assert_problem(412, "version_mismatch");
    confirm(confirmed.etag().to_owned()).await.assert_status(200);
}

#[tokio::test]
async fn whoever_only_reads_moves_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let booked = book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    let billing = app.actor("billing@aurora");
    act(&billing, booked.id(), "confirm")
        .await
        .assert_problem(403, "permission_denied");
}
