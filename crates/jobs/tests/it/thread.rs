//! The worker on its own thread: woken, stopped, and what it leaves behind.

use std::sync::Arc;
use std::time::Duration;

use db::{Db, Job};
use jobs::{Event, Handlers, Outside, Places, Wake, WorkerConfig};
use kernel::{Lane, System};
use serde_json::json;
use test_support::{Role, world};
use tokio::sync::{Semaphore, mpsc};

use crate::stage::{Gate, Notes, Stage, ends, only_when_woken};

#[tokio::test]
async fn a_commit_wakes_the_worker() {
    let Some(stage) = Stage::set().await else { return };
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = Handlers::new().on("test.woken", async move |_db: &Db, _system: System, event: Event| {
        seen.send(event.id()).unwrap();
        Ok(())
    });
    let handle = stage.start(only_when_woken(), handlers);
    // The first may be found by the look at the beginning; the others cannot.
    for _ in 0..3 {
        stage.emit("test.woken").await;
        assert!(ends(was_seen.recv()).await.is_some());
    }
    ends(handle.stop()).await;
    assert!(
        stage
            .standings("test.woken")
            .await
            .iter()
            .all(|standing| standing.handled)
    );
}

#[tokio::test]
async fn more_than_fits_at_once_is_worked_off_without_another_wake() {
    let Some(stage) = Stage::set().await else { return };
    for _ in 0..50 {
        stage.emit("test.many").await;
    }
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = Handlers::new().on("test.many", async move |_db: &Db, _system: System, event: Event| {
        seen.send(event.id()).unwrap();
        Ok(())
    });
    let handle = stage.start(
        WorkerConfig {
            places: Places::of_each(3),
            ..only_when_woken()
        },
        handlers,
    );
    for _ in 0..50 {
        assert!(ends(was_seen.recv()).await.is_some());
    }
    ends(handle.stop()).await;
    assert!(was_seen.recv().await.is_none());
}

#[tokio::test]
async fn a_slow_handler_leaves_the_other_places_to_others() {
    let Some(stage) = Stage::set().await else { return };
    let (gate, notes) = (Gate::default(), Notes::default());
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = gate
        .handlers("test.slow")
        .on("test.quick", async move |_db: &Db, _system: System, event: Event| {
            notes.note(&event);
            seen.send(notes.count()).unwrap();
            Ok(())
        });
    let handle = stage.start(
        WorkerConfig {
            places: Places::of_each(3),
            ..only_when_woken()
        },
        handlers,
    );
    for _ in 0..2 {
        stage.emit("test.slow").await;
        ends(gate.reached()).await;
    }
    for number in 1..=3 {
        stage.emit("test.quick").await;
        assert_eq!(ends(was_seen.recv()).await, Some(number));
    }
    gate.open();
    gate.open();
    ends(handle.stop()).await;
}

#[tokio::test]
async fn a_worker_that_stops_lets_its_handlers_finish() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.last").await;
    let gate = Gate::default();
    let handle = stage.start(only_when_woken(), gate.handlers("test.last"));
    ends(gate.reached()).await;
    ends(async {
        tokio::join!(handle.stop(), async { gate.open() });
    })
    .await;
    assert!(stage.standing("test.last").await.handled);
}

#[tokio::test]
async fn what_a_stopping_worker_cannot_finish_it_gives_back() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.unfinished").await;
    let gate = Gate::default();
    let impatient = WorkerConfig {
        grace: Duration::ZERO,
        ..only_when_woken()
    };
    let handle = stage.start(impatient, gate.handlers("test.unfinished"));
    ends(gate.reached()).await;
    ends(handle.stop()).await;
    let standing = stage.standing("test.unfinished").await;
    assert!(!standing.held && !standing.handled, "{standing:?}");
    assert_eq!(standing.attempts, 0);

    let notes = Notes::default();
    let next = stage.worker(notes.handlers("test.unfinished"));
    assert_eq!(next.run_once().await.unwrap().handled, 1);
}

#[tokio::test]
async fn urgent_work_is_done_while_bulk_work_fills_all_its_places() {
    let Some(stage) = Stage::set().await else { return };
    stage.enqueue_many(2_000, "test.flood", Lane::Bulk).await;
    let gate = Gate::default();
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers =
        gate.handlers("test.flood")
            .on("test.urgent", async move |_db: &Db, _system: System, event: Event| {
                seen.send(event.lane()).unwrap();
                Ok(())
            });
    let config = WorkerConfig {
        grace: Duration::ZERO,
        ..only_when_woken()
    };
    let handle = stage.start(config, handlers);
    for _ in 0..config.places.bulk {
        ends(gate.reached()).await;
    }
    for lane in [Lane::Urgent, Lane::Clinical, Lane::Routine] {
        stage
            .enqueue(|_now| Job::new("test.urgent", &json!({})).lane(lane))
            .await;
        assert_eq!(ends(was_seen.recv()).await, Some(lane));
    }
    ends(handle.stop()).await;
    let left = stage.standings("test.flood").await;
    assert_eq!(left.len(), 2_000);
    assert!(left.iter().all(|standing| !standing.held && standing.attempts == 0));
}

