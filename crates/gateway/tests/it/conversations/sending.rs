//! What goes out: within WhatsApp's window, in order, and through every fault of a channel.

use std::time::Duration;

use chrono::TimeDelta;
use conversations::channels::{Accepted, ChannelKind, Channels, Found, SendError};
use conversations::identities::Identity;
use conversations::inboxes;
use conversations::messages::find;
use conversations::notices::{NotSent, Notice, Purpose, Sending, send_to_contact};
use gateway::workflows::inbound;
use kernel::{Clock as _, InboxId, System};
use serde_json::{Value, json};
use test_support::{Answer, world};

use super::carrier::{Carrier, Stall};
use super::{arrival, aurora, database, phone, texts, whatsapp, write_in};
use crate::app::{TestApp, until};
use crate::channels::{is_put_off, upload};

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
async fn an_attempt_that_is_cut_off_is_made_again_until_the_content_leaves() {
    for (stall, then) in [
        (Stall::BeforeTheContent, "sent"),
        (Stall::WithTheContent, "unconfirmed"),
    ] {
        let carrier = Carrier::default().stalling(stall);
        let Some(app) = start(&carrier).await else { return };
        let conversation = write_in(&app, whatsapp(&app).await, "5571981234567", "w1", "Oi")
            .await
            .conversation;
        let sent = say(&app, conversation, json!({"body": "Olá"})).await.expect_status(201);
        let id = sent.id().parse().unwrap();
        let db = database(&app);
        let row = async || db.read(&aurora(), async |tx| find(tx, id).await).await.unwrap();
        let leaves = stall == Stall::WithTheContent;
        until("the attempt", async || {
            let row = row().await;
            row.attempted_at.is_some() && row.handed_over_at.is_some() == leaves
        })
        .await;
        // Whoever made it is not heard of again; its claims run out.
        app.clock.advance(TimeDelta::minutes(7));
        app.shared.wake().notify();
        comes_to(&app, sent.id(), then).await;
        carrier.release();
        // Who was taken to be gone goes on, and finds that another one has taken over.
        let last = say(&app, conversation, json!({"body": "Até logo"}))
            .await
            .expect_status(201);
        comes_to(&app, last.id(), "sent").await;
        let texts: Vec<_> = carrier.sent().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["Olá", "Até logo"]);
    }
}

#[tokio::test]
async fn the_day_of_a_message_is_its_own_and_a_message_of_yesterday_is_not_sent() {
    let almost_a_day = TimeDelta::hours(24) - TimeDelta::seconds(2);
    let down = |after: TimeDelta| {
        Err(SendError::RetryLater {
            after: after.to_std().ok(),
        })
    };
    let accepted = |id: &str| {
        Ok(Accepted {
            provider_id: id.to_owned(),
        })
    };
    let answers = [
        down(almost_a_day - TimeDelta::seconds(5)),
        accepted("w-first"),
        down(TimeDelta::zero()),
        accepted("w-second"),
    ];
    let carrier = Carrier::answering(answers);
    let Some(app) = start(&carrier).await else { return };
    let inbox = whatsapp(&app).await;
    let conversation = write_in(&app, inbox, "5571981234567", "w1", "Oi").await.conversation;
    let first = say(&app, conversation, json!({"body": "primeira"}))
        .await
        .expect_status(201);
    until("the attempt", async || carrier.sent().len() == 1).await;
    is_put_off(&app, first.id(), 1).await;
    app.clock.advance(almost_a_day);
    // Both are due, and one job sends both: what keeps the second has nothing to do with the day of the first.
    let second = say(&app, conversation, json!({"body": "segunda"}))
        .await
        .expect_status(201);
    app.shared.wake().notify();
    comes_to(&app, first.id(), "sent").await;
    is_put_off(&app, second.id(), 1).await;
    app.clock.advance(TimeDelta::minutes(1));
    app.shared.wake().notify();
    comes_to(&app, second.id(), "sent").await;
}

