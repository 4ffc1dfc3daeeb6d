//! Who saw and did what is in the audit log, also when memory answered.

use serde_json::json;
use test_support::{Role, world};

use crate::app::TestApp;

/// The rows of the audit log, oldest first: action, actor, resource's id, whether address and request are there.
async fn log(app: &TestApp) -> Vec<(String, Option<uuid::Uuid>, Option<uuid::Uuid>, bool)> {
    app.shared.read_audit().flush(&app.shared.worker_db()).await.unwrap();
    let maintenance = app.database.connect(Role::Maintenance).await;
    let rows = maintenance
        .query(
            "SELECT action, actor_id, resource_id, address IS NOT NULL AND request_id IS NOT NULL FROM audit_log
             WHERE clinic_id = $1 ORDER BY occurred_at, id",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect()
}

#[tokio::test]
async fn each_read_of_a_person_is_noted_also_from_memory() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let reception = app.actor("reception@aurora");
    let first = reception.get(&path).await.expect_status(200);
    // What is seen twice before it is written down is one row; here each time is written down.
    assert_eq!(log(&app).await.len(), 1);
    let again = reception.get(&path).await.expect_status(200);
    assert_eq!(again.statements(), 0, "not from memory");
    assert_eq!(log(&app).await.len(), 2);
    let unchanged = reception
        .call(reqwest::Method::GET, &path)
        .header("if-none-match", first.etag())
        .send()
        .await;
    unchanged.assert_status(304);
    reception.get("/v1/contacts?q=maria").await.assert_status(200);
    // What was not shown is not noted.
    app.get("auditor@aurora", &path).await.assert_status(403);
    app.get("reception@aurora", &format!("/v1/contacts/{}", world::contact("pedro")))
        .await
        .assert_status(404);
    let read = |action: &str, id| {
        (
            action.to_owned(),
            Some(world::user("reception@aurora").into()),
            id,
            true,
        )
    };
    let maria = Some(world::contact("maria").into());
    let expected = [
        read("contacts.read", maria),
        read("contacts.read", maria),
        read("contacts.read", maria),
        read("contacts.search", None),
    ];
    let mut noted = log(&app).await;
    noted.sort();
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn each_write_is_noted_by_names_of_fields_and_never_by_values() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let made = reception
        .post("/v1/contacts", json!({"name": "Rosa Segredo"}))
        .await
        .expect_status(201);
    let path = format!("/v1/contacts/{}", made.id());
    reception
        .patch(&path, json!({"insurer": "Plano Segredo"}))
        .await
        .assert_status(200);
    reception.patch(&path, json!({"name": ""})).await.assert_status(422);
    reception.delete(&path).await.assert_status(204);
    let id = Some(made.id().parse().unwrap());
    let actions: Vec<_> = log(&app)
        .await
        .into_iter()
        .filter(|row| row.2 == id)
        .map(|row| row.0)
        .collect();
    let mut sorted = actions.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        ["contacts.archive", "contacts.create", "contacts.update"],
        "{actions:?}"
    );
    let maintenance = app.database.connect(Role::Maintenance).await;
    let leaks: i64 = maintenance
        .query_one(
            "SELECT count(*) FROM audit_log WHERE detail::text LIKE '%Segredo%' OR reason LIKE '%Segredo%'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(leaks, 0);
}

#[tokio::test]
async fn the_log_is_only_added_to() {
    let Some(app) = TestApp::start().await else { return };
    app.actor("reception@aurora")
        .post("/v1/contacts", json!({"name": "Rosa"}))
        .await
        .assert_status(201);
    let server = app.database.connect(Role::App).await;
    server
        .execute(
            "SELECT set_config('app.clinic_id', $1, false)",
            &[&world::clinic("aurora").to_string()],
        )
        .await
        .unwrap();
    for tampering in [
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DROP TABLE audit_log",
    ] {
        let error = server.execute(tampering, &[]).await.unwrap_err();
        assert_eq!(
            error.code(),
            Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE),
            "{tampering}"
        );
    }
}

#[tokio::test]
async fn an_answer_given_again_is_noted_again() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let make = || {
        let call = reception
            .call(reqwest::Method::POST, "/v1/contacts")
            .header("idempotency-key", "once");
        call.json(&json!({"name": "Nova Pessoa"})).send()
    };
    make().await.assert_status(201);
    make().await.assert_status(201);
    // Both at one instant of the clock, which stands.
    let mut actions: Vec<String> = log(&app).await.into_iter().map(|row| row.0).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["contacts.create", "requests.replay"]);
}
