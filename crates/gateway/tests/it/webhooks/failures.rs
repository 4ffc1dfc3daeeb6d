//! Targets that fail: they are tried again for three days, hold up nobody else, and lead nowhere inside.

use std::time::Duration;

use chrono::TimeDelta;
use fetch::OutwardRules;
use serde_json::json;
use test_support::Role;

use super::receiver::{Receiver, Reply};
use super::{act, endpoint, endpoint_at, happen, logged, tried};
use crate::app::{TestApp, until};

/// Longer than any pause of the schedule.
const A_DAY: TimeDelta = TimeDelta::hours(27);

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id_until_it_comes_through() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::scripted([Reply::status(500), Reply::status(404)]).await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["*"]).await;
    happen(&app, "aurora").await;
    let first = tried(&app, &endpoint, 1).await;
    assert_eq!(first["status"], "pending");
    assert_eq!(first["attempts"][0]["http_status"], 500);
    assert_eq!(first["attempts"][0]["error"], "http_status");
    assert_eq!(first["attempts"][0]["response"], "answered 500");
    assert!(owner.get(&endpoint.path).await.body["failing_since"].is_string());
    app.clock.advance(TimeDelta::seconds(6));
    let second = tried(&app, &endpoint, 2).await;
    assert_eq!(second["attempts"][1]["http_status"], 404);
    app.clock.advance(TimeDelta::minutes(6));
    let third = tried(&app, &endpoint, 3).await;
    assert_eq!(third["status"], "succeeded");
    assert!(third["next_attempt_at"].is_null());
    let owner = app.actor("owner@aurora");
    assert!(owner.get(&endpoint.path).await.body["failing_since"].is_null());
    let received = receiver.received();
    let ids: Vec<_> = received.iter().map(|received| received.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]) && ids.len() == 3, "{ids:?}");
    let times: Vec<i64> = received
        .iter()
        .map(|one| one.header("webhook-timestamp").parse().unwrap())
        .collect();
    assert!(times[0] < times[1] && times[1] < times[2], "{times:?}");
}

#[tokio::test]
async fn after_three_days_of_nothing_but_failures_an_endpoint_is_disabled_and_that_is_told() {
    let Some(app) = TestApp::start().await else { return };
    let (failing, watching) = (Receiver::always(Reply::status(500)).await, Receiver::start().await);
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &failing, &["contact.created"]).await;
    let _watcher = super::endpoint(&owner, &watching, &["webhook_endpoint.*"]).await;
    happen(&app, "aurora").await;
    // The pauses of the schedule, each at its longest.
    let minutes = [1, 6, 33, 132, 330, 660, 924, 1320, 1584];
    for (attempt, pause) in (1..).zip(minutes) {
        let delivery = tried(&app, &endpoint, attempt).await;
        assert_eq!(delivery["status"], "pending", "{delivery}");
        app.clock.advance(TimeDelta::minutes(pause));
    }
    let last = tried(&app, &endpoint, 10).await;
    assert_eq!(last["status"], "failed", "it is given up after ten attempts");
    let told = watching.wait_for(1).await.remove(0).json();
    assert_eq!(told["type"], "webhook_endpoint.disabled");
    assert_eq!(
        told["data"],
        json!({"webhook_endpoint_id": endpoint.id, "reason": "failing"})
    );
    let shown = app.get("owner@aurora", &endpoint.path).await;
    assert_eq!(shown.body["status"], "disabled");
    assert_eq!(shown.body["disabled_reason"], "failing");
    let maintenance = app.database.connect(Role::Maintenance).await;
    let noted = "SELECT actor_kind FROM audit_log WHERE action = 'webhook_endpoints.disable'";
    let noted = maintenance.query_one(noted, &[]).await.unwrap();
    assert_eq!(noted.get::<_, String>(0), "system");
}

#[tokio::test]
async fn a_target_that_is_gone_is_disabled_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::scripted([Reply::status(410)]).await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    happen(&app, "aurora").await;
    let delivery = tried(&app, &endpoint, 1).await;
    assert_eq!(delivery["status"], "failed");
    let shown = owner.get(&endpoint.path).await;
    assert_eq!(shown.body["disabled_reason"], "gone");
}

#[tokio::test]
async fn a_target_that_asks_to_be_left_alone_is() {
    let Some(app) = TestApp::start().await else { return };
    let busy = Reply::Status(503, vec!["Retry-After: 3600".to_owned()]);
    let receiver = Receiver::scripted([busy]).await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    happen(&app, "aurora").await;
    let delivery = tried(&app, &endpoint, 1).await;
    assert_eq!(delivery["next_attempt_at"], "2026-11-20T13:00:00Z", "{delivery}");
    app.clock.advance(TimeDelta::hours(1));
    tried(&app, &endpoint, 2).await;
}

