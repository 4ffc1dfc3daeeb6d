//! The second factor: set up, asked for, good once, and recovered from.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use test_support::world;

use super::{Guarded, NEW_PASSWORD, after, assert_fault, count, login, login_by, sql, text};
use crate::app::TestApp;

#[tokio::test]
async fn a_second_factor_is_begun_with_the_present_password() {
    let Some(app) = TestApp::start().await else { return };
    let actor = app.actor("reception@aurora");
    let refused = actor
        .post("/v1/me/totp", json!({"current_password": "not the password"}))
        .await;
    assert_fault(&refused, "/current_password", "wrong_password");
    let begun = actor
        .post("/v1/me/totp", json!({"current_password": world::PASSWORD}))
        .await
        .expect_status(200);
    let url = text(&begun, "/otpauth_url");
    assert!(
        url.starts_with("otpauth://totp/TaskMed:") && url.contains(text(&begun, "/secret")),
        "{url}"
    );
}

#[tokio::test]
async fn a_second_factor_is_not_asked_for_before_it_was_confirmed() {
    let Some(app) = TestApp::start().await else { return };
    let actor = app.actor("reception@aurora");
    actor
        .post("/v1/me/totp", json!({"current_password": world::PASSWORD}))
        .await
        .assert_status(200);
    login(&app, "reception@aurora").await;
    assert_eq!(actor.get("/v1/me").await.body["user"]["totp_enabled"], false);
}

#[tokio::test]
async fn a_wrong_code_confirms_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let actor = app.actor("reception@aurora");
    actor
        .post("/v1/me/totp/confirm", json!({"totp_code": "123456"}))
        .await
        .assert_problem(409, "totp_not_enrolled");
    actor
        .post("/v1/me/totp", json!({"current_password": world::PASSWORD}))
        .await
        .assert_status(200);
    let refused = actor.post("/v1/me/totp/confirm", json!({"totp_code": "abcdef"})).await;
    assert_fault(&refused, "/totp_code", "invalid_totp_code");
    login(&app, "reception@aurora").await;
}

#[tokio::test]
async fn a_confirmed_second_factor_is_asked_for() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    login_by(&app, "reception@aurora", world::PASSWORD)
        .await
        .assert_problem(401, "totp_required");
    guarded
        .login(&app, &guarded.wrong_code(&app))
        .await
        .assert_problem(401, "invalid_totp_code");
    guarded.login(&app, &guarded.code(&app)).await.assert_status(200);
    assert_eq!(guarded.actor.get("/v1/me").await.body["user"]["totp_enabled"], true);
}

#[tokio::test]
async fn who_does_not_know_the_password_does_not_learn_of_the_second_factor() {
    let Some(app) = TestApp::start().await else { return };
    Guarded::set_up(&app, "reception@aurora").await;
    login_by(&app, "reception@aurora", "not the password")
        .await
        .assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn a_code_is_good_once() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let code = guarded.code(&app);
    guarded.login(&app, &code).await.assert_status(200);
    guarded
        .login(&app, &code)
        .await
        .assert_problem(401, "invalid_totp_code");
    after(&app, TimeDelta::seconds(30));
    guarded.login(&app, &guarded.code(&app)).await.assert_status(200);
}

#[tokio::test]
async fn the_code_that_confirmed_signs_nobody_in() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    after(&app, TimeDelta::seconds(-30));
    guarded
        .login(&app, &guarded.code(&app))
        .await
        .assert_problem(401, "invalid_totp_code");
}

#[tokio::test]
async fn of_many_who_bring_one_code_at_once_one_is_signed_in() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let code = guarded.code(&app);
    let answers = join_all((0..8).map(|_| guarded.login(&app, &code))).await;
    let signed_in = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(signed_in, 1);
    assert!(
        answers
            .iter()
            .all(|answer| [200, 401].contains(&answer.status.as_u16()))
    );
}

#[tokio::test]
async fn wrong_codes_lock_as_wrong_passwords_do() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    for _ in 0..10 {
        guarded
            .login(&app, &guarded.wrong_code(&app))
            .await
            .assert_problem(401, "invalid_totp_code");
    }
    let locked = guarded.login(&app, &guarded.code(&app)).await;
    locked.assert_problem(429, "too_many_failed_sign_ins");
    assert_eq!(locked.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn each_of_ten_recovery_codes_opens_once() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    assert_eq!(guarded.recovery_codes.len(), 10);
    for code in &guarded.recovery_codes {
        guarded.login(&app, code).await.assert_status(200);
        guarded.login(&app, code).await.assert_problem(401, "invalid_totp_code");
    }
}

#[tokio::test]
async fn a_recovery_code_is_read_as_people_type_it() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let typed = guarded.recovery_codes[0].to_uppercase().replace('-', " ");
    guarded.login(&app, &typed).await.assert_status(200);
}

#[tokio::test]
async fn another_persons_recovery_code_opens_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let one = Guarded::set_up(&app, "reception@aurora").await;
    let other = Guarded::set_up(&app, "billing@aurora").await;
    one.login(&app, &other.recovery_codes[0])
        .await
        .assert_problem(401, "invalid_totp_code");
}

