//! Work that does not wait twice, and work that is taken back.

use chrono::TimeDelta;
use db::{Db, DbError, Job};
use jobs::{Event, HandlerError, Handlers};
use kernel::{Lane, System};
use serde_json::json;
use test_support::world;

use crate::stage::{Gate, Notes, Stage, failing};

const KIND: &str = "test.keyed";

fn job() -> Job {
    Job::new(KIND, &json!({})).key("one")
}

#[tokio::test]
async fn the_same_work_does_not_wait_twice_and_the_earlier_time_counts() {
    let Some(stage) = Stage::set().await else { return };
    stage
        .enqueue(|now| job().lane(Lane::Bulk).due(now.saturating_add(TimeDelta::hours(2))))
        .await;
    stage
        .enqueue(|now| job().due(now.saturating_add(TimeDelta::hours(1))))
        .await;
    stage
        .enqueue(|now| job().lane(Lane::Bulk).due(now.saturating_add(TimeDelta::hours(3))))
        .await;
    stage
        .enqueue(|now| {
            Job::new(KIND, &json!({}))
                .key("two")
                .due(now.saturating_add(TimeDelta::hours(9)))
        })
        .await;
    assert_eq!(stage.standings(KIND).await.len(), 2);
    let notes = Notes::default();
    let worker = stage.worker(notes.handlers(KIND));
    stage.clock.advance(TimeDelta::hours(1));
    assert_eq!(worker.run_once().await.unwrap().handled, 1);
    stage.clock.advance(TimeDelta::hours(4));
    assert_eq!(worker.run_once().await.unwrap().handled, 0);
}

#[tokio::test]
async fn the_same_key_in_another_clinic_is_other_work() {
    let Some(stage) = Stage::set().await else { return };
    for clinic in ["aurora", "horizonte"] {
        stage
            .write_in(world::clinic(clinic), async |tx| tx.enqueue(job()))
            .await;
    }
    assert_eq!(stage.standings(KIND).await.len(), 2);
    stage
        .write_in(world::clinic("aurora"), async |tx| {
            assert!(tx.cancel(KIND, "one").await.unwrap());
        })
        .await;
    assert_eq!(stage.standings(KIND).await.len(), 1);
}

#[tokio::test]
async fn what_is_asked_for_while_it_is_done_is_done_again() {
    let Some(stage) = Stage::set().await else { return };
    stage.enqueue(|_now| job()).await;
    let (gate, notes) = (Gate::default(), Notes::default());
    let busy = stage.worker(gate.handlers(KIND));
    let (round, ()) = tokio::join!(busy.run_once(), async {
        gate.reached().await;
        stage.enqueue(|_now| job()).await;
        stage.enqueue(|_now| job()).await;
        gate.open();
    });
    assert_eq!(round.unwrap().handled, 1);
    assert_eq!(stage.worker(notes.handlers(KIND)).run_once().await.unwrap().handled, 1);
    assert!(stage.standings(KIND).await.is_empty());
}

#[tokio::test]
async fn work_that_failed_gives_way_to_the_same_work_queued_anew() {
    let Some(stage) = Stage::set().await else { return };
    stage.enqueue(|_now| job()).await;
    let gate = Gate::default();
    let at_gate = gate.clone();
    let handlers = Handlers::new().on(KIND, async move |_db: &Db, _system: System, _event: Event| {
        at_gate.pass().await;
        Err(HandlerError::Retry("failed".to_owned()))
    });
    let worker = stage.worker(handlers);
    let (round, ()) = tokio::join!(worker.run_once(), async {
        gate.reached().await;
        stage.enqueue(|_now| job()).await;
        gate.open();
    });
    assert_eq!(round.unwrap().retried, 1);
    assert_eq!(stage.standing(KIND).await.attempts, 0);
    // One that waits to be tried again is one that waits.
    assert_eq!(
        stage
            .worker(failing(KIND, || HandlerError::Retry("failed".to_owned())))
            .run_once()
            .await
            .unwrap()
            .retried,
        1
    );
    stage.enqueue(|_now| job()).await;
    assert_eq!(stage.standing(KIND).await.attempts, 1);
}

