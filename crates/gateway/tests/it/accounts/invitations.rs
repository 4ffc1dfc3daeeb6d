//! Invitations: who may invite whom to what, and how a person joins, once.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use super::{NEW_PASSWORD, after, assert_fault, count, faults, login, login_by, login_with, sql, text, who};
use crate::app::TestApp;

async fn invite(actor: &Actor, email: &str, roles: Value) -> Answer {
    actor
        .post(
            "/v1/invitations",
            json!({"email": email, "name": "Ana Souza", "roles": roles}),
        )
        .await
}

/// An open invitation of `ana@aurora.example` to the reception.
async fn invited(app: &TestApp) -> Answer {
    invite(
        &app.actor("admin@aurora"),
        "ana@aurora.example",
        json!(["receptionist"]),
    )
    .await
    .expect_status(201)
}

async fn accept(app: &TestApp, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "password": password});
    app.api.nobody().post("/v1/invitations/accept", body).await
}

#[tokio::test]
async fn the_secret_of_an_invitation_is_shown_once() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    let token = text(&made, "/token");
    let admin = app.actor("admin@aurora");
    let path = format!("/v1/invitations/{}", text(&made, "/invitation/id"));
    assert_eq!(made.header("location"), Some(path.as_str()));
    for answer in [admin.get(&path).await, admin.get("/v1/invitations").await] {
        answer.assert_status(200);
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("token"), "{answer}");
    }
    let secret = token.rsplit('_').next().unwrap();
    assert_eq!(
        count(&app, &format!("invitations i WHERE i::text LIKE '%{secret}%'")).await,
        0
    );
}

#[tokio::test]
async fn who_has_no_account_makes_one_by_joining() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    let joined = accept(&app, text(&made, "/token"), NEW_PASSWORD)
        .await
        .expect_status(201);
    assert_eq!(joined.body["email"], "ana@aurora.example");
    assert_eq!(joined.body["roles"], json!(["receptionist"]));
    assert_eq!(joined.body["clinic"]["slug"], "aurora");
    let signed_in = login_by(&app, "ana@aurora", NEW_PASSWORD).await.expect_status(200);
    assert_eq!(signed_in.body["user"]["name"], "Ana Souza");
    who(&app, &signed_in).get("/v1/contacts").await.assert_status(200);
}

#[tokio::test]
async fn joining_signs_nobody_in() {
    let Some(app) = TestApp::start().await else { return };
    let joined = accept(&app, text(&invited(&app).await, "/token"), NEW_PASSWORD)
        .await
        .expect_status(201);
    assert_eq!(joined.body.get("access_token"), None);
    let user = joined.body["user_id"].as_str().unwrap();
    assert_eq!(count(&app, &format!("sessions WHERE user_id = '{user}'")).await, 0);
}

#[tokio::test]
async fn who_joins_may_correct_their_name() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    let body = json!({"token": text(&made, "/token"), "password": NEW_PASSWORD, "name": "Ana Maria de Souza"});
    app.api
        .nobody()
        .post("/v1/invitations/accept", body)
        .await
        .assert_status(201);
    let signed_in = login_by(&app, "ana@aurora", NEW_PASSWORD).await;
    assert_eq!(signed_in.body["user"]["name"], "Ana Maria de Souza");
}

#[tokio::test]
async fn of_many_who_accept_one_invitation_at_once_one_joins() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    let answers = join_all((0..10).map(|_| accept(&app, text(&made, "/token"), NEW_PASSWORD))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(
        answers
            .iter()
            .all(|answer| [201, 409].contains(&answer.status.as_u16()))
    );
    assert_eq!(count(&app, "users WHERE email = 'ana@aurora.example'").await, 1);
    let places = "memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'ana@aurora.example'";
    assert_eq!(count(&app, places).await, 1);
}

#[tokio::test]
async fn an_accepted_invitation_is_closed() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    accept(&app, text(&made, "/token"), NEW_PASSWORD)
        .await
        .assert_status(201);
    accept(&app, text(&made, "/token"), NEW_PASSWORD)
        .await
        .assert_problem(409, "invitation_closed");
    let path = format!("/v1/invitations/{}", text(&made, "/invitation/id"));
    let admin = app.actor("admin@aurora");
    assert_eq!(admin.get(&path).await.body["status"], "accepted");
    admin.delete(&path).await.assert_problem(409, "invitation_closed");
}

