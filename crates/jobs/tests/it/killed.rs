//! A worker that is killed, as a process: without a chance to say anything.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use db::{DatabaseConfig, Db, PoolConfig};
use jobs::{Event, Handlers, Schedules, Setup, Wake, WorkerConfig};
use kernel::{Lane, ManualClock, System};
use test_support::{Role, world};

use crate::stage::{Notes, Stage};

const KIND: &str = "test.fatal";
/// What the child is told by: where its database is, as the worker's and the server's role.
const WORKER_URL: &str = "TASKMED_TEST_KILLED_WORKER_URL";
const APP_URL: &str = "TASKMED_TEST_KILLED_APP_URL";
/// What the child says when it has begun.
const BEGUN: &str = "the job is begun";

/// The child: begins the job and never ends it. Does nothing when it is run as a test.
#[tokio::test]
async fn child() {
    let (Ok(worker_url), Ok(app_url)) = (std::env::var(WORKER_URL), std::env::var(APP_URL)) else {
        return;
    };
    let clock = Arc::new(ManualClock::at(world::now()));
    let handlers = Handlers::new().on(KIND, async |_db: &Db, _system: System, _event: Event| {
        eprintln!("{BEGUN}");
        std::future::pending().await
    });
    let setup = Setup {
        config: WorkerConfig::default(),
        database: DatabaseConfig::for_requests(worker_url.into()),
        clock: clock.clone(),
        handlers,
        schedules: Schedules::new(),
        wake: Wake::new(),
    };
    let _runs = jobs::spawn(setup, move |_lane| {
        let database = DatabaseConfig::for_requests(app_url.clone().into());
        Db::new(database, PoolConfig::default(), clock.clone(), Arc::new([]))
    })
    .unwrap();
    // Killed long before; a parent that is gone leaves nobody behind.
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn what_a_killed_process_held_is_taken_over_and_done() {
    let Some(stage) = Stage::set().await else { return };
    stage.enqueue_many(1, KIND, Lane::Urgent).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--nocapture"])
        .env(WORKER_URL, stage.database.url(Role::Worker))
        .env(APP_URL, stage.database.url(Role::App))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .any(|line| line.unwrap().contains(BEGUN));
    assert!(begun, "the child never began the job");
    // SIGKILL: it gives nothing back.
    child.kill().unwrap();
    child.wait().unwrap();
    let standing = stage.standing(KIND).await;
    assert!(standing.held && standing.attempts == 1, "{standing:?}");

    let notes = Notes::default();
    let heir = stage.worker(notes.handlers(KIND));
    assert_eq!(heir.run_once().await.unwrap().handled, 0);
    stage.clock.advance(TimeDelta::seconds(60));
    assert_eq!(heir.run_once().await.unwrap().handled, 1);
    assert_eq!(notes.count(), 1);
    assert!(stage.standings(KIND).await.is_empty());
}
