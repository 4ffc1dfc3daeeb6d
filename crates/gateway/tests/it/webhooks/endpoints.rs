//! Endpoints: what may be one, who decides what it hears, and its secret.

use fetch::OutwardRules;
use futures_util::future::join_all;
use kernel::{Permission, PermissionSet};
use reqwest::Method;
use serde_json::json;
use test_support::Role;

use super::{ENDPOINTS, act, endpoint_at, happen};
use crate::agenda::faults;
use crate::app::{TestApp, until};
use crate::practice::{STALE, delete_if, patch_if};

const URL: &str = "https://hooks.example/taskmed";

#[tokio::test]
async fn an_endpoint_is_made_shown_changed_and_put_away_and_its_secret_shown_once() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let body = json!({"url": URL, "description": " Laboratory ", "events": ["contact.created", "appointment.*", "appointment.*"]});
    let made = owner.post(ENDPOINTS, body).await.expect_status(201);
    let secret = made.body["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let view = &made.body["webhook_endpoint"];
    assert_eq!(view["events"], json!(["appointment.*", "contact.created"]));
    assert_eq!(view["description"], "Laboratory");
    assert_eq!(view["status"], "enabled");
    let path = made.header("location").unwrap().to_owned();

    let shown = owner.get(&path).await.expect_status(200);
    let listed = owner.get(ENDPOINTS).await.expect_status(200);
    assert_eq!(&shown.body, view);
    assert_eq!(listed.data(), std::slice::from_ref(view));
    for answer in [&shown, &listed] {
        assert!(
            !String::from_utf8_lossy(&answer.bytes).contains(&secret[6..]),
            "{answer}"
        );
    }

    patch_if(&owner, &path, STALE, json!({"status": "disabled"}))
        .await
        .assert_status(412);
    let changed = patch_if(
        &owner,
        &path,
        shown.etag(),
        json!({"status": "disabled", "description": null}),
    )
    .await;
    let changed = changed.expect_status(200);
    assert_eq!(changed.body["status"], "disabled");
    assert_eq!(changed.body["disabled_reason"], "person");
    assert!(changed.body["description"].is_null());
    let enabled = owner
        .patch(&path, json!({"status": "enabled", "events": ["*"]}))
        .await
        .expect_status(200);
    assert_eq!(enabled.body["status"], "enabled");
    assert!(enabled.body["disabled_reason"].is_null() && enabled.body["disabled_at"].is_null());

    delete_if(&owner, &path, STALE).await.assert_status(412);
    owner.delete(&path).await.assert_status(204);
    owner.delete(&path).await.assert_status(204);
    assert_eq!(owner.get(&path).await.expect_status(200).body["status"], "archived");
    assert_eq!(owner.get(ENDPOINTS).await.data().len(), 0);
    assert_eq!(owner.get(&format!("{ENDPOINTS}?status=archived")).await.data().len(), 1);
    owner
        .patch(&path, json!({"url": URL}))
        .await
        .assert_problem(409, "archived");
    act(&owner, &format!("{path}/rotate-secret"))
        .await
        .assert_problem(409, "archived");
    act(&owner, &format!("{path}/test"))
        .await
        .assert_problem(409, "webhook_endpoint_disabled");
    let maintenance = app.database.connect(Role::Maintenance).await;
    let kept = maintenance
        .query_one("SELECT count(*) FROM webhook_endpoints WHERE secret IS NOT NULL", &[])
        .await
        .unwrap();
    assert_eq!(
        kept.get::<_, i64>(0),
        0,
        "the secret of an archived endpoint is forgotten"
    );
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let body =
        json!({"url": "ftp://x", "description": "\u{7}", "events": ["contact.created", "contact.gone", "nothing"]});
    let answer = owner.post(ENDPOINTS, body).await.expect_status(422);
    let told = faults(&answer);
    for fault in [
        ("/url", "invalid_url"),
        ("/description", "control_character"),
        ("/events/1", "unknown_event_type"),
        ("/events/2", "unknown_event_type"),
    ] {
        assert!(told.contains(&fault), "{fault:?} in {answer}");
    }
    let empty = owner
        .post(ENDPOINTS, json!({"url": URL, "events": []}))
        .await
        .expect_status(422);
    assert!(faults(&empty).contains(&("/events", "required")), "{empty}");
    let endpoint = endpoint_at(&owner, URL, &["*"]).await;
    let body = json!({"url": null, "events": null, "status": "archived"});
    let answer = owner.patch(&endpoint.path, body).await.expect_status(422);
    let told = faults(&answer);
    for fault in [
        ("/url", "required"),
        ("/events", "required"),
        ("/status", "not_settable"),
    ] {
        assert!(told.contains(&fault), "{fault:?} in {answer}");
    }
}

#[tokio::test]
async fn an_address_inside_is_refused_when_it_is_set_unless_the_operator_allows_it() {
    let Some(app) = TestApp::start_with(|config| config.outward = OutwardRules::default()).await else {
        return;
    };
    let owner = app.actor("owner@aurora");
    for url in [
        "http://127.0.0.1:8080/",
        "https://10.1.2.3/",
        "https://[::ffff:169.254.169.254]/",
        "https://2130706433/",
        "https://localhost/",
    ] {
        let answer = owner
            .post(ENDPOINTS, json!({"url": url, "events": ["*"]}))
            .await
            .expect_status(422);
        assert!(
            faults(&answer).contains(&("/url", "address_not_allowed")),
            "{url}: {answer}"
        );
    }
    let endpoint = endpoint_at(&owner, URL, &["*"]).await;
    let moved = owner
        .patch(&endpoint.path, json!({"url": "https://192.168.0.1/"}))
        .await
        .expect_status(422);
    assert!(faults(&moved).contains(&("/url", "address_not_allowed")), "{moved}");
}

