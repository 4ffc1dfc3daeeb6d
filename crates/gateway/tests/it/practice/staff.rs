//! The staff: who gives and takes which roles, and the owner that a clinic always has.

use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use super::{STALE, UNKNOWN_ID, column, delete_if, patch_if};
use crate::accounts::{count, faults, login, login_by, refresh, text, who};
use crate::app::TestApp;

fn place(member: &str) -> String {
    format!("/v1/staff/{}", world::membership(member))
}

async fn give(actor: &Actor, member: &str, roles: Value) -> Answer {
    actor.patch(&place(member), json!({"roles": roles})).await
}

#[tokio::test]
async fn the_staff_is_listed_by_name_with_roles_and_the_practitioner_they_are() {
    let Some(app) = TestApp::start().await else { return };
    let listed = app.get("admin@aurora", "/v1/staff").await.expect_status(200);
    let names = [
        "Beatriz Lima",
        "Clara Moura",
        "Helena Prado",
        "Ivo Nunes",
        "Rui Campos",
        "Sônia Dias",
        "Tiago Reis",
    ];
    assert_eq!(column(&listed, "name"), names);
    let doctor = &listed.data()[0];
    assert_eq!(doctor["practitioner_id"], json!(world::practitioner("dr-lima")));
    assert_eq!(doctor["roles"], json!(["practitioner"]));
    assert_eq!(listed.data()[1]["practitioner_id"], Value::Null);
}

#[tokio::test]
async fn the_staff_is_found_by_role() {
    let Some(app) = TestApp::start().await else { return };
    let owners = app.get("admin@aurora", "/v1/staff?role=owner").await.expect_status(200);
    assert_eq!(column(&owners, "name"), ["Clara Moura", "Helena Prado"]);
    app.get("admin@aurora", "/v1/staff?role=god").await.assert_status(422);
}

#[tokio::test]
async fn the_staff_is_seen_by_who_may_see_it() {
    let Some(app) = TestApp::start().await else { return };
    app.get("auditor@aurora", "/v1/staff").await.assert_status(200);
    for member in ["reception@aurora", "practitioner@aurora", "billing@aurora"] {
        app.get(member, "/v1/staff")
            .await
            .assert_problem(403, "permission_denied");
    }
}

#[tokio::test]
async fn an_admin_gives_and_takes_what_they_have() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let changed = give(&admin, "reception@aurora", json!(["auditor", "receptionist"]))
        .await
        .expect_status(200);
    assert_eq!(changed.body["roles"], json!(["receptionist", "auditor"]));
    give(&admin, "reception@aurora", json!(["auditor"]))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn an_admin_gives_and_takes_nothing_beyond_their_own() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let give = |member, roles| give(&admin, member, roles);
    give("reception@aurora", json!(["receptionist", "billing"]))
        .await
        .assert_problem(403, "role_beyond_yours");
    give("reception@aurora", json!(["practitioner"]))
        .await
        .assert_problem(403, "role_beyond_yours");
    give("billing@aurora", json!(["receptionist"]))
        .await
        .assert_problem(403, "role_beyond_yours");
    give("billing@aurora", json!(["billing", "receptionist"]))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn owners_alone_touch_owners() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    give(&admin, "reception@aurora", json!(["owner"]))
        .await
        .assert_problem(403, "owners_only");
    give(&admin, "director@aurora", json!(["practitioner"]))
        .await
        .assert_problem(403, "owners_only");
    give(&admin, "director@aurora", json!(["owner", "practitioner", "auditor"]))
        .await
        .assert_problem(403, "owners_only");
    admin
        .delete(&place("owner@aurora"))
        .await
        .assert_problem(403, "owners_only");
    let owner = app.actor("owner@aurora");
    give(&owner, "admin@aurora", json!(["owner"])).await.assert_status(200);
    give(&owner, "director@aurora", json!(["practitioner"]))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn nobody_makes_an_owner_of_themselves() {
    let Some(app) = TestApp::start().await else { return };
    for member in ["admin@aurora"] {
        let answer = give(&app.actor(member), member, json!(["admin", "owner"])).await;
        answer.assert_problem(403, "owners_only");
    }
    let key = app.integration("aurora", kernel::Role::Owner.permissions()).await;
    give(&key, "admin@aurora", json!(["owner"]))
        .await
        .assert_problem(403, "owners_only");
}

#[tokio::test]
async fn who_does_not_manage_the_staff_changes_nobody() {
    let Some(app) = TestApp::start().await else { return };
    let auditor = app.actor("auditor@aurora");
    give(&auditor, "auditor@aurora", json!(["owner"]))
        .await
        .assert_problem(403, "permission_denied");
    auditor
        .delete(&place("reception@aurora"))
        .await
        .assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn the_last_owner_neither_leaves_nor_steps_down() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    give(&owner, "director@aurora", json!(["practitioner"]))
        .await
        .assert_status(200);
    give(&owner, "owner@aurora", json!(["admin"]))
        .await
        .assert_problem(409, "last_owner");
    owner
        .delete(&place("owner@aurora"))
        .await
        .assert_problem(409, "last_owner");
    let me = owner.get("/v1/me").await.expect_status(200);
    assert_eq!(me.body["roles"], json!(["owner"]));
}

