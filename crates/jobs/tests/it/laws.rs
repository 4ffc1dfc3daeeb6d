//! What holds however work, lanes, places and workers fall together: nothing is lost, and without a crash nothing is done twice.

use std::time::Duration;

use db::{Db, Job};
use jobs::{Event, HandlerError, Handlers, Places, WorkerConfig};
use kernel::{Lane, System};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use test_support::world;
use tokio::sync::mpsc;

use crate::stage::{Notes, Stage, ends};

const KIND: &str = "test.law";

/// One way in which it may fall together.
#[derive(Debug, Clone)]
struct Course {
    /// The lanes of the jobs of each transaction; several write at a time.
    transactions: Vec<Vec<Lane>>,
    places: u16,
    workers: usize,
    /// Each so many-th job fails the first time.
    failing: usize,
    /// Whether the first worker is stopped in the middle.
    one_stops: bool,
}

fn courses() -> impl Strategy<Value = Course> {
    let lane = prop::sample::select(Lane::ALL.to_vec());
    let transaction = prop::collection::vec(lane, 1..60);
    (
        prop::collection::vec(transaction, 1..12),
        1..6_u16,
        1..4_usize,
        2..20_usize,
        any::<bool>(),
    )
        .prop_map(|(transactions, places, workers, failing, one_stops)| Course {
            transactions,
            places,
            workers,
            failing,
            one_stops,
        })
}

async fn take(course: Course) {
    let Some(stage) = Stage::set().await else { return };
    let config = WorkerConfig {
        places: Places::of_each(course.places),
        poll: Duration::from_millis(20),
        ..WorkerConfig::default()
    };
    let notes = Notes::default();
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = || {
        let (notes, seen, failing) = (notes.clone(), seen.clone(), course.failing);
        Handlers::new().on(KIND, async move |_db: &Db, _system: System, event: Event| {
            let number = event.payload::<usize>()?;
            tokio::task::yield_now().await;
            if number % failing == 0 && event.attempt() == 1 {
                return Err(HandlerError::RetryAfter {
                    pause: Duration::ZERO,
                    reason: "the first time".to_owned(),
                });
            }
            notes.note(&event);
            // The test has ended when nobody hears it.
            let _heard = seen.send(number);
            Ok(())
        })
    };
    let mut running: Vec<_> = (0..course.workers).map(|_| stage.start(config, handlers())).collect();
    let total: usize = course.transactions.iter().map(Vec::len).sum();
    let mut first = 0;
    let writes = course.transactions.iter().map(|lanes| {
        let numbers = first..first + lanes.len();
        first = numbers.end;
        stage.write_in(world::clinic("aurora"), async move |tx| {
            for (number, lane) in numbers.clone().zip(lanes) {
                tx.enqueue(Job::new(KIND, &json!(number)).lane(*lane));
            }
        })
    });
    ends(futures_util::future::join_all(writes)).await;
    if course.one_stops {
        ends(running.remove(0).stop()).await;
        running.push(stage.start(config, handlers()));
    }
    for _ in 0..total {
        ends(was_seen.recv()).await.unwrap();
    }
    for worker in running {
        ends(worker.stop()).await;
    }
    assert_eq!((notes.count(), notes.distinct()), (total, total), "{course:?}");
    assert!(stage.standings(KIND).await.is_empty(), "{course:?}");
}

#[test]
fn nothing_is_lost_and_nothing_is_done_twice() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ProptestConfig {
        cases: 12,
        max_shrink_iters: 20,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&courses(), |course| {
            runtime.block_on(take(course));
            Ok(())
        })
        .unwrap();
}
