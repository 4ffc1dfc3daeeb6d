//! What goes out: within WhatsApp's window, in order, and through every fault of a channel.

use std::time::Duration;

use chrono::TimeDelta;
use conversations::channels::{Accepted, ChannelKind, Channels, Found, SendError};
use conversations::notices::{NotSent, Notice, Purpose, Sending, send_to_contact};
use kernel::InboxId;
use serde_json::{Value, json};
use test_support::Answer;

use super::carrier::Carrier;
use super::{aurora, database, texts, whatsapp, write_in};
use crate::app::{TestApp, until};

async fn start(carrier: &Carrier) -> Option<TestApp> {
    let channels = Channels::new().with(ChannelKind::Whatsapp, carrier.clone());
    TestApp::start_with_channels(|_config| {}, channels).await
}

async fn say(app: &TestApp, conversation: impl std::fmt::Display, body: Value) -> Answer {
    app.actor("reception@aurora")
        .post(&format!("/v1/conversations/{conversation}/messages"), body)
        .await
}

/// Waits until the message has come as far as `delivery`.
async fn comes_to(app: &TestApp, message: &str, delivery: &str) {
    let path = format!("/v1/messages/{message}");
    until(delivery, async || {
        app.get("reception@aurora", &path).await.body["delivery"] == delivery
    })
    .await;
}

async fn template(app: &TestApp, inbox: InboxId, status: &str) -> String {
    let body = json!({"inbox_id": inbox, "name": format!("aviso_{status}"), "language": "pt_BR", "category": "utility",
                      "body": "Olá, {{1}}!", "status": status});
    let made = app.actor("owner@aurora").post("/v1/message-templates", body).await;
    made.expect_status(201).id().to_owned()
}

