//! The feed of events: in order, for those who may hear, and without gaps.

use chrono::TimeDelta;
use kernel::{Permission, PermissionSet};
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};
use uuid::Uuid;

use super::happen;
use crate::agenda::{book, consulta, tuesday};
use crate::app::{TestApp, until};

const FEED: &str = "/v1/events";

/// The feed after `after`, with more of a query.
async fn read(actor: &Actor, after: Option<&str>, more: &str) -> Answer {
    let after = after.map(|id| format!("after={id}&")).unwrap_or_default();
    actor.get(&format!("{FEED}?{after}{more}")).await.expect_status(200)
}

fn next(answer: &Answer) -> String {
    answer.body["page"]["next_cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned()
}

/// The contacts that the events of a page name.
fn contacts(answer: &Answer) -> Vec<String> {
    let events = answer.data().iter();
    events
        .map(|event| event["data"]["contact_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_follow_one_another_to_the_end_and_on_from_there() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let empty = read(&owner, None, "").await;
    assert_eq!(
        empty.body,
        json!({"data": [], "page": {"next_cursor": null, "has_more": false}})
    );
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(happen(&app, "aurora").await);
    }
    until("all is settled", async || {
        read(&owner, None, "").await.data().len() == 5
    })
    .await;
    let first = read(&owner, None, "limit=2").await;
    assert_eq!(first.body["page"]["has_more"], true);
    let second = read(&owner, Some(&next(&first)), "limit=2").await;
    let third = read(&owner, Some(&next(&second)), "limit=2").await;
    assert_eq!(third.body["page"]["has_more"], false);
    let seen: Vec<_> = [&first, &second, &third].into_iter().flat_map(contacts).collect();
    assert_eq!(seen, made, "in the order in which it happened");
    // At the end the cursor stays where it is, and goes on when there is more.
    let end = read(&owner, Some(&next(&third)), "").await;
    assert_eq!((end.data().len(), next(&end)), (0, next(&third)));
    let later = happen(&app, "aurora").await;
    until("what came later is there", async || {
        contacts(&read(&owner, Some(&next(&end)), "").await) == [later.as_str()]
    })
    .await;
    // The id of any event will do.
    let id = first.data()[0]["id"].as_str().unwrap();
    assert_eq!(contacts(&read(&owner, Some(id), "").await)[0], made[1]);
}

#[tokio::test]
async fn nothing_is_skipped_while_an_older_transaction_is_still_open() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let before = happen(&app, "aurora").await;
    until("it is settled", async || {
        contacts(&read(&owner, None, "").await) == [before.as_str()]
    })
    .await;
    let from = next(&read(&owner, None, "").await);
    // One that began before and takes long. It writes under the same rules as the server.
    let slow = app.database.connect(Role::App).await;
    let late = Uuid::now_v7_of_tests();
    let open = format!(
        "BEGIN; SELECT set_config('app.clinic_id', '{clinic}', true);
         INSERT INTO outbox (clinic_id, id, kind, payload, created_at, available_at)
         VALUES ('{clinic}', '{late}', 'contact.updated', '{{\"contact_id\": \"{late}\"}}', '2026-11-20T12:00:00Z', '2027-01-01')",
        clinic = world::clinic("aurora"),
    );
    slow.batch_execute(&open).await.unwrap();
    // Others commit meanwhile.
    let mut meanwhile = Vec::new();
    for _ in 0..3 {
        meanwhile.push(happen(&app, "aurora").await);
    }
    let during = read(&owner, Some(&from), "").await;
    assert_eq!(
        contacts(&during),
        [""; 0],
        "what came after the open one is not shown before it"
    );
    assert_eq!(next(&during), from);
    slow.batch_execute("COMMIT").await.unwrap();
    let mut seen = Vec::new();
    let mut cursor = next(&during);
    until("all four are seen", async || {
        let page = read(&owner, Some(&cursor), "limit=1").await;
        seen.extend(contacts(&page));
        cursor = next(&page);
        seen.len() == 4
    })
    .await;
    let mut wanted = vec![late.to_string()];
    wanted.extend(meanwhile);
    assert_eq!(seen, wanted, "the late one is not skipped, and nothing comes twice");
}

/// Ids of tests.
trait OfTests {
    fn now_v7_of_tests() -> Uuid;
}

impl OfTests for Uuid {
    fn now_v7_of_tests() -> Uuid {
        kernel::EventId::new_at(world::now()).into()
    }
}

#[tokio::test]
async fn each_caller_hears_what_they_may_and_naming_more_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    happen(&app, "aurora").await;
    happen(&app, "horizonte").await;
    book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    let owner = app.actor("owner@aurora");
    let kinds = |answer: &Answer| -> Vec<Value> { answer.data().iter().map(|event| event["type"].clone()).collect() };
    until("both are settled", async || {
        read(&owner, None, "").await.data().len() == 2
    })
    .await;
    let all = read(&owner, None, "").await;
    assert_eq!(kinds(&all), ["contact.created", "appointment.booked"]);
    assert!(
        all.data()
            .iter()
            .all(|event| event["clinic_id"] == world::clinic("aurora").to_string())
    );
    let agenda = app
        .integration("aurora", PermissionSet::of(&[Permission::AppointmentsRead]))
        .await;
    let heard = read(&agenda, None, "").await;
    assert_eq!(kinds(&heard), ["appointment.booked"]);
    let groups = read(&agenda, None, "types=contact.*,appointment.*").await;
    assert_eq!(kinds(&groups), ["appointment.booked"]);
    let refused = agenda.get(&format!("{FEED}?types=contact.created")).await;
    refused.assert_problem(403, "permission_denied");
    let nobody = app
        .integration("aurora", PermissionSet::of(&[Permission::AuditRead]))
        .await;
    let nothing = read(&nobody, None, "").await;
    assert_eq!(kinds(&nothing), [""; 0]);
    // Where there is nothing to hear the cursor goes on all the same.
    assert_eq!(next(&nothing), next(&all));
    assert_eq!(
        kinds(&read(&owner, None, "types=contact.created").await),
        ["contact.created"]
    );
}

