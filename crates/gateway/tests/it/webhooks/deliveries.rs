//! What is delivered: signed, as the feed shows it, to those who may hear, and the log of it.

use chrono::TimeDelta;
use futures_util::future::join_all;
use kernel::{Clock, Permission, PermissionSet, SystemClock};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use test_support::{Role, world};

use super::receiver::{Receiver, Reply};
use super::{Endpoint, act, endpoint, happen, log, logged, tried};
use crate::agenda::{book, consulta, tuesday};
use crate::app::{TestApp, until};

#[tokio::test]
async fn a_booking_arrives_signed_as_the_standard_says_and_as_the_feed_shows_it() {
    let Some(app) = TestApp::start().await else { return };
    // Whoever verifies compares the timestamp with the time of day.
    app.clock.set(SystemClock.now());
    let receiver = Receiver::start().await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["appointment.*"]).await;
    let starts_at = SystemClock.now().saturating_add(TimeDelta::days(30)).to_string();
    let booking = json!({
        "contact_id": world::contact("maria"), "practitioner_id": world::practitioner("dr-lima"), "starts_at": starts_at,
        "ends_at": SystemClock.now().saturating_add(TimeDelta::days(30) + TimeDelta::minutes(30)).to_string(), "overbook": true,
    });
    let booked = book(&owner, booking).await;
    let received = receiver.wait_for(1).await.remove(0);
    let verified = Webhook::new(&endpoint.secret)
        .unwrap()
        .verify(&received.body, &received.headers);
    assert!(verified.is_ok(), "{verified:?}");
    assert_eq!(received.header("content-type"), "application/json");
    assert!(received.header("user-agent").starts_with("TaskMed-Webhooks/"));
    let told = received.json();
    assert_eq!(told["type"], "appointment.booked");
    assert_eq!(told["clinic_id"], world::clinic("aurora").to_string());
    assert_eq!(told["data"]["appointment_id"], booked.id());
    assert_eq!(received.header("webhook-id"), told["id"].as_str().unwrap());
    let feed = owner
        .get("/v1/events?types=appointment.booked")
        .await
        .expect_status(200);
    assert_eq!(feed.data(), [told], "the feed shows the same");
    let delivery = logged(&app, &endpoint, |delivery| delivery["status"] == "succeeded").await;
    assert_eq!(delivery["attempts"][0]["http_status"], 200);
    assert_eq!(delivery["attempts"][0]["response"], "answered 200");
    assert!(delivery["attempts"][0]["error"].is_null());
    assert_eq!(delivery["data"]["appointment_id"], booked.id());
    let manager = app
        .integration("aurora", PermissionSet::of(&[Permission::WebhooksManage]))
        .await;
    let path = format!("{}/deliveries/{}", endpoint.path, delivery["id"].as_str().unwrap());
    let shown = manager.get(&path).await.expect_status(200);
    assert!(shown.body["data"].is_null(), "what happened is for who may hear of it");
}

#[tokio::test]
async fn what_happens_to_contacts_appointments_and_the_practice_is_told() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::start().await;
    let owner = app.actor("owner@aurora");
    let _endpoint = endpoint(&owner, &receiver, &["*"]).await;
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let cancel = format!("/v1/appointments/{}/cancel", booked.id());
    reception
        .post(&cancel, json!({"by": "patient"}))
        .await
        .assert_status(200);
    let (one, two) = (happen(&app, "aurora").await, happen(&app, "aurora").await);
    let path = format!("/v1/contacts/{one}");
    reception
        .patch(&path, json!({"name": "Rosa Velha"}))
        .await
        .assert_status(200);
    reception
        .patch(&path, json!({"name": "Rosa Velha"}))
        .await
        .assert_status(200);
    let consent = json!({"purpose": "reminders", "granted": true, "origin": "form"});
    reception
        .post(&format!("{path}/consents"), consent)
        .await
        .assert_status(201);
    let merged = reception
        .post(&format!("{path}/merge"), json!({"from_id": two}))
        .await
        .expect_status(200);
    reception.delete(&path).await.assert_status(204);
    reception
        .patch(&path, json!({"status": "active"}))
        .await
        .assert_status(200);
    let service = json!({"name": "Nova", "duration_minutes": 30, "price": {"amount_cents": 0, "currency": "BRL"}});
    let service = owner.post("/v1/services", service).await.expect_status(201);
    owner
        .delete(&format!("/v1/services/{}", service.id()))
        .await
        .assert_status(204);
    receiver.wait_for(11).await;
    assert_eq!(
        receiver.kinds(),
        [
            "appointment.booked",
            "appointment.cancelled",
            "contact.archived",
            "contact.consent_recorded",
            "contact.created",
            "contact.created",
            "contact.merged",
            "contact.restored",
            "contact.updated",
            "service.archived",
            "service.created",
        ],
        "what changes nothing is not told"
    );
    let received = receiver.received();
    let of = |kind: &str| received.iter().find(|received| received.kind() == kind).unwrap().json()["data"].clone();
    assert_eq!(
        of("contact.merged"),
        json!({"contact_id": one, "from_id": two, "merge_id": merged.body["id"]})
    );
    assert_eq!(of("contact.archived"), json!({"contact_id": one, "status": "archived"}));
    assert_eq!(
        of("contact.consent_recorded"),
        json!({"contact_id": one, "granted": true})
    );
    for received in &received {
        let text = String::from_utf8_lossy(&received.body);
        assert!(
            !text.contains("Rosa") && !text.contains("Nova"),
            "ids and states only: {text}"
        );
    }
}

