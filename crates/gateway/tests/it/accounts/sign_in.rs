//! Signing in by e-mail and password, the choice among clinics, and the lock after many failures.

use chrono::TimeDelta;
use kernel::{PermissionSet, Role};
use serde_json::{Value, json};
use test_support::{Answer, world};

use super::{after, assert_fault, count, email, login, login_by, login_with, sql, text, who, works_in_too};
use crate::app::TestApp;

/// How many failures in a row cost nothing but the attempt.
const FREE_FAILURES: usize = 10;

/// Fails to sign in until the account is locked.
async fn fail_until_locked(app: &TestApp, member: &str) {
    for _ in 0..FREE_FAILURES {
        login_by(app, member, "not the password")
            .await
            .assert_problem(401, "invalid_credentials");
    }
}

/// Asserts that sign-in is locked for so many seconds.
#[track_caller]
fn assert_locked(answer: &Answer, seconds: &str) {
    answer.assert_problem(429, "too_many_failed_sign_ins");
    assert_eq!(answer.header("retry-after"), Some(seconds), "{answer}");
}

#[tokio::test]
async fn signing_in_answers_under_the_fixed_names() {
    let Some(app) = TestApp::start().await else { return };
    let answer = login(&app, "reception@aurora").await;
    let mut names: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let fixed = [
        "access_token",
        "clinic",
        "expires_in",
        "permissions",
        "refresh_token",
        "token_type",
        "user",
    ];
    assert_eq!(names, fixed);
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 900);
    let user = json!({
        "id": world::user("reception@aurora"), "email": "reception@aurora.example", "name": "Tiago Reis"
    });
    assert_eq!(answer.body["user"], user);
    assert_eq!(answer.body["clinic"]["id"], json!(world::clinic("aurora")));
    assert_eq!(answer.body["clinic"]["slug"], "aurora");
    assert_eq!(answer.body["clinic"]["zone"], "America/Sao_Paulo");
}

#[tokio::test]
async fn answers_with_tokens_are_kept_by_no_cache() {
    let Some(app) = TestApp::start().await else { return };
    let answer = login(&app, "reception@aurora").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("etag"), None);
}

#[tokio::test]
async fn a_sign_in_may_do_what_its_roles_may_do() {
    let Some(app) = TestApp::start().await else { return };
    for (member, role) in [
        ("owner", Role::Owner),
        ("reception", Role::Receptionist),
        ("auditor", Role::Auditor),
    ] {
        let answer = login(&app, &format!("{member}@aurora")).await;
        let permissions = json!(role.permissions().iter().collect::<Vec<_>>());
        assert_eq!(answer.body["permissions"], permissions, "{member}");
        let me = who(&app, &answer).get("/v1/me").await.expect_status(200);
        assert_eq!(me.body["permissions"], permissions, "{member}");
        assert_eq!(me.body["roles"], json!([role]), "{member}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let Some(app) = TestApp::start().await else { return };
    let without_trace = |answer: &Answer| {
        let mut body = answer.body.clone();
        body.as_object_mut().unwrap().remove("trace_id");
        body
    };
    let header_names = |answer: &Answer| {
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    };
    let wrong = login_by(&app, "reception@aurora", "not the password").await;
    let unknown = login_by(&app, "nobody@aurora", "not the password").await;
    wrong.assert_problem(401, "invalid_credentials");
    assert_eq!(unknown.status, wrong.status);
    assert_eq!(without_trace(&unknown), without_trace(&wrong));
    assert_eq!(header_names(&unknown), header_names(&wrong));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_cost_as_many_statements() {
    let Some(app) = TestApp::start().await else { return };
    let wrong = login_by(&app, "reception@aurora", "not the password").await;
    let unknown = login_by(&app, "nobody@aurora", "not the password").await;
    assert_eq!(wrong.statements(), unknown.statements());
}

#[tokio::test]
async fn the_address_is_read_as_people_write_it() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"email": " Reception@Aurora.example ", "password": world::PASSWORD});
    login_with(&app, body).await.assert_status(200);
}

#[tokio::test]
async fn everything_wrong_with_a_sign_in_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let answer = login_with(&app, json!({"email": "nobody", "password": "x", "clinic_slug": "Não"})).await;
    answer.assert_status(422);
    let pointers: Vec<_> = super::faults(&answer).iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(pointers, ["/email", "/clinic_slug"]);
}