#[tokio::test]
async fn a_message_is_handed_to_its_channel_once_and_in_order() {
    let carrier = Carrier::default();
    let Some(app) = start(&carrier).await else { return };
    let conversation = write_in(&app, whatsapp(&app).await, "5571981234567", "w1", "Oi")
        .await
        .conversation;
    let mut last = String::new();
    for number in 0..4 {
        let sent = say(&app, conversation, json!({"body": format!("m{number}")}))
            .await
            .expect_status(201);
        last = sent.id().to_owned();
    }
    comes_to(&app, &last, "sent").await;
    let sent = carrier.sent();
    let expected: Vec<_> = (0..4)
        .map(|number| ("5571981234567".to_owned(), format!("m{number}")))
        .collect();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn outside_the_window_free_text_is_refused_and_approved_templates_pass() {
    let carrier = Carrier::default();
    let Some(app) = start(&carrier).await else { return };
    let inbox = whatsapp(&app).await;
    let approved = template(&app, inbox, "approved").await;
    let pending = template(&app, inbox, "pending").await;
    let conversation = write_in(&app, inbox, "5571981234567", "w1", "Oi").await.conversation;
    app.clock.advance(TimeDelta::hours(24));
    let refused = say(&app, conversation, json!({"body": "Bom dia"})).await;
    refused.assert_problem(409, "messaging_window_closed");
    assert_eq!(
        texts(refused.body["templates"].as_array().unwrap(), "id"),
        std::slice::from_ref(&approved)
    );
    let unapproved = say(
        &app,
        conversation,
        json!({"template_id": pending, "parameters": ["Ana"]}),
    )
    .await;
    unapproved.assert_problem(409, "template_not_approved");
    let too_few = say(&app, conversation, json!({"template_id": approved, "parameters": []})).await;
    too_few.assert_problem(422, "invalid_fields");
    // A note leaves nobody's house.
    say(&app, conversation, json!({"kind": "note", "body": "Ligar"}))
        .await
        .assert_status(201);
    let sent = say(
        &app,
        conversation,
        json!({"template_id": approved, "parameters": ["Ana"]}),
    )
    .await
    .expect_status(201);
    assert_eq!(sent.body["body"], "Olá, Ana!");
    comes_to(&app, sent.id(), "sent").await;
    assert_eq!(
        carrier.sent(),
        [("5571981234567".to_owned(), "aviso_approved(Ana)".to_owned())]
    );
}

#[tokio::test]
async fn a_channel_that_is_down_is_tried_again_until_it_is_back() {
    let down = || {
        Err(SendError::RetryLater {
            after: Some(Duration::from_secs(3600)),
        })
    };
    let carrier = Carrier::answering([down(), down()]);
    let Some(app) = start(&carrier).await else { return };
    let conversation = write_in(&app, whatsapp(&app).await, "5571981234567", "w1", "Oi")
        .await
        .conversation;
    let message = say(&app, conversation, json!({"body": "Olá"}))
        .await
        .expect_status(201)
        .id()
        .to_owned();
    for attempts in 1..=2 {
        until("another attempt", async || carrier.sent().len() == attempts).await;
        assert_eq!(
            app.get("reception@aurora", &format!("/v1/messages/{message}"))
                .await
                .body["delivery"],
            "queued"
        );
        app.clock.advance(TimeDelta::minutes(61));
        app.shared.wake().notify();
    }
    comes_to(&app, &message, "sent").await;
    assert_eq!(carrier.sent().len(), 3);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_and_never_guessed() {
    let lost = || Carrier::answering([Err(SendError::Unknown)]);
    let accepted = Found::Accepted(Accepted {
        provider_id: "wamid.found".to_owned(),
    });
    for (found, then, attempts) in [
        (accepted, "sent", 1),
        (Found::Nothing, "sent", 2),
        (Found::CannotTell, "unconfirmed", 1),
    ] {
        let carrier = lost().knowing(found);
        let Some(app) = start(&carrier).await else { return };
        let conversation = write_in(&app, whatsapp(&app).await, "5571981234567", "w1", "Oi")
            .await
            .conversation;
        let message = say(&app, conversation, json!({"body": "Olá"}))
            .await
            .expect_status(201)
            .id()
            .to_owned();
        comes_to(&app, &message, then).await;
        assert_eq!(carrier.sent().len(), attempts);
        let again = app
            .actor("reception@aurora")
            .post(&format!("/v1/messages/{message}/resend"), json!({}))
            .await;
        if then == "sent" {
            again.assert_problem(409, "message_not_failed");
        } else {
            again.assert_status(200);
            comes_to(&app, &message, "sent").await;
        }
    }
}

#[tokio::test]
async fn what_is_refused_says_why_and_can_be_sent_again() {
    let refused = Err(SendError::Rejected {
        reason: "131026".to_owned(),
    });
    let carrier = Carrier::answering([refused]);
    let Some(app) = start(&carrier).await else { return };
    let conversation = write_in(&app, whatsapp(&app).await, "5571981234567", "w1", "Oi")
        .await
        .conversation;
    let message = say(&app, conversation, json!({"body": "Olá"}))
        .await
        .expect_status(201)
        .id()
        .to_owned();
    comes_to(&app, &message, "failed").await;
    let reception = app.actor("reception@aurora");
    let shown = reception.get(&format!("/v1/messages/{message}")).await;
    assert_eq!(shown.body["failure_reason"], "131026");
    let again = reception
        .post(&format!("/v1/messages/{message}/resend"), json!({}))
        .await;
    again.assert_status(200);
    comes_to(&app, &message, "sent").await;
}

#[tokio::test]
async fn notices_go_where_the_person_is_and_not_where_they_said_no() {
    let carrier = Carrier::default();
    let Some(app) = start(&carrier).await else { return };
    let inbox = whatsapp(&app).await;
    let approved = template(&app, inbox, "approved").await;
    assert!(!approved.is_empty());
    let reception = app.actor("reception@aurora");
    let ana = reception
        .post("/v1/contacts", json!({"name": "Ana Luz", "phone": "71 98123-4567"}))
        .await
        .expect_status(201);
    let db = database(&app);
    let contact = ana.id().parse().unwrap();
    let notice = |purpose, template: Option<&str>| Notice {
        locale: "pt-BR".to_owned(),
        purpose,
        text: "Sua consulta é amanhã.".parse().unwrap(),
        subject: "Lembrete".to_owned(),
        template: template.map(|name| (name.to_owned(), vec!["Ana".to_owned(), "amanhã".to_owned()])),
        channel: None,
    };
    let send = async |notice: Notice| {
        db.write(&aurora(), async |tx| send_to_contact(tx, contact, &notice).await)
            .await
            .unwrap()
    };
    let reminder = |template| notice(Purpose::APPOINTMENT_REMINDERS, template);
    assert!(matches!(
        send(reminder(None)).await,
        Sending::NotSent(NotSent::WindowClosed)
    ));
    let marketing = notice(Purpose::MARKETING, Some("aviso_approved"));
    assert!(matches!(send(marketing).await, Sending::NotSent(NotSent::NoConsent)));
    let Sending::Queued(message) = send(reminder(Some("aviso_approved"))).await else {
        panic!("a template reaches her");
    };
    comes_to(&app, &message.id.to_string(), "sent").await;
    // Nobody has to look at it.
    let open = reception.get("/v1/conversations").await.expect_status(200);
    assert!(open.data().is_empty(), "{open}");
    let refusal = json!({"purpose": "appointment_reminders", "granted": false, "origin": "front desk"});
    let path = format!("/v1/contacts/{}/consents", ana.id());
    reception.post(&path, refusal).await.assert_status(201);
    let refused = send(reminder(Some("aviso_approved"))).await;
    assert!(matches!(refused, Sending::NotSent(NotSent::NoConsent)));
    let change = notice(Purpose::APPOINTMENT_CHANGES, Some("aviso_approved"));
    assert!(matches!(send(change).await, Sending::Queued(_)));
}
