//! The keys of integrations: shown once, never more than their maker, good until revoked or run out.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use super::{after, assert_fault, count, faults, text};
use crate::app::TestApp;

async fn make(actor: &Actor, permissions: Value) -> Answer {
    actor
        .post("/v1/api-keys", json!({"name": "Site", "permissions": permissions}))
        .await
}

/// Whoever has the secret of the key just made.
fn holder(app: &TestApp, made: &Answer) -> Actor {
    app.api.bearer(text(made, "/secret"))
}

#[tokio::test]
async fn the_secret_of_a_key_is_shown_once() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let made = make(&owner, json!(["contacts:read"])).await.expect_status(201);
    let secret = text(&made, "/secret");
    let prefix = format!("tm_live_{}_", world::clinic("aurora").as_uuid().simple());
    assert!(secret.starts_with(&prefix), "{secret}");
    assert!(secret.ends_with(text(&made, "/api_key/secret_hint")));
    let path = format!("/v1/api-keys/{}", text(&made, "/api_key/id"));
    assert_eq!(made.header("location"), Some(path.as_str()));
    for answer in [owner.get(&path).await, owner.get("/v1/api-keys").await] {
        answer.assert_status(200);
        assert!(
            !String::from_utf8_lossy(&answer.bytes).contains("\"secret\""),
            "{answer}"
        );
    }
    let random = secret.strip_prefix(&prefix).unwrap();
    assert_eq!(
        count(&app, &format!("api_keys k WHERE k::text LIKE '%{random}%'")).await,
        0
    );
}

#[tokio::test]
async fn a_key_may_do_what_it_was_given_and_nothing_else() {
    let Some(app) = TestApp::start().await else { return };
    let made = make(&app.actor("owner@aurora"), json!(["contacts:read"]))
        .await
        .expect_status(201);
    let key = holder(&app, &made);
    key.get("/v1/contacts").await.assert_status(200);
    let refused = key
        .post("/v1/contacts", json!({"name": "Ana Souza", "kind": "patient"}))
        .await;
    refused.assert_problem(403, "permission_denied");
    assert_eq!(refused.body["permission"], "contacts:write");
    key.get("/v1/staff").await.assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn a_key_knows_who_it_is() {
    let Some(app) = TestApp::start().await else { return };
    let made = make(&app.actor("owner@aurora"), json!(["contacts:read"]))
        .await
        .expect_status(201);
    let me = holder(&app, &made).get("/v1/me").await.expect_status(200);
    assert_eq!(
        me.body["api_key"],
        json!({"id": made.body["api_key"]["id"], "name": "Site"})
    );
    assert_eq!(me.body["permissions"], json!(["contacts:read"]));
    for person in ["user", "membership", "session"] {
        assert_eq!(me.body[person], Value::Null, "{me}");
    }
}

#[tokio::test]
async fn a_key_may_do_no_more_than_its_maker() {
    let Some(app) = TestApp::start().await else { return };
    let wanted = json!(["contacts:read", "financial:refund", "records:read"]);
    let refused = make(&app.actor("admin@aurora"), wanted.clone()).await;
    refused.assert_problem(403, "permission_not_grantable");
    assert_eq!(refused.body["permissions"], json!(["records:read", "financial:refund"]));
    make(&app.actor("director@aurora"), wanted).await.assert_status(201);
    make(&app.actor("reception@aurora"), json!(["contacts:read"]))
        .await
        .assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn a_key_loses_what_its_maker_loses_and_gets_it_back() {
    let Some(app) = TestApp::start().await else { return };
    let made = make(&app.actor("admin@aurora"), json!(["contacts:read", "audit:read"]))
        .await
        .expect_status(201);
    let key = holder(&app, &made);
    key.get("/v1/contacts").await.assert_status(200);
    let owner = app.actor("owner@aurora");
    let path = format!("/v1/staff/{}", world::membership("admin@aurora"));
    owner
        .patch(&path, json!({"roles": ["auditor"]}))
        .await
        .assert_status(200);
    key.get("/v1/contacts").await.assert_problem(403, "permission_denied");
    assert_eq!(key.get("/v1/me").await.body["permissions"], json!(["audit:read"]));
    owner.patch(&path, json!({"roles": ["admin"]})).await.assert_status(200);
    key.get("/v1/contacts").await.assert_status(200);
}

#[tokio::test]
async fn a_key_runs_out_when_it_says_so() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let body = json!({"name": "Site", "permissions": ["contacts:read"], "expires_at": "2026-11-20T12:10:00Z"});
    let made = owner.post("/v1/api-keys", body).await.expect_status(201);
    let key = holder(&app, &made);
    after(&app, TimeDelta::seconds(599));
    key.get("/v1/contacts").await.assert_status(200);
    after(&app, TimeDelta::seconds(1));
    key.get("/v1/contacts").await.assert_problem(401, "token_expired");
    let path = format!("/v1/api-keys/{}", text(&made, "/api_key/id"));
    assert_eq!(owner.get(&path).await.body["status"], "expired");
}

#[tokio::test]
async fn a_key_ends_in_the_future_and_may_do_something() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let body = json!({"name": " ", "permissions": [], "expires_at": "2026-11-20T12:00:00Z"});
    let answer = owner.post("/v1/api-keys", body).await.expect_status(422);
    let pointers: Vec<_> = faults(&answer).iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(pointers, ["/name", "/permissions", "/expires_at"]);
    let unknown = make(&owner, json!(["contacts:read", "contacts:steal"]))
        .await
        .expect_status(422);
    assert_eq!(faults(&unknown)[0].0, "/permissions/1");
}

