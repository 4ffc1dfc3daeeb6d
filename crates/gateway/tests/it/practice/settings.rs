//! The clinic's own settings.

use serde_json::{Value, json};

use super::{STALE, patch_if};
use crate::accounts::faults;
use crate::app::TestApp;

#[tokio::test]
async fn everybody_sees_the_clinic_and_who_manages_it_changes_it() {
    let Some(app) = TestApp::start().await else { return };
    for member in ["reception@aurora", "practitioner@aurora", "auditor@aurora"] {
        let seen = app.get(member, "/v1/clinic").await.expect_status(200);
        assert_eq!(seen.body["trade_name"], "Clínica Aurora");
        let refused = app
            .actor(member)
            .patch("/v1/clinic", json!({"trade_name": "Minha"}))
            .await;
        refused.assert_problem(403, "permission_denied");
    }
    let changed = app
        .actor("admin@aurora")
        .patch("/v1/clinic", json!({"trade_name": "Aurora Saúde"}))
        .await;
    assert_eq!(changed.expect_status(200).body["trade_name"], "Aurora Saúde");
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_read() {
    let Some(app) = TestApp::start().await else { return };
    let (admin, reception) = (app.actor("admin@aurora"), app.actor("reception@aurora"));
    let before = reception.get("/v1/clinic").await.etag().to_owned();
    admin
        .patch("/v1/clinic", json!({"slot_step_minutes": 20, "hold_minutes": 5}))
        .await
        .assert_status(200);
    let after = reception.get("/v1/clinic").await.expect_status(200);
    assert_ne!(after.etag(), before);
    assert_eq!(
        (&after.body["slot_step_minutes"], &after.body["hold_minutes"]),
        (&json!(20), &json!(5))
    );
}

#[tokio::test]
async fn a_change_of_what_was_changed_meanwhile_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let read = admin.get("/v1/clinic").await.etag().to_owned();
    let first = patch_if(&admin, "/v1/clinic", &read, json!({"hold_minutes": 5}))
        .await
        .expect_status(200);
    let second = patch_if(&admin, "/v1/clinic", &read, json!({"hold_minutes": 6})).await;
    second.assert_problem(412, "version_mismatch");
    patch_if(&admin, "/v1/clinic", first.etag(), json!({"hold_minutes": 6}))
        .await
        .assert_status(200);
    patch_if(&admin, "/v1/clinic", STALE, json!({"hold_minutes": 7}))
        .await
        .assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn of_many_changes_of_one_version_one_is_made() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let read = admin.get("/v1/clinic").await.etag().to_owned();
    let changes = (5..15).map(|minutes| patch_if(&admin, "/v1/clinic", &read, json!({"hold_minutes": minutes})));
    let answers = futures_util::future::join_all(changes).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 412).count(), 9);
}

#[tokio::test]
async fn absent_keeps_and_null_clears() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let address = json!({"street": "Rua Augusta", "number": "100", "city": "São Paulo", "state": "SP"});
    let body = json!({"phone": "+551132101234", "email": "contato@aurora.example", "address": address});
    let set = admin.patch("/v1/clinic", body).await.expect_status(200);
    assert_eq!(set.body["address"]["city"], "São Paulo");
    let cleared = admin
        .patch("/v1/clinic", json!({"phone": null}))
        .await
        .expect_status(200);
    assert_eq!(cleared.body["phone"], Value::Null);
    assert_eq!(cleared.body["email"], "contato@aurora.example");
    assert_eq!(cleared.body["address"], set.body["address"]);
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({
        "trade_name": "", "cnpj": "11222333000182", "zone": "Brasil", "locale": "pt", "email": "nobody",
        "slot_step_minutes": 1, "hold_minutes": 61, "address": {"state": "XX"}
    });
    let answer = app
        .actor("admin@aurora")
        .patch("/v1/clinic", body)
        .await
        .expect_status(422);
    let mut pointers: Vec<_> = faults(&answer).iter().map(|(pointer, _)| *pointer).collect();
    pointers.sort_unstable();
    let expected = [
        "/address/state",
        "/cnpj",
        "/email",
        "/hold_minutes",
        "/locale",
        "/slot_step_minutes",
        "/trade_name",
        "/zone",
    ];
    assert_eq!(pointers, expected);
}

#[tokio::test]
async fn the_slug_never_changes() {
    let Some(app) = TestApp::start().await else { return };
    let answer = app
        .actor("owner@aurora")
        .patch("/v1/clinic", json!({"slug": "boreal"}))
        .await
        .expect_status(422);
    assert_eq!(faults(&answer), [("/slug", "unknown_field")]);
}

#[tokio::test]
async fn what_changes_nothing_is_no_new_version() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let before = admin.get("/v1/clinic").await.body["version"].clone();
    let same = admin.patch("/v1/clinic", json!({})).await.expect_status(200);
    assert_eq!(same.body["version"], before);
}

#[tokio::test]
async fn a_change_leaves_the_names_of_what_changed_and_no_values() {
    let Some(app) = TestApp::start().await else { return };
    app.actor("admin@aurora")
        .patch("/v1/clinic", json!({"email": "novo@aurora.example"}))
        .await
        .assert_status(200);
    let noted = "audit_log WHERE action = 'clinic.update' AND detail::text LIKE '%email%' \
                 AND detail::text NOT LIKE '%novo@%'";
    assert_eq!(crate::accounts::count(&app, noted).await, 1);
}