#[tokio::test]
async fn of_two_owners_who_step_down_at_once_one_stays() {
    let Some(app) = TestApp::start().await else { return };
    let (owner, director) = (app.actor("owner@aurora"), app.actor("director@aurora"));
    for _ in 0..5 {
        let (one, other) = tokio::join!(
            give(&owner, "owner@aurora", json!(["admin"])),
            give(&director, "director@aurora", json!(["admin"])),
        );
        let (stayed, kept, left) = if one.status == 200 {
            (&other, &director, "owner@aurora")
        } else {
            one.assert_status(409);
            other.assert_status(200);
            (&one, &owner, "director@aurora")
        };
        stayed.assert_problem(409, "last_owner");
        give(kept, left, json!(["owner"])).await.assert_status(200);
    }
}

#[tokio::test]
async fn of_two_owners_who_demote_each_other_at_once_one_stays() {
    let Some(app) = TestApp::start().await else { return };
    let (owner, director) = (app.actor("owner@aurora"), app.actor("director@aurora"));
    let (one, other) = tokio::join!(
        give(&owner, "director@aurora", json!(["admin"])),
        give(&director, "owner@aurora", json!(["admin"])),
    );
    let made = [&one, &other].into_iter().filter(|answer| answer.status == 200).count();
    assert_eq!(made, 1, "{one} {other}");
    let owners = format!(
        "memberships WHERE clinic_id = '{}' AND 'owner' = ANY (roles)",
        world::clinic("aurora")
    );
    assert_eq!(count(&app, &owners).await, 1);
}

#[tokio::test]
async fn of_two_owners_who_leave_at_once_one_stays() {
    let Some(app) = TestApp::start().await else { return };
    let (owner, director) = (app.actor("owner@aurora"), app.actor("director@aurora"));
    let (owners_place, directors_place) = (place("owner@aurora"), place("director@aurora"));
    let (one, other) = tokio::join!(owner.delete(&owners_place), director.delete(&directors_place));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{one} {other}");
}

#[tokio::test]
async fn a_removed_member_is_signed_out_and_signs_in_no_more() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let admin = app.actor("admin@aurora");
    admin.delete(&place("reception@aurora")).await.assert_status(204);
    who(&app, &signed_in)
        .get("/v1/me")
        .await
        .assert_problem(401, "signed_out");
    refresh(&app, text(&signed_in, "/refresh_token"))
        .await
        .assert_problem(401, "invalid_refresh_token");
    login_by(&app, "reception@aurora", world::PASSWORD)
        .await
        .assert_problem(403, "no_clinic");
    let open = format!(
        "sessions WHERE membership_id = '{}' AND ended_at IS NULL",
        world::membership("reception@aurora")
    );
    assert_eq!(count(&app, &open).await, 0);
}

#[tokio::test]
async fn a_removed_member_stays_readable_among_those_removed() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    admin.delete(&place("reception@aurora")).await.assert_status(204);
    admin.delete(&place("reception@aurora")).await.assert_status(204);
    let seen = admin.get(&place("reception@aurora")).await.expect_status(200);
    assert_eq!(seen.body["status"], "archived");
    assert!(seen.body["archived_at"].is_string());
    assert!(!column(&admin.get("/v1/staff").await, "name").contains(&"Tiago Reis"));
    assert_eq!(
        column(&admin.get("/v1/staff?status=archived").await, "name"),
        ["Tiago Reis"]
    );
    give(&admin, "reception@aurora", json!(["auditor"]))
        .await
        .assert_problem(409, "archived");
}

#[tokio::test]
async fn a_change_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let path = place("reception@aurora");
    let read = admin.get(&path).await.etag().to_owned();
    let body = || json!({"roles": ["auditor"]});
    patch_if(&admin, &path, &read, body()).await.assert_status(200);
    patch_if(&admin, &path, &read, json!({"roles": ["receptionist"]}))
        .await
        .assert_problem(412, "version_mismatch");
    delete_if(&admin, &path, STALE)
        .await
        .assert_problem(412, "version_mismatch");
    delete_if(&admin, &path, admin.get(&path).await.etag())
        .await
        .assert_status(204);
}

#[tokio::test]
async fn a_member_has_roles_that_exist() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let none = give(&owner, "reception@aurora", json!([])).await.expect_status(422);
    assert_eq!(faults(&none), [("/roles", "required")]);
    let unknown = give(&owner, "reception@aurora", json!(["receptionist", "god"]))
        .await
        .expect_status(422);
    assert_eq!(faults(&unknown), [("/roles/1", "unknown_role")]);
}

#[tokio::test]
async fn another_clinics_member_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    for path in [
        place("reception@horizonte"),
        format!("/v1/staff/{UNKNOWN_ID}"),
        "/v1/staff/x".to_owned(),
    ] {
        owner.get(&path).await.assert_status(404);
        owner
            .patch(&path, json!({"roles": ["auditor"]}))
            .await
            .assert_status(404);
        owner.delete(&path).await.assert_status(404);
    }
    app.get("reception@horizonte", "/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn the_roles_are_listed_with_what_each_may_do() {
    let Some(app) = TestApp::start().await else { return };
    let roles = app.get("admin@aurora", "/v1/roles").await.expect_status(200);
    assert_eq!(
        column(&roles, "name"),
        ["admin", "auditor", "billing", "owner", "practitioner", "receptionist"]
    );
    let permissions = kernel::Role::Auditor.permissions();
    assert_eq!(
        roles.data()[1]["permissions"],
        json!(permissions.iter().collect::<Vec<_>>())
    );
}
