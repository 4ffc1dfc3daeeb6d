//! The worker on its own thread: woken, stopped, and what it leaves behind.

use std::sync::Arc;
use std::time::Duration;

use db::{Db, PoolConfig};
use jobs::{Event, Handlers, JobsHandle, Worker, WorkerConfig};
use kernel::{Clock, System};
use test_support::Role;
use tokio::sync::mpsc;

use crate::stage::{Gate, Notes, Stage, ends};

/// One that does not look by itself a second time while a test runs.
fn only_when_woken() -> WorkerConfig {
    WorkerConfig {
        poll: Duration::from_secs(86_400),
        ..WorkerConfig::default()
    }
}

fn start(stage: &Stage, config: WorkerConfig, handlers: Handlers) -> JobsHandle {
    let (of_worker, of_server) = (stage.database.config(Role::Worker), stage.database.config(Role::App));
    let (clock, wake): (Arc<dyn Clock>, _) = (stage.clock.clone(), stage.wake.clone());
    jobs::spawn(move || {
        let db = Db::new(of_server, PoolConfig::default(), clock, Arc::new([]));
        Worker::new(config, of_worker, db, handlers, wake)
    })
    .unwrap()
}

#[tokio::test]
async fn a_commit_wakes_the_worker() {
    let Some(stage) = Stage::set().await else { return };
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = Handlers::new().on("test.woken", async move |_db: &Db, _system: System, event: Event| {
        seen.send(event.id()).unwrap();
        Ok(())
    });
    let handle = start(&stage, only_when_woken(), handlers);
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
    let handle = start(
        &stage,
        WorkerConfig {
            at_once: 3,
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
    let handle = start(
        &stage,
        WorkerConfig {
            at_once: 3,
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
    let handle = start(&stage, only_when_woken(), gate.handlers("test.last"));
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
    let handle = start(&stage, impatient, gate.handlers("test.unfinished"));
    ends(gate.reached()).await;
    ends(handle.stop()).await;
    let standing = stage.standing("test.unfinished").await;
    assert!(!standing.held && !standing.handled, "{standing:?}");
    assert_eq!(standing.attempts, 0);

    let notes = Notes::default();
    let next = stage.worker(notes.handlers("test.unfinished"));
    assert_eq!(next.run_once().await.unwrap().handled, 1);
}
