//! Offers: by hand, by reply, booked another way, and with somebody who is put away.

use appointments::outreach::Answered;
use chrono::TimeDelta;
use serde_json::json;
use test_support::world;

use super::{
    WAITLIST, booking, in_aurora, last_offer, offers_to, post, reply, settled, standing, status_of, taken,
    tuesday_nine, wait,
};
use crate::agenda::{book, count, faults, new_contact, new_practitioner, tuesday, with};
use crate::app::TestApp;

#[tokio::test]
async fn staff_offer_time_out_of_turn_and_only_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    taken(&reception).await;
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    settled(&app).await;
    let path = format!("{WAITLIST}/{}/offers", entry.id());
    let at = |time: &str| json!({ "practitioner_id": world::practitioner("dr-lima"), "starts_at": tuesday(time) });
    reception
        .post(&path, at("09:00"))
        .await
        .assert_problem(409, "offer_not_bookable");
    reception
        .post(&path, at("12:30"))
        .await
        .assert_problem(409, "offer_not_bookable");
    let past = json!({ "practitioner_id": world::practitioner("dr-lima"), "starts_at": "2026-11-20T11:00:00Z" });
    assert_eq!(
        faults(&reception.post(&path, past).await),
        [("/starts_at", "in_past")].into()
    );
    let made = reception.post(&path, at("16:00")).await.expect_status(201);
    assert_eq!(made.body["status"], "offered");
    reception
        .post(&path, at("17:00"))
        .await
        .assert_problem(409, "already_offered");
    reception
        .post(
            "/v1/appointments",
            with(
                booking(&world::contact("ana").to_string()),
                json!({ "starts_at": tuesday("16:00") }),
            ),
        )
        .await
        .assert_problem(409, "appointment_conflict");
}

#[tokio::test]
async fn a_short_reply_takes_an_offer_that_was_sent_or_refuses_it() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (joao, ana) = (world::contact("joao"), world::contact("ana"));
    let first = wait(&reception, tuesday_nine(&joao.to_string())).await;
    app.clock.advance(TimeDelta::seconds(1));
    let second = wait(&reception, tuesday_nine(&ana.to_string())).await;
    settled(&app).await;
    assert_eq!(reply(&app, joao, "sim").await, None, "nothing was sent yet");
    for (entry, contact, text, taken) in [
        (&first, joao, "não, obrigado", false),
        (&second, ana, "Quero! 👍", true),
    ] {
        let id = last_offer(&reception, entry.id())
            .await
            .rsplit('/')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        in_aurora(&app, async |tx| {
            let content = appointments::waitlist::offer_content(tx, id)
                .await?
                .expect("it is open");
            assert_eq!(content.starts_at.to_string(), "2026-11-24T12:00:00Z");
            assert!(appointments::waitlist::mark_sent(tx, id, uuid::Uuid::max()).await?);
            assert!(!appointments::waitlist::mark_sent(tx, id, uuid::Uuid::nil()).await?);
            Ok(())
        })
        .await;
        assert_eq!(reply(&app, contact, "qual o valor?").await, None);
        let answered = reply(&app, contact, text).await.unwrap();
        assert_eq!(matches!(answered, Answered::OfferAccepted(..)), taken, "{answered:?}");
        assert_eq!(matches!(answered, Answered::OfferDeclined(_)), !taken, "{answered:?}");
        assert_eq!(reply(&app, contact, text).await, None, "only once");
        settled(&app).await;
    }
    assert_eq!(status_of(&reception, first.id()).await, "waiting");
    assert_eq!(status_of(&reception, second.id()).await, "booked");
}

#[tokio::test]
async fn the_latest_offer_is_accepted_and_declined_for_a_contact() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let joao = world::contact("joao");
    let entry = wait(&reception, tuesday_nine(&joao.to_string())).await;
    settled(&app).await;
    in_aurora(&app, async |tx| {
        let declined = appointments::waitlist::decline_latest_offer(tx, joao).await?;
        assert!(declined.is_some());
        assert_eq!(appointments::waitlist::accept_latest_offer(tx, joao).await?, None);
        Ok(())
    })
    .await;
    assert_eq!(standing(&reception, entry.id()).await, ["declined"]);
}

#[tokio::test]
async fn who_is_booked_by_the_hold_itself_has_taken_the_offer() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let joao = world::contact("joao").to_string();
    let entry = wait(&reception, tuesday_nine(&joao)).await;
    settled(&app).await;
    let held = reception.get("/v1/appointments/holds").await.expect_status(200);
    let hold = held.data()[0]["id"].clone();
    let booked = book(&reception, with(booking(&joao), json!({ "hold_id": hold }))).await;
    settled(&app).await;
    assert_eq!(standing(&reception, entry.id()).await, ["accepted"]);
    let shown = reception.get(&format!("{WAITLIST}/{}", entry.id())).await;
    assert_eq!(shown.body["appointment_id"], booked.id());
}

#[tokio::test]
async fn an_offer_whose_hold_was_released_is_withdrawn() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    settled(&app).await;
    let held = reception.get("/v1/appointments/holds").await.expect_status(200);
    let hold = held.data()[0]["id"].as_str().unwrap().to_owned();
    reception
        .delete(&format!("/v1/appointments/holds/{hold}"))
        .await
        .assert_status(204);
    let accept = format!("{}/accept", last_offer(&reception, entry.id()).await);
    post(&reception, &accept).await.assert_status(409);
    settled(&app).await;
    assert_eq!(standing(&reception, entry.id()).await, ["withdrawn"]);
    assert_eq!(status_of(&reception, entry.id()).await, "waiting");
    assert_eq!(count(&app, "SELECT count(*) FROM holds").await, 0);
}

#[tokio::test]
async fn with_a_practitioner_who_was_put_away_nothing_is_offered_nor_booked() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let practitioner = new_practitioner(&app, 1, &["consulta"]).await;
    let wish = |contact: &str| with(tuesday_nine(contact), json!({ "practitioner_id": practitioner }));
    let entry = wait(&reception, wish(&world::contact("joao").to_string())).await;
    settled(&app).await;
    assert_eq!(standing(&reception, entry.id()).await, ["offered"]);
    app.actor("director@aurora")
        .delete(&format!("/v1/practitioners/{practitioner}"))
        .await
        .assert_status(204);
    let accept = format!("{}/accept", last_offer(&reception, entry.id()).await);
    post(&reception, &accept)
        .await
        .assert_problem(409, "offer_not_bookable");
    assert_eq!(
        standing(&reception, entry.id()).await,
        ["offered"],
        "a refusal changes nothing"
    );
    app.clock.advance(TimeDelta::minutes(30));
    let reception = app.actor("reception@aurora");
    settled(&app).await;
    assert_eq!(standing(&reception, entry.id()).await, ["lapsed"]);
    let refused = reception
        .post(WAITLIST, wish(&new_contact(&app, "Vera Lopes").await))
        .await;
    assert_eq!(faults(&refused), [("/practitioner_id", "archived")].into());
    assert_eq!(offers_to(&reception, entry.id()).await.len(), 1);
}
