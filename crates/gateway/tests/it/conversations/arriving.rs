//! What comes in: once, in order, and from the one person who wrote it.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use conversations::identities::Identity;
use futures_util::future::join_all;
use kernel::Clock;
use serde_json::json;

use super::{arrival, arrive, aurora, bodies, database, inbox, messages, phone, texts, whatsapp, write_in};
use crate::app::TestApp;

#[tokio::test]
async fn a_hundred_webhooks_with_thirty_repeats_of_one_new_number_make_one_talk_of_seventy() {
    let Some(app) = TestApp::start().await else { return };
    let db = database(&app);
    let inbox = inbox(&db, whatsapp(&app).await).await;
    let now = app.clock.now();
    // Written one second apart, two each second; arriving in another order, the repeats all over.
    let one = |number: i64| {
        let sent_at = now.saturating_add(TimeDelta::seconds(number / 2));
        // With and without the ninth digit: the same number.
        let digits = if number % 2 == 0 {
            "5571981234567"
        } else {
            "557181234567"
        };
        arrival(
            &inbox,
            vec![phone(digits)],
            &format!("wamid.{number}"),
            sent_at,
            &format!("m{number}"),
        )
    };
    let arrivals: Vec<_> = (0..100).map(|place| one(place * 37 % 70)).collect();
    let received = join_all(arrivals.iter().map(|arrival| arrive(&db, arrival))).await;
    let conversations: BTreeSet<_> = received.iter().map(|received| received.conversation).collect();
    assert_eq!(conversations.len(), 1);
    assert_eq!(received.iter().filter(|received| received.duplicate).count(), 30);
    assert_eq!(received.iter().filter(|received| received.is_new).count(), 1);
    let reception = app.actor("reception@aurora");
    let people = reception
        .get("/v1/contacts?phone=%2B5571981234567")
        .await
        .expect_status(200);
    assert_eq!(people.data().len(), 1, "{people}");
    assert_eq!(people.data()[0]["kind"], "lead");
    assert_eq!(people.data()[0]["source"], "whatsapp");
    let listed = messages(&reception, conversations.first().unwrap()).await;
    let seconds: Vec<i64> = bodies(&listed)
        .iter()
        .map(|body| body.trim_start_matches('m').parse::<i64>().unwrap() / 2)
        .collect();
    assert_eq!(seconds.len(), 70);
    assert!(seconds.is_sorted_by(|newer, older| newer >= older), "{seconds:?}");
    let row = reception.get("/v1/conversations").await.expect_status(200);
    assert_eq!(row.data().len(), 1);
    assert_eq!(row.data()[0]["unread_count"], 70);
    // Of the two that were written last, either may have come last.
    assert!(["m68", "m69"].contains(&row.data()[0]["last_message_preview"].as_str().unwrap()));
}

#[tokio::test]
async fn within_one_second_the_order_of_arrival_counts() {
    let Some(app) = TestApp::start().await else { return };
    let inbox = whatsapp(&app).await;
    let mut conversation = None;
    for number in 0..5 {
        let received = write_in(
            &app,
            inbox,
            "5571981234567",
            &format!("w{number}"),
            &format!("m{number}"),
        )
        .await;
        conversation = Some(received.conversation);
    }
    let listed = messages(&app.actor("reception@aurora"), conversation.unwrap()).await;
    assert_eq!(bodies(&listed), ["m4", "m3", "m2", "m1", "m0"]);
}

#[tokio::test]
async fn somebody_known_by_their_phone_is_no_new_contact() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maria = reception
        .post("/v1/contacts", json!({"name": "Maria Luz", "phone": "71 8123-4567"}))
        .await
        .expect_status(201);
    let received = write_in(&app, whatsapp(&app).await, "557181234567", "w1", "Bom dia").await;
    let conversation = reception
        .get(&format!("/v1/conversations/{}", received.conversation))
        .await
        .expect_status(200);
    assert_eq!(conversation.body["contact_id"], maria.id());
}