#[tokio::test]
async fn targets_that_hang_or_drip_are_given_up_and_hold_up_no_other() {
    let short = Duration::from_millis(300);
    let Some(app) = TestApp::start_with(|config| config.webhooks.deadline = short).await else {
        return;
    };
    let owner = app.actor("owner@aurora");
    for reply in [Reply::Hang, Reply::Drip] {
        let receiver = Receiver::always(reply).await;
        let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
        happen(&app, "aurora").await;
        let delivery = tried(&app, &endpoint, 1).await;
        assert_eq!(delivery["attempts"][0]["error"], "timeout", "{delivery}");
        owner.delete(&endpoint.path).await.assert_status(204);
    }
    // The status is what counts; the rest of the answer is not waited for.
    let receiver = Receiver::always(Reply::DripBody).await;
    let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    happen(&app, "aurora").await;
    let delivery = tried(&app, &endpoint, 1).await;
    assert_eq!(delivery["status"], "succeeded", "{delivery}");
}

#[tokio::test]
async fn while_a_dozen_targets_hang_others_are_told_and_other_work_is_done() {
    // Nobody waits as long as this deadline: what arrives arrives while the others hang.
    let long = Duration::from_secs(600);
    let Some(app) = TestApp::start_with(|config| config.webhooks.deadline = long).await else {
        return;
    };
    let owner = app.actor("owner@aurora");
    let hanging = Receiver::always(Reply::Hang).await;
    for _ in 0..12 {
        endpoint(&owner, &hanging, &["contact.created"]).await;
    }
    for _ in 0..6 {
        happen(&app, "aurora").await;
    }
    // Four deliveries of each are under way, and the others wait for these.
    hanging.wait_for(48).await;
    let receiver = Receiver::start().await;
    let _endpoint = endpoint(&owner, &receiver, &["contact.updated"]).await;
    let contact = happen(&app, "aurora").await;
    let rename = json!({"name": "Rosa Velha"});
    owner
        .patch(&format!("/v1/contacts/{contact}"), rename)
        .await
        .assert_status(200);
    receiver.wait_for(1).await;
    assert_eq!(
        hanging.received().len(),
        48,
        "no more than four of an endpoint at a time"
    );
    let maintenance = app.database.connect(Role::Maintenance).await;
    until("no job waits for a target", async || {
        let open = "SELECT count(*) FROM outbox WHERE handled_at IS NULL AND available_at <= '2026-11-20T12:00:00Z'";
        maintenance.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    // They hang up, so that the gateway need not wait for them.
    drop(hanging);
}

#[tokio::test]
async fn a_redirect_inward_is_not_followed() {
    let Some(app) = TestApp::start().await else { return };
    let inside = Receiver::start().await;
    let location = format!("Location: http://127.0.0.1:{}/admin", inside.port());
    let owner = app.actor("owner@aurora");
    let replies = [301, 302, 307, 308].map(|status| Reply::Status(status, vec![location.clone()]));
    let receiver = Receiver::scripted(replies).await;
    let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    for attempt in 1..5 {
        if attempt == 1 {
            happen(&app, "aurora").await;
        }
        let delivery = tried(&app, &endpoint, attempt).await;
        assert_eq!(delivery["attempts"][attempt - 1]["error"], "redirected", "{delivery}");
        app.clock.advance(A_DAY);
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to_and_the_log_says_why() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::start().await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    // The operator takes their word back: what was allowed when it was set is judged again at each attempt.
    drop(owner);
    let url = format!("http://localhost:{}/", receiver.port());
    let Some(strict) = TestApp::start_with(|config| config.outward = OutwardRules::default()).await else {
        return;
    };
    let owner = strict.actor("owner@aurora");
    let inside = endpoint_at(&owner, "https://hooks.example/", &["contact.created"]).await;
    let maintenance = strict.database.connect(Role::Maintenance).await;
    for url in [url.as_str(), receiver.url().as_str()] {
        maintenance
            .execute("UPDATE webhook_endpoints SET url = $1", &[&url])
            .await
            .unwrap();
        act(&owner, &format!("{}/test", inside.path)).await.assert_status(202);
        let delivery = logged(&strict, &inside, |delivery| delivery["status"] == "failed").await;
        assert_eq!(delivery["attempts"][0]["error"], "address_not_allowed", "{delivery}");
        assert!(delivery["attempts"][0]["http_status"].is_null());
        strict.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(receiver.connections(), 0);
    // Where the operator allows it, the same arrives.
    happen(&app, "aurora").await;
    receiver.wait_for(1).await;
    logged(&app, &endpoint, |delivery| delivery["status"] == "succeeded").await;
}

#[tokio::test]
async fn where_nobody_listens_or_the_name_leads_nowhere_the_log_says_so() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let port = Receiver::start().await.port();
    let endpoint = endpoint_at(&owner, &format!("http://127.0.0.1:{port}/"), &["contact.created"]).await;
    happen(&app, "aurora").await;
    let delivery = tried(&app, &endpoint, 1).await;
    assert_eq!(delivery["attempts"][0]["error"], "connection_failed", "{delivery}");
    assert!(delivery["attempts"][0]["response"].is_null());
}
