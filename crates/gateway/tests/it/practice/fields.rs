//! `fields` names what is wanted of each row, on every resource of a clinic's practice.

use serde_json::{Value, json};
use test_support::world;

use crate::accounts::assert_fault;
use crate::app::TestApp;

/// The names of an object's members.
fn names(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("no object: {value}"))
        .keys()
        .map(String::as_str)
        .collect()
}

/// Lists and rows, with two fields that each has.
fn resources() -> Vec<(String, [&'static str; 2])> {
    vec![
        ("/v1/clinic".to_owned(), ["id", "zone"]),
        ("/v1/staff".to_owned(), ["id", "roles"]),
        (
            format!("/v1/staff/{}", world::membership("reception@aurora")),
            ["id", "roles"],
        ),
        ("/v1/practitioners".to_owned(), ["id", "registration"]),
        (
            format!("/v1/practitioners/{}", world::practitioner("dr-lima")),
            ["id", "service_ids"],
        ),
        ("/v1/rooms".to_owned(), ["id", "name"]),
        (format!("/v1/rooms/{}", world::room("consultorio-1")), ["id", "name"]),
        ("/v1/services".to_owned(), ["id", "price"]),
        (format!("/v1/services/{}", world::service("exame")), ["id", "price"]),
        ("/v1/opening-hours".to_owned(), ["id", "weekday"]),
        ("/v1/time-off".to_owned(), ["id", "reason"]),
        ("/v1/holidays".to_owned(), ["date", "id"]),
        ("/v1/sessions".to_owned(), ["current", "id"]),
        ("/v1/me".to_owned(), ["permissions", "roles"]),
    ]
}

#[tokio::test]
async fn only_the_fields_that_are_wanted_come() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for (path, wanted) in resources() {
        let whole = admin.get(&path).await.expect_status(200);
        let sparse = admin
            .get(&format!("{path}?fields={}", wanted.join(",")))
            .await
            .expect_status(200);
        let row = |body: &Value| body.get("data").map_or_else(|| body.clone(), |rows| rows[0].clone());
        let (whole, sparse) = (row(&whole.body), row(&sparse.body));
        assert_eq!(names(&sparse), wanted, "{path}");
        for name in wanted {
            assert_eq!(sparse[name], whole[name], "{path} {name}");
        }
    }
}

#[tokio::test]
async fn a_field_that_does_not_exist_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for (path, _) in resources() {
        let answer = admin
            .get(&format!("{path}?fields=id,password_hash"))
            .await
            .expect_status(422);
        let faults = crate::accounts::faults(&answer);
        assert!(faults.contains(&("fields", "unknown_field")), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_parameter_that_does_not_exist_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for (path, _) in resources() {
        assert_fault(
            &admin.get(&format!("{path}?colour=blue")).await,
            "colour",
            "unknown_parameter",
        );
    }
}

#[tokio::test]
async fn a_sparse_answer_keeps_the_version_in_its_etag() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let path = format!("/v1/rooms/{}", world::room("consultorio-1"));
    let whole = admin.get(&path).await.etag().to_owned();
    let sparse = admin.get(&format!("{path}?fields=name")).await.etag().to_owned();
    assert_ne!(whole, sparse);
    let changed = super::patch_if(&admin, &path, &sparse, json!({"name": "Um"})).await;
    changed.assert_status(200);
}

#[tokio::test]
async fn what_a_resource_does_not_embed_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for path in [
        "/v1/api-keys",
        "/v1/invitations",
        "/v1/sessions",
        "/v1/rooms",
        "/v1/clinic",
        "/v1/staff",
    ] {
        assert_fault(
            &admin.get(&format!("{path}?include=clinic")).await,
            "include",
            "unknown_include",
        );
    }
}