#[tokio::test]
async fn a_phone_that_comes_later_leads_to_the_one_person() {
    let Some(app) = TestApp::start().await else { return };
    let db = database(&app);
    let inbox = inbox(&db, whatsapp(&app).await).await;
    let reception = app.actor("reception@aurora");
    let known = reception
        .post("/v1/contacts", json!({"name": "Ana Luz", "phone": "71 98123-4567"}))
        .await
        .expect_status(201);
    let user = || Identity::WhatsappUser("BR.1234567".to_owned());
    let now = app.clock.now();
    let first = arrive(&db, &arrival(&inbox, vec![user()], "w1", now, "Oi")).await;
    let later = now.saturating_add(TimeDelta::seconds(5));
    let both = vec![user(), phone("5571981234567")];
    let second = arrive(&db, &arrival(&inbox, both, "w2", later, "Sou a Ana")).await;
    assert_eq!(first.conversation, second.conversation);
    let conversation = reception
        .get(&format!("/v1/conversations/{}", first.conversation))
        .await
        .expect_status(200);
    assert_eq!(conversation.body["contact_id"], known.id());
    let leads = reception.get("/v1/contacts?kind=lead").await.expect_status(200);
    assert!(
        !texts(leads.data(), "name").contains(&"Visitante".to_owned()),
        "{leads}"
    );
    // From then on the name alone is enough.
    let third = arrive(&db, &arrival(&inbox, vec![user()], "w3", later, "E agora?")).await;
    assert_eq!(third.conversation, first.conversation);
}

#[tokio::test]
async fn a_resolved_talk_is_taken_up_for_some_days_and_then_a_new_one_begins() {
    let Some(app) = TestApp::start().await else { return };
    let inbox = whatsapp(&app).await;
    let reception = app.actor("reception@aurora");
    let first = write_in(&app, inbox, "5571981234567", "w1", "Oi").await.conversation;
    let resolve = format!("/v1/conversations/{first}/resolve");
    reception.post(&resolve, json!({})).await.assert_status(200);
    app.clock.advance(TimeDelta::days(6));
    let again = write_in(&app, inbox, "5571981234567", "w2", "Oi de novo").await;
    assert_eq!((again.conversation, again.is_new), (first, false));
    let reception = app.actor("reception@aurora");
    reception.post(&resolve, json!({})).await.assert_status(200);
    app.clock.advance(TimeDelta::days(8));
    let other = write_in(&app, inbox, "5571981234567", "w3", "Outro assunto").await;
    assert!(other.is_new && other.conversation != first);
    let reception = app.actor("reception@aurora");
    let reopen = reception
        .post(&format!("/v1/conversations/{first}/reopen"), json!({}))
        .await;
    reopen.assert_problem(409, "conversation_exists");
    assert_eq!(reopen.body["conversation_id"], other.conversation.to_string());
}

#[tokio::test]
async fn what_is_told_before_our_own_answer_is_not_lost_and_nothing_goes_back() {
    use conversations::messages::{
        Delivery, DeliveryReport, Draft, DraftContent, MessageText, accepted, delivered, send,
    };
    let Some(app) = TestApp::start().await else { return };
    let inbox = whatsapp(&app).await;
    let db = database(&app);
    let received = write_in(&app, inbox, "5571981234567", "w1", "Oi").await;
    let draft = Draft::of(DraftContent::Text(MessageText::parse("Bom dia").unwrap()));
    // The queue's own worker has no channel here and would give the message up, so both happen in one transaction.
    let now = app.clock.now();
    let report = |delivery, reason: Option<&str>| DeliveryReport {
        inbox,
        provider_id: "wamid.out".to_owned(),
        reference: None,
        delivery,
        at: now,
        reason: reason.map(str::to_owned),
    };
    let message = db
        .write(&aurora(), async |tx| {
            delivered(tx, &report(Delivery::Delivered, None)).await?;
            delivered(tx, &report(Delivery::Sent, None)).await?;
            let message = send(tx, received.conversation, &draft).await?;
            let taken = conversations::channels::Accepted {
                provider_id: "wamid.out".to_owned(),
            };
            accepted(tx, message.id, &taken).await?;
            Ok::<_, conversations::messages::MessageError>(message.id)
        })
        .await
        .unwrap();
    let reception = app.actor("reception@aurora");
    let state = async || {
        let shown = reception
            .get(&format!("/v1/messages/{message}"))
            .await
            .expect_status(200);
        shown.body["delivery"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "delivered");
    for (delivery, then) in [
        (Delivery::Sent, "delivered"),
        (Delivery::Failed, "delivered"),
        (Delivery::Read, "read"),
        (Delivery::Delivered, "read"),
    ] {
        db.write(&aurora(), async |tx| delivered(tx, &report(delivery, Some("x"))).await)
            .await
            .unwrap();
        assert_eq!(state().await, then);
    }
}