#[tokio::test]
async fn who_has_an_account_proves_it_by_its_password() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let made = invite(&owner, "billing@horizonte.example", json!(["billing"]))
        .await
        .expect_status(201);
    let token = text(&made, "/token");
    assert_fault(&accept(&app, token, NEW_PASSWORD).await, "/password", "wrong_password");
    let without = app
        .api
        .nobody()
        .post("/v1/invitations/accept", json!({"token": token}))
        .await;
    assert_fault(&without, "/password", "required");
    let joined = accept(&app, token, world::PASSWORD).await.expect_status(201);
    assert_eq!(joined.body["user_id"], json!(world::user("billing@horizonte")));
    let asked = login_by(&app, "billing@horizonte", world::PASSWORD).await;
    asked.assert_problem(409, "clinic_required");
}

#[tokio::test]
async fn guessing_the_password_by_an_invitation_locks_the_account() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let made = invite(&owner, "billing@horizonte.example", json!(["billing"]))
        .await
        .expect_status(201);
    for _ in 0..10 {
        accept(&app, text(&made, "/token"), "not the password")
            .await
            .assert_status(422);
    }
    let locked = accept(&app, text(&made, "/token"), world::PASSWORD).await;
    locked.assert_problem(429, "too_many_failed_sign_ins");
}

#[tokio::test]
async fn a_new_account_has_a_password_that_is_not_easily_guessed() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    for weak in ["short", "aaaaaaaaaaaaaaaaaaaa", "ana@aurora.example"] {
        let answer = accept(&app, text(&made, "/token"), weak).await;
        answer.assert_status(422);
        assert_eq!(faults(&answer)[0].0, "/password", "{weak}: {answer}");
    }
    assert_eq!(count(&app, "users WHERE email = 'ana@aurora.example'").await, 0);
}

#[tokio::test]
async fn an_invitation_is_good_for_a_week() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    after(&app, TimeDelta::days(7));
    accept(&app, text(&made, "/token"), NEW_PASSWORD)
        .await
        .assert_problem(409, "invitation_closed");
    let path = format!("/v1/invitations/{}", text(&made, "/invitation/id"));
    assert_eq!(app.get("admin@aurora", &path).await.body["status"], "expired");
    let again = invited(&app).await;
    accept(&app, text(&again, "/token"), NEW_PASSWORD)
        .await
        .assert_status(201);
}

#[tokio::test]
async fn a_revoked_invitation_lets_nobody_in() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    let admin = app.actor("admin@aurora");
    let path = format!("/v1/invitations/{}", text(&made, "/invitation/id"));
    admin.delete(&path).await.assert_status(204);
    admin.delete(&path).await.assert_status(204);
    accept(&app, text(&made, "/token"), NEW_PASSWORD)
        .await
        .assert_problem(409, "invitation_closed");
    assert_eq!(admin.get(&path).await.body["status"], "archived");
    invited(&app).await;
}

#[tokio::test]
async fn revoking_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    let admin = app.actor("admin@aurora");
    let path = format!("/v1/invitations/{}", text(&made, "/invitation/id"));
    let stale = admin
        .call(reqwest::Method::DELETE, &path)
        .header("if-match", "\"9-x\"")
        .send()
        .await;
    stale.assert_problem(412, "version_mismatch");
    let etag = admin.get(&path).await.etag().to_owned();
    admin
        .call(reqwest::Method::DELETE, &path)
        .header("if-match", etag)
        .send()
        .await
        .assert_status(204);
}

#[tokio::test]
async fn there_is_one_open_invitation_for_an_address() {
    let Some(app) = TestApp::start().await else { return };
    invited(&app).await;
    let again = invite(&app.actor("owner@aurora"), " ANA@aurora.example", json!(["billing"])).await;
    again.assert_problem(409, "invitation_exists");
    let elsewhere = invite(&app.actor("owner@horizonte"), "ana@aurora.example", json!(["billing"])).await;
    elsewhere.assert_status(201);
}

#[tokio::test]
async fn of_many_invitations_of_one_person_at_once_one_is_made() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let answers = join_all((0..8).map(|_| invite(&admin, "ana@aurora.example", json!(["receptionist"])))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.code() == "invitation_exists")
            .count(),
        7
    );
}

#[tokio::test]
async fn who_works_here_is_not_invited() {
    let Some(app) = TestApp::start().await else { return };
    let answer = invite(
        &app.actor("owner@aurora"),
        "reception@aurora.example",
        json!(["billing"]),
    )
    .await;
    answer.assert_problem(409, "already_member");
}

#[tokio::test]
async fn nobody_gives_roles_that_they_lack() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for role in ["owner", "practitioner", "billing"] {
        let answer = invite(&admin, "ana@aurora.example", json!(["receptionist", role])).await;
        answer.assert_problem(403, "role_not_grantable");
        assert_eq!(answer.body["roles"], json!([role]));
    }
    for role in ["admin", "receptionist", "auditor"] {
        invite(&admin, &format!("{role}.novo@aurora.example"), json!([role]))
            .await
            .assert_status(201);
    }
}

