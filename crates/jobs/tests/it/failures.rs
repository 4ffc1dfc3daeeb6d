//! What becomes of events that cannot be handled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use db::Db;
use jobs::{Event, HandlerError, Handlers, Retries, RetryPolicy, Round, WorkerConfig};
use kernel::System;
use serde_json::json;
use test_support::{Role, world};

use crate::stage::{Gate, Notes, Stage, failing, is_killed_at};

fn most_attempts(most_attempts: i32) -> WorkerConfig {
    WorkerConfig {
        retries: RetryPolicy {
            most_attempts,
            ..RetryPolicy::default()
        },
        ..WorkerConfig::default()
    }
}

fn not_now() -> HandlerError {
    HandlerError::Retry("the other side does not answer".to_owned())
}

#[tokio::test]
async fn a_failed_event_comes_again_after_a_pause() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.failing").await;
    let worker = stage.worker(failing("test.failing", not_now));
    assert_eq!(
        worker.run_once().await.unwrap(),
        Round {
            retried: 1,
            ..Round::default()
        }
    );
    let standing = stage.standing("test.failing").await;
    assert_eq!(standing.last_error.as_deref(), Some("the other side does not answer"));
    assert!(!standing.held && !standing.handled && !standing.failed, "{standing:?}");

    // The first pause lasts one to two seconds, the second two to four.
    stage.clock.advance(TimeDelta::milliseconds(999));
    assert_eq!(worker.run_once().await.unwrap(), Round::default());
    stage.clock.advance(TimeDelta::milliseconds(1001));
    assert_eq!(worker.run_once().await.unwrap().retried, 1);
    stage.clock.advance(TimeDelta::milliseconds(1999));
    assert_eq!(worker.run_once().await.unwrap(), Round::default());
    stage.clock.advance(TimeDelta::milliseconds(2001));
    let notes = Notes::default();
    assert_eq!(
        stage
            .worker(notes.handlers("test.failing"))
            .run_once()
            .await
            .unwrap()
            .handled,
        1
    );
    assert_eq!(stage.standing("test.failing").await.attempts, 3);
}

#[tokio::test]
async fn an_event_that_fails_too_often_is_given_up_and_stays() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.hopeless").await;
    let worker = stage.worker_with(most_attempts(3), failing("test.hopeless", not_now));
    for _ in 0..2 {
        assert_eq!(worker.run_once().await.unwrap().retried, 1);
        stage.a_long_time_passes();
    }
    assert_eq!(worker.run_once().await.unwrap().failed, 1);
    stage.a_long_time_passes();
    assert_eq!(worker.run_once().await.unwrap(), Round::default());
    let standing = stage.standing("test.hopeless").await;
    assert!(standing.failed && !standing.handled && !standing.held, "{standing:?}");
    assert_eq!(standing.attempts, 3);
    assert_eq!(standing.last_error.as_deref(), Some("the other side does not answer"));
}

#[tokio::test]
async fn an_event_that_is_rejected_is_given_up_at_once() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.rejected").await;
    let long = "é".repeat(2_000);
    let worker = stage.worker(failing("test.rejected", move || HandlerError::Reject(long.clone())));
    assert_eq!(
        worker.run_once().await.unwrap(),
        Round {
            failed: 1,
            ..Round::default()
        }
    );
    let standing = stage.standing("test.rejected").await;
    assert!(standing.failed, "{standing:?}");
    assert_eq!(standing.last_error.unwrap().chars().count(), 500);
}

#[tokio::test]
async fn a_payload_of_another_form_is_rejected_without_being_quoted() {
    let Some(stage) = Stage::set().await else { return };
    stage
        .emit_in(
            world::clinic("aurora"),
            "test.malformed",
            json!({"number": "Maria da Silva"}),
        )
        .await;
    let handlers = Handlers::new().on("test.malformed", async |_db: &Db, _system: System, event: Event| {
        event.payload::<std::collections::BTreeMap<String, u32>>().map(drop)
    });
    assert_eq!(stage.worker(handlers).run_once().await.unwrap().failed, 1);
    let reason = stage.standing("test.malformed").await.last_error.unwrap();
    assert!(!reason.contains("Maria"), "{reason}");
}

#[tokio::test]
async fn a_panic_is_a_failure_of_its_event_alone() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.panicking").await;
    stage.emit("test.fine").await;
    let notes = Notes::default();
    let handlers = notes
        .handlers("test.fine")
        .on("test.panicking", async |_db: &Db, _system: System, _event: Event| {
            panic!("as this test wants it")
        });
    let round = stage.worker(handlers).run_once().await.unwrap();
    assert_eq!(
        round,
        Round {
            handled: 1,
            retried: 1,
            ..Round::default()
        }
    );
    let standing = stage.standing("test.panicking").await;
    assert_eq!(standing.last_error.as_deref(), Some("the handler panicked"));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_a_failure() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.endless").await;
    let config = WorkerConfig {
        time_limit: Duration::ZERO,
        ..WorkerConfig::default()
    };
    let worker = stage.worker_with(config, Gate::default().handlers("test.endless"));
    assert_eq!(worker.run_once().await.unwrap().retried, 1);
    let standing = stage.standing("test.endless").await;
    assert_eq!(
        standing.last_error.as_deref(),
        Some("the handler took longer than it may")
    );
}

#[tokio::test]
async fn an_event_that_kills_its_workers_is_given_up() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.deadly").await;
    let gate = Gate::default();
    for _ in 0..2 {
        is_killed_at(
            &stage.worker_with(most_attempts(2), gate.handlers("test.deadly")),
            &gate,
        )
        .await;
        stage.a_long_time_passes();
    }
    let notes = Notes::default();
    let careful = stage.worker_with(most_attempts(2), notes.handlers("test.deadly"));
    assert_eq!(careful.run_once().await.unwrap().failed, 1);
    assert_eq!(notes.count(), 0);
}

