//! The hot reads use their indexes at volume: asked for over HTTP, so as the server's role and under row-level security.
//!
//! What PostgreSQL did is read from its own counters, which also see what a plan of `EXPLAIN` hides: queries inside functions,
//! and plans that are made once for all values of a prepared statement.

mod agenda;
mod conversations;
mod events;
mod imports;
mod people;
mod queue;
mod usage;
mod waiting;

use serde_json::Value;
use test_support::{Actor, Role};

use crate::app::{TestApp, until};
use usage::{Bounds, end_connections, watch};

/// How often each case is asked for, each time with other values: often enough that a prepared statement gets its lasting plan.
const ROUNDS: usize = 8;

/// One hot read, and what it may cost.
struct Case {
    bounds: Bounds,
    /// The call of each round.
    call: Box<dyn Fn(usize) -> Call>,
}

enum Call {
    Get(String),
    Post(&'static str, Value),
}

/// A GET that must use each of the indexes `uses` and read `most_entries` of the large tables' indexes at most.
fn get(
    what: &'static str,
    uses: &'static [&'static str],
    most_entries: i64,
    path: impl Fn(usize) -> String + 'static,
) -> Case {
    Case {
        bounds: each_round(what, uses, most_entries),
        call: Box::new(move |round| Call::Get(path(round))),
    }
}

/// As [`get`], a POST.
fn post(
    what: &'static str,
    uses: &'static [&'static str],
    most_entries: i64,
    path: &'static str,
    body: impl Fn(usize) -> Value + 'static,
) -> Case {
    Case {
        bounds: each_round(what, uses, most_entries),
        call: Box::new(move |round| Call::Post(path, body(round))),
    }
}

fn each_round(what: &'static str, uses: &'static [&'static str], most_entries: i64) -> Bounds {
    Bounds {
        what,
        uses,
        most_entries,
        rounds: ROUNDS,
    }
}

/// Tries every case, none of which is ever to read a `large` table from beginning to end, and gives what is wrong with each.
async fn faults_of(app: &TestApp, actor: &Actor, large: &[&str], cases: Vec<Case>) -> Vec<String> {
    let mut faults = Vec::new();
    // What was asked for before is none of theirs.
    end_connections(&app.database, Role::App).await;
    for Case { bounds, call } in cases {
        // The connections of the case before are gone, which the server notices in its own time.
        until("the server answers again", async || {
            actor.get("/v1/me").await.status == 200
        })
        .await;
        let what = bounds.what;
        let all_rounds = async || {
            for round in 0..ROUNDS {
                let answer = match call(round) {
                    Call::Get(path) => actor.get(&path).await,
                    Call::Post(path, body) => actor.post(path, body).await,
                };
                assert!(answer.status.is_success(), "{what}: {answer}");
                let is_empty = answer.body["data"].as_array().is_some_and(Vec::is_empty);
                assert!(!is_empty, "{what}, round {round}, found nothing: {answer}");
            }
        };
        faults.extend(watch(&app.database, Role::App, large, bounds, all_rounds).await);
    }
    faults
}