#[tokio::test]
async fn keys_are_made_by_people() {
    let Some(app) = TestApp::start().await else { return };
    let key = app.integration("aurora", kernel::Role::Owner.permissions()).await;
    make(&key, json!(["contacts:read"]))
        .await
        .assert_problem(403, "person_required");
}

#[tokio::test]
async fn a_key_opens_its_own_clinic_alone() {
    let Some(app) = TestApp::start().await else { return };
    let made = make(&app.actor("owner@aurora"), json!(["clinic:read"]))
        .await
        .expect_status(201);
    let secret = text(&made, "/secret");
    assert_eq!(app.api.bearer(secret).get("/v1/clinic").await.body["slug"], "aurora");
    let moved = secret.replace(
        &world::clinic("aurora").as_uuid().simple().to_string(),
        &world::clinic("horizonte").as_uuid().simple().to_string(),
    );
    assert_ne!(moved, secret);
    app.api
        .bearer(moved)
        .get("/v1/clinic")
        .await
        .assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn what_is_no_key_opens_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let made = make(&app.actor("owner@aurora"), json!(["clinic:read"]))
        .await
        .expect_status(201);
    let secret = text(&made, "/secret");
    let other = if secret.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{other}", &secret[..secret.len() - 1]);
    for wrong in ["tm_live_", "tm_live_x_y", &secret[..secret.len() - 1], &changed] {
        app.api
            .bearer(wrong)
            .get("/v1/clinic")
            .await
            .assert_problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn a_revoked_key_stays_in_the_list_of_those_revoked() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let made = make(&owner, json!(["clinic:read"])).await.expect_status(201);
    let path = format!("/v1/api-keys/{}", text(&made, "/api_key/id"));
    owner.delete(&path).await.assert_status(204);
    owner.delete(&path).await.assert_status(204);
    assert!(owner.get("/v1/api-keys?status=active").await.data().is_empty());
    let archived = owner.get("/v1/api-keys?status=archived").await;
    assert_eq!(archived.data().len(), 1);
    assert_eq!(archived.data()[0]["status"], "archived");
}

#[tokio::test]
async fn revoking_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let made = make(&owner, json!(["clinic:read"])).await.expect_status(201);
    let path = format!("/v1/api-keys/{}", text(&made, "/api_key/id"));
    let stale = owner
        .call(reqwest::Method::DELETE, &path)
        .header("if-match", "\"9-x\"")
        .send()
        .await;
    stale.assert_problem(412, "version_mismatch");
    holder(&app, &made).get("/v1/clinic").await.assert_status(200);
}

#[tokio::test]
async fn another_clinics_key_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let made = make(&app.actor("owner@aurora"), json!(["clinic:read"]))
        .await
        .expect_status(201);
    let path = format!("/v1/api-keys/{}", text(&made, "/api_key/id"));
    let neighbour = app.actor("owner@horizonte");
    neighbour.get(&path).await.assert_problem(404, "api_key_not_found");
    neighbour.delete(&path).await.assert_problem(404, "api_key_not_found");
    assert!(neighbour.get("/v1/api-keys").await.data().is_empty());
    holder(&app, &made).get("/v1/clinic").await.assert_status(200);
}

#[tokio::test]
async fn a_name_that_no_field_has_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"name": "Site", "permissions": ["clinic:read"], "secret": "mine"});
    let answer = app.actor("owner@aurora").post("/v1/api-keys", body).await;
    assert_fault(&answer, "/secret", "unknown_field");
}