#[tokio::test]
async fn a_password_never_comes_back_in_an_error() {
    let Some(app) = TestApp::start().await else { return };
    for body in [
        json!({"email": "nobody", "password": "segredo-da-casa"}),
        json!({"email": "reception@aurora.example", "password": ["segredo-da-casa"]}),
        json!({"email": "reception@aurora.example", "password": "segredo-da-casa", "segredo": 1}),
    ] {
        let answer = login_with(&app, body).await.expect_status(422);
        assert!(
            !String::from_utf8_lossy(&answer.bytes).contains("segredo-da-casa"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn who_works_in_several_clinics_is_asked_for_one() {
    let Some(app) = TestApp::start().await else { return };
    works_in_too(&app, "reception@aurora", "horizonte", Role::Billing).await;
    let asked = login_by(&app, "reception@aurora", world::PASSWORD).await;
    asked.assert_problem(409, "clinic_required");
    let mut slugs: Vec<_> = asked.body["clinics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|clinic| clinic["slug"].as_str().unwrap())
        .collect();
    slugs.sort_unstable();
    assert_eq!(slugs, ["aurora", "horizonte"]);
    for (slug, role) in [("aurora", Role::Receptionist), ("horizonte", Role::Billing)] {
        let body = json!({"email": email("reception@aurora"), "password": world::PASSWORD, "clinic_slug": slug});
        let answer = login_with(&app, body).await.expect_status(200);
        assert_eq!(answer.body["clinic"]["slug"], slug);
        let permissions: PermissionSet = role.permissions();
        assert_eq!(
            answer.body["permissions"],
            json!(permissions.iter().collect::<Vec<_>>())
        );
    }
}

#[tokio::test]
async fn the_clinics_of_a_person_are_told_to_who_knows_the_password_alone() {
    let Some(app) = TestApp::start().await else { return };
    works_in_too(&app, "reception@aurora", "horizonte", Role::Billing).await;
    let answer = login_by(&app, "reception@aurora", "not the password").await;
    answer.assert_problem(401, "invalid_credentials");
    assert_eq!(answer.body.get("clinics"), None);
}

#[tokio::test]
async fn nobody_signs_in_to_a_clinic_in_which_they_do_not_work() {
    let Some(app) = TestApp::start().await else { return };
    let sign_in = |slug: &str| {
        login_with(
            &app,
            json!({"email": email("reception@aurora"), "password": world::PASSWORD, "clinic_slug": slug}),
        )
    };
    let foreign = sign_in("horizonte").await;
    assert_fault(&foreign, "/clinic_slug", "unknown_clinic");
    let unknown = sign_in("boreal").await;
    assert_eq!(unknown.body["errors"], foreign.body["errors"]);
}

#[tokio::test]
async fn who_works_nowhere_any_more_is_not_signed_in() {
    let Some(app) = TestApp::start().await else { return };
    let place = world::membership("billing@aurora");
    app.actor("owner@aurora")
        .delete(&format!("/v1/staff/{place}"))
        .await
        .assert_status(204);
    login_by(&app, "billing@aurora", world::PASSWORD)
        .await
        .assert_problem(403, "no_clinic");
}

#[tokio::test]
async fn nobody_signs_in_to_a_suspended_clinic() {
    let Some(app) = TestApp::start().await else { return };
    sql(&app, "UPDATE clinics SET status = 'suspended' WHERE slug = 'aurora'").await;
    login_by(&app, "owner@aurora", world::PASSWORD)
        .await
        .assert_problem(403, "no_clinic");
    login(&app, "owner@horizonte").await;
}

#[tokio::test]
async fn switching_opens_another_of_ones_clinics_beside_the_first() {
    let Some(app) = TestApp::start().await else { return };
    works_in_too(&app, "reception@aurora", "horizonte", Role::Admin).await;
    let at_aurora = app.actor("reception@aurora");
    let switched = at_aurora
        .post("/v1/auth/switch", json!({"clinic_slug": "horizonte"}))
        .await
        .expect_status(200);
    let at_horizonte = who(&app, &switched);
    assert_eq!(at_horizonte.get("/v1/clinic").await.body["slug"], "horizonte");
    assert_eq!(at_horizonte.get("/v1/me").await.body["roles"], json!(["admin"]));
    assert_eq!(at_aurora.get("/v1/me").await.body["clinic"]["slug"], "aurora");
}

#[tokio::test]
async fn nobody_switches_to_a_clinic_in_which_they_do_not_work() {
    let Some(app) = TestApp::start().await else { return };
    let answer = app
        .actor("owner@aurora")
        .post("/v1/auth/switch", json!({"clinic_slug": "horizonte"}))
        .await;
    assert_fault(&answer, "/clinic_slug", "unknown_clinic");
}

#[tokio::test]
async fn an_integration_switches_to_no_clinic() {
    let Some(app) = TestApp::start().await else { return };
    let key = app.integration("aurora", Role::Receptionist.permissions()).await;
    let answer = key.post("/v1/auth/switch", json!({"clinic_slug": "aurora"})).await;
    answer.assert_problem(403, "person_required");
}

#[tokio::test]
async fn ten_failures_lock_the_account_even_for_the_right_password() {
    let Some(app) = TestApp::start().await else { return };
    fail_until_locked(&app, "reception@aurora").await;
    assert_locked(&login_by(&app, "reception@aurora", world::PASSWORD).await, "5");
    after(&app, TimeDelta::seconds(4));
    assert_locked(&login_by(&app, "reception@aurora", world::PASSWORD).await, "1");
}

#[tokio::test]
async fn the_right_password_opens_once_the_lock_has_ended() {
    let Some(app) = TestApp::start().await else { return };
    fail_until_locked(&app, "reception@aurora").await;
    after(&app, TimeDelta::seconds(5));
    login(&app, "reception@aurora").await;
}

#[tokio::test]
async fn each_failure_after_a_lock_doubles_the_next() {
    let Some(app) = TestApp::start().await else { return };
    fail_until_locked(&app, "reception@aurora").await;
    for (passed, next) in [(5, "10"), (10, "20"), (20, "40")] {
        after(&app, TimeDelta::seconds(passed));
        login_by(&app, "reception@aurora", "not the password")
            .await
            .assert_problem(401, "invalid_credentials");
        assert_locked(&login_by(&app, "reception@aurora", world::PASSWORD).await, next);
    }
}

#[tokio::test]
async fn a_success_forgets_the_failures_before_it() {
    let Some(app) = TestApp::start().await else { return };
    for _ in 0..3 {
        for _ in 0..FREE_FAILURES - 1 {
            login_by(&app, "reception@aurora", "not the password")
                .await
                .assert_problem(401, "invalid_credentials");
        }
        login(&app, "reception@aurora").await;
    }
}

#[tokio::test]
async fn an_address_that_nobody_has_is_locked_as_an_account_is() {
    let Some(app) = TestApp::start().await else { return };
    fail_until_locked(&app, "nobody@aurora").await;
    assert_locked(&login_by(&app, "nobody@aurora", world::PASSWORD).await, "5");
    after(&app, TimeDelta::seconds(5));
    login_by(&app, "nobody@aurora", world::PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn a_lock_is_one_accounts_alone() {
    let Some(app) = TestApp::start().await else { return };
    fail_until_locked(&app, "reception@aurora").await;
    login(&app, "owner@aurora").await;
}

#[tokio::test]
async fn guessing_in_parallel_learns_no_more_than_guessing_in_turn() {
    let Some(app) = TestApp::start().await else { return };
    let guesses = (0..40).map(|_| login_by(&app, "reception@aurora", "not the password"));
    let answers = futures_util::future::join_all(guesses).await;
    let told = answers
        .iter()
        .filter(|answer| answer.code() == "invalid_credentials")
        .count();
    assert_eq!(told, FREE_FAILURES);
    let locked = answers
        .iter()
        .filter(|answer| answer.code() == "too_many_failed_sign_ins")
        .count();
    assert_eq!(told + locked, answers.len());
}

#[tokio::test]
async fn a_sign_in_leaves_its_trace() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let session = who(&app, &signed_in).get("/v1/me").await.body["session"]["id"].clone();
    let written = format!(
        "audit_log WHERE action = 'auth.sign_in' AND resource_id = '{}'",
        session.as_str().unwrap_or_default()
    );
    assert_eq!(count(&app, &written).await, 1);
}

#[tokio::test]
async fn what_answers_with_secrets_is_kept_for_no_repeated_request() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let nobody = app.api.nobody();
    let place = world::membership("reception@aurora");
    let refresh_token = text(&login(&app, "owner@aurora").await, "/refresh_token").to_owned();
    let calls: [(&_, String, Value); 7] = [
        (
            &nobody,
            "/v1/auth/login".to_owned(),
            json!({"email": email("owner@aurora"), "password": world::PASSWORD}),
        ),
        (
            &nobody,
            "/v1/auth/refresh".to_owned(),
            json!({"refresh_token": refresh_token}),
        ),
        (&owner, "/v1/auth/switch".to_owned(), json!({"clinic_slug": "aurora"})),
        (
            &owner,
            "/v1/api-keys".to_owned(),
            json!({"name": "Site", "permissions": ["contacts:read"]}),
        ),
        (
            &owner,
            "/v1/invitations".to_owned(),
            json!({"email": "ana@aurora.example", "name": "Ana Souza", "roles": ["receptionist"]}),
        ),
        (&owner, format!("/v1/staff/{place}/password-reset"), json!({})),
        (
            &owner,
            "/v1/me/totp".to_owned(),
            json!({"current_password": world::PASSWORD}),
        ),
    ];
    for (actor, path, body) in calls {
        let call = actor
            .call(reqwest::Method::POST, &path)
            .header("idempotency-key", "the-same")
            .json(&body);
        let answer = call.send().await;
        assert!(answer.status.is_success(), "{path}: {answer}");
        assert_eq!(answer.header("idempotency-replayed"), None, "{path}");
    }
    assert_eq!(count(&app, "idempotency_keys").await, 0);
}

#[tokio::test]
async fn a_repeated_sign_in_is_another_one() {
    let Some(app) = TestApp::start().await else { return };
    let sign_in = || {
        let body = json!({"email": email("reception@aurora"), "password": world::PASSWORD});
        let call = app.api.nobody().call(reqwest::Method::POST, "/v1/auth/login");
        call.header("idempotency-key", "the-same").json(&body).send()
    };
    let (first, second) = (sign_in().await.expect_status(200), sign_in().await.expect_status(200));
    assert_ne!(text(&first, "/refresh_token"), text(&second, "/refresh_token"));
}
