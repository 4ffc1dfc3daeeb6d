//! What the tests of the agenda share: bookings in few words, appointments on their way, and races of many connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Api, Role, world};
use tokio::sync::Barrier;
use tokio_postgres::Client;

use crate::app::TestApp;

/// A Tuesday on which nobody has an appointment yet.
pub(crate) const TUESDAY: &str = "2026-11-24";

/// From how many connections a race comes.
const CONNECTIONS: usize = 20;
/// Of how many calls a race is.
pub(crate) const RACERS: usize = 200;

/// The moment at which the wall clocks of São Paulo show `time`, such as `09:00`, on Tuesday.
pub(crate) fn tuesday(time: &str) -> String {
    on(TUESDAY, time)
}

/// The moment at which the wall clocks of São Paulo show `time` on `day`.
pub(crate) fn on(day: &str, time: &str) -> String {
    format!("{day}T{time}:00-03:00")
}

/// `body` with the members of `changes` instead of its own; those that are null are left out.
pub(crate) fn with(mut body: Value, changes: Value) -> Value {
    let (Value::Object(members), Value::Object(changes)) = (&mut body, changes) else {
        panic!("two objects are expected");
    };
    members.extend(changes);
    members.retain(|_, value| !value.is_null());
    body
}

/// Maria's `consulta` of 30 minutes with dr-lima.
pub(crate) fn consulta(starts_at: &str) -> Value {
    json!({
        "contact_id": world::contact("maria"), "practitioner_id": world::practitioner("dr-lima"),
        "service_id": world::service("consulta"), "starts_at": starts_at
    })
}

/// Maria's `exame` of 45 minutes with dr-lima: five minutes before it and ten after it are taken as well, and a room.
pub(crate) fn exame(starts_at: &str) -> Value {
    with(consulta(starts_at), json!({ "service_id": world::service("exame") }))
}

/// An appointment for no service.
pub(crate) fn visit(practitioner: &str, starts_at: &str, ends_at: &str) -> Value {
    json!({
        "contact_id": world::contact("maria"), "practitioner_id": practitioner, "starts_at": starts_at, "ends_at": ends_at
    })
}

/// Books `body`, which nothing stands in the way of.
#[track_caller]
pub(crate) fn book(actor: &Actor, body: Value) -> impl Future<Output = Answer> {
    let place = std::panic::Location::caller();
    let actor = actor.clone();
    async move {
        let answer = actor.post("/v1/appointments", body).await;
        assert_eq!(answer.status, 201, "booked at {place}: {answer}");
        answer
    }
}

/// `POST /v1/appointments/{id}/{action}`, with a body when the action needs one.
pub(crate) async fn act(actor: &Actor, id: &str, action: &str) -> Answer {
    actor
        .call(Method::POST, &format!("/v1/appointments/{id}/{action}"))
        .send()
        .await
}

/// Takes a new appointment to `status` by the shortest way.
pub(crate) async fn bring(actor: &Actor, id: &str, status: &str) {
    let way: &[&str] = match status {
        "scheduled" => &[],
        "confirmed" => &["confirm"],
        "checked_in" => &["check-in"],
        "in_progress" => &["check-in", "start"],
        "completed" => &["check-in", "complete"],
        "cancelled" => &["cancel"],
        "no_show" => &["no-show"],
        other => panic!("there is no status {other}"),
    };
    for action in way {
        act(actor, id, action).await.assert_status(200);
    }
}

/// The half hours at which a `consulta` can begin on weekdays from Tuesday on, far more than a test needs.
pub(crate) fn half_hours() -> impl Iterator<Item = String> {
    let days = [
        "2026-11-24",
        "2026-11-25",
        "2026-11-26",
        "2026-11-27",
        "2026-11-30",
        "2026-12-02",
    ];
    let hours = (8..12).chain(13..18);
    days.into_iter().flat_map(move |day| {
        hours
            .clone()
            .flat_map(move |hour| ["00", "30"].map(|minute| on(day, &format!("{hour:02}:{minute}"))))
    })
}