#[tokio::test]
async fn only_tls_is_taken_but_where_the_operator_has_named_a_network() {
    for (networks, url, code) in [
        ("", "http://hooks.example/", Some("https_required")),
        ("10.9.0.0/16", "http://hooks.example/", None),
        ("10.9.0.0/16", "http://10.9.0.1:8080/", None),
        ("10.9.0.0/16", "http://8.8.8.8/", Some("https_required")),
        ("10.9.0.0/16", "http://10.8.0.1/", Some("address_not_allowed")),
        ("10.9.0.0/16", "https://hooks.example/#top", Some("fragment_in_url")),
    ] {
        let set = |config: &mut gateway::config::Config| {
            config.outward.networks = networks.parse().unwrap_or_default();
        };
        let Some(app) = TestApp::start_with(set).await else {
            return;
        };
        let body = json!({"url": url, "events": ["*"]});
        let answer = app.actor("owner@aurora").post(ENDPOINTS, body).await;
        let status = if code.is_some() { 422 } else { 201 };
        let answer = answer.expect_status(status);
        if let Some(code) = code {
            assert!(faults(&answer).contains(&("/url", code)), "{url}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_clinic_has_twenty_however_many_are_made_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let body = json!({"url": URL, "events": ["*"]});
    let answers = join_all((0..30).map(|_| owner.post(ENDPOINTS, body.clone()))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 20);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.assert_problem(409, "too_many_webhook_endpoints");
    }
    // Another clinic has its own, and one that was put away makes room.
    endpoint_at(&app.actor("owner@horizonte"), URL, &["*"]).await;
    let one = answers.iter().find(|answer| answer.status == 201).unwrap();
    owner.delete(one.header("location").unwrap()).await.assert_status(204);
    endpoint_at(&owner, URL, &["*"]).await;
}

#[tokio::test]
async fn nobody_has_an_endpoint_hear_what_they_may_not() {
    let Some(app) = TestApp::start().await else { return };
    let permissions = PermissionSet::of(&[Permission::WebhooksManage, Permission::AppointmentsRead]);
    let key = app.integration("aurora", permissions).await;
    let named = json!({"url": URL, "events": ["contact.created", "appointment.booked"]});
    let refused = key.post(ENDPOINTS, named.clone()).await;
    refused.assert_problem(403, "permission_not_grantable");
    assert_eq!(refused.body["permissions"], json!(["contacts:read"]));
    let endpoint = endpoint_at(&key, URL, &["*", "appointment.booked"]).await;
    let widened = key.patch(&endpoint.path, json!({"events": ["contact.created"]})).await;
    widened.assert_problem(403, "permission_not_grantable");

    // Nor has anybody what an endpoint of theirs hears sent to another address.
    let of_owner = endpoint_at(&app.actor("owner@aurora"), URL, &["contact.*"]).await;
    let elsewhere = key
        .patch(&of_owner.path, json!({"url": "https://elsewhere.example/hooks"}))
        .await;
    elsewhere.assert_problem(403, "permission_not_grantable");
    assert!(
        elsewhere.body["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("contacts:read"))
    );
    key.patch(&of_owner.path, json!({"description": "moved"}))
        .await
        .assert_status(200);
    key.delete(&of_owner.path).await.assert_status(204);

    // Of everything it hears what its maker may: not of contacts, until somebody who may decides so.
    happen(&app, "aurora").await;
    let owner = app.actor("owner@aurora");
    let events = async || owner.get(&format!("{}/deliveries", endpoint.path)).await.data().len();
    let maintenance = app.database.connect(Role::Maintenance).await;
    until("the event was looked at", async || {
        let open = "SELECT count(*) FROM outbox WHERE kind = 'contact.created' AND handled_at IS NULL";
        maintenance.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    assert_eq!(events().await, 0);
    owner
        .patch(&endpoint.path, json!({"events": ["*"]}))
        .await
        .assert_status(200);
    happen(&app, "aurora").await;
    until("now it hears", async || events().await == 1).await;
}

#[tokio::test]
async fn the_types_of_events_are_listed_with_what_they_ask_for() {
    let Some(app) = TestApp::start().await else { return };
    let listed = app.get("auditor@aurora", "/v1/event-types").await.expect_status(200);
    let of = |kind: &str| listed.data().iter().find(|row| row["type"] == kind).cloned();
    assert_eq!(of("contact.merged").unwrap()["permission"], "contacts:read");
    assert_eq!(of("appointment.booked").unwrap()["permission"], "appointments:read");
    assert_eq!(of("practitioner.archived").unwrap()["permission"], "clinic:read");
    assert_eq!(
        of("webhook_endpoint.disabled").unwrap()["permission"],
        "webhooks:manage"
    );
    assert_eq!(of("hold.expired"), None, "what is only work is nobody's business");
    assert_eq!(listed.data().len(), gateway::events::catalogue().count());
    app.api
        .nobody()
        .call(Method::GET, "/v1/event-types")
        .send()
        .await
        .assert_status(401);
}
