//! Reminders on their way: by which channel, once, and what is noted when they do not get through; and replies as messages.

use appointments::reminders::{ReminderJob, SEND};
use conversations::channels::{ChannelKind, Channels, SendError};
use conversations::identities::Identity;
use serde_json::json;
use test_support::Actor;

use super::{rows_of, sent, start};
use crate::agenda::{book, consulta, count, tuesday};
use crate::app::TestApp;
use crate::conversations::carrier::Carrier;
use crate::conversations::{arrival, arrive, bodies, database, inbox, messages, phone, whatsapp};
use crate::waitlist::{in_aurora, settled};

const A_DAY_BEFORE: &str = "2026-11-23T18:00:00Z";

/// Maria is booked, and it is a day before.
async fn a_day_before(app: &TestApp) -> (Actor, String) {
    let booked = book(&app.actor("reception@aurora"), consulta(&tuesday("15:00"))).await;
    settled(app).await;
    app.clock.set(test_support::world::at(A_DAY_BEFORE));
    settled(app).await;
    (app.actor("reception@aurora"), booked.id().to_owned())
}

async fn first_row(actor: &Actor, appointment: &str) -> (String, String) {
    let row = rows_of(actor, appointment).await.remove(0);
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

#[tokio::test]
async fn where_nothing_reaches_the_patient_that_is_noted() {
    let Some(app) = TestApp::start().await else { return };
    let (reception, appointment) = a_day_before(&app).await;
    assert_eq!(
        first_row(&reception, &appointment).await,
        ("skipped".to_owned(), "no_channel".to_owned())
    );
}

#[tokio::test]
async fn who_said_no_to_reminders_gets_none() {
    let Some((app, carrier)) = start().await else { return };
    let refusal = json!({"purpose": "appointment_reminders", "granted": false, "origin": "front desk"});
    let path = format!("/v1/contacts/{}/consents", super::maria());
    app.actor("reception@aurora")
        .post(&path, refusal)
        .await
        .assert_status(201);
    let (reception, appointment) = a_day_before(&app).await;
    assert_eq!(
        first_row(&reception, &appointment).await,
        ("skipped".to_owned(), "not_wanted".to_owned())
    );
    assert!(carrier.sent().is_empty());
}

#[tokio::test]
async fn what_the_channel_refuses_has_failed() {
    let carrier = Carrier::answering([Err(SendError::Rejected {
        reason: "unreachable".to_owned(),
    })]);
    let channels = Channels::new().with(ChannelKind::Whatsapp, carrier);
    let Some(app) = TestApp::start_with_channels(|_config| {}, channels).await else {
        return;
    };
    let template = json!({
        "inbox_id": whatsapp(&app).await, "name": "appointment_reminder", "language": "pt_BR", "category": "utility",
        "status": "approved", "body": "Olá, {{1}}! Seu horário: {{2}}.",
    });
    let owner = app.actor("owner@aurora");
    owner.post("/v1/message-templates", template).await.assert_status(201);
    let (reception, appointment) = a_day_before(&app).await;
    settled(&app).await;
    assert_eq!(
        first_row(&reception, &appointment).await,
        ("failed".to_owned(), "not_delivered".to_owned())
    );
}

#[tokio::test]
async fn the_same_job_again_sends_nothing_again() {
    let Some((app, carrier)) = start().await else { return };
    let (reception, appointment) = a_day_before(&app).await;
    let reminder_id = rows_of(&reception, &appointment).await.remove(0)["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    for _ in 0..2 {
        in_aurora(&app, async |tx| {
            // Two of them, which may meet.
            for _ in 0..2 {
                tx.enqueue(db::Job::new(SEND, &ReminderJob { reminder_id }).lane(kernel::Lane::Clinical));
            }
            Ok(())
        })
        .await;
        settled(&app).await;
    }
    assert_eq!(sent(&reception, &appointment).await, 1);
    assert_eq!(carrier.sent().len(), 1);
    let written = "SELECT count(*) FROM messages WHERE direction = 'outbound'";
    assert_eq!(count(&app, written).await, 1);
}

#[tokio::test]
async fn a_reply_is_followed_and_confirmed_once_and_a_machine_is_not_answered() {
    let Some((app, _carrier)) = start().await else { return };
    let (reception, appointment) = a_day_before(&app).await;
    let db = database(&app);
    let inboxes = app.actor("owner@aurora").get("/v1/inboxes").await.expect_status(200);
    let inbox = inbox(&db, inboxes.data()[0]["id"].as_str().unwrap().parse().unwrap()).await;
    app.clock.advance(chrono::TimeDelta::minutes(1));
    let says = |id: &str, text: &str| {
        arrival(
            &inbox,
            vec![phone("5511987654321")],
            id,
            kernel::Clock::now(&*app.clock),
            text,
        )
    };
    let status = async || {
        let shown = reception.get(&format!("/v1/appointments/{appointment}")).await;
        shown.body["status"].as_str().unwrap().to_owned()
    };
    let mut absent = says("w1", "1");
    absent.is_automatic = true;
    let received = arrive(&db, &absent).await;
    assert_eq!(status().await, "scheduled");
    for id in ["w2", "w2"] {
        assert_eq!(arrive(&db, &says(id, "1")).await.conversation, received.conversation);
    }
    assert_eq!(status().await, "confirmed");
    // Nothing waits for an answer any more.
    arrive(&db, &says("w3", "1")).await;
    arrive(&db, &says("w4", "levo os exames?")).await;
    settled(&app).await;
    let said = bodies(&messages(&reception, received.conversation).await);
    let confirmations = said.iter().filter(|text| text.starts_with("Obrigado!")).count();
    assert_eq!((said.len(), confirmations), (6, 1), "{said:?}");
    // People still see that there is something to read.
    let shown = reception
        .get(&format!("/v1/conversations/{}", received.conversation))
        .await
        .expect_status(200);
    assert_eq!(shown.body["unread_count"], json!(4));
}

#[tokio::test]
async fn by_mail_only_an_answer_to_the_very_question_is_followed() {
    let carrier = Carrier::default();
    let channels = Channels::new().with(ChannelKind::Email, carrier.clone());
    let Some(app) = TestApp::start_with_channels(|_config| {}, channels).await else {
        return;
    };
    let settings =
        json!({"address": "agenda@aurora.example", "smtp": {"host": "127.0.0.1", "port": 9, "security": "none"}});
    let body = json!({"channel": "email", "name": "E-mail", "settings": settings});
    let made = app
        .actor("owner@aurora")
        .post("/v1/inboxes", body)
        .await
        .expect_status(201);
    let (reception, appointment) = a_day_before(&app).await;
    assert_eq!(carrier.sent()[0].0, "maria.silva@example.com");
    let db = database(&app);
    let inbox = inbox(&db, made.body["inbox"]["id"].as_str().unwrap().parse().unwrap()).await;
    let conversations = reception
        .get("/v1/conversations?status=resolved")
        .await
        .expect_status(200);
    let conversation = conversations.data()[0]["id"].as_str().unwrap().to_owned();
    let question = messages(&reception, &conversation).await.data()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.clock.advance(chrono::TimeDelta::minutes(1));
    let status = async || {
        let shown = reception.get(&format!("/v1/appointments/{appointment}")).await;
        shown.body["status"].as_str().unwrap().to_owned()
    };
    // Anybody can write in her name. Who answers the very mail has received it.
    for (id, answers, then) in [
        ("forged", None, "scheduled"),
        ("guessed", Some("wamid.another".to_owned()), "scheduled"),
        ("hers", Some(format!("wamid.{question}")), "cancelled"),
    ] {
        let maria = Identity::Email("maria.silva@example.com".parse().unwrap());
        let mut mail = arrival(&inbox, vec![maria], id, kernel::Clock::now(&*app.clock), "2");
        mail.message.reply_to = answers;
        arrive(&db, &mail).await;
        assert_eq!(status().await, then, "{id}");
    }
}
