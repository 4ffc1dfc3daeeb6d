//! A server that is killed, as by the system, in the middle of its work.

use std::time::Duration;

use conversations::channels::WhatsappApi;
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};
use test_support::whatsapp::{Failure, VERSION, WhatsAppServer};
use test_support::{Actor, Role};

use crate::app::{TestApp, until};
use crate::channels::{make_inbox, the_conversation};
use crate::process::Process;

const ANA: &str = "5571981234567";

async fn delivery(actor: &Actor, id: &str) -> Value {
    let shown = actor.get(&format!("/v1/messages/{id}")).await.expect_status(200);
    shown.body["delivery"].clone()
}

#[tokio::test]
async fn of_messages_on_their_way_when_a_server_is_killed_none_is_lost_and_none_sent_twice() {
    let whatsapp = WhatsAppServer::start();
    let base = whatsapp.base();
    let started = TestApp::start_connected(|config| config.whatsapp = WhatsappApi::at(&base, VERSION).unwrap());
    let Some(mut app) = started.await else { return };
    // Processes live in the real time.
    app.clock.advance(SystemClock.now().since(app.clock.now()));
    let second = || SystemClock.now().as_datetime().timestamp();
    let body = json!({
        "channel": "whatsapp", "name": "WhatsApp",
        "settings": {"phone_number_id": whatsapp.phone_number_id()},
        "secrets": {"access_token": whatsapp.token(), "app_secret": whatsapp.app_secret(), "verify_token": "our-word"},
    });
    let inbox = make_inbox(&app, body).await;
    let hook = |address: std::net::SocketAddr| format!("http://{address}/hooks/whatsapp/{}", inbox.token);
    let said = json!({"type": "text", "text": {"body": "Oi"}});
    let post = whatsapp.message(ANA, "Ana Luz", "w1", second(), &said);
    assert_eq!(whatsapp.post(&hook(app.api.address()), &post).await, 200);
    let conversation = the_conversation(&app).await;
    let token = app.actor("reception@aurora").token().to_owned();
    app.ended();

    let process = Process::of(&app.database)
        .set("TASKMED_WHATSAPP_URL", &base)
        .set("TASKMED_WHATSAPP_VERSION", VERSION)
        // Whoever waits here asks without a pause.
        .set("TASKMED_RATE_LIMIT_PRINCIPAL_PER_SECOND", "1000000")
        .set("TASKMED_RATE_LIMIT_PRINCIPAL_BURST", "1000000")
        .set("TASKMED_RATE_LIMIT_CLINIC_PER_SECOND", "1000000")
        .set("TASKMED_RATE_LIMIT_CLINIC_BURST", "1000000");
    let first = process.serve().await;
    whatsapp.fail_next(1, &Failure::Slow(Duration::from_secs(600)));
    let reception = first.api.bearer(token.clone());
    let mut ids = Vec::new();
    for text in ["um", "dois", "três"] {
        let path = format!("/v1/conversations/{conversation}/messages");
        let written = reception.post(&path, json!({"body": text})).await.expect_status(201);
        ids.push(written.id().to_owned());
    }
    // The first is at WhatsApp, whose answer is on its way; the others wait for it.
    until("the first is taken", async || whatsapp.taken().len() == 1).await;
    first.kill().await;

    // What the killed one held is free when its leases are over.
    let maintenance = app.database.connect(Role::Maintenance).await;
    let later = "UPDATE outbox SET locked_until = now() - interval '1 second', available_at = now() WHERE locked_until IS NOT NULL;
                 UPDATE messages SET attempted_at = attempted_at - interval '10 minutes' WHERE attempted_at IS NOT NULL";
    maintenance.batch_execute(later).await.unwrap();
    let again = process.serve().await;
    let reception = again.api.bearer(token);
    for (id, comes_to) in ids.iter().zip(["unconfirmed", "sent", "sent"]) {
        until(comes_to, async || delivery(&reception, id).await == comes_to).await;
    }
    let taken: Vec<Value> = whatsapp
        .taken()
        .iter()
        .map(|taken| taken["text"]["body"].clone())
        .collect();
    assert_eq!(taken, ["um", "dois", "três"]);
    // WhatsApp's word on it names our own id: what was not known is known then.
    let wamid = whatsapp.taken()[0]["wamid"].as_str().unwrap().to_owned();
    let status = whatsapp.status(&wamid, "delivered", second(), None);
    assert_eq!(whatsapp.post(&hook(again.api.address()), &status).await, 200);
    until("delivered", async || delivery(&reception, &ids[0]).await == "delivered").await;
    assert_eq!(whatsapp.taken().len(), 3);
    let left = "SELECT count(*) FROM outbox WHERE kind = 'message.send' AND handled_at IS NULL";
    until("nothing is left over", async || {
        let row = maintenance.query_one(left, &[]).await.unwrap();
        row.get::<_, i64>(0) == 0
    })
    .await;
}
