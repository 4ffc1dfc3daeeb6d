//! Who gets an event, and when.

use chrono::TimeDelta;
use db::{Db, DbError, Job};
use jobs::{Event, Handlers, Places, Round, WorkerConfig};
use kernel::{Caller, Lane, System};
use serde::Deserialize;
use serde_json::json;
use test_support::{Role, world};
use tokio::sync::mpsc;

use crate::stage::{Gate, Notes, Stage, is_killed_at};

#[tokio::test]
async fn an_event_is_handled_once_and_arrives_as_it_was_written() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Told {
        number: u32,
    }
    let Some(stage) = Stage::set().await else { return };
    let clinic = world::clinic("aurora");
    stage.emit_in(clinic, "test.told", json!({"number": 7})).await;
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = Handlers::new().on("test.told", async move |_db: &Db, system: System, event: Event| {
        let told = event.payload::<Told>()?;
        seen.send((
            told,
            system.clinic(),
            event.clinic(),
            event.attempt(),
            event.created_at(),
        ))
        .unwrap();
        Ok(())
    });
    let worker = stage.worker(handlers);

    let round = worker.run_once().await.unwrap();
    assert_eq!(
        round,
        Round {
            handled: 1,
            ..Round::default()
        }
    );
    let (told, acting_in, of, attempt, _created_at) = was_seen.try_recv().unwrap();
    assert_eq!((told, acting_in, of, attempt), (Told { number: 7 }, clinic, clinic, 1));

    stage.a_long_time_passes();
    assert_eq!(worker.run_once().await.unwrap(), Round::default());
    assert!(was_seen.try_recv().is_err());
    let standing = stage.standing("test.told").await;
    assert!(standing.handled && !standing.held && !standing.failed, "{standing:?}");
}

#[tokio::test]
async fn an_event_of_a_transaction_that_failed_is_none() {
    let Some(stage) = Stage::set().await else { return };
    let system = System::acting_for(world::clinic("aurora"), "test");
    let failed = stage
        .db
        .write(&system, async |tx| {
            tx.emit("test.undone", &json!({}));
            Err::<(), _>(DbError::TimedOut)
        })
        .await;
    assert!(failed.is_err());
    assert!(stage.standings("test.undone").await.is_empty());
}

#[tokio::test]
async fn two_workers_share_the_work_and_none_is_done_twice() {
    let Some(stage) = Stage::set().await else { return };
    stage.enqueue_many(40, "test.shared", Lane::Routine).await;
    let notes = Notes::default();
    let config = WorkerConfig {
        places: Places::of_each(5),
        ..WorkerConfig::default()
    };
    let first = stage.worker_with(config, notes.handlers("test.shared"));
    let second = stage.worker_with(config, notes.handlers("test.shared"));
    loop {
        let (of_first, of_second) = tokio::join!(first.run_once(), second.run_once());
        let (of_first, of_second) = (of_first.unwrap(), of_second.unwrap());
        assert_eq!((of_first.lost, of_second.lost), (0, 0));
        if of_first.handled + of_second.handled == 0 {
            break;
        }
    }
    assert_eq!((notes.count(), notes.distinct()), (40, 40));
}

#[tokio::test]
async fn an_event_that_is_being_handled_is_nobody_elses() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.held").await;
    let (gate, notes) = (Gate::default(), Notes::default());
    let (busy, idle) = (
        stage.worker(gate.handlers("test.held")),
        stage.worker(notes.handlers("test.held")),
    );
    let (round, ()) = tokio::join!(busy.run_once(), async {
        gate.reached().await;
        assert_eq!(idle.run_once().await.unwrap(), Round::default());
        gate.open();
    });
    assert_eq!(round.unwrap().handled, 1);
    assert_eq!(notes.count(), 0);
}

#[tokio::test]
async fn what_a_killed_worker_held_is_taken_over_when_its_lease_has_run_out() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.orphaned").await;
    let (gate, notes) = (Gate::default(), Notes::default());
    is_killed_at(&stage.worker(gate.handlers("test.orphaned")), &gate).await;
    let heir = stage.worker(notes.handlers("test.orphaned"));

    assert_eq!(heir.run_once().await.unwrap(), Round::default());
    stage.clock.advance(TimeDelta::seconds(60));
    assert_eq!(heir.run_once().await.unwrap().handled, 1);
    assert_eq!(notes.count(), 1);
    assert_eq!(stage.standing("test.orphaned").await.attempts, 2);
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_has_no_say_any_more() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.late").await;
    let gate = Gate::default();
    let (late, heir) = (
        stage.worker(gate.handlers("test.late")),
        stage.worker(crate::stage::failing("test.late", || {
            jobs::HandlerError::Reject("of the heir".to_owned())
        })),
    );
    let (round, ()) = tokio::join!(late.run_once(), async {
        gate.reached().await;
        stage.a_long_time_passes();
        assert_eq!(heir.run_once().await.unwrap().failed, 1);
        gate.open();
    });
    assert_eq!(
        round.unwrap(),
        Round {
            lost: 1,
            ..Round::default()
        }
    );
    let standing = stage.standing("test.late").await;
    assert!(standing.failed && !standing.handled, "{standing:?}");
    assert_eq!(standing.last_error.as_deref(), Some("of the heir"));
}

