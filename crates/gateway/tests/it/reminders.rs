//! Reminders: planned once, moved and called off with their appointment, due in time, and answered.

mod answers;
mod planning;
mod rules;
mod sending;

use conversations::channels::{ChannelKind, Channels};
use serde_json::{Value, json};
use test_support::{Actor, world};

use crate::app::TestApp;
use crate::conversations::carrier::Carrier;
use crate::conversations::whatsapp;

/// Lead, status and due time of each reminder of an appointment, by when they are due.
async fn reminders_of(actor: &Actor, appointment: &str) -> Vec<(i64, String, String)> {
    rows_of(actor, appointment)
        .await
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (row["lead_minutes"].as_i64().unwrap(), text("status"), text("due_at"))
        })
        .collect()
}

async fn rows_of(actor: &Actor, appointment: &str) -> Vec<Value> {
    actor
        .get(&format!("/v1/appointments/{appointment}/reminders"))
        .await
        .expect_status(200)
        .data()
        .to_vec()
}

/// A gateway whose clinic writes by WhatsApp, with an approved template for reminders.
async fn start() -> Option<(TestApp, Carrier)> {
    let carrier = Carrier::default();
    let channels = Channels::new().with(ChannelKind::Whatsapp, carrier.clone());
    let app = TestApp::start_with_channels(|_config| {}, channels).await?;
    let inbox = whatsapp(&app).await;
    let template = json!({
        "inbox_id": inbox, "name": "appointment_reminder", "language": "pt_BR", "category": "utility", "status": "approved",
        "body": "Olá, {{1}}! Seu horário: {{2}}, com {{3}}. Responda 1 para confirmar ou 2 para cancelar.",
    });
    let made = app.actor("owner@aurora").post("/v1/message-templates", template).await;
    made.assert_status(201);
    Some((app, carrier))
}

/// How many reminders of the appointment were sent.
async fn sent(actor: &Actor, appointment: &str) -> usize {
    let rows = rows_of(actor, appointment).await;
    rows.iter().filter(|row| row["status"] == "sent").count()
}

fn maria() -> kernel::ContactId {
    world::contact("maria")
}
