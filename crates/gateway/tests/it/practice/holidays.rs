//! Holidays: one a day, by hand or a whole year's national ones at once.

use serde_json::{Value, json};
use test_support::{Actor, Answer};

use super::{STALE, column, delete_if, made, patch_if};
use crate::accounts::{assert_fault, faults};
use crate::app::TestApp;

const PATH: &str = "/v1/holidays";

fn birthday() -> Value {
    json!({"date": "2027-01-25", "name": "Aniversário de São Paulo", "scope": "municipal"})
}

async fn import(actor: &Actor, body: Value) -> Answer {
    actor.post("/v1/holidays/import-national", body).await
}

#[tokio::test]
async fn a_holiday_is_made_changed_and_deleted() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let path = format!("{PATH}/{}", made(&admin, PATH, birthday()).await);
    let changed = admin
        .patch(&path, json!({"name": "Aniversário da cidade"}))
        .await
        .expect_status(200);
    assert_eq!(
        (&changed.body["date"], &changed.body["version"]),
        (&json!("2027-01-25"), &json!(2))
    );
    assert_eq!(app.get("reception@aurora", &path).await.body, changed.body);
    admin.delete(&path).await.assert_status(204);
    admin.get(&path).await.assert_status(404);
}

#[tokio::test]
async fn one_day_is_one_holiday() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let id = made(&admin, PATH, birthday()).await;
    admin.post(PATH, birthday()).await.assert_problem(409, "holiday_exists");
    let moved = admin
        .patch(&format!("{PATH}/{id}"), json!({"date": "2026-12-25"}))
        .await;
    moved.assert_problem(409, "holiday_exists");
    app.actor("admin@horizonte")
        .post(PATH, birthday())
        .await
        .assert_status(201);
}

#[tokio::test]
async fn the_national_holidays_of_a_year_are_made_and_those_there_stay() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let added = import(&admin, json!({"year": 2026})).await.expect_status(200);
    let dates = [
        "2026-01-01",
        "2026-04-03",
        "2026-04-21",
        "2026-05-01",
        "2026-09-07",
        "2026-10-12",
        "2026-11-02",
        "2026-11-15",
        "2026-11-20",
    ];
    // Christmas was there already.
    assert_eq!(column(&added, "date"), dates);
    assert_eq!(admin.get(&format!("{PATH}?scope=national")).await.data().len(), 10);
}

#[tokio::test]
async fn importing_a_year_again_makes_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    assert_eq!(
        import(&admin, json!({"year": 2027}))
            .await
            .expect_status(200)
            .data()
            .len(),
        10
    );
    assert!(
        import(&admin, json!({"year": 2027}))
            .await
            .expect_status(200)
            .data()
            .is_empty()
    );
    let optional = import(&admin, json!({"year": 2027, "with_optional": true}))
        .await
        .expect_status(200);
    assert_eq!(column(&optional, "date"), ["2027-02-08", "2027-02-09", "2027-05-27"]);
}

#[tokio::test]
async fn a_year_imported_by_many_at_once_is_made_once() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let answers = futures_util::future::join_all((0..6).map(|_| import(&admin, json!({"year": 2027})))).await;
    let added: usize = answers.iter().map(|answer| answer.data().len()).sum();
    assert_eq!(added, 10);
}

#[tokio::test]
async fn a_year_is_one_whose_holidays_are_known() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for year in [json!(2023), json!(2200), json!(-1)] {
        let answer = import(&admin, json!({"year": year})).await.expect_status(422);
        assert_eq!(faults(&answer)[0].0, "/year", "{answer}");
    }
}

#[tokio::test]
async fn a_holiday_closes_the_day_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let (admin, reception) = (app.actor("admin@aurora"), app.actor("reception@aurora"));
    let path = format!(
        "/v1/availability/slots?practitioner_id={}&service_id={}&from=2026-11-24&to=2026-11-24",
        test_support::world::practitioner("dr-souza"),
        test_support::world::service("consulta")
    );
    let open = reception.get(&path).await.expect_status(200);
    admin
        .post(PATH, json!({"date": "2026-11-24", "name": "Obra", "scope": "clinic"}))
        .await
        .assert_status(201);
    assert_ne!(reception.get(&path).await.expect_status(200).bytes, open.bytes);
}

#[tokio::test]
async fn holidays_are_found_by_day_and_by_who_keeps_them() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    made(&admin, PATH, birthday()).await;
    let names = |filter: &str| {
        let path = format!("{PATH}?{filter}");
        let admin = &admin;
        async move {
            let listed = admin.get(&path).await.expect_status(200);
            column(&listed, "name")
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        }
    };
    let (birthday, christmas) = ("Aniversário de São Paulo", "Natal");
    assert_eq!(names("sort=date").await, [christmas, birthday]);
    assert_eq!(names("sort=-date").await, [birthday, christmas]);
    assert_eq!(names("scope=municipal").await, [birthday]);
    assert_eq!(names("from=2026-12-25&to=2026-12-25").await, [christmas]);
    assert_eq!(names("from=2026-12-26").await, [birthday]);
    assert!(names("to=2026-12-24").await.is_empty());
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"date": "1500-04-22", "name": "", "scope": "galactic"});
    let answer = app.actor("admin@aurora").post(PATH, body).await.expect_status(422);
    let pointers: Vec<_> = faults(&answer).iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(pointers, ["/date", "/name", "/scope"]);
    let refused = app
        .actor("admin@aurora")
        .patch(&format!("{PATH}/{}", super::UNKNOWN_ID), json!({"date": null}))
        .await;
    assert_fault(&refused, "/date", "required");
}

#[tokio::test]
async fn a_change_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let path = format!("{PATH}/{}", made(&admin, PATH, birthday()).await);
    let read = admin.get(&path).await.etag().to_owned();
    patch_if(&admin, &path, &read, json!({"name": "Um"}))
        .await
        .assert_status(200);
    patch_if(&admin, &path, &read, json!({"name": "Dois"}))
        .await
        .assert_problem(412, "version_mismatch");
    delete_if(&admin, &path, STALE)
        .await
        .assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn another_clinics_holiday_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("{PATH}/{}", made(&app.actor("admin@aurora"), PATH, birthday()).await);
    let neighbour = app.actor("admin@horizonte");
    neighbour.get(&path).await.assert_status(404);
    neighbour
        .patch(&path, json!({"name": "Minha"}))
        .await
        .assert_status(404);
    neighbour.delete(&path).await.assert_status(404);
}