#[tokio::test]
async fn each_clinic_is_told_of_its_own_alone_and_each_endpoint_of_what_it_chose() {
    let Some(app) = TestApp::start().await else { return };
    let (contacts, agenda, neighbour) = (
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
    );
    let (owner, other) = (app.actor("owner@aurora"), app.actor("owner@horizonte"));
    let to_contacts = endpoint(&owner, &contacts, &["contact.created"]).await;
    let _to_agenda = endpoint(&owner, &agenda, &["appointment.*"]).await;
    let to_neighbour = endpoint(&other, &neighbour, &["*"]).await;
    let ours = happen(&app, "aurora").await;
    let theirs = happen(&app, "horizonte").await;
    book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    contacts.wait_for(1).await;
    agenda.wait_for(1).await;
    neighbour.wait_for(1).await;
    let ids = |receiver: &Receiver| -> Vec<Value> {
        receiver
            .received()
            .iter()
            .map(|received| received.json()["data"]["contact_id"].clone())
            .collect()
    };
    assert_eq!(ids(&contacts), [json!(ours)]);
    assert_eq!(ids(&neighbour), [json!(theirs)]);
    assert_eq!(agenda.kinds(), ["appointment.booked"]);
    // Another clinic's delivery is not found, not even under an endpoint of one's own.
    let delivery = log(&owner, &to_contacts).await.remove(0)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/webhook-endpoints/{}/deliveries/{delivery}", to_neighbour.id);
    other.get(&path).await.assert_status(404);
    act(&other, &format!("{path}/resend")).await.assert_status(404);
}

#[tokio::test]
async fn for_a_day_after_a_rotation_both_secrets_sign() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::start().await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["*"]).await;
    let rotated = act(&owner, &format!("{}/rotate-secret", endpoint.path))
        .await
        .expect_status(200);
    let new = rotated.body["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, endpoint.secret);
    assert!(rotated.body["webhook_endpoint"]["previous_secret_until"].is_string());
    let signed_by = |received: &super::receiver::Received, secret: &str| {
        let at: i64 = received.header("webhook-timestamp").parse().unwrap();
        let signature = Webhook::new(secret)
            .unwrap()
            .sign(received.header("webhook-id"), at, &received.body)
            .unwrap();
        received
            .header("webhook-signature")
            .split(' ')
            .any(|one| one == signature)
    };
    happen(&app, "aurora").await;
    let first = receiver.wait_for(1).await.remove(0);
    assert!(signed_by(&first, &new) && signed_by(&first, &endpoint.secret));
    assert_eq!(first.header("webhook-signature").split(' ').count(), 2);

    app.clock.advance(TimeDelta::hours(24));
    happen(&app, "aurora").await;
    let second = receiver.wait_for(2).await.remove(1);
    assert!(signed_by(&second, &new) && !signed_by(&second, &endpoint.secret));
    let owner = app.actor("owner@aurora");
    assert!(owner.get(&endpoint.path).await.body["previous_secret_until"].is_null());

    // Rotated twice, the first of the three counts no more.
    for _ in 0..2 {
        act(&owner, &format!("{}/rotate-secret", endpoint.path))
            .await
            .assert_status(200);
    }
    happen(&app, "aurora").await;
    let third = receiver.wait_for(3).await.remove(2);
    assert_eq!(third.header("webhook-signature").split(' ').count(), 2);
    assert!(!signed_by(&third, &new));
}

