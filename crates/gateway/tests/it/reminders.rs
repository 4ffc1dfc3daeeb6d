//! Reminders: planned once, moved and called off with their appointment, due in time, and answered.

mod answers;
mod planning;
mod rules;

use kernel::ReminderId;
use serde_json::Value;
use test_support::{Actor, world};

use crate::app::TestApp;
use crate::waitlist::in_aurora;

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

/// As the sender does: notes that every due reminder of the appointment was sent.
async fn send_due(app: &TestApp, actor: &Actor, appointment: &str) -> usize {
    let due: Vec<ReminderId> = rows_of(actor, appointment)
        .await
        .iter()
        .filter(|row| row["status"] == "due")
        .map(|row| row["id"].as_str().unwrap().parse().unwrap())
        .collect();
    for id in &due {
        in_aurora(app, async |tx| {
            let facts = appointments::reminders::reminder_content(tx, *id)
                .await?
                .expect("it is due");
            assert_eq!(facts.practitioner_name, "Beatriz Lima");
            assert_eq!(facts.locale, "pt-BR");
            assert!(appointments::reminders::mark_sent(tx, *id, uuid::Uuid::max()).await?);
            assert!(!appointments::reminders::mark_sent(tx, *id, uuid::Uuid::max()).await?);
            assert_eq!(appointments::reminders::reminder_content(tx, *id).await?, None);
            Ok(())
        })
        .await;
    }
    due.len()
}

fn maria() -> kernel::ContactId {
    world::contact("maria")
}
