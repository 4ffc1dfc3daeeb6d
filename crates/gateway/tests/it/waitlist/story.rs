//! Time becomes free: the first is offered it and lets it lapse, the next takes it, and nobody else gets in between.

use chrono::TimeDelta;
use test_support::world;

use super::{booking, call_off, last_offer, offers_to, post, settled, standing, status_of, taken, tuesday_nine, wait};
use crate::agenda::{count, new_contact};
use crate::app::TestApp;

#[tokio::test]
async fn what_is_called_off_goes_to_the_next_who_takes_it_and_is_kept_from_others_meanwhile() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    let (joao, ana) = (world::contact("joao").to_string(), world::contact("ana").to_string());
    let first = wait(&reception, tuesday_nine(&joao)).await.id().to_owned();
    app.clock.advance(TimeDelta::minutes(1));
    let second = wait(&reception, tuesday_nine(&ana)).await.id().to_owned();
    settled(&app).await;
    assert!(offers_to(&reception, &first).await.is_empty(), "nothing is free yet");

    call_off(&reception, &appointment).await;
    settled(&app).await;
    let offer = offers_to(&reception, &first).await.remove(0);
    assert_eq!(offer["starts_at"], "2026-11-24T12:00:00Z");
    assert_eq!(offer["expires_at"], "2026-11-20T12:31:00Z");
    assert_eq!(status_of(&reception, &first).await, "offered");
    assert!(offers_to(&reception, &second).await.is_empty());
    reception
        .post("/v1/appointments", booking(&ana))
        .await
        .assert_problem(409, "appointment_conflict");

    app.clock.advance(TimeDelta::minutes(30));
    let reception = app.actor("reception@aurora");
    settled(&app).await;
    assert_eq!(standing(&reception, &first).await, ["lapsed"]);
    assert_eq!(status_of(&reception, &first).await, "waiting");
    let lapsed = post(&reception, &format!("{}/accept", last_offer(&reception, &first).await)).await;
    lapsed.assert_problem(409, "offer_closed");
    assert_eq!(lapsed.body["offer_status"], "lapsed");
    assert_eq!(standing(&reception, &second).await, ["offered"]);
    reception
        .post("/v1/appointments", booking(&joao))
        .await
        .assert_problem(409, "appointment_conflict");

    let accept = format!("{}/accept", last_offer(&reception, &second).await);
    let accepted = post(&reception, &accept).await.expect_status(200);
    assert_eq!(accepted.body["appointment"]["contact_id"], ana.as_str());
    assert_eq!(accepted.body["appointment"]["status"], "scheduled");
    assert_eq!(accepted.body["offer"]["status"], "accepted");
    let again = post(&reception, &accept).await;
    again.assert_problem(409, "offer_closed");
    assert_eq!(status_of(&reception, &second).await, "booked");
    settled(&app).await;
    assert_eq!(count(&app, "SELECT count(*) FROM holds").await, 0);
    let there = "SELECT count(*) FROM occupancies WHERE busy_from = '2026-11-24T12:00:00Z'";
    assert_eq!(count(&app, there).await, 1);
    let told = "SELECT count(*) FROM outbox WHERE kind = 'waitlist.offered'";
    assert_eq!(
        count(&app, told).await,
        2,
        "the first is not offered again what it let lapse"
    );
}

#[tokio::test]
async fn who_declines_goes_on_waiting_and_the_next_is_asked_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    let later = wait(&reception, tuesday_nine(&new_contact(&app, "Vera Lopes").await)).await;
    let urgent = crate::agenda::with(
        tuesday_nine(&world::contact("joao").to_string()),
        serde_json::json!({ "priority": 1 }),
    );
    app.clock.advance(TimeDelta::minutes(1));
    let urgent = wait(&reception, urgent).await;
    call_off(&reception, &appointment).await;
    settled(&app).await;
    assert_eq!(status_of(&reception, later.id()).await, "waiting");
    let offer = last_offer(&reception, urgent.id()).await;
    let declined = post(&reception, &format!("{offer}/decline")).await.expect_status(200);
    assert_eq!(declined.body["status"], "declined");
    settled(&app).await;
    assert_eq!(status_of(&reception, urgent.id()).await, "waiting");
    assert_eq!(standing(&reception, later.id()).await, ["offered"]);
    let offer = last_offer(&reception, later.id()).await;
    post(&reception, &format!("{offer}/withdraw")).await.assert_status(200);
    post(&reception, &format!("{offer}/decline"))
        .await
        .assert_problem(409, "offer_closed");
    settled(&app).await;
    assert_eq!(count(&app, "SELECT count(*) FROM holds").await, 0);
    crate::agenda::book(&reception, booking(&world::contact("maria").to_string())).await;
}

#[tokio::test]
async fn what_was_moved_away_and_what_was_held_in_vain_is_offered_too() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    reception
        .post(
            &format!("/v1/appointments/{appointment}/reschedule"),
            serde_json::json!({ "starts_at": crate::agenda::tuesday("15:00") }),
        )
        .await
        .assert_status(200);
    settled(&app).await;
    let offer = last_offer(&reception, entry.id()).await;
    post(&reception, &format!("{offer}/withdraw")).await.assert_status(200);
    settled(&app).await;
    let hold = reception
        .post(
            "/v1/appointments/holds",
            crate::agenda::consulta(&crate::agenda::tuesday("09:00")),
        )
        .await
        .expect_status(201);
    let other = wait(&reception, tuesday_nine(&world::contact("ana").to_string())).await;
    settled(&app).await;
    assert!(offers_to(&reception, other.id()).await.is_empty());
    assert!(hold.body["expires_at"].is_string());
    app.clock.advance(TimeDelta::minutes(10));
    let reception = app.actor("reception@aurora");
    settled(&app).await;
    assert_eq!(standing(&reception, other.id()).await, ["offered"]);
}
