//! Time off: spans in which a practitioner, or the whole clinic, does not work.

use serde_json::{Value, json};
use test_support::world;

use super::{STALE, UNKNOWN_ID, column, delete_if, made, patch_if};
use crate::accounts::{assert_fault, faults};
use crate::app::TestApp;

const PATH: &str = "/v1/time-off";

fn recess() -> Value {
    json!({"starts_at": "2026-12-21T00:00:00-03:00", "ends_at": "2027-01-04T00:00:00-03:00", "reason": "Recesso"})
}

#[tokio::test]
async fn time_off_is_made_changed_and_deleted() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let answer = admin.post(PATH, recess()).await.expect_status(201);
    assert_eq!(answer.body["starts_at"], "2026-12-21T03:00:00Z");
    assert_eq!(answer.body["practitioner_id"], Value::Null);
    let path = format!("{PATH}/{}", answer.id());
    let changed = admin
        .patch(&path, json!({"reason": null, "ends_at": "2027-01-05T03:00:00Z"}))
        .await;
    let changed = changed.expect_status(200);
    assert_eq!(
        (&changed.body["reason"], &changed.body["ends_at"]),
        (&Value::Null, &json!("2027-01-05T03:00:00Z"))
    );
    assert_eq!(app.get("reception@aurora", &path).await.body, changed.body);
    admin.delete(&path).await.assert_status(204);
    admin.get(&path).await.assert_status(404);
}

#[tokio::test]
async fn a_span_ends_after_it_starts() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for end in ["2026-12-21T03:00:00Z", "2026-12-20T03:00:00Z"] {
        let mut body = recess();
        body["ends_at"] = json!(end);
        assert_fault(&admin.post(PATH, body).await, "/ends_at", "not_after_start");
    }
    let path = format!("{PATH}/{}", made(&admin, PATH, recess()).await);
    let late = admin.patch(&path, json!({"starts_at": "2027-02-01T03:00:00Z"})).await;
    assert_fault(&late, "/ends_at", "not_after_start");
}

#[tokio::test]
async fn time_off_closes_the_day_at_once_and_opens_it_again() {
    let Some(app) = TestApp::start().await else { return };
    let (admin, reception) = (app.actor("admin@aurora"), app.actor("reception@aurora"));
    let path = format!(
        "/v1/availability/slots?practitioner_id={}&service_id={}&from=2026-11-24&to=2026-11-24",
        world::practitioner("dr-souza"),
        world::service("consulta")
    );
    let open = reception.get(&path).await.expect_status(200);
    let body = json!({"starts_at": "2026-11-24T00:00:00-03:00", "ends_at": "2026-11-25T00:00:00-03:00"});
    let id = made(&admin, PATH, body).await;
    let closed = reception.get(&path).await.expect_status(200);
    assert_ne!(open.bytes, closed.bytes);
    admin.delete(&format!("{PATH}/{id}")).await.assert_status(204);
    assert_eq!(reception.get(&path).await.bytes, open.bytes);
}

#[tokio::test]
async fn spans_are_found_by_owner_and_by_what_they_touch() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    made(&admin, PATH, recess()).await;
    let reasons = |filter: &str| {
        let path = format!("{PATH}?{filter}");
        let admin = &admin;
        async move {
            let listed = admin.get(&path).await.expect_status(200);
            column(&listed, "reason")
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(reasons("sort=starts_at").await, ["Congresso", "Recesso"]);
    assert_eq!(reasons("sort=-starts_at").await, ["Recesso", "Congresso"]);
    assert_eq!(reasons("owner=clinic").await, ["Recesso"]);
    assert_eq!(reasons("owner=practitioner").await, ["Congresso"]);
    assert_eq!(reasons("from=2026-12-31T00:00:00Z").await, ["Recesso"]);
    assert_eq!(reasons("to=2026-12-21T03:00:00Z").await, ["Congresso"]);
    assert_eq!(
        reasons("from=2026-12-21T03:00:00Z&to=2026-12-21T03:00:01Z").await,
        ["Recesso"]
    );
    let foreign = format!("practitioner_id={}", world::practitioner("dr-nunes"));
    assert!(reasons(&foreign).await.is_empty());
}

#[tokio::test]
async fn a_practitioner_whom_the_clinic_does_not_have_takes_no_time_off() {
    let Some(app) = TestApp::start().await else { return };
    for stranger in [world::practitioner("dr-alves").to_string(), UNKNOWN_ID.to_owned()] {
        let mut body = recess();
        body["practitioner_id"] = json!(stranger);
        let answer = app.actor("admin@aurora").post(PATH, body).await;
        assert_fault(&answer, "/practitioner_id", "unknown_practitioner");
    }
}

#[tokio::test]
async fn times_are_instants() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for (name, wrong) in [
        ("starts_at", "2026-12-21"),
        ("starts_at", "2026-12-21T00:00:00"),
        ("ends_at", "9999-12-31T00:00:00Z"),
        ("ends_at", "tomorrow"),
    ] {
        let mut body = recess();
        body[name] = json!(wrong);
        let answer = admin.post(PATH, body).await.expect_status(422);
        assert_eq!(faults(&answer)[0].0, format!("/{name}"), "{wrong}: {answer}");
    }
}

#[tokio::test]
async fn a_change_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let path = format!("{PATH}/{}", made(&admin, PATH, recess()).await);
    let read = admin.get(&path).await.etag().to_owned();
    patch_if(&admin, &path, &read, json!({"reason": "Férias"}))
        .await
        .assert_status(200);
    patch_if(&admin, &path, &read, json!({"reason": "Obra"}))
        .await
        .assert_problem(412, "version_mismatch");
    delete_if(&admin, &path, STALE)
        .await
        .assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn another_clinics_time_off_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("{PATH}/{}", made(&app.actor("admin@aurora"), PATH, recess()).await);
    let neighbour = app.actor("admin@horizonte");
    neighbour.get(&path).await.assert_status(404);
    neighbour
        .patch(&path, json!({"reason": "Obra"}))
        .await
        .assert_status(404);
    neighbour.delete(&path).await.assert_status(404);
}