/// A gateway with enough workers and connections for calls to meet in the database.
pub(crate) async fn contested() -> Option<TestApp> {
    TestApp::start_with(|config| {
        config.server.workers = 4;
        config.pool.max_connections = 6;
        // Who waits here waits for the machine, which many tests share.
        let patience = std::time::Duration::from_secs(55);
        config.database.lock_timeout = patience;
        config.database.statement_timeout = patience;
    })
    .await
}

/// Posts `calls` (path and body) from twenty connections at once, each sending one call after the other.
pub(crate) async fn race(actor: &Actor, calls: Vec<(String, Value)>) -> Vec<Answer> {
    let start = Arc::new(Barrier::new(CONNECTIONS));
    let mut hands = vec![Vec::new(); CONNECTIONS];
    for (number, call) in calls.into_iter().enumerate() {
        hands[number % CONNECTIONS].push(call);
    }
    let runs = hands.into_iter().map(|hand| {
        let start = Arc::clone(&start);
        let actor = Api::at(actor.api().address()).bearer(actor.token());
        tokio::spawn(async move {
            start.wait().await;
            let mut answers = Vec::with_capacity(hand.len());
            for (path, body) in hand {
                answers.push(actor.post(&path, body).await);
            }
            answers
        })
    });
    let mut answers = Vec::new();
    for run in runs.collect::<Vec<_>>() {
        answers.extend(run.await.unwrap());
    }
    answers
}

/// The same call `times` times.
pub(crate) fn same(times: usize, path: &str, body: &Value) -> Vec<(String, Value)> {
    vec![(path.to_owned(), body.clone()); times]
}

/// How often each status and code came.
pub(crate) fn tally(answers: &[Answer]) -> BTreeMap<(u16, &str), usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry((answer.status.as_u16(), answer.code())).or_default() += 1;
    }
    tally
}

/// Asserts that exactly one of `answers` is `status` and all others are 409 with `code`; gives that one.
#[track_caller]
pub(crate) fn only_one<'a>(answers: &'a [Answer], status: u16, code: &str) -> &'a Answer {
    assert_eq!(
        tally(answers),
        BTreeMap::from([((status, ""), 1), ((409, code), answers.len() - 1)])
    );
    answers.iter().find(|answer| answer.status == status).unwrap()
}

/// What a query counts, whoever's rows they are.
pub(crate) async fn count(app: &TestApp, query: &str) -> i64 {
    let maintenance = app.database.connect(Role::Maintenance).await;
    count_by(&maintenance, query).await
}

/// As [`count`], on a connection that is there.
pub(crate) async fn count_by(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// The member `name` of each row of a page, as text.
pub(crate) fn column(answer: &Answer, name: &str) -> Vec<String> {
    answer
        .data()
        .iter()
        .map(|row| row[name].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// The pointers and codes of a 422.
#[track_caller]
pub(crate) fn faults(answer: &Answer) -> BTreeSet<(&str, &str)> {
    answer.assert_status(422);
    let errors = answer.body["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("no errors: {answer}"));
    errors
        .iter()
        .map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect()
}

/// The id of a new practitioner of aurora who offers `services`.
pub(crate) async fn new_practitioner(app: &TestApp, number: usize, services: &[&str]) -> String {
    let services: Vec<_> = services.iter().map(|key| world::service(key)).collect();
    let body = json!({
        "name": format!("Plantonista {}", char::from(b'A' + u8::try_from(number).unwrap())),
        "registration": { "council": "CRM", "number": format!("{}", 200_000 + number), "state": "SP" },
        "service_ids": services
    });
    let made = app.actor("director@aurora").post("/v1/practitioners", body).await;
    made.expect_status(201).id().to_owned()
}

/// The id of a new contact of aurora.
pub(crate) async fn new_contact(app: &TestApp, name: &str) -> String {
    let made = app
        .actor("reception@aurora")
        .post("/v1/contacts", json!({ "name": name }))
        .await;
    made.expect_status(201).id().to_owned()
}