#[tokio::test]
async fn a_disabled_endpoint_is_told_nothing_and_what_waited_comes_when_it_is_enabled() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::scripted([Reply::status(500)]).await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["contact.*"]).await;
    let first = happen(&app, "aurora").await;
    tried(&app, &endpoint, 1).await;
    owner
        .patch(&endpoint.path, json!({"status": "disabled"}))
        .await
        .assert_status(200);
    act(&owner, &format!("{}/test", endpoint.path))
        .await
        .assert_problem(409, "webhook_endpoint_disabled");
    let delivery = log(&owner, &endpoint).await.remove(0);
    let resend = format!(
        "{}/deliveries/{}/resend",
        endpoint.path,
        delivery["id"].as_str().unwrap()
    );
    act(&owner, &resend)
        .await
        .assert_problem(409, "webhook_endpoint_disabled");
    app.clock.advance(TimeDelta::minutes(1));
    happen(&app, "aurora").await;
    let maintenance = app.database.connect(Role::Maintenance).await;
    until("all work is done", async || {
        let open = "SELECT count(*) FROM outbox WHERE handled_at IS NULL AND lane = 2 AND available_at <= '2026-11-20T12:01:00Z'";
        maintenance.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(log(&owner, &endpoint).await.len(), 1);
    owner
        .patch(&endpoint.path, json!({"status": "enabled"}))
        .await
        .assert_status(200);
    let again = receiver.wait_for(2).await.remove(1);
    assert_eq!(again.json()["data"]["contact_id"], first.as_str());
    logged(&app, &endpoint, |delivery| delivery["status"] == "succeeded").await;
}

#[tokio::test]
async fn an_endpoint_is_tried_out_once_and_what_came_through_is_sent_again_when_asked() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::scripted([Reply::status(500)]).await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    let ping = act(&owner, &format!("{}/test", endpoint.path)).await.expect_status(202);
    assert_eq!(ping.body["event_type"], "ping");
    let failed = tried(&app, &endpoint, 1).await;
    assert_eq!(failed["status"], "failed", "who tries it out sees it at once: {failed}");
    assert_eq!(failed["attempts"][0]["error"], "http_status");
    let shown = owner.get(&endpoint.path).await;
    assert!(
        shown.body["failing_since"].is_null(),
        "a ping says nothing of events: {shown}"
    );
    assert_eq!(
        receiver.received()[0].json()["data"],
        json!({"webhook_endpoint_id": endpoint.id})
    );
    // It is nobody's event.
    let feed = owner.get("/v1/events").await.expect_status(200);
    assert!(feed.data().iter().all(|event| event["type"] != "ping"), "{feed}");

    let resend = |delivery: &Value| {
        format!(
            "{}/deliveries/{}/resend",
            endpoint.path,
            delivery["id"].as_str().unwrap()
        )
    };
    let again = act(&owner, &resend(&failed)).await.expect_status(202);
    assert_eq!(again.body["status"], "pending");
    let second = receiver.wait_for(2).await.remove(1);
    assert_eq!(
        second.header("webhook-id"),
        receiver.received()[0].header("webhook-id"),
        "the same id"
    );
    let succeeded = logged(&app, &endpoint, |delivery| delivery["status"] == "succeeded").await;
    assert_eq!(succeeded["attempts"].as_array().unwrap().len(), 2);
    // What came through is sent again as well.
    act(&owner, &resend(&succeeded)).await.assert_status(202);
    receiver.wait_for(3).await;
    let path = format!("{}/deliveries/{}", endpoint.path, succeeded["id"].as_str().unwrap());
    until("the third attempt is in the log", async || {
        owner.get(&path).await.body["attempts"].as_array().unwrap().len() == 3
    })
    .await;
}