#[tokio::test]
async fn while_the_secrets_of_an_inbox_cannot_be_opened_its_messages_wait_for_a_day() {
    let carrier = Carrier::default();
    let Some(app) = start(&carrier).await else { return };
    let inbox = whatsapp(&app).await;
    let secrets = json!({"secrets": {"access_token": "EAAtoken"}});
    let path = format!("/v1/inboxes/{inbox}");
    app.actor("owner@aurora").patch(&path, secrets).await.assert_status(200);
    let maintenance = app.database.connect(test_support::Role::Maintenance).await;
    let spoil = "UPDATE inboxes SET sealed_secrets = set_byte(sealed_secrets, length(sealed_secrets) - 1,
         get_byte(sealed_secrets, length(sealed_secrets) - 1) # 1) WHERE sealed_secrets IS NOT NULL";
    assert_eq!(maintenance.execute(spoil, &[]).await.unwrap(), 1);
    let conversation = write_in(&app, inbox, "5571981234567", "w1", "Oi").await.conversation;
    let waits = say(&app, conversation, json!({"body": "um"})).await.expect_status(201);
    is_put_off(&app, waits.id(), 1).await;
    // The same again is what it was.
    assert_eq!(maintenance.execute(spoil, &[]).await.unwrap(), 1);
    app.clock.advance(TimeDelta::minutes(1));
    app.shared.wake().notify();
    comes_to(&app, waits.id(), "sent").await;
    assert_eq!(maintenance.execute(spoil, &[]).await.unwrap(), 1);
    let never = say(&app, conversation, json!({"body": "dois"}))
        .await
        .expect_status(201);
    is_put_off(&app, never.id(), 1).await;
    app.clock.advance(TimeDelta::hours(25));
    app.shared.wake().notify();
    comes_to(&app, never.id(), "failed").await;
    let shown = app
        .get("reception@aurora", &format!("/v1/messages/{}", never.id()))
        .await;
    assert_eq!(shown.body["failure_reason"], "channel_unavailable_for_a_day");
    assert_eq!(carrier.sent().len(), 1);
}

#[tokio::test]
async fn a_mail_carries_no_more_than_servers_take() {
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
    let db = database(&app);
    let inbox = super::inbox(&db, made.body["inbox"]["id"].as_str().unwrap().parse().unwrap()).await;
    let ana = Identity::Email("ana@patient.example".parse().unwrap());
    let conversation = super::arrive(&db, &arrival(&inbox, vec![ana], "m1", app.clock.now(), "Oi"))
        .await
        .conversation;
    let mut ten_mebibytes = b"%PDF-1.7\n".to_vec();
    ten_mebibytes.resize(10 << 20, b'x');
    let ten_mebibytes: &'static [u8] = ten_mebibytes.leak();
    let mut files = Vec::new();
    for name in ["a.pdf", "b.pdf"] {
        files.push(upload(&app, &conversation.to_string(), name, ten_mebibytes).await);
    }
    let refused = say(&app, conversation, json!({"body": "Seguem", "attachment_ids": files})).await;
    refused.assert_problem(422, "invalid_fields");
    assert_eq!(refused.body["errors"][0]["pointer"], "/attachment_ids");
    assert_eq!(refused.body["errors"][0]["code"], "too_large");
    let sent = say(
        &app,
        conversation,
        json!({"body": "Segue", "attachment_ids": [files[0]]}),
    )
    .await;
    comes_to(&app, sent.expect_status(201).id(), "sent").await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_one_clinic_does_not_keep_the_others() {
    let carrier = Carrier::default().stalling(Stall::To("5571"));
    let Some(app) = start(&carrier).await else { return };
    let inbox = whatsapp(&app).await;
    for number in 0..6 {
        let digits = format!("557198123456{number}");
        let conversation = write_in(&app, inbox, &digits, &format!("w{number}"), "Oi")
            .await
            .conversation;
        say(&app, conversation, json!({"body": "Olá"})).await.assert_status(201);
    }
    let owner = app.actor("owner@horizonte");
    let body = json!({"channel": "whatsapp", "name": "WhatsApp", "settings": {"phone_number_id": "206540352242922"}});
    let made = owner.post("/v1/inboxes", body).await.expect_status(201);
    let other: InboxId = made.body["inbox"]["id"].as_str().unwrap().parse().unwrap();
    let (db, system) = (database(&app), System::acting_for(world::clinic("horizonte"), "test"));
    let inbox = db
        .read(&system, async |tx| inboxes::find(tx, other).await)
        .await
        .unwrap();
    let arrival = arrival(&inbox, vec![phone("5511987650000")], "h1", app.clock.now(), "Oi");
    let received = db
        .write(&system, async |tx| inbound::receive(tx, &arrival).await)
        .await
        .unwrap();
    let path = format!("/v1/conversations/{}/messages", received.conversation);
    let sent = owner.post(&path, json!({"body": "Bom dia"})).await.expect_status(201);
    until("the other clinic's message", async || {
        owner.get(&format!("/v1/messages/{}", sent.id())).await.body["delivery"] == "sent"
    })
    .await;
    assert_eq!(carrier.sent().len(), 1, "nobody else was answered");
    carrier.release();
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