#[tokio::test]
async fn new_recovery_codes_void_those_from_before() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let body = json!({"current_password": world::PASSWORD, "totp_code": guarded.code(&app)});
    let renewed = guarded
        .actor
        .post("/v1/me/recovery-codes", body)
        .await
        .expect_status(200);
    guarded
        .login(&app, &guarded.recovery_codes[0])
        .await
        .assert_problem(401, "invalid_totp_code");
    guarded
        .login(&app, text(&renewed, "/recovery_codes/0"))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn new_recovery_codes_take_password_and_code() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let renew = |password: &str, code: String| {
        guarded.actor.post(
            "/v1/me/recovery-codes",
            json!({"current_password": password, "totp_code": code}),
        )
    };
    let refused = renew("not the password", guarded.code(&app)).await;
    assert_fault(&refused, "/current_password", "wrong_password");
    let refused = renew(world::PASSWORD, guarded.wrong_code(&app)).await;
    assert_fault(&refused, "/totp_code", "invalid_totp_code");
}

#[tokio::test]
async fn a_second_factor_that_was_taken_away_is_not_asked_for() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let body = json!({"current_password": world::PASSWORD, "totp_code": guarded.code(&app)});
    guarded
        .actor
        .post("/v1/me/totp/disable", body.clone())
        .await
        .assert_status(204);
    login(&app, "reception@aurora").await;
    assert_eq!(count(&app, "user_recovery_codes").await, 0);
    guarded
        .actor
        .post("/v1/me/totp/disable", body)
        .await
        .assert_problem(409, "totp_not_enabled");
}

#[tokio::test]
async fn a_second_factor_is_taken_away_with_its_code_alone() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let body = json!({"current_password": world::PASSWORD, "totp_code": guarded.wrong_code(&app)});
    let refused = guarded.actor.post("/v1/me/totp/disable", body).await;
    assert_fault(&refused, "/totp_code", "invalid_totp_code");
    login_by(&app, "reception@aurora", world::PASSWORD)
        .await
        .assert_problem(401, "totp_required");
}

#[tokio::test]
async fn there_is_one_second_factor() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let again = guarded
        .actor
        .post("/v1/me/totp", json!({"current_password": world::PASSWORD}))
        .await;
    again.assert_problem(409, "totp_enabled");
    let body = json!({"totp_code": guarded.code(&app)});
    guarded
        .actor
        .post("/v1/me/totp/confirm", body)
        .await
        .assert_problem(409, "totp_enabled");
}

#[tokio::test]
async fn an_integration_has_no_second_factor() {
    let Some(app) = TestApp::start().await else { return };
    let key = app.integration("aurora", kernel::Role::Owner.permissions()).await;
    let answer = key
        .post("/v1/me/totp", json!({"current_password": world::PASSWORD}))
        .await;
    answer.assert_problem(403, "person_required");
}

#[tokio::test]
async fn one_persons_sealed_secret_does_not_open_in_anothers_row() {
    let Some(app) = TestApp::start().await else { return };
    let one = Guarded::set_up(&app, "reception@aurora").await;
    let other = Guarded::set_up(&app, "billing@aurora").await;
    let swapped = sql(
        &app,
        &format!(
            "UPDATE users u SET totp_sealed = o.totp_sealed FROM users o
             WHERE u.id = '{}' AND o.id = '{}'",
            world::user("reception@aurora"),
            world::user("billing@aurora")
        ),
    )
    .await;
    assert_eq!(swapped, 1);
    for code in [one.code(&app), other.code(&app)] {
        one.login(&app, &code).await.assert_problem(500, "internal_error");
    }
    other.login(&app, &other.code(&app)).await.assert_status(200);
}

#[tokio::test]
async fn a_new_password_takes_the_code_too() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let change = |code: Option<String>| {
        let body = json!({"current_password": world::PASSWORD, "new_password": NEW_PASSWORD, "totp_code": code});
        guarded.actor.post("/v1/me/password", body)
    };
    let refused = change(None).await;
    assert!(refused.status.is_client_error(), "{refused}");
    let refused = change(Some(guarded.wrong_code(&app))).await;
    assert_fault(&refused, "/totp_code", "invalid_totp_code");
    change(Some(guarded.code(&app))).await.assert_status(204);
}

#[tokio::test]
async fn joining_a_clinic_by_the_password_alone_gives_no_new_guesses_at_the_code() {
    let Some(app) = TestApp::start().await else { return };
    let guarded = Guarded::set_up(&app, "reception@aurora").await;
    let body = json!({
        "email": "reception@aurora.example", "password": world::PASSWORD, "totp_code": guarded.wrong_code(&app)
    });
    app.api.nobody().post("/v1/auth/login", body).await.assert_status(401);
    let failures = "users WHERE email = 'reception@aurora.example' AND failed_sign_ins = 1";
    assert_eq!(count(&app, failures).await, 1);
    let invitation = json!({"email": "reception@aurora.example", "name": "Tiago Reis", "roles": ["receptionist"]});
    let made = app
        .actor("admin@horizonte")
        .post("/v1/invitations", invitation)
        .await
        .expect_status(201);
    let join = json!({"token": made.body["token"], "password": world::PASSWORD});
    app.api
        .nobody()
        .post("/v1/invitations/accept", join)
        .await
        .assert_status(201);
    assert_eq!(count(&app, failures).await, 1);
}
