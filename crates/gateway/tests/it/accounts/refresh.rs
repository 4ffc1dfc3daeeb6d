//! Renewing tokens: each refresh token is good once, and one that comes again ends the sign-in (RFC 9700, section 4.14.2).

use chrono::TimeDelta;
use futures_util::future::join_all;
use test_support::world;

use super::{after, count, login, refresh, sql, text, who};
use crate::app::TestApp;

#[tokio::test]
async fn a_refresh_token_gives_new_tokens_for_the_same_sign_in() {
    let Some(app) = TestApp::start().await else { return };
    let first = login(&app, "reception@aurora").await;
    let second = refresh(&app, text(&first, "/refresh_token")).await.expect_status(200);
    assert_ne!(text(&first, "/refresh_token"), text(&second, "/refresh_token"));
    let session = |me: test_support::Answer| me.body["session"]["id"].clone();
    let before = session(who(&app, &first).get("/v1/me").await.expect_status(200));
    let after_renewal = session(who(&app, &second).get("/v1/me").await.expect_status(200));
    assert_eq!(before, after_renewal);
    assert_eq!(first.body["permissions"], second.body["permissions"]);
    refresh(&app, text(&second, "/refresh_token")).await.assert_status(200);
}

#[tokio::test]
async fn a_refresh_token_that_comes_again_ends_the_sign_in() {
    let Some(app) = TestApp::start().await else { return };
    let first = login(&app, "reception@aurora").await;
    let second = refresh(&app, text(&first, "/refresh_token")).await.expect_status(200);
    refresh(&app, text(&first, "/refresh_token"))
        .await
        .assert_problem(401, "invalid_refresh_token");
    refresh(&app, text(&second, "/refresh_token"))
        .await
        .assert_problem(401, "invalid_refresh_token");
    for tokens in [&first, &second] {
        who(&app, tokens).get("/v1/me").await.assert_problem(401, "signed_out");
    }
    assert_eq!(count(&app, "audit_log WHERE action = 'auth.reuse_detected'").await, 1);
}

#[tokio::test]
async fn a_reuse_ends_that_sign_in_and_no_other() {
    let Some(app) = TestApp::start().await else { return };
    let (stolen, other) = (
        login(&app, "reception@aurora").await,
        login(&app, "reception@aurora").await,
    );
    refresh(&app, text(&stolen, "/refresh_token")).await.assert_status(200);
    refresh(&app, text(&stolen, "/refresh_token")).await.assert_status(401);
    who(&app, &other).get("/v1/me").await.assert_status(200);
    refresh(&app, text(&other, "/refresh_token")).await.assert_status(200);
}

#[tokio::test]
async fn of_many_who_bring_one_token_at_once_one_gets_new_ones() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let token = text(&signed_in, "/refresh_token");
    let answers = join_all((0..20).map(|_| refresh(&app, token))).await;
    let winners = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers
        .iter()
        .filter(|answer| answer.code() == "invalid_refresh_token")
        .count();
    assert_eq!((winners, refused), (1, 19));
}

#[tokio::test]
async fn what_is_no_refresh_token_opens_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let token = text(&signed_in, "/refresh_token");
    let moved = token.replace(
        &world::clinic("aurora").as_uuid().simple().to_string(),
        &world::clinic("horizonte").as_uuid().simple().to_string(),
    );
    assert_ne!(moved, token);
    for wrong in [
        "",
        "tmr_",
        "x",
        &token[..token.len() - 1],
        &moved,
        text(&signed_in, "/access_token"),
    ] {
        refresh(&app, wrong).await.assert_problem(401, "invalid_refresh_token");
    }
    refresh(&app, token).await.assert_status(200);
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let answer = app.api.bearer(text(&signed_in, "/refresh_token")).get("/v1/me").await;
    answer.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn refresh_tokens_are_stored_as_hashes() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let token = text(&signed_in, "/refresh_token");
    let secret = token.rsplit('_').next().unwrap();
    assert_eq!(count(&app, "refresh_tokens").await, 1);
    let readable =
        format!("refresh_tokens r WHERE r::text LIKE '%{secret}%' OR encode(secret_hash, 'escape') LIKE '%{secret}%'");
    assert_eq!(count(&app, &readable).await, 0);
}

#[tokio::test]
async fn an_access_token_is_good_for_fifteen_minutes_and_renewed_after() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    after(&app, TimeDelta::seconds(899));
    who(&app, &signed_in).get("/v1/me").await.assert_status(200);
    after(&app, TimeDelta::seconds(1));
    who(&app, &signed_in)
        .get("/v1/me")
        .await
        .assert_problem(401, "token_expired");
    let renewed = refresh(&app, text(&signed_in, "/refresh_token"))
        .await
        .expect_status(200);
    who(&app, &renewed).get("/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn a_sign_in_that_nobody_uses_ends_after_thirty_days() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    after(&app, TimeDelta::days(30));
    refresh(&app, text(&signed_in, "/refresh_token"))
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_sign_in_lasts_as_long_as_it_is_renewed() {
    let Some(app) = TestApp::start().await else { return };
    let mut tokens = login(&app, "reception@aurora").await;
    for _ in 0..4 {
        after(&app, TimeDelta::days(29));
        tokens = refresh(&app, text(&tokens, "/refresh_token")).await.expect_status(200);
    }
    who(&app, &tokens).get("/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn renewing_takes_new_roles_over() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let body = serde_json::json!({"roles": ["auditor"]});
    let place = world::membership("reception@aurora");
    app.actor("owner@aurora")
        .patch(&format!("/v1/staff/{place}"), body)
        .await
        .assert_status(200);
    let renewed = refresh(&app, text(&signed_in, "/refresh_token"))
        .await
        .expect_status(200);
    let permissions = kernel::Role::Auditor.permissions();
    assert_eq!(
        renewed.body["permissions"],
        serde_json::json!(permissions.iter().collect::<Vec<_>>())
    );
}

#[tokio::test]
async fn signing_out_ends_both_tokens_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let actor = who(&app, &signed_in);
    actor.get("/v1/me").await.assert_status(200);
    actor
        .post("/v1/auth/logout", serde_json::json!({}))
        .await
        .assert_status(204);
    actor.get("/v1/me").await.assert_problem(401, "signed_out");
    refresh(&app, text(&signed_in, "/refresh_token"))
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn signing_out_needs_no_body() {
    let Some(app) = TestApp::start().await else { return };
    let actor = who(&app, &login(&app, "reception@aurora").await);
    actor
        .call(reqwest::Method::POST, "/v1/auth/logout")
        .send()
        .await
        .assert_status(204);
}

#[tokio::test]
async fn nothing_is_renewed_in_a_suspended_clinic() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    sql(&app, "UPDATE clinics SET status = 'suspended' WHERE slug = 'aurora'").await;
    refresh(&app, text(&signed_in, "/refresh_token"))
        .await
        .assert_problem(401, "invalid_refresh_token");
}