#[tokio::test]
async fn a_handler_that_never_yields_holds_up_its_own_lane_alone() {
    let Some(stage) = Stage::set().await else { return };
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let reached = Gate::default();
    let at_work = reached.clone();
    let handlers = Handlers::new()
        .on(
            "test.computing",
            async move |_db: &Db, _system: System, _event: Event| {
                at_work.reach();
                // Blocks its thread, as a long computation does.
                let _let_go = wait.lock().unwrap().recv();
                Ok(())
            },
        )
        .on("test.quick", async move |_db: &Db, _system: System, event: Event| {
            seen.send(event.id()).unwrap();
            Ok(())
        });
    let handle = stage.start(only_when_woken(), handlers);
    stage
        .enqueue(|_now| Job::new("test.computing", &json!({})).lane(Lane::Bulk))
        .await;
    ends(reached.reached()).await;
    for lane in [Lane::Routine, Lane::Urgent] {
        stage
            .enqueue(|_now| Job::new("test.quick", &json!({})).lane(lane))
            .await;
        assert!(ends(was_seen.recv()).await.is_some());
    }
    let_go.send(()).unwrap();
    ends(handle.stop()).await;
    assert!(stage.standings("test.computing").await.is_empty());
}

#[tokio::test]
async fn another_process_is_called_when_this_one_has_no_room_also_after_its_connection_was_lost() {
    let Some(stage) = Stage::set().await else { return };
    let (gate, notes) = (Gate::default(), Notes::default());
    // Two workers of two processes: the first alone is told of commits, and its only place is taken.
    let config = WorkerConfig {
        places: Places::of_each(1),
        grace: Duration::ZERO,
        ..only_when_woken()
    };
    let busy = stage.start(config, gate.handlers("test.called"));
    stage.enqueue_many(1, "test.called", Lane::Urgent).await;
    ends(gate.reached()).await;
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let other = stage.start_told_by(
        config,
        Handlers::new().on("test.called", async move |_db: &Db, _system: System, event: Event| {
            notes.note(&event);
            seen.send(notes.count()).unwrap();
            Ok(())
        }),
        Wake::new(),
    );
    stage.listening(2).await;
    for round in 1..=3 {
        if round == 3 {
            // Both lose every connection they have, and listen again.
            stage.end_sessions(Role::Worker).await;
            stage.listening(2).await;
        }
        stage.enqueue_many(1, "test.called", Lane::Urgent).await;
        assert_eq!(ends(was_seen.recv()).await, Some(round));
    }
    ends(other.stop()).await;
    ends(busy.stop()).await;
}

#[tokio::test]
async fn what_takes_longer_than_a_claim_holds_is_held_on_to() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.long").await;
    let gate = Gate::default();
    let config = WorkerConfig {
        time_limit: Duration::from_millis(150),
        ..only_when_woken()
    };
    let handlers = gate.handlers("test.long").time_limit(Duration::from_secs(600));
    let handle = stage.start(config, handlers);
    ends(gate.reached()).await;
    let begun = stage.available_at("test.long").await;
    // Time goes on, by less than the claim holds.
    for _ in 0..3 {
        let before = stage.available_at("test.long").await;
        stage.clock.advance(chrono::TimeDelta::milliseconds(200));
        ends(async {
            while stage.available_at("test.long").await == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    assert!(stage.available_at("test.long").await > begun);
    gate.open();
    ends(handle.stop()).await;
    let standing = stage.standing("test.long").await;
    assert!(standing.handled && standing.attempts == 1, "{standing:?}");
}

#[tokio::test]
async fn what_waits_for_others_takes_no_place_and_no_other_clinics_turn() {
    let Some(stage) = Stage::set().await else { return };
    let answers = Arc::new(Semaphore::new(0));
    let their_server = Arc::clone(&answers);
    let (asked, mut was_asked) = mpsc::unbounded_channel();
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = Handlers::new()
        .on("test.outside", async move |_db: &Db, _system: System, event: Event| {
            asked.send(event.clinic()).unwrap();
            their_server.acquire().await.unwrap().forget();
            Ok(())
        })
        .waits_outside()
        .on("test.own", async move |_db: &Db, _system: System, event: Event| {
            seen.send(event.clinic()).unwrap();
            Ok(())
        });
    let (aurora, horizonte) = (world::clinic("aurora"), world::clinic("horizonte"));
    stage.enqueue_many(50, "test.outside", Lane::Routine).await;
    let config = WorkerConfig {
        places: Places::of_each(1),
        outside: Outside {
            at_a_time: 3,
            of_one_clinic: 2,
        },
        ..only_when_woken()
    };
    let handle = stage.start(config, handlers);
    for _ in 0..2 {
        assert_eq!(ends(was_asked.recv()).await, Some(aurora));
    }
    // Behind fifty that hang, the clinic's own work goes on in the only place of the lane.
    stage
        .enqueue(|_now| Job::new("test.own", &json!({})).lane(Lane::Routine))
        .await;
    assert_eq!(ends(was_seen.recv()).await, Some(aurora));
    // Of the fifty no third has begun; another clinic's does, though those are longer due.
    stage
        .write_in(horizonte, async |tx| {
            for _ in 0..2 {
                tx.enqueue(Job::new("test.outside", &json!({})).lane(Lane::Routine));
            }
        })
        .await;
    assert_eq!(ends(was_asked.recv()).await, Some(horizonte));
    assert!(was_asked.is_empty(), "no more than three at a time");
    answers.add_permits(52);
    for _ in 0..49 {
        assert!(ends(was_asked.recv()).await.is_some());
    }
    ends(handle.stop()).await;
    assert!(stage.standings("test.outside").await.is_empty(), "each was done");
}
