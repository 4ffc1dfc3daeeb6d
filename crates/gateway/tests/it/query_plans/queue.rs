//! The queue: how it stands, what was given up, and what a worker takes.

use std::sync::Arc;

use db::Db;
use jobs::{Event, Handlers, Places, Round, Worker, WorkerConfig};
use kernel::{Lane, ManualClock, System};
use test_support::{Role, TestDatabase, world};

use super::usage::{Bounds, analyze, watch};
use super::{ROUNDS, faults_of, get};
use crate::app::TestApp;

/// The table that is never to be read from beginning to end.
const LARGE: [&str; 1] = ["outbox"];

/// A job that does nothing.
const KIND: &str = "test.crowd";

/// In each clinic 10,000 events that were handled and 1,000 jobs that were given up. 1,000 jobs of the clinic Aurora wait for a
/// later time and 50 are in work; of the clinic Horizonte 20,000 wait.
async fn a_full_queue(database: &TestDatabase) {
    let [aurora, horizonte] = ["aurora", "horizonte"].map(world::clinic);
    database
        .connect(Role::Maintenance)
        .await
        .batch_execute(&format!(
            "INSERT INTO outbox (clinic_id, id, kind, payload, available_at, handled_at)
             SELECT clinic, gen_random_uuid(), '{KIND}', '{{}}', '2026-11-01', '2026-11-20'
             FROM unnest(ARRAY['{aurora}', '{horizonte}']::uuid[]) AS clinic, generate_series(1, 10000);
             INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at, failed_at, last_error)
             SELECT clinic, gen_random_uuid(), 'job', n % 4, CASE WHEN n % 2 = 0 THEN '{KIND}' ELSE 'test.other' END, '{{}}',
                    '2026-11-01', timestamptz '2026-11-01' + make_interval(mins => n), 'refused'
             FROM unnest(ARRAY['{aurora}', '{horizonte}']::uuid[]) AS clinic, generate_series(1, 1000) AS n;
             INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at)
             SELECT '{aurora}', gen_random_uuid(), 'job', n % 4, '{KIND}', '{{}}', timestamptz '2099-01-01' + make_interval(mins => n)
             FROM generate_series(1, 1000) AS n;
             INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at, locked_until)
             SELECT '{aurora}', gen_random_uuid(), 'job', n % 4, '{KIND}', '{{}}', '2099-01-01', '2099-01-01'
             FROM generate_series(1, 50) AS n;
             INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at)
             SELECT '{horizonte}', gen_random_uuid(), 'job', n % 4, '{KIND}', '{{}}', timestamptz '2099-01-01' + make_interval(mins => n)
             FROM generate_series(1, 20000) AS n"
        ))
        .await
        .unwrap();
    analyze(database).await;
}

#[tokio::test]
async fn how_the_queue_stands_is_counted_from_what_is_open() {
    let Some(app) = TestApp::start().await else { return };
    a_full_queue(&app.database).await;
    let director = app.actor("director@aurora");
    let cases = vec![
        // What is open or given up in the clinic, once.
        get(
            "how the queue stands",
            &["outbox_open", "outbox_failed"],
            1050 + 1000 + 20,
            |round| {
                format!("/v1/monitoring/queue?fields={}", ["lanes", ""][round % 2])
                    .trim_end_matches("?fields=")
                    .to_owned()
            },
        ),
        get("what was given up", &["outbox_failed"], 40, |round| {
            format!("/v1/monitoring/dead-letters?limit={}", 18 + round)
        }),
        // Half of what was given up is of this kind.
        get("what was given up of a kind", &["outbox_failed"], 100, |round| {
            format!("/v1/monitoring/dead-letters?kind={KIND}&limit={}", 18 + round)
        }),
    ];
    let faults = faults_of(&app, &director, &LARGE, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // What comes by itself when a worker starts is not what is counted here.
    app.database
        .connect(Role::Maintenance)
        .await
        .execute("DELETE FROM outbox WHERE kind = 'inbox.watch_mailboxes'", &[])
        .await
        .unwrap();
    let stands = director.get("/v1/monitoring/queue").await.expect_status(200);
    let counts: Vec<_> = stands.body["lanes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lane| ["waiting", "due", "in_work", "failed"].map(|count| lane[count].as_i64().unwrap()))
        .collect();
    assert_eq!(
        counts,
        [
            [250, 0, 12, 250],
            [250, 0, 13, 250],
            [250, 0, 13, 250],
            [250, 0, 12, 250]
        ]
    );
}

#[tokio::test]
async fn a_claim_takes_from_each_lane_what_is_due_and_looks_at_little_else() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    a_full_queue(&database).await;
    let aurora = world::clinic("aurora");
    // A flood of bulk work, which the statistics do not know of yet, and a little in every other lane.
    database
        .connect(Role::Maintenance)
        .await
        .batch_execute(&format!(
            "INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at)
             SELECT '{aurora}', gen_random_uuid(), 'job', 3, '{KIND}', '{{}}', timestamptz '2026-11-01' + make_interval(secs => n)
             FROM generate_series(1, 20000) AS n;
             INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at)
             SELECT '{aurora}', gen_random_uuid(), 'job', lane, '{KIND}', '{{}}', '2026-11-02'
             FROM generate_series(0, 2) AS lane, generate_series(1, 80)"
        ))
        .await
        .unwrap();
    let clock = Arc::new(ManualClock::at(world::now()));
    let handlers = Handlers::new().on(KIND, async |_db: &Db, _system: System, _event: Event| Ok(()));
    let places = 10;
    let config = WorkerConfig {
        places: Places::of_each(places),
        ..WorkerConfig::default()
    };
    let worker = Worker::new(config, database.config(Role::Worker), database.db(clock, 4), handlers);
    let each = Lane::ALL.len() * usize::from(places);
    let bounds = Bounds {
        what: "a claim",
        uses: &["outbox_due", "outbox_pkey"],
        // Each job is found, taken and done; what died before it in its lane is stepped over.
        most_entries: i64::try_from(each * 12).unwrap(),
        rounds: ROUNDS,
    };
    let claims = async || {
        for _ in 0..ROUNDS {
            let round = worker.run_once().await.unwrap();
            let all_handled = Round {
                handled: each,
                ..Round::default()
            };
            assert_eq!(round, all_handled);
        }
    };
    let faults = watch(&database, Role::Worker, &LARGE, bounds, claims).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
