//! What other systems hear: endpoints, deliveries and their log, and the feed of events.

mod deliveries;
mod endpoints;
mod failures;
mod feed;
mod mailed;
mod receiver;
mod tls;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer};

use self::receiver::Receiver;
use crate::app::{TestApp, until};

pub(crate) const ENDPOINTS: &str = "/v1/webhook-endpoints";

/// An endpoint of a test: its address in the API, its secret, and who receives.
pub(crate) struct Endpoint {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// An endpoint that `owner` makes for `events` at `url`.
async fn endpoint_at(owner: &Actor, url: &str, events: &[&str]) -> Endpoint {
    let made = owner
        .post(ENDPOINTS, json!({"url": url, "events": events}))
        .await
        .expect_status(201);
    let id = made.body["webhook_endpoint"]["id"].as_str().unwrap().to_owned();
    Endpoint {
        path: format!("{ENDPOINTS}/{id}"),
        id,
        secret: made.body["secret"].as_str().unwrap().to_owned(),
    }
}

/// As [`endpoint_at`], where `receiver` listens.
async fn endpoint(owner: &Actor, receiver: &Receiver, events: &[&str]) -> Endpoint {
    endpoint_at(owner, &receiver.url(), events).await
}

/// The log of an endpoint, the newest first.
async fn log(actor: &Actor, endpoint: &Endpoint) -> Vec<Value> {
    let answer = actor.get(&format!("{}/deliveries", endpoint.path)).await;
    answer.expect_status(200).data().to_vec()
}

/// Waits until the newest delivery of `endpoint` is as `wanted`, and gives it.
async fn logged(app: &TestApp, endpoint: &Endpoint, wanted: impl Fn(&Value) -> bool) -> Value {
    let owner = app.actor("owner@aurora");
    let mut newest = Value::Null;
    until("the log says what came of it", async || {
        newest = log(&owner, endpoint).await.into_iter().next().unwrap_or_default();
        wanted(&newest)
    })
    .await;
    newest
}

/// Waits until the newest delivery has been tried `attempts` times.
async fn tried(app: &TestApp, endpoint: &Endpoint, attempts: usize) -> Value {
    logged(app, endpoint, |delivery| {
        delivery["attempts"]
            .as_array()
            .is_some_and(|tried| tried.len() == attempts)
    })
    .await
}

/// POST without a body.
async fn act(actor: &Actor, path: &str) -> Answer {
    actor.call(Method::POST, path).send().await
}

/// Something happens: a contact is made, whose id is given.
async fn happen(app: &TestApp, clinic: &str) -> String {
    let reception = app.actor(&format!("reception@{clinic}"));
    crate::contacts::make_id(&reception, json!({"name": "Rosa Nova"})).await
}