#[tokio::test]
async fn the_log_is_paged_and_filtered_and_kept_for_thirty_days() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::scripted([Reply::status(500)]).await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    happen(&app, "aurora").await;
    tried(&app, &endpoint, 1).await;
    app.clock.advance(TimeDelta::milliseconds(5));
    for _ in 0..3 {
        happen(&app, "aurora").await;
    }
    let list = format!("{}/deliveries", endpoint.path);
    until("all came through", async || {
        owner.get(&format!("{list}?status=succeeded")).await.data().len() == 3
    })
    .await;
    assert_eq!(owner.get(&format!("{list}?status=pending")).await.data().len(), 1);
    let first = owner.get(&format!("{list}?limit=3")).await.expect_status(200);
    let cursor = first.body["page"]["next_cursor"].as_str().unwrap();
    let rest = owner
        .get(&format!("{list}?limit=3&cursor={cursor}"))
        .await
        .expect_status(200);
    let mut ids: Vec<_> = first
        .data()
        .iter()
        .chain(rest.data())
        .map(|row| row["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 4);
    assert!(ids.is_sorted_by(|one, next| one > next), "the newest first");
    ids.dedup();
    assert_eq!(ids.len(), 4);

    app.clock.advance(TimeDelta::days(32));
    let maintenance = app.database.connect(Role::Maintenance).await;
    until("the log of a month ago is gone", async || {
        let left = "SELECT (SELECT count(*) FROM webhook_deliveries) + (SELECT count(*) FROM webhook_attempts)";
        maintenance.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

/// The deliveries there are of an endpoint, and the attempts at them.
async fn rows(app: &TestApp) -> (i64, i64) {
    let maintenance = app.database.connect(Role::Maintenance).await;
    let counts = "SELECT (SELECT count(*) FROM webhook_deliveries), (SELECT count(*) FROM webhook_attempts)";
    let row = maintenance.query_one(counts, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn an_event_that_is_handled_twice_is_told_once() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::start().await;
    let owner = app.actor("owner@aurora");
    let endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    happen(&app, "aurora").await;
    logged(&app, &endpoint, |delivery| delivery["status"] == "succeeded").await;
    // As after a kill between the fan-out and its end.
    let maintenance = app.database.connect(Role::Maintenance).await;
    let again = "UPDATE outbox SET handled_at = NULL, locked_until = NULL, available_at = created_at WHERE kind = 'contact.created'";
    until("it was handled before", async || {
        let handled = "SELECT count(*) FROM outbox WHERE kind = 'contact.created' AND handled_at IS NOT NULL";
        maintenance.query_one(handled, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    maintenance.execute(again, &[]).await.unwrap();
    app.shared.wake().notify();
    until("it is handled again", async || {
        let handled =
            "SELECT count(*) FROM outbox WHERE kind = 'contact.created' AND attempts = 2 AND handled_at IS NOT NULL";
        maintenance.query_one(handled, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    assert_eq!(rows(&app).await, (1, 1));
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn what_a_killed_process_had_taken_up_is_taken_up_anew() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::start().await;
    let owner = app.actor("owner@aurora");
    let Endpoint { id, .. } = endpoint(&owner, &receiver, &["contact.created"]).await;
    // What it leaves: a delivery that is in its hands for three minutes, and the job for when these are over.
    let maintenance = app.database.connect(Role::Maintenance).await;
    let left = format!(
        "INSERT INTO webhook_deliveries (clinic_id, id, endpoint_id, event_id, event_kind, occurred_at, payload, next_attempt_at,
                                         taken_until, created_at)
         VALUES ('{clinic}', gen_random_uuid(), '{id}', gen_random_uuid(), 'contact.created', '2026-11-20T12:00:00Z', '{{}}',
                 '2026-11-20T12:00:00Z', '2026-11-20T12:03:00Z', '2026-11-20T12:00:00Z');
         INSERT INTO outbox (clinic_id, id, class, kind, payload, available_at)
         VALUES ('{clinic}', gen_random_uuid(), 'job', 'webhook.deliver', '{{\"endpoint_id\": \"{id}\"}}', '2026-11-20T12:00:00Z'),
                ('{clinic}', gen_random_uuid(), 'job', 'webhook.deliver', '{{\"endpoint_id\": \"{id}\"}}', '2026-11-20T12:03:00Z')",
        clinic = world::clinic("aurora"),
    );
    maintenance.batch_execute(&left).await.unwrap();
    until("somebody rang", async || {
        // Work that is done is removed; what is left is the ring for later.
        let waiting = "SELECT count(*) FROM outbox WHERE kind = 'webhook.deliver'";
        maintenance.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    assert_eq!(receiver.received().len(), 0, "it is in somebody's hands");
    app.clock.advance(TimeDelta::minutes(3));
    receiver.wait_for(1).await;
    until("it is in the log", async || rows(&app).await == (1, 1)).await;
}

#[tokio::test]
async fn a_hundred_events_at_once_all_arrive_once() {
    let Some(app) = TestApp::start().await else { return };
    let receiver = Receiver::start().await;
    let owner = app.actor("owner@aurora");
    let _endpoint = endpoint(&owner, &receiver, &["contact.created"]).await;
    let mut made = join_all((0..100).map(|_| happen(&app, "aurora"))).await;
    receiver.wait_for(100).await;
    until("all are in the log", async || rows(&app).await == (100, 100)).await;
    let mut told: Vec<String> = receiver
        .received()
        .iter()
        .map(|received| received.json()["data"]["contact_id"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    made.sort();
    assert_eq!(told, made);
}
