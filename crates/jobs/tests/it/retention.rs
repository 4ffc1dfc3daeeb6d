//! The removal of what is done with.

use chrono::TimeDelta;
use jobs::{HandlerError, Removed, Retention, WorkerConfig};
use test_support::{Role, world};

use crate::stage::{Notes, Stage, failing};

#[tokio::test]
async fn handled_events_go_in_time_and_a_few_at_once() {
    let Some(stage) = Stage::set().await else { return };
    for _ in 0..3 {
        stage.emit("test.old").await;
    }
    stage.emit("test.failed").await;
    let rejecting = failing("test.failed", || HandlerError::Reject("never".to_owned()));
    let retention = Retention {
        rows_at_once: 2,
        ..Retention::default()
    };
    let worker = stage.worker_with(
        WorkerConfig {
            retention,
            ..WorkerConfig::default()
        },
        rejecting,
    );
    let round = worker.run_once().await.unwrap();
    assert_eq!((round.handled, round.failed), (3, 1));

    stage.clock.advance(TimeDelta::days(30));
    stage.emit("test.waiting").await;
    assert_eq!(worker.clean_up().await.unwrap(), Removed::default());
    stage.clock.advance(TimeDelta::seconds(1));
    assert_eq!(worker.clean_up().await.unwrap().events, 2);
    assert_eq!(worker.clean_up().await.unwrap().events, 1);
    assert_eq!(worker.clean_up().await.unwrap(), Removed::default());
    assert!(stage.standings("test.old").await.is_empty());
    assert!(stage.standing("test.failed").await.failed);
    assert!(!stage.standing("test.waiting").await.handled);
}

#[tokio::test]
async fn kept_answers_go_when_they_have_expired() {
    let Some(stage) = Stage::set().await else { return };
    let maintenance = stage.database.connect(Role::Maintenance).await;
    for (key, expires_at) in [("expired", "2001-01-01T00:00:00Z"), ("good", "2199-01-01T00:00:00Z")] {
        let clinic = world::clinic("aurora");
        maintenance
            .batch_execute(&format!(
                "INSERT INTO idempotency_keys
                     (clinic_id, actor_id, key, fingerprint, status, headers, sealed_body, expires_at)
                 VALUES ('{clinic}', '{clinic}', '{key}', '', 201, '{{}}', '', '{expires_at}')"
            ))
            .await
            .unwrap();
    }
    let worker = stage.worker(Notes::default().handlers("test.none"));
    assert_eq!(worker.clean_up().await.unwrap().idempotency_keys, 1);
    let left = maintenance
        .query("SELECT key FROM idempotency_keys", &[])
        .await
        .unwrap();
    assert_eq!(
        left.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(),
        ["good"]
    );
}
