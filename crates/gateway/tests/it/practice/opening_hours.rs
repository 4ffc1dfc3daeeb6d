//! Weekly hours: of the clinic and of single practitioners, no two of which share a minute.

use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use super::{STALE, UNKNOWN_ID, delete_if, made, patch_if};
use crate::accounts::{assert_fault, faults};
use crate::app::TestApp;

const PATH: &str = "/v1/opening-hours";

fn entry(weekday: u8, opens_at: &str, closes_at: &str) -> Value {
    json!({"weekday": weekday, "opens_at": opens_at, "closes_at": closes_at})
}

/// `entry` on the days from `first` to `last`.
fn during(mut entry: Value, first: &str, last: &str) -> Value {
    entry["valid_from"] = json!(first);
    entry["valid_until"] = json!(last);
    entry
}

async fn replace(actor: &Actor, practitioner: Option<&str>, hours: Value) -> Answer {
    let practitioner = practitioner.map(world::practitioner);
    actor
        .put(PATH, json!({"practitioner_id": practitioner, "hours": hours}))
        .await
}

/// Day, opening and closing of each entry.
fn stretches(entries: &[Value]) -> Vec<String> {
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    entries
        .iter()
        .map(|entry| {
            format!(
                "{} {}-{}",
                entry["weekday"],
                text(entry, "opens_at"),
                text(entry, "closes_at")
            )
        })
        .collect()
}

#[tokio::test]
async fn the_week_is_listed_by_day_and_time() {
    let Some(app) = TestApp::start().await else { return };
    let listed = app.get("reception@aurora", PATH).await.expect_status(200);
    let expected: Vec<_> = (1..=5)
        .flat_map(|day| [format!("{day} 08:00-12:00"), format!("{day} 13:00-18:00")])
        .collect();
    assert_eq!(stretches(listed.data()), expected);
    let wednesday = app
        .get("reception@aurora", "/v1/opening-hours?weekday=3&owner=clinic")
        .await
        .expect_status(200);
    assert_eq!(wednesday.data().len(), 2);
}

#[tokio::test]
async fn a_week_is_replaced_whole() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let week = json!([
        entry(6, "08:00", "12:00"),
        entry(1, "14:00", "20:00"),
        entry(1, "07:00", "13:00")
    ]);
    let replaced = replace(&admin, None, week).await.expect_status(200);
    let expected = ["1 07:00-13:00", "1 14:00-20:00", "6 08:00-12:00"];
    assert_eq!(stretches(replaced.body["hours"].as_array().unwrap()), expected);
    assert_eq!(stretches(admin.get(PATH).await.data()), expected);
    let emptied = replace(&admin, None, json!([])).await.expect_status(200);
    assert_eq!(emptied.body["hours"], json!([]));
    assert!(admin.get(PATH).await.data().is_empty());
}

#[tokio::test]
async fn replacing_ones_week_leaves_the_others_alone() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    replace(&admin, Some("dr-lima"), json!([entry(1, "08:00", "12:00")]))
        .await
        .assert_status(200);
    assert_eq!(admin.get(PATH).await.data().len(), 11);
    let own = admin
        .get(&format!("{PATH}?practitioner_id={}", world::practitioner("dr-lima")))
        .await;
    assert_eq!(stretches(own.data()), ["1 08:00-12:00"]);
    assert_eq!(admin.get(&format!("{PATH}?owner=practitioner")).await.data().len(), 1);
    replace(&admin, None, json!([])).await.assert_status(200);
    assert_eq!(admin.get(PATH).await.data().len(), 1);
    assert_eq!(app.get("admin@horizonte", PATH).await.data().len(), 10);
}

#[tokio::test]
async fn new_hours_decide_when_is_free_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let (admin, reception) = (app.actor("admin@aurora"), app.actor("reception@aurora"));
    let path = format!(
        "/v1/availability/slots?practitioner_id={}&service_id={}&from=2026-11-24&to=2026-11-24",
        world::practitioner("dr-souza"),
        world::service("consulta")
    );
    let before = reception.get(&path).await.expect_status(200);
    replace(&admin, Some("dr-souza"), json!([entry(2, "09:00", "10:00")]))
        .await
        .assert_status(200);
    let after = reception.get(&path).await.expect_status(200);
    assert_ne!(before.bytes, after.bytes);
}

#[tokio::test]
async fn entries_that_share_a_minute_are_named() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let week = json!([
        entry(1, "08:00", "12:00"),
        entry(1, "11:59", "14:00"),
        entry(2, "08:00", "12:00"),
        entry(1, "12:00", "12:30")
    ]);
    let refused = replace(&admin, None, week).await.expect_status(422);
    assert_eq!(
        faults(&refused),
        [("/hours/1", "overlapping_hours"), ("/hours/3", "overlapping_hours")]
    );
    assert_eq!(admin.get(PATH).await.data().len(), 10);
    replace(
        &admin,
        None,
        json!([entry(1, "08:00", "12:00"), entry(1, "12:00", "14:00")]),
    )
    .await
    .assert_status(200);
}

