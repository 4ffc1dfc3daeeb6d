//! Open sign-ins: seen and ended by the person, and by who manages the staff.

use chrono::TimeDelta;
use kernel::Role;
use serde_json::json;
use test_support::{Actor, world};
use uuid::Uuid;

use super::{after, login, text, who};
use crate::app::TestApp;

/// The id of the sign-in that `actor` came by.
async fn session_of(actor: &Actor) -> String {
    text(&actor.get("/v1/me").await.expect_status(200), "/session/id").to_owned()
}

#[tokio::test]
async fn a_person_sees_their_own_sign_ins_the_newest_first() {
    let Some(app) = TestApp::start().await else { return };
    let first = who(&app, &login(&app, "reception@aurora").await);
    after(&app, TimeDelta::seconds(1));
    let second = who(&app, &login(&app, "reception@aurora").await);
    let listed = first.get("/v1/sessions").await.expect_status(200);
    let ids: Vec<_> = listed.data().iter().map(|row| row["id"].as_str().unwrap()).collect();
    let seeded = world::session("reception@aurora").to_string();
    let (first_id, second_id) = (session_of(&first).await, session_of(&second).await);
    assert_eq!(ids, [second_id.as_str(), first_id.as_str(), seeded.as_str()]);
    let current: Vec<_> = listed
        .data()
        .iter()
        .map(|row| row["current"].as_bool().unwrap())
        .collect();
    assert_eq!(current, [false, true, false]);
}

#[tokio::test]
async fn a_sign_in_tells_where_it_came_from() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"email": "reception@aurora.example", "password": world::PASSWORD});
    let call = app.api.nobody().call(reqwest::Method::POST, "/v1/auth/login");
    let signed_in = call
        .header("user-agent", "Recepção 1.0")
        .json(&body)
        .send()
        .await
        .expect_status(200);
    let listed = who(&app, &signed_in).get("/v1/sessions").await;
    let current = listed.data().iter().find(|row| row["current"] == true).unwrap();
    assert_eq!(current["address"], "127.0.0.1");
    assert_eq!(current["user_id"], json!(world::user("reception@aurora")));
}

#[tokio::test]
async fn an_ended_sign_in_is_refused_with_the_next_request_and_listed_no_more() {
    let Some(app) = TestApp::start().await else { return };
    let (own, other) = (
        app.actor("reception@aurora"),
        who(&app, &login(&app, "reception@aurora").await),
    );
    let id = session_of(&other).await;
    own.delete(&format!("/v1/sessions/{id}")).await.assert_status(204);
    other.get("/v1/me").await.assert_problem(401, "signed_out");
    let listed = own.get("/v1/sessions").await;
    assert!(listed.data().iter().all(|row| row["id"] != id.as_str()), "{listed}");
    own.delete(&format!("/v1/sessions/{id}"))
        .await
        .assert_problem(404, "session_not_found");
}

#[tokio::test]
async fn a_colleagues_sign_ins_are_seen_by_who_manages_the_staff_alone() {
    let Some(app) = TestApp::start().await else { return };
    let (user, place) = (world::user("billing@aurora"), world::membership("billing@aurora"));
    for filter in [format!("user_id={user}"), format!("membership_id={place}")] {
        let path = format!("/v1/sessions?{filter}");
        app.get("reception@aurora", &path)
            .await
            .assert_problem(403, "permission_denied");
        let listed = app.get("admin@aurora", &path).await.expect_status(200);
        assert_eq!(listed.data().len(), 1, "{listed}");
        assert_eq!(listed.data()[0]["id"], json!(world::session("billing@aurora")));
    }
}

#[tokio::test]
async fn a_colleagues_sign_in_is_ended_by_who_manages_the_staff_alone() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("/v1/sessions/{}", world::session("billing@aurora"));
    let colleague = app.actor("billing@aurora");
    app.actor("reception@aurora")
        .delete(&path)
        .await
        .assert_problem(404, "session_not_found");
    colleague.get("/v1/me").await.assert_status(200);
    app.actor("admin@aurora").delete(&path).await.assert_status(204);
    colleague.get("/v1/me").await.assert_problem(401, "signed_out");
}

#[tokio::test]
async fn an_owners_sign_in_is_ended_by_an_owner_alone() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("/v1/sessions/{}", world::session("owner@aurora"));
    app.actor("admin@aurora")
        .delete(&path)
        .await
        .assert_problem(403, "owner_protected");
    app.actor("director@aurora").delete(&path).await.assert_status(204);
}

#[tokio::test]
async fn another_clinics_sign_in_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    for id in [*world::session("reception@horizonte").as_uuid(), Uuid::from_u128(1)] {
        owner
            .delete(&format!("/v1/sessions/{id}"))
            .await
            .assert_problem(404, "session_not_found");
    }
    app.get("reception@horizonte", "/v1/me").await.assert_status(200);
    let path = format!("/v1/sessions?user_id={}", world::user("reception@horizonte"));
    assert!(owner.get(&path).await.expect_status(200).data().is_empty());
}

#[tokio::test]
async fn an_integration_has_no_sign_ins() {
    let Some(app) = TestApp::start().await else { return };
    let key = app.integration("aurora", Role::Receptionist.permissions()).await;
    key.get("/v1/sessions").await.assert_problem(403, "person_required");
    key.post("/v1/auth/logout", json!({}))
        .await
        .assert_problem(403, "person_required");
}
