//! What clients should not send: a clear problem each time, and never a 500.

mod bodies;
mod paths_and_queries;
mod tokens;
mod transport;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer};

use crate::app::TestApp;
use crate::openapi_walk::{Ids, Operation, address, operations, rows_of};

/// Gathers what went wrong, so that one run tells everything.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// Notes `answer` unless it is a whole problem with one of `statuses`.
    fn expect(&mut self, answer: &Answer, statuses: &[u16], what: impl FnOnce() -> String) {
        let is_problem = answer.header("content-type") == Some("application/problem+json")
            && answer.body["status"] == answer.status.as_u16()
            && !answer.code().is_empty();
        if !is_problem || !statuses.contains(&answer.status.as_u16()) {
            self.0.push(format!("{}: {answer}", what()));
        }
    }

    /// Notes `answer` when it is our own failure, or a refusal that is no whole problem.
    fn expect_no_failure(&mut self, answer: &Answer, what: impl FnOnce() -> String) {
        let refused = answer.status.is_client_error();
        let is_problem = answer.header("content-type") == Some("application/problem+json") && !answer.code().is_empty();
        if answer.status.is_server_error() || (refused && !is_problem) {
            self.0.push(format!("{}: {answer}", what()));
        }
    }

    fn assert_none(self) {
        assert!(self.0.is_empty(), "{} faults:\n{}", self.0.len(), self.0.join("\n\n"));
    }
}

/// Whether what comes to `operation` is judged by its signature before anything is read: whatever is wrong, it gives one answer,
/// which the tests of channels look at.
fn is_signed(operation: &Operation) -> bool {
    operation.path.starts_with("/hooks/")
}

/// An app, somebody who may do everything in it, and ids of rows that are there.
async fn app_with_rows() -> Option<(TestApp, Actor, Ids)> {
    let app = TestApp::start().await?;
    let director = app.actor("director@aurora");
    let ids = rows_of(&app, "owner@aurora").await;
    Some((app, director, ids))
}

/// Whoever may call `operation`: everybody, or the director.
fn caller_of<'a>(operation: &Operation, director: &'a Actor, nobody: &'a Actor) -> &'a Actor {
    if operation.is_public { nobody } else { director }
}