#[tokio::test]
async fn an_event_that_is_not_kept_any_more_or_never_was_is_told() {
    let Some(app) = TestApp::start().await else { return };
    happen(&app, "horizonte").await;
    happen(&app, "aurora").await;
    let (owner, other) = (app.actor("owner@aurora"), app.actor("owner@horizonte"));
    until("both are settled", async || {
        read(&owner, None, "").await.data().len() == 1 && read(&other, None, "").await.data().len() == 1
    })
    .await;
    let theirs = next(&read(&other, None, "").await);
    let ours = next(&read(&owner, None, "").await);
    for after in [Uuid::max().to_string(), theirs] {
        owner
            .get(&format!("{FEED}?after={after}"))
            .await
            .assert_problem(410, "event_gone");
    }
    app.clock.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
    app.actor("owner@aurora")
        .get(&format!("{FEED}?after={ours}"))
        .await
        .assert_status(200);
    app.clock.advance(TimeDelta::seconds(1));
    let gone = app.actor("owner@aurora").get(&format!("{FEED}?after={ours}")).await;
    gone.assert_problem(410, "event_gone");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    for query in [
        "limit=0",
        "limit=101",
        "types=nothing",
        "types=",
        "types=contact.created,x",
        "after=1",
        "cursor=x",
        "sort=id",
    ] {
        owner.get(&format!("{FEED}?{query}")).await.assert_status(422);
    }
}

#[tokio::test]
async fn the_feed_and_the_log_cost_few_statements_however_much_they_show() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    for _ in 0..3 {
        happen(&app, "aurora").await;
    }
    until("all is settled", async || {
        read(&owner, None, "").await.data().len() == 3
    })
    .await;
    let from = read(&owner, None, "limit=1").await;
    let (one, all) = (
        read(&owner, Some(&next(&from)), "limit=1").await,
        read(&owner, Some(&next(&from)), "").await,
    );
    // BEGIN and COMMIT, the position, the rows; at the end, the end as well.
    assert_eq!((one.statements(), all.statements()), (4, 5));
}