#[tokio::test]
async fn an_owner_gives_every_role() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let roles = json!(["owner", "admin", "practitioner", "receptionist", "billing", "auditor"]);
    let made = invite(&owner, "ana@aurora.example", roles.clone())
        .await
        .expect_status(201);
    assert_eq!(made.body["invitation"]["roles"], roles);
}

#[tokio::test]
async fn who_does_not_manage_the_staff_invites_nobody() {
    let Some(app) = TestApp::start().await else { return };
    for member in ["reception@aurora", "practitioner@aurora", "auditor@aurora"] {
        let answer = invite(&app.actor(member), "ana@aurora.example", json!(["receptionist"])).await;
        answer.assert_problem(403, "permission_denied");
    }
}

#[tokio::test]
async fn an_integration_makes_no_owner_whatever_it_may_do() {
    let Some(app) = TestApp::start().await else { return };
    let key = app.integration("aurora", kernel::Role::Owner.permissions()).await;
    invite(&key, "ana@aurora.example", json!(["owner"]))
        .await
        .assert_problem(403, "role_not_grantable");
    let made = invite(&key, "ana@aurora.example", json!(["receptionist"]))
        .await
        .expect_status(201);
    assert_eq!(made.body["invitation"]["invited_by"], Value::Null);
}

#[tokio::test]
async fn everything_wrong_with_an_invitation_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"email": "nobody", "name": " ", "roles": []});
    let answer = app
        .actor("owner@aurora")
        .post("/v1/invitations", body)
        .await
        .expect_status(422);
    let pointers: Vec<_> = faults(&answer).iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(pointers, ["/email", "/name", "/roles"]);
}

#[tokio::test]
async fn what_is_no_secret_of_an_invitation_lets_nobody_in() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    let token = text(&made, "/token");
    let moved = token.replace(
        &world::clinic("aurora").as_uuid().simple().to_string(),
        &world::clinic("horizonte").as_uuid().simple().to_string(),
    );
    assert_ne!(moved, token);
    for wrong in ["", "tmi_", &token[..token.len() - 1], &moved] {
        assert_fault(&accept(&app, wrong, NEW_PASSWORD).await, "/token", "unknown_invitation");
    }
}

#[tokio::test]
async fn nobody_joins_a_suspended_clinic() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    sql(&app, "UPDATE clinics SET status = 'suspended' WHERE slug = 'aurora'").await;
    accept(&app, text(&made, "/token"), NEW_PASSWORD)
        .await
        .assert_problem(409, "invitation_closed");
}

#[tokio::test]
async fn who_was_removed_may_be_invited_again() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let place = world::membership("billing@aurora");
    owner.delete(&format!("/v1/staff/{place}")).await.assert_status(204);
    let made = invite(&owner, "billing@aurora.example", json!(["auditor"]))
        .await
        .expect_status(201);
    let joined = accept(&app, text(&made, "/token"), world::PASSWORD)
        .await
        .expect_status(201);
    assert_ne!(joined.body["membership_id"], json!(place));
    let me = who(&app, &login(&app, "billing@aurora").await).get("/v1/me").await;
    assert_eq!(me.body["roles"], json!(["auditor"]));
}

#[tokio::test]
async fn another_clinics_invitation_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let made = invited(&app).await;
    let path = format!("/v1/invitations/{}", text(&made, "/invitation/id"));
    let neighbour = app.actor("owner@horizonte");
    neighbour.get(&path).await.assert_problem(404, "invitation_not_found");
    neighbour
        .delete(&path)
        .await
        .assert_problem(404, "invitation_not_found");
    assert!(neighbour.get("/v1/invitations").await.data().is_empty());
    let body = json!({"email": "ana@aurora.example", "password": NEW_PASSWORD});
    accept(&app, text(&made, "/token"), NEW_PASSWORD)
        .await
        .assert_status(201);
    login_with(&app, body).await.assert_status(200);
}

#[tokio::test]
async fn an_invitation_is_worth_what_its_maker_still_is() {
    let Some(app) = TestApp::start().await else { return };
    let (owner, place) = (app.actor("owner@aurora"), world::membership("admin@aurora"));
    let made = invited(&app).await;
    owner.delete(&format!("/v1/staff/{place}")).await.assert_status(204);
    accept(&app, text(&made, "/token"), NEW_PASSWORD)
        .await
        .assert_problem(409, "invitation_closed");
}