#[tokio::test]
async fn what_a_failed_handler_wrote_is_undone() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.half_way").await;
    let handlers = Handlers::new().on("test.half_way", async |db: &Db, system: System, _event: Event| {
        db.write(&system, async |tx| {
            tx.emit("test.follow_up", &json!({}));
            Err::<(), _>(not_now())
        })
        .await
    });
    assert_eq!(stage.worker(handlers).run_once().await.unwrap().retried, 1);
    assert!(stage.standings("test.follow_up").await.is_empty());
}

#[tokio::test]
async fn a_worker_that_lost_its_connection_makes_a_new_one() {
    let Some(stage) = Stage::set().await else { return };
    let notes = Notes::default();
    let worker = stage.worker(notes.handlers("test.after"));
    assert_eq!(worker.run_once().await.unwrap(), Round::default());
    stage.end_sessions(Role::Worker).await;
    stage.emit("test.after").await;
    // Whether the loss is noticed before the next statement is sent is not promised; after a failed look it is.
    let round = match worker.run_once().await {
        Ok(round) => round,
        Err(_lost) => worker.run_once().await.unwrap(),
    };
    assert_eq!(round.handled, 1);
}

#[tokio::test]
async fn a_kind_may_be_tried_by_a_schedule_of_its_own() {
    const PAUSES: &[Duration] = &[Duration::from_secs(100), Duration::from_secs(1_000)];
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.own_pauses").await;
    let handlers = failing("test.own_pauses", not_now).retries(Retries::Listed(PAUSES));
    let worker = stage.worker(handlers);
    for seconds in [100, 1_000] {
        assert_eq!(worker.run_once().await.unwrap().retried, 1);
        stage
            .clock
            .advance(TimeDelta::seconds(seconds) * 9 / 10 - TimeDelta::milliseconds(1));
        assert_eq!(worker.run_once().await.unwrap(), Round::default());
        stage
            .clock
            .advance(TimeDelta::seconds(seconds) / 10 + TimeDelta::milliseconds(1));
    }
    assert_eq!(worker.run_once().await.unwrap().failed, 1);
}

#[tokio::test]
async fn a_handler_may_say_how_long_to_wait() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.told_to_wait").await;
    let handlers = failing("test.told_to_wait", || HandlerError::RetryAfter {
        pause: Duration::from_secs(77),
        reason: "429".to_owned(),
    });
    let worker = stage.worker(handlers);
    assert_eq!(worker.run_once().await.unwrap().retried, 1);
    stage.clock.advance(TimeDelta::milliseconds(76_999));
    assert_eq!(worker.run_once().await.unwrap(), Round::default());
    stage.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(worker.run_once().await.unwrap().retried, 1);
    assert_eq!(stage.standing("test.told_to_wait").await.attempts, 2);
}

#[tokio::test]
async fn what_is_not_tried_yet_is_not_counted() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.window").await;
    let opens = stage.now().saturating_add(TimeDelta::hours(3));
    let handlers = failing("test.window", move || HandlerError::NotBefore {
        at: opens,
        reason: "the window is closed".to_owned(),
    });
    let worker = stage.worker_with(most_attempts(1), handlers);
    assert_eq!(worker.run_once().await.unwrap().retried, 1);
    stage.a_long_time_passes();
    assert_eq!(worker.run_once().await.unwrap(), Round::default());
    stage.clock.set(opens);
    assert_eq!(worker.run_once().await.unwrap().retried, 1);
    let standing = stage.standing("test.window").await;
    assert_eq!((standing.attempts, standing.failed), (0, false));
    assert_eq!(standing.last_error.as_deref(), Some("the window is closed"));
}

#[tokio::test]
async fn who_waits_for_work_is_told_that_it_is_given_up_before_it_is() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.awaited").await;
    let told = Arc::new(AtomicU32::new(0));
    let handlers = failing("test.awaited", || HandlerError::Reject("never".to_owned())).given_up({
        let told = Arc::clone(&told);
        async move |_db: &Db, _system: System, _event: Event| match told.fetch_add(1, Ordering::SeqCst) {
            0 => Err(HandlerError::Retry("nobody could be told".to_owned())),
            1 => panic!("nor now"),
            _ => Ok(()),
        }
    });
    let worker = stage.worker(handlers);
    for _ in 0..2 {
        assert_eq!(worker.run_once().await.unwrap().failed, 0);
        let standing = stage.standing("test.awaited").await;
        assert!(!standing.failed && !standing.handled, "{standing:?}");
        stage.a_long_time_passes();
    }
    assert_eq!(worker.run_once().await.unwrap().failed, 1);
    let standing = stage.standing("test.awaited").await;
    assert!(standing.failed, "{standing:?}");
    assert_eq!(standing.last_error.as_deref(), Some("never"));
    assert_eq!(told.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn nobody_waits_for_ever_for_somebody_to_be_told() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.awaited").await;
    let handlers = failing("test.awaited", || HandlerError::Reject("never".to_owned()))
        .given_up(async |_db: &Db, _system: System, _event: Event| Err(HandlerError::Retry("nobody there".to_owned())));
    let worker = stage.worker(handlers);
    let mut rounds = 0;
    while worker.run_once().await.unwrap().failed == 0 {
        rounds += 1;
        stage.a_long_time_passes();
    }
    assert!((jobs::LAST_TRIES..100).contains(&rounds), "{rounds}");
    assert!(stage.standing("test.awaited").await.failed);
}
