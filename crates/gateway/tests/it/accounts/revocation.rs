//! A revocation is felt by the next request in the process that made it, and within a second everywhere.

use chrono::TimeDelta;
use kernel::Role;
use serde_json::json;
use test_support::world;

use super::{after, sql, text};
use crate::app::TestApp;

#[tokio::test]
async fn a_removed_member_is_refused_with_the_next_request() {
    let Some(app) = TestApp::start().await else { return };
    let member = app.actor("reception@aurora");
    member.get("/v1/contacts").await.assert_status(200);
    let place = world::membership("reception@aurora");
    app.actor("admin@aurora")
        .delete(&format!("/v1/staff/{place}"))
        .await
        .assert_status(204);
    member.get("/v1/contacts").await.assert_problem(401, "signed_out");
}

#[tokio::test]
async fn a_removed_members_keys_are_refused_with_the_next_request() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"name": "Site", "permissions": ["contacts:read"]});
    let made = app
        .actor("admin@aurora")
        .post("/v1/api-keys", body)
        .await
        .expect_status(201);
    let key = app.api.bearer(text(&made, "/secret"));
    key.get("/v1/contacts").await.assert_status(200);
    let place = world::membership("admin@aurora");
    app.actor("owner@aurora")
        .delete(&format!("/v1/staff/{place}"))
        .await
        .assert_status(204);
    key.get("/v1/contacts").await.assert_problem(401, "signed_out");
}

#[tokio::test]
async fn a_role_taken_away_is_felt_with_the_next_request() {
    let Some(app) = TestApp::start().await else { return };
    let member = app.actor("reception@aurora");
    member.get("/v1/contacts").await.assert_status(200);
    let path = format!("/v1/staff/{}", world::membership("reception@aurora"));
    app.actor("owner@aurora")
        .patch(&path, json!({"roles": ["auditor"]}))
        .await
        .assert_status(200);
    member
        .get("/v1/contacts")
        .await
        .assert_problem(403, "permission_denied");
    app.actor("owner@aurora")
        .patch(&path, json!({"roles": ["receptionist"]}))
        .await
        .assert_status(200);
    member.get("/v1/contacts").await.assert_status(200);
}

#[tokio::test]
async fn an_archived_key_is_refused_with_the_next_request() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let made = owner
        .post(
            "/v1/api-keys",
            json!({"name": "Site", "permissions": ["contacts:read"]}),
        )
        .await;
    let key = app.api.bearer(text(&made, "/secret"));
    key.get("/v1/contacts").await.assert_status(200);
    let path = format!("/v1/api-keys/{}", text(&made, "/api_key/id"));
    owner.delete(&path).await.assert_status(204);
    key.get("/v1/contacts").await.assert_problem(401, "signed_out");
}

#[tokio::test]
async fn what_another_node_ended_is_refused_within_a_second() {
    let Some(app) = TestApp::start().await else { return };
    let member = app.actor("reception@aurora");
    member.get("/v1/me").await.assert_status(200);
    let session = world::session("reception@aurora");
    sql(
        &app,
        &format!("UPDATE sessions SET ended_at = now(), ended_reason = 'revoked' WHERE id = '{session}'"),
    )
    .await;
    after(&app, TimeDelta::seconds(1));
    member.get("/v1/me").await.assert_problem(401, "signed_out");
}

#[tokio::test]
async fn a_suspended_clinic_is_closed_within_a_second_and_its_neighbour_open() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let key = app.integration("aurora", Role::Receptionist.permissions()).await;
    let neighbour = app.actor("owner@horizonte");
    for actor in [&owner, &key, &neighbour] {
        actor.get("/v1/me").await.assert_status(200);
    }
    sql(&app, "UPDATE clinics SET status = 'suspended' WHERE slug = 'aurora'").await;
    after(&app, TimeDelta::seconds(1));
    owner.get("/v1/me").await.assert_problem(401, "signed_out");
    key.get("/v1/me").await.assert_problem(401, "signed_out");
    neighbour.get("/v1/me").await.assert_status(200);
    sql(&app, "UPDATE clinics SET status = 'active' WHERE slug = 'aurora'").await;
    after(&app, TimeDelta::seconds(1));
    owner.get("/v1/me").await.assert_status(200);
}
