//! How often who may call, and how long a request may take.

use std::num::NonZeroU32;
use std::time::Duration;

use rest::Quota;
use serde_json::json;
use test_support::world;

use super::lock_rooms;
use crate::app::TestApp;

/// Three calls at once, and then one in a long while.
fn three() -> Quota {
    Quota {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(3).unwrap(),
    }
}

/// Asserts that of `answers` the first three pass, counted down, and a fourth is told when to come again.
fn assert_counted(answers: &[test_support::Answer]) {
    for (answer, left) in answers.iter().zip(["2", "1", "0"]) {
        assert!(answer.status.is_success() || answer.status == 401, "{answer}");
        assert_eq!(answer.header("ratelimit-limit"), Some("3"), "{answer}");
        assert_eq!(answer.header("ratelimit-remaining"), Some(left), "{answer}");
        assert!(
            answer
                .header("ratelimit-reset")
                .is_some_and(|reset| reset.parse::<u32>().is_ok()),
            "{answer}"
        );
    }
    answers[3].assert_problem(429, "rate_limited");
    assert!(
        answers[3]
            .header("retry-after")
            .is_some_and(|wait| wait.parse::<u32>().is_ok_and(|wait| wait > 0)),
        "{}",
        answers[3]
    );
}

#[tokio::test]
async fn each_caller_has_their_own_measure() {
    let Some(app) = TestApp::start_with(|config| config.server.limits.principal = three()).await else {
        return;
    };
    let reception = app.actor("reception@aurora");
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(reception.get("/v1/me").await);
    }
    assert_counted(&answers);
    app.get("owner@aurora", "/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn a_clinic_has_one_measure_for_all_its_people() {
    let Some(app) = TestApp::start_with(|config| config.server.limits.clinic = three()).await else {
        return;
    };
    for member in ["reception@aurora", "owner@aurora", "billing@aurora"] {
        app.get(member, "/v1/me").await.assert_status(200);
    }
    app.get("admin@aurora", "/v1/me")
        .await
        .assert_problem(429, "rate_limited");
    app.get("admin@horizonte", "/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn an_address_is_measured_before_anybody_is_known() {
    let Some(app) = TestApp::start_with(|config| config.server.limits.address = three()).await else {
        return;
    };
    let nobody = app.api.nobody();
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(nobody.get("/v1/me").await);
    }
    assert_counted(&answers);
    nobody.get("/healthz").await.assert_status(200);
}

#[tokio::test]
async fn where_secrets_could_be_guessed_the_measure_is_smaller() {
    let Some(app) = TestApp::start_with(|config| config.server.limits.sign_in = three()).await else {
        return;
    };
    let nobody = app.api.nobody();
    let sign_in = json!({"email": "reception@aurora.example", "password": "not this one, surely"});
    for _ in 0..3 {
        assert_eq!(nobody.post("/v1/auth/login", sign_in.clone()).await.status, 401);
    }
    nobody
        .post("/v1/auth/login", sign_in)
        .await
        .assert_problem(429, "rate_limited");
    app.get("reception@aurora", "/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_leaves_nothing_behind() {
    let Some(app) = TestApp::start_with(|config| config.server.deadline = Duration::from_millis(500)).await else {
        return;
    };
    let owner = app.actor("owner@aurora");
    owner.get("/v1/rooms").await.assert_status(200);
    let lock = lock_rooms(&app.database, "ACCESS EXCLUSIVE").await;
    // More at once than the pool has connections.
    let reads = (0..6).map(|number| {
        owner.get(if number % 2 == 0 {
            "/v1/rooms?limit=1"
        } else {
            "/v1/rooms?limit=2"
        })
    });
    let writes = (0..2).map(|_| owner.post("/v1/rooms", json!({"name": "Sala nova"})));
    let (reads, writes) = tokio::join!(
        futures_util::future::join_all(reads),
        futures_util::future::join_all(writes)
    );
    for answer in reads.iter().chain(&writes) {
        assert_eq!(answer.status, 503, "{answer}");
        answer.assert_is_problem();
        assert!(answer.header("retry-after").is_some(), "{answer}");
    }
    drop(lock);
    crate::app::until("the server answers again", async || {
        owner.get("/v1/rooms?limit=3").await.status == 200
    })
    .await;
    let listed = owner.get("/v1/rooms?limit=4").await.expect_status(200);
    assert!(listed.data().iter().all(|room| room["name"] != "Sala nova"), "{listed}");
    for member in ["owner@aurora", "owner@horizonte"] {
        let own = app.get(member, "/v1/clinic").await.expect_status(200);
        assert_eq!(own.body["id"], json!(world::clinic_of(member)));
    }
}

#[tokio::test]
async fn keys_invented_anew_are_counted_for_their_address_before_the_database_is_asked() {
    let Some(app) = TestApp::start_with(|config| config.server.limits.address = three()).await else {
        return;
    };
    let mut refused = 0;
    for number in 0..6 {
        let key = format!(
            "tm_live_{}_{}",
            uuid::Uuid::from_u128(7),
            format!("{number:x}").repeat(43)
        );
        let answer = app.api.bearer(key).get("/v1/me").await;
        if answer.status == 429 {
            refused += 1;
            assert_eq!(answer.statements(), 0, "{answer}");
        }
    }
    assert!(refused >= 3, "{refused} of 6 were refused");
}
