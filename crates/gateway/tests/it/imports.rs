//! Files that are imported over the API: read, rehearsed, brought in, watched, cut off, undone.

mod agenda;
mod control;
mod cut_off;
mod hostile;
mod people;
mod undo;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role};

use crate::app::TestApp;

/// Sends a file.
pub(crate) async fn upload(actor: &Actor, kind: &str, file: impl Into<Vec<u8>>) -> Answer {
    upload_as(actor, &format!("kind={kind}&filename=arquivo.csv"), file).await
}

async fn upload_as(actor: &Actor, query: &str, file: impl Into<Vec<u8>>) -> Answer {
    actor
        .call(Method::POST, &format!("/v1/imports?{query}"))
        .bytes("text/csv", file.into())
        .send()
        .await
}

/// Sends a file, which is taken; gives the import's address.
async fn take(actor: &Actor, kind: &str, file: impl Into<Vec<u8>>) -> String {
    let taken = upload(actor, kind, file).await.expect_status(201);
    format!("/v1/imports/{}", taken.id())
}

async fn act(actor: &Actor, import: &str, action: &str) -> Answer {
    actor.post(&format!("{import}/{action}"), json!({})).await
}

/// Has something done with the import and waits until it stands so.
async fn done(actor: &Actor, import: &str, action: &str, status: &str) -> Value {
    act(actor, import, action).await.assert_status(202);
    reached(actor, import, status).await
}

/// Waits until the import stands so. Hundreds of rows may take longer than what happens by itself elsewhere.
async fn reached(actor: &Actor, import: &str, status: &str) -> Value {
    until(actor, import, status, |body| body["status"] == status).await
}

async fn until(actor: &Actor, import: &str, what: &str, seen: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let shown = actor.get(import).await;
            // Where a test kills connections, the one who looks may lose theirs too.
            if shown.status == 503 {
                continue;
            }
            shown.assert_status(200);
            if seen(&shown.body) {
                return shown.body;
            }
            assert_ne!(shown.body["status"], "failed", "{shown}");
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(180), waiting).await;
    waited.unwrap_or_else(|_| panic!("in vain: {what}"))
}

/// Created, skipped, failed.
fn counts(import: &Value) -> [i64; 3] {
    ["created", "skipped", "failed"].map(|count| import[count].as_i64().unwrap())
}

/// The rows of an import, at most 100.
async fn rows(actor: &Actor, import: &str, query: &str) -> Vec<Value> {
    let listed = actor
        .get(&format!("{import}/rows?limit=100&{query}"))
        .await
        .expect_status(200);
    listed.data().to_vec()
}

/// Line and faults of the rows that failed.
async fn failures(actor: &Actor, import: &str) -> Vec<String> {
    let told = |row: &Value| {
        let errors = row["errors"].as_array().unwrap().iter();
        let errors: Vec<_> = errors
            .map(|error| {
                format!(
                    "{}:{}",
                    error["pointer"].as_str().unwrap(),
                    error["code"].as_str().unwrap()
                )
            })
            .collect();
        format!("{} {}", row["line"], errors.join(" "))
    };
    rows(actor, import, "outcome=failed").await.iter().map(told).collect()
}

async fn count(app: &TestApp, query: &str) -> i64 {
    let maintenance = app.database.connect(Role::Maintenance).await;
    maintenance.query_one(query, &[]).await.unwrap().get(0)
}

/// A file of so many people, told apart by name and phone.
fn people_file(people: usize) -> String {
    let mut file = "Nome;Telefone;Prontuário\n".to_owned();
    for number in 0..people {
        file.push_str(&format!(
            "Pessoa Número {number};(11) 9{:08};P{number}\n",
            10_000_000 + number
        ));
    }
    file
}
