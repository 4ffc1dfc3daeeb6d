//! A bucket that is away, is not there, or does not let us in.

use chrono::TimeDelta;
use files::{BucketConfig, CheckError, Files, FilesConfig};

use super::*;
use crate::process::Process;

#[tokio::test]
async fn while_the_bucket_is_away_callers_are_told_to_come_again_and_nothing_is_noted() {
    let Some((stage, bucket)) = Stage::with_bucket().await else {
        return;
    };
    let kept = stage.upload(pdf(100)).await.expect_status(201);
    bucket.stop().await;
    for bytes in [pdf(100), pdf(6 << 20)] {
        let refused = stage.upload(bytes).await;
        refused.assert_problem(503, "unavailable");
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(stage.download(kept.id()).await.0, 503);
    assert_eq!(stage.count("SELECT count(*) FROM message_attachments").await, 1);
    bucket.start_again().await;
    assert_eq!(stage.download(kept.id()).await, (200, pdf(100)));
    stage.upload(pdf(6 << 20)).await.assert_status(201);
    assert_eq!(stage.kept(), 2);
}

#[tokio::test]
async fn an_import_waits_for_a_bucket_that_is_away_and_then_loses_nothing() {
    let Some((stage, bucket)) = Stage::with_bucket().await else {
        return;
    };
    let owner = stage.app.actor("owner@aurora");
    let taken = crate::imports::upload(&owner, "contacts", "Nome\nAna Lima\nBia Reis\n").await;
    let import = format!("/v1/imports/{}", taken.expect_status(201).id());
    bucket.stop().await;
    owner
        .post(&format!("{import}/start"), json!({}))
        .await
        .assert_status(202);
    let failed =
        "SELECT count(*) FROM outbox WHERE kind = 'import.run' AND last_error LIKE 'the store of files failed%'";
    until("an attempt in vain", async || stage.count(failed).await == 1).await;
    assert_eq!(owner.get(&import).await.body["status"], "running");
    bucket.start_again().await;
    until("the import", async || {
        stage.app.clock.advance(TimeDelta::seconds(1));
        stage.app.shared.wake().notify();
        let shown = stage.app.get("owner@aurora", &import).await.expect_status(200);
        shown.body["status"] == "completed" && shown.body["created"] == 2
    })
    .await;
}

/// What is said about files that are to be kept there.
async fn checked(bucket: BucketConfig) -> Result<(), CheckError> {
    let config = FilesConfig::Bucket(bucket);
    Files::open(&config).unwrap().check(&config).await
}

#[tokio::test]
async fn a_bucket_is_looked_at_before_anything_is_kept() {
    let bucket = TestBucket::start().await;
    checked(bucket.config()).await.unwrap();
    let missing = BucketConfig {
        name: "nobodys".to_owned(),
        ..bucket.config()
    };
    assert!(matches!(checked(missing).await, Err(CheckError::NoBucket { .. })));
    let wrong_secret = BucketConfig {
        secret_access_key: "not the secret".into(),
        ..bucket.config()
    };
    assert!(matches!(checked(wrong_secret).await, Err(CheckError::Refused { .. })));
    let unknown_key = BucketConfig {
        access_key_id: "AKIDNOBODY".to_owned(),
        ..bucket.config()
    };
    assert!(matches!(checked(unknown_key).await, Err(CheckError::Refused { .. })));
    bucket.stop().await;
    let away = checked(bucket.config()).await;
    assert!(matches!(away, Err(CheckError::Unavailable { .. })), "{away:?}");
}

#[tokio::test]
async fn a_gateway_does_not_start_over_a_bucket_that_refuses_it_and_says_what_to_do() {
    let Some(database) = test_support::TestDatabase::create().await else {
        return;
    };
    let bucket = TestBucket::start().await;
    for (name, value, says) in [
        ("TASKMED_FILES_BUCKET", "nobodys", "there is no bucket nobodys"),
        (
            "TASKMED_FILES_BUCKET_SECRET_ACCESS_KEY",
            "wrong",
            "correct TASKMED_FILES_BUCKET_ACCESS_KEY_ID",
        ),
    ] {
        let started = Process::of(&database)
            .bucket(&bucket)
            .set(name, value)
            .run(&["serve"])
            .await;
        assert_eq!(started.code, Some(1), "{}", started.errors);
        assert!(started.errors.contains(says), "{}", started.errors);
    }
}
