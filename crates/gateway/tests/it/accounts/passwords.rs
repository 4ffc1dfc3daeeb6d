//! Changing one's password, and the link by which a forgotten one is replaced.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use kernel::Role;
use serde_json::json;
use test_support::{Actor, Answer, world};

use super::{
    Guarded, NEW_PASSWORD, after, assert_fault, count, email, faults, login, login_by, refresh, text, who, works_in_too,
};
use crate::app::TestApp;

async fn change(actor: &Actor, current: &str, new: &str) -> Answer {
    actor
        .post(
            "/v1/me/password",
            json!({"current_password": current, "new_password": new}),
        )
        .await
}

/// Asks for a link by which `member` sets a new password.
async fn hand_out(actor: &Actor, member: &str) -> Answer {
    actor
        .post(
            &format!("/v1/staff/{}/password-reset", world::membership(member)),
            json!({}),
        )
        .await
}

async fn complete(app: &TestApp, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "new_password": password});
    app.api.nobody().post("/v1/auth/password-resets/complete", body).await
}

#[tokio::test]
async fn a_changed_password_opens_and_the_old_one_does_not() {
    let Some(app) = TestApp::start().await else { return };
    change(&app.actor("reception@aurora"), world::PASSWORD, NEW_PASSWORD)
        .await
        .assert_status(204);
    login_by(&app, "reception@aurora", world::PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    login_by(&app, "reception@aurora", NEW_PASSWORD)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn changing_the_password_ends_every_other_sign_in() {
    let Some(app) = TestApp::start().await else { return };
    let own = app.actor("reception@aurora");
    let other = login(&app, "reception@aurora").await;
    who(&app, &other).get("/v1/me").await.assert_status(200);
    change(&own, world::PASSWORD, NEW_PASSWORD).await.assert_status(204);
    own.get("/v1/me").await.assert_status(200);
    who(&app, &other).get("/v1/me").await.assert_problem(401, "signed_out");
    refresh(&app, text(&other, "/refresh_token"))
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn changing_the_password_ends_sign_ins_in_other_clinics_too() {
    let Some(app) = TestApp::start().await else { return };
    works_in_too(&app, "reception@aurora", "horizonte", Role::Billing).await;
    let own = app.actor("reception@aurora");
    let elsewhere = own
        .post("/v1/auth/switch", json!({"clinic_slug": "horizonte"}))
        .await
        .expect_status(200);
    who(&app, &elsewhere).get("/v1/me").await.assert_status(200);
    change(&own, world::PASSWORD, NEW_PASSWORD).await.assert_status(204);
    who(&app, &elsewhere)
        .get("/v1/me")
        .await
        .assert_problem(401, "signed_out");
    own.get("/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn a_password_is_changed_with_the_present_one() {
    let Some(app) = TestApp::start().await else { return };
    let refused = change(&app.actor("reception@aurora"), "not the password", NEW_PASSWORD).await;
    assert_fault(&refused, "/current_password", "wrong_password");
    login(&app, "reception@aurora").await;
}

#[tokio::test]
async fn guessing_the_present_password_locks() {
    let Some(app) = TestApp::start().await else { return };
    let actor = app.actor("reception@aurora");
    for _ in 0..10 {
        change(&actor, "not the password", NEW_PASSWORD)
            .await
            .assert_status(422);
    }
    let locked = change(&actor, world::PASSWORD, NEW_PASSWORD).await;
    locked.assert_problem(429, "too_many_failed_sign_ins");
    after(&app, TimeDelta::seconds(5));
    change(&actor, world::PASSWORD, NEW_PASSWORD).await.assert_status(204);
}

#[tokio::test]
async fn a_weak_password_is_not_taken() {
    let Some(app) = TestApp::start().await else { return };
    let actor = app.actor("reception@aurora");
    for weak in ["", "short", "aaaaaaaaaaaaaaaaaaaa", "reception@aurora.example"] {
        let answer = change(&actor, world::PASSWORD, weak).await;
        answer.assert_status(422);
        assert_eq!(faults(&answer)[0].0, "/new_password", "{weak}: {answer}");
    }
    login(&app, "reception@aurora").await;
}

#[tokio::test]
async fn of_many_changes_of_one_password_at_once_one_is_made() {
    let Some(app) = TestApp::start().await else { return };
    let actor = app.actor("reception@aurora");
    let passwords: Vec<_> = (0..6).map(|number| format!("{NEW_PASSWORD} {number}")).collect();
    let answers = join_all(passwords.iter().map(|new| change(&actor, world::PASSWORD, new))).await;
    let changed: Vec<_> = answers
        .iter()
        .zip(&passwords)
        .filter(|(answer, _)| answer.status == 204)
        .collect();
    assert_eq!(changed.len(), 1);
    login_by(&app, "reception@aurora", changed[0].1)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_link_sets_a_new_password_and_ends_every_sign_in() {
    let Some(app) = TestApp::start().await else { return };
    let open = login(&app, "reception@aurora").await;
    let link = hand_out(&app.actor("admin@aurora"), "reception@aurora")
        .await
        .expect_status(201);
    complete(&app, text(&link, "/token"), NEW_PASSWORD)
        .await
        .assert_status(204);
    who(&app, &open).get("/v1/me").await.assert_problem(401, "signed_out");
    login_by(&app, "reception@aurora", world::PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    login_by(&app, "reception@aurora", NEW_PASSWORD)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_link_alone_changes_nothing() {
    let Some(app) = TestApp::start().await else { return };
    hand_out(&app.actor("admin@aurora"), "reception@aurora")
        .await
        .assert_status(201);
    login(&app, "reception@aurora").await;
}

#[tokio::test]
async fn a_link_is_good_once_even_for_many_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let link = hand_out(&app.actor("admin@aurora"), "reception@aurora")
        .await
        .expect_status(201);
    let passwords: Vec<_> = (0..6).map(|number| format!("{NEW_PASSWORD} {number}")).collect();
    let answers = join_all(passwords.iter().map(|new| complete(&app, text(&link, "/token"), new))).await;
    let set: Vec<_> = answers
        .iter()
        .zip(&passwords)
        .filter(|(answer, _)| answer.status == 204)
        .collect();
    assert_eq!(set.len(), 1);
    login_by(&app, "reception@aurora", set[0].1).await.assert_status(200);
    let again = complete(&app, text(&link, "/token"), NEW_PASSWORD).await;
    assert_fault(&again, "/token", "invalid_password_reset");
}

#[tokio::test]
async fn a_new_link_voids_those_from_before() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let first = hand_out(&admin, "reception@aurora").await.expect_status(201);
    let second = hand_out(&admin, "reception@aurora").await.expect_status(201);
    assert_fault(
        &complete(&app, text(&first, "/token"), NEW_PASSWORD).await,
        "/token",
        "invalid_password_reset",
    );
    complete(&app, text(&second, "/token"), NEW_PASSWORD)
        .await
        .assert_status(204);
}

#[tokio::test]
async fn a_link_is_good_for_a_day() {
    let Some(app) = TestApp::start().await else { return };
    let link = hand_out(&app.actor("admin@aurora"), "reception@aurora")
        .await
        .expect_status(201);
    assert_eq!(text(&link, "/expires_at"), "2026-11-21T12:00:00Z");
    after(&app, TimeDelta::days(1));
    let late = complete(&app, text(&link, "/token"), NEW_PASSWORD).await;
    assert_fault(&late, "/token", "invalid_password_reset");
}

#[tokio::test]
async fn changing_the_password_voids_the_links() {
    let Some(app) = TestApp::start().await else { return };
    let link = hand_out(&app.actor("admin@aurora"), "reception@aurora")
        .await
        .expect_status(201);
    change(&app.actor("reception@aurora"), world::PASSWORD, NEW_PASSWORD)
        .await
        .assert_status(204);
    let late = complete(&app, text(&link, "/token"), "cinco cavalos verdes").await;
    assert_fault(&late, "/token", "invalid_password_reset");
}

#[tokio::test]
async fn a_weak_password_leaves_the_link_good() {
    let Some(app) = TestApp::start().await else { return };
    let link = hand_out(&app.actor("admin@aurora"), "reception@aurora")
        .await
        .expect_status(201);
    let refused = complete(&app, text(&link, "/token"), "short").await.expect_status(422);
    assert_eq!(faults(&refused)[0].0, "/new_password");
    complete(&app, text(&link, "/token"), NEW_PASSWORD)
        .await
        .assert_status(204);
}

#[tokio::test]
async fn a_link_opens_a_locked_account_again() {
    let Some(app) = TestApp::start().await else { return };
    for _ in 0..10 {
        login_by(&app, "reception@aurora", "not the password")
            .await
            .assert_status(401);
    }
    let link = hand_out(&app.actor("admin@aurora"), "reception@aurora")
        .await
        .expect_status(201);
    complete(&app, text(&link, "/token"), NEW_PASSWORD)
        .await
        .assert_status(204);
    login_by(&app, "reception@aurora", NEW_PASSWORD)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn the_second_factor_stays_when_the_password_is_replaced() {
    let Some(app) = TestApp::start().await else { return };
    Guarded::set_up(&app, "reception@aurora").await;
    let link = hand_out(&app.actor("admin@aurora"), "reception@aurora")
        .await
        .expect_status(201);
    complete(&app, text(&link, "/token"), NEW_PASSWORD)
        .await
        .assert_status(204);
    login_by(&app, "reception@aurora", NEW_PASSWORD)
        .await
        .assert_problem(401, "totp_required");
}

#[tokio::test]
async fn nobody_hands_themselves_a_link() {
    let Some(app) = TestApp::start().await else { return };
    let answer = hand_out(&app.actor("owner@aurora"), "owner@aurora").await;
    answer.assert_problem(403, "own_password");
}

#[tokio::test]
async fn nobody_hands_out_a_link_to_who_may_do_more() {
    let Some(app) = TestApp::start().await else { return };
    let (admin, owner) = (app.actor("admin@aurora"), app.actor("owner@aurora"));
    for member in [
        "owner@aurora",
        "practitioner@aurora",
        "billing@aurora",
        "director@aurora",
    ] {
        hand_out(&admin, member)
            .await
            .assert_problem(403, "password_reset_not_permitted");
    }
    for member in ["practitioner@aurora", "billing@aurora", "director@aurora"] {
        hand_out(&owner, member).await.assert_status(201);
    }
    hand_out(&app.actor("reception@aurora"), "auditor@aurora")
        .await
        .assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn no_clinic_hands_out_a_link_to_who_works_in_another_too() {
    let Some(app) = TestApp::start().await else { return };
    works_in_too(&app, "reception@aurora", "horizonte", Role::Auditor).await;
    hand_out(&app.actor("owner@aurora"), "reception@aurora")
        .await
        .assert_problem(403, "works_elsewhere");
}

#[tokio::test]
async fn another_clinics_member_gets_no_link() {
    let Some(app) = TestApp::start().await else { return };
    let answer = hand_out(&app.actor("owner@aurora"), "reception@horizonte").await;
    answer.assert_problem(404, "staff_not_found");
}

#[tokio::test]
async fn asking_for_a_new_password_does_not_tell_who_has_an_account() {
    let Some(app) = TestApp::start().await else { return };
    let nobody = app.api.nobody();
    let ask = |address: String| nobody.post("/v1/auth/password-resets", json!({"email": address}));
    let known = ask(email("reception@aurora")).await.expect_status(202);
    let unknown = ask(email("nobody@aurora")).await.expect_status(202);
    assert_eq!(known.bytes, unknown.bytes);
}

#[tokio::test]
async fn asking_for_a_new_password_is_noted_where_the_person_works() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"email": email("reception@aurora")});
    app.api
        .nobody()
        .post("/v1/auth/password-resets", body)
        .await
        .assert_status(202);
    let noted = format!(
        "audit_log WHERE action = 'password_reset.request' AND clinic_id = '{}' AND resource_id = '{}'",
        world::clinic("aurora"),
        world::user("reception@aurora")
    );
    // It is noted beside the request.
    let wait = async { while count(&app, &noted).await == 0 {} };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .expect("it is noted");
    login(&app, "reception@aurora").await;
}