#[tokio::test]
async fn a_stretch_past_midnight_meets_the_next_day() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let meets = json!([entry(7, "22:00", "06:00"), entry(1, "05:00", "08:00")]);
    assert_fault(&replace(&admin, None, meets).await, "/hours/1", "overlapping_hours");
    let follows = json!([entry(7, "22:00", "06:00"), entry(1, "06:00", "08:00")]);
    replace(&admin, None, follows).await.assert_status(200);
}

#[tokio::test]
async fn the_same_hours_in_other_seasons_do_not_meet() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let seasons = json!([
        during(entry(1, "08:00", "12:00"), "2026-01-01", "2026-06-30"),
        during(entry(1, "09:00", "13:00"), "2026-07-01", "2026-12-31")
    ]);
    replace(&admin, None, seasons).await.assert_status(200);
    let meeting = json!([
        during(entry(1, "08:00", "12:00"), "2026-01-01", "2026-07-10"),
        during(entry(1, "09:00", "13:00"), "2026-07-01", "2026-12-31")
    ]);
    assert_fault(&replace(&admin, None, meeting).await, "/hours/1", "overlapping_hours");
}

#[tokio::test]
async fn an_entry_is_made_changed_and_deleted() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let id = made(&admin, PATH, entry(6, "08:00", "12:00")).await;
    let path = format!("{PATH}/{id}");
    assert_eq!(admin.get(&path).await.body["practitioner_id"], Value::Null);
    let changed = admin
        .patch(&path, json!({"closes_at": "13:30"}))
        .await
        .expect_status(200);
    assert_eq!(stretches(&[changed.body]), ["6 08:00-13:30"]);
    admin.delete(&path).await.assert_status(204);
    admin.get(&path).await.assert_status(404);
    admin.delete(&path).await.assert_status(404);
}

#[tokio::test]
async fn an_entry_that_would_share_a_minute_is_not_written() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let refused = admin.post(PATH, entry(1, "11:00", "13:00")).await;
    assert_fault(&refused, "/opens_at", "overlapping_hours");
    let id = made(&admin, PATH, entry(1, "12:00", "13:00")).await;
    let path = format!("{PATH}/{id}");
    assert_fault(
        &admin.patch(&path, json!({"closes_at": "13:01"})).await,
        "/opens_at",
        "overlapping_hours",
    );
    admin
        .patch(&path, json!({"opens_at": "12:15"}))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn of_many_entries_of_one_hour_made_at_once_one_is_made() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let answers = futures_util::future::join_all((0..8).map(|_| admin.post(PATH, entry(6, "08:00", "12:00")))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 422).count(), 7);
}

#[tokio::test]
async fn everything_wrong_in_a_week_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let week = json!([
        entry(0, "8h", "12:00"),
        entry(1, "08:00", "25:00"),
        during(entry(2, "08:00", "09:00"), "2026-12-02", "2026-12-01")
    ]);
    let answer = replace(&app.actor("admin@aurora"), None, week).await.expect_status(422);
    let pointers: Vec<_> = faults(&answer).iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(
        pointers,
        [
            "/hours/0/weekday",
            "/hours/0/opens_at",
            "/hours/1/closes_at",
            "/hours/2/valid_until"
        ]
    );
}

#[tokio::test]
async fn a_practitioner_whom_the_clinic_does_not_have_gets_no_hours() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for stranger in [world::practitioner("dr-alves").to_string(), UNKNOWN_ID.to_owned()] {
        let mut body = entry(6, "08:00", "12:00");
        body["practitioner_id"] = json!(stranger);
        assert_fault(
            &admin.post(PATH, body).await,
            "/practitioner_id",
            "unknown_practitioner",
        );
        let week = json!({"practitioner_id": stranger, "hours": []});
        assert_fault(&admin.put(PATH, week).await, "/practitioner_id", "unknown_practitioner");
        let listed = admin
            .get(&format!("{PATH}?practitioner_id={stranger}"))
            .await
            .expect_status(200);
        assert!(listed.data().is_empty());
    }
}

#[tokio::test]
async fn a_change_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let path = format!("{PATH}/{}", made(&admin, PATH, entry(6, "08:00", "12:00")).await);
    let read = admin.get(&path).await.etag().to_owned();
    patch_if(&admin, &path, &read, json!({"closes_at": "13:00"}))
        .await
        .assert_status(200);
    patch_if(&admin, &path, &read, json!({"closes_at": "14:00"}))
        .await
        .assert_problem(412, "version_mismatch");
    delete_if(&admin, &path, STALE)
        .await
        .assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn hours_are_changed_by_who_manages_the_clinic_alone() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    replace(&reception, None, json!([]))
        .await
        .assert_problem(403, "permission_denied");
    reception
        .post(PATH, entry(6, "08:00", "12:00"))
        .await
        .assert_problem(403, "permission_denied");
}