#[tokio::test]
async fn who_begins_the_work_sees_what_was_written_with_the_last_request_for_it() {
    let Some(stage) = Stage::set().await else { return };
    stage.enqueue(|_now| job()).await;
    let notes = Notes::default();
    let worker = stage.worker(notes.handlers(KIND));
    let system = System::acting_for(world::clinic("aurora"), "test");
    stage
        .db
        .write(&system, async |tx| {
            tx.enqueue(job());
            // What rides along is written at the end; the row is locked from then until the commit.
            tx.savepoint(async |_tx| Ok::<_, DbError>(())).await
        })
        .await
        .unwrap();
    let open = stage.database.connect(test_support::Role::App).await;
    open.batch_execute(&format!(
        "BEGIN; SELECT set_config('app.clinic_id', '{clinic}', true);
         INSERT INTO outbox (clinic_id, id, class, kind, key, payload, available_at)
         VALUES ('{clinic}', gen_random_uuid(), 'job', '{KIND}', 'one', '{{}}', now())
         ON CONFLICT (clinic_id, kind, key)
             WHERE key IS NOT NULL AND locked_until IS NULL AND handled_at IS NULL AND failed_at IS NULL
         DO UPDATE SET available_at = LEAST(outbox.available_at, excluded.available_at)",
        clinic = world::clinic("aurora"),
    ))
    .await
    .unwrap();
    assert_eq!(worker.run_once().await.unwrap().handled, 0);
    open.batch_execute("COMMIT").await.unwrap();
    assert_eq!(worker.run_once().await.unwrap().handled, 1);
}

#[tokio::test]
async fn work_that_waits_can_be_taken_back_and_put_elsewhere() {
    let Some(stage) = Stage::set().await else { return };
    let clinic = world::clinic("aurora");
    stage.enqueue(|_now| job()).await;
    stage
        .write_in(clinic, async |tx| {
            assert!(tx.cancel(KIND, "one").await.unwrap());
            tx.enqueue(job().due(tx.now().saturating_add(TimeDelta::hours(1))));
        })
        .await;
    let notes = Notes::default();
    let worker = stage.worker(notes.handlers(KIND));
    assert_eq!(worker.run_once().await.unwrap().handled, 0);
    stage
        .write_in(clinic, async |tx| {
            assert!(tx.cancel(KIND, "one").await.unwrap());
            assert!(!tx.cancel(KIND, "one").await.unwrap());
        })
        .await;
    stage.a_long_time_passes();
    assert_eq!(worker.run_once().await.unwrap().handled, 0);
    assert!(stage.standings(KIND).await.is_empty());
}

#[tokio::test]
async fn what_a_transaction_queues_it_takes_back_as_well_unless_that_part_of_it_fails() {
    let Some(stage) = Stage::set().await else { return };
    stage
        .write_in(world::clinic("aurora"), async |tx| {
            tx.enqueue(job());
            assert!(tx.cancel(KIND, "one").await.unwrap());
            tx.enqueue(Job::new("test.stays", &json!({})).key("one"));
            let undone = tx
                .savepoint(async |tx| {
                    assert!(tx.cancel("test.stays", "one").await.unwrap());
                    Err::<(), _>(DbError::TimedOut)
                })
                .await;
            assert!(undone.is_err());
        })
        .await;
    assert!(stage.standings(KIND).await.is_empty());
    assert_eq!(stage.standings("test.stays").await.len(), 1);
}

#[tokio::test]
async fn work_that_is_begun_is_not_taken_back() {
    let Some(stage) = Stage::set().await else { return };
    stage.enqueue(|_now| job()).await;
    let gate = Gate::default();
    let busy = stage.worker(gate.handlers(KIND));
    let (round, ()) = tokio::join!(busy.run_once(), async {
        gate.reached().await;
        stage
            .write_in(world::clinic("aurora"), async |tx| {
                assert!(!tx.cancel(KIND, "one").await.unwrap());
            })
            .await;
        gate.open();
    });
    assert_eq!(round.unwrap().handled, 1);
}