#[tokio::test]
async fn a_delayed_event_waits_until_it_is_due() {
    let Some(stage) = Stage::set().await else { return };
    stage
        .enqueue(|now| Job::new("test.later", &json!({})).due(now.saturating_add(TimeDelta::minutes(30))))
        .await;
    let notes = Notes::default();
    let worker = stage.worker(notes.handlers("test.later"));

    stage.clock.advance(TimeDelta::minutes(30) - TimeDelta::microseconds(1));
    assert_eq!(worker.run_once().await.unwrap(), Round::default());
    stage.clock.advance(TimeDelta::microseconds(1));
    assert_eq!(worker.run_once().await.unwrap().handled, 1);
    assert_eq!(notes.count(), 1);
}

#[tokio::test]
async fn an_event_that_nobody_handles_is_passed_over_and_stays() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.unheard_of").await;
    let worker = stage.worker(Notes::default().handlers("test.other"));
    assert_eq!(worker.run_once().await.unwrap().handled, 1);
    assert!(stage.standing("test.unheard_of").await.handled);
}

#[tokio::test]
async fn every_handler_of_a_kind_is_asked() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.for_two").await;
    let (first, second) = (Notes::default(), Notes::default());
    let (to_first, to_second) = (first.clone(), second.clone());
    let handlers = Handlers::new()
        .on("test.for_two", async move |_db: &Db, _system: System, event: Event| {
            to_first.note(&event);
            Ok(())
        })
        .on("test.for_two", async move |_db: &Db, _system: System, event: Event| {
            to_second.note(&event);
            Ok(())
        });
    assert_eq!(stage.worker(handlers).run_once().await.unwrap().handled, 1);
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[tokio::test]
async fn a_job_that_is_done_goes_and_an_event_stays() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.both").await;
    stage.enqueue_many(1, "test.both", Lane::Routine).await;
    let notes = Notes::default();
    assert_eq!(
        stage
            .worker(notes.handlers("test.both"))
            .run_once()
            .await
            .unwrap()
            .handled,
        2
    );
    assert!(stage.standing("test.both").await.handled);
}

#[tokio::test]
async fn a_job_that_nobody_handles_waits_for_one_who_does() {
    let Some(stage) = Stage::set().await else { return };
    stage.enqueue_many(1, "test.of_tomorrow", Lane::Routine).await;
    let worker = stage.worker(Notes::default().handlers("test.other"));
    assert_eq!(worker.run_once().await.unwrap().retried, 1);
    stage.a_long_time_passes();
    let notes = Notes::default();
    assert_eq!(
        stage
            .worker(notes.handlers("test.of_tomorrow"))
            .run_once()
            .await
            .unwrap()
            .handled,
        1
    );
}

#[tokio::test]
async fn an_event_waits_in_the_lane_that_it_was_told_in() {
    let Some(stage) = Stage::set().await else { return };
    stage
        .write_in(world::clinic("aurora"), async |tx| {
            tx.emit("test.lanes", &json!({}));
            tx.emit_in(Lane::Urgent, "test.lanes", &json!({}));
        })
        .await;
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = Handlers::new().on("test.lanes", async move |_db: &Db, _system: System, event: Event| {
        seen.send(event.lane()).unwrap();
        Ok(())
    });
    assert_eq!(stage.worker(handlers).run_once().await.unwrap().handled, 2);
    let mut lanes = [was_seen.try_recv().unwrap(), was_seen.try_recv().unwrap()];
    lanes.sort();
    assert_eq!(lanes, [Lane::Urgent, Lane::Routine]);
}

#[tokio::test]
async fn a_claim_steps_over_nothing_that_others_hold_or_have_done() {
    let Some(stage) = Stage::set().await else { return };
    let maintenance = stage.database.connect(Role::Maintenance).await;
    let clinic = world::clinic("aurora");
    maintenance
        .batch_execute(&format!(
            "INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at, locked_until, handled_at)
             SELECT '{clinic}', gen_random_uuid(), 'job', 3, 'test.crowd', '{{}}',
                    CASE WHEN n % 2 = 0 THEN timestamptz '2199-01-01' ELSE '2001-01-01' END,
                    CASE WHEN n % 2 = 0 THEN timestamptz '2199-01-01' END,
                    CASE WHEN n % 2 = 1 THEN timestamptz '2001-01-01' END
             FROM generate_series(1, 20000) n;
             INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at)
             SELECT '{clinic}', gen_random_uuid(), 'job', 3, 'test.crowd', '{{}}', '2002-01-01' FROM generate_series(1, 3)"
        ))
        .await
        .unwrap();
    let worker = stage.worker(Notes::default().handlers("test.crowd"));
    let reads = async || -> (i64, i64) {
        let row = maintenance
            .query_one(
                "SELECT seq_scan, (SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'outbox_due')
                 FROM pg_stat_user_tables WHERE relname = 'outbox'",
                &[],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1))
    };
    let before = reads().await;
    assert_eq!(worker.run_once().await.unwrap().handled, 2);
    assert_eq!(worker.run_once().await.unwrap().handled, 1);
    // What a session did is counted for certain when it has ended.
    stage.end_sessions(Role::Worker).await;
    let after = reads().await;
    assert_eq!(after.0, before.0, "the table was read from its beginning");
    assert!(
        after.1 - before.1 < 100,
        "{} entries for three jobs",
        after.1 - before.1
    );
}
