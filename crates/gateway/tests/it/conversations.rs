//! Conversations: what comes in and goes out, who sees it, and what becomes of it when much happens at once.

mod arriving;
pub(crate) mod carrier;
mod merging;
mod sending;
mod webchat;
mod working;

use conversations::identities::Identity;
use conversations::inboxes::{Inbox, find};
use conversations::messages::{Inbound, Received};
use db::{Db, PoolConfig};
use gateway::workflows::inbound::{self, Arrival, Claims};
use kernel::{Clock, InboxId, System, Timestamp};
use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use crate::app::TestApp;

/// A database for direct calls of the workflow, as many at once as are made.
pub(crate) fn database(app: &TestApp) -> Db {
    let pool = PoolConfig {
        max_connections: 8,
        wait: std::time::Duration::from_secs(20),
    };
    app.shared.database(app.shared.config().database.clone(), pool)
}

pub(crate) fn aurora() -> System {
    System::acting_for(world::clinic("aurora"), "test")
}

/// A WhatsApp inbox of Aurora.
pub(crate) async fn whatsapp(app: &TestApp) -> InboxId {
    let body = json!({"channel": "whatsapp", "name": "WhatsApp", "settings": {"phone_number_id": "106540352242922"}});
    let made = app
        .actor("owner@aurora")
        .post("/v1/inboxes", body)
        .await
        .expect_status(201);
    made.body["inbox"]["id"].as_str().unwrap().parse().unwrap()
}

pub(crate) async fn inbox(db: &Db, id: InboxId) -> Inbox {
    db.read(&aurora(), async |tx| find(tx, id).await).await.unwrap()
}

pub(crate) fn phone(digits: &str) -> Identity {
    Identity::Phone {
        number: format!("+{digits}").parse().unwrap(),
        address: digits.to_owned(),
    }
}

/// A message as a channel would bring it.
pub(crate) fn arrival(inbox: &Inbox, identities: Vec<Identity>, id: &str, sent_at: Timestamp, body: &str) -> Arrival {
    Arrival {
        inbox: inbox.clone(),
        message: Inbound {
            provider_id: id.to_owned(),
            sent_at,
            body: body.to_owned(),
            subject: None,
            address: identities.iter().find_map(Identity::address),
            files: Vec::new(),
            reply_to: None,
        },
        identities,
        claims: Claims::default(),
        is_automatic: false,
    }
}

pub(crate) async fn arrive(db: &Db, arrival: &Arrival) -> Received {
    db.write(&aurora(), async |tx| inbound::receive(tx, arrival).await)
        .await
        .unwrap()
}

/// Somebody writes by WhatsApp now.
pub(crate) async fn write_in(app: &TestApp, inbox_id: InboxId, digits: &str, id: &str, body: &str) -> Received {
    let db = database(app);
    let inbox = inbox(&db, inbox_id).await;
    arrive(&db, &arrival(&inbox, vec![phone(digits)], id, app.clock.now(), body)).await
}

/// The messages of a conversation, newest first.
pub(crate) async fn messages(actor: &Actor, conversation: impl std::fmt::Display) -> Answer {
    actor
        .get(&format!("/v1/conversations/{conversation}/messages?limit=100"))
        .await
        .expect_status(200)
}

pub(crate) fn bodies(answer: &Answer) -> Vec<String> {
    texts(answer.data(), "body")
}

pub(crate) fn texts(rows: &[Value], member: &str) -> Vec<String> {
    rows.iter()
        .map(|row| row[member].as_str().unwrap_or_default().to_owned())
        .collect()
}
