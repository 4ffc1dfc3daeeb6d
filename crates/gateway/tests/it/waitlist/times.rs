//! Which times are offered: what is wished, not too near, not at night, on days on which clocks change.

use chrono::TimeDelta;
use serde_json::json;
use test_support::world;

use super::{call_off, offers_to, settled, standing, status_of, taken, tuesday_nine, wait};
use crate::agenda::{act, book, consulta, count, tuesday, with};
use crate::app::TestApp;

#[tokio::test]
async fn what_begins_too_soon_or_has_passed_is_offered_to_nobody() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    // Half past seven on Tuesday: an hour and a half before.
    app.clock.set(world::at("2026-11-24T10:30:00Z"));
    let reception_now = app.actor("reception@aurora");
    let entry = wait(&reception_now, tuesday_nine(&world::contact("joao").to_string())).await;
    call_off(&reception_now, &appointment).await;
    settled(&app).await;
    app.clock.set(world::at("2026-11-24T11:05:00Z"));
    settled(&app).await;
    let reception_now = app.actor("reception@aurora");
    assert!(offers_to(&reception_now, entry.id()).await.is_empty());
    drop(reception);
}

#[tokio::test]
async fn a_shorter_lead_may_be_set_and_no_offer_outlasts_its_start() {
    let Some(app) = TestApp::start().await else { return };
    app.actor("director@aurora")
        .patch(
            "/v1/outreach-settings",
            json!({ "offer_lead_minutes": 10, "offer_minutes": 120 }),
        )
        .await
        .assert_status(200);
    let appointment = taken(&app.actor("reception@aurora")).await;
    app.clock.set(world::at("2026-11-24T11:15:00Z"));
    let reception = app.actor("reception@aurora");
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    call_off(&reception, &appointment).await;
    settled(&app).await;
    let offers = offers_to(&reception, entry.id()).await;
    assert_eq!(offers[0]["expires_at"], offers[0]["starts_at"]);
}

#[tokio::test]
async fn what_becomes_free_at_night_is_offered_in_the_morning() {
    let Some(app) = TestApp::start().await else { return };
    let appointment = taken(&app.actor("reception@aurora")).await;
    app.clock.set(world::at("2026-11-23T22:30:00-03:00"));
    let reception = app.actor("reception@aurora");
    let afternoon = with(
        tuesday_nine(&world::contact("joao").to_string()),
        json!({ "windows": [{"from_date": "2026-11-24", "until_date": "2026-11-24", "from_time": "15:00", "until_time": "15:30"}] }),
    );
    let moved = book(
        &reception,
        with(
            consulta(&tuesday("15:00")),
            json!({"contact_id": world::contact("ana")}),
        ),
    )
    .await;
    let entry = wait(&reception, afternoon).await;
    call_off(&reception, moved.id()).await;
    settled(&app).await;
    assert!(offers_to(&reception, entry.id()).await.is_empty());
    app.clock.set(world::at("2026-11-24T08:00:00-03:00"));
    settled(&app).await;
    let reception = app.actor("reception@aurora");
    let offers = offers_to(&reception, entry.id()).await;
    assert_eq!(offers[0]["offered_at"], "2026-11-24T11:00:00Z");
    assert!(!appointment.is_empty());
}

#[tokio::test]
async fn only_what_fits_is_offered_by_length_practitioner_and_wish() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let joao = world::contact("joao").to_string();
    let appointment = taken(&reception).await;
    let before = book(
        &reception,
        with(
            consulta(&tuesday("08:30")),
            json!({"contact_id": world::contact("ana")}),
        ),
    )
    .await;
    let after = book(
        &reception,
        with(
            consulta(&tuesday("09:30")),
            json!({"contact_id": world::contact("ana")}),
        ),
    )
    .await;
    let window =
        json!([{"from_date": "2026-11-24", "until_date": "2026-11-24", "from_time": "08:30", "until_time": "10:00"}]);
    // Sixty minutes with what goes before and after: more than becomes free.
    let long = wait(
        &reception,
        with(
            tuesday_nine(&joao),
            json!({ "service_id": world::service("exame"), "windows": window }),
        ),
    )
    .await;
    let other_day = wait(
        &reception,
        with(
            tuesday_nine(&joao),
            json!({ "windows": [{"from_date": "2026-11-25", "until_date": "2026-11-25",
            "from_time": "03:00", "until_time": "04:00"}] }),
        ),
    )
    .await;
    let elsewhere = wait(
        &reception,
        with(
            tuesday_nine(&joao),
            json!({ "practitioner_id": world::practitioner("dr-souza"),
            "windows": [{"weekdays": [7]}] }),
        ),
    )
    .await;
    call_off(&reception, &appointment).await;
    settled(&app).await;
    for entry in [&long, &other_day, &elsewhere] {
        assert_eq!(status_of(&reception, entry.id()).await, "waiting");
    }
    // Now an hour and a half is free together.
    call_off(&reception, before.id()).await;
    call_off(&reception, after.id()).await;
    settled(&app).await;
    let offers = offers_to(&reception, long.id()).await;
    assert_eq!(offers.len(), 1);
    assert!(offers[0]["room_id"].is_string(), "the service needs a room");
}

#[tokio::test]
async fn an_entry_expires_after_its_last_date_and_the_sweeps_end_with_the_list() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    taken(&reception).await;
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    settled(&app).await;
    app.clock.set(world::at("2026-11-25T12:00:00Z"));
    settled(&app).await;
    let reception = app.actor("reception@aurora");
    assert_eq!(status_of(&reception, entry.id()).await, "expired");
    let planned = "SELECT count(*) FROM outbox WHERE kind = 'waitlist.sweep' AND handled_at IS NULL";
    assert_eq!(count(&app, planned).await, 0);
    assert_eq!(
        count(&app, "SELECT count(*) FROM waitlist_sweeps WHERE next_at IS NOT NULL").await,
        0
    );
}

#[tokio::test]
async fn hours_that_are_widened_are_found_by_the_next_sweep_and_there_is_one_chain_of_them() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let saturday = with(
        tuesday_nine(&world::contact("joao").to_string()),
        json!({ "windows": [{"from_date": "2026-11-28", "until_date": "2026-11-28"}] }),
    );
    let entry = wait(&reception, saturday.clone()).await;
    // Who came first is told by the clock.
    app.clock.advance(TimeDelta::seconds(1));
    wait(&reception, with(saturday, json!({"contact_id": world::contact("ana")}))).await;
    settled(&app).await;
    app.actor("director@aurora")
        .post(
            "/v1/opening-hours",
            json!({"weekday": 6, "opens_at": "08:00", "closes_at": "08:30"}),
        )
        .await
        .assert_status(201);
    app.clock.advance(TimeDelta::minutes(15));
    let reception = app.actor("reception@aurora");
    settled(&app).await;
    assert_eq!(standing(&reception, entry.id()).await, ["offered"]);
    let planned = "SELECT count(*) FROM outbox WHERE kind = 'waitlist.sweep' AND handled_at IS NULL";
    assert_eq!(count(&app, planned).await, 1);
}

#[tokio::test]
async fn a_missed_appointment_frees_only_what_is_still_ahead() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    act(&reception, &appointment, "no-show").await.assert_status(200);
    settled(&app).await;
    assert_eq!(standing(&reception, entry.id()).await, ["offered"]);
}

#[tokio::test]
async fn on_days_on_which_clocks_change_the_wall_clock_counts() {
    let Some(app) = TestApp::start().await else { return };
    let director = app.actor("director@aurora");
    director
        .patch("/v1/clinic", json!({ "zone": "America/New_York" }))
        .await
        .assert_status(200);
    // Clocks go forward at two on Sunday 2027-03-14.
    director
        .post(
            "/v1/opening-hours",
            json!({"weekday": 7, "opens_at": "08:00", "closes_at": "12:00"}),
        )
        .await
        .assert_status(201);
    app.clock.set(world::at("2027-03-12T15:00:00Z"));
    let reception = app.actor("reception@aurora");
    let sunday = with(
        tuesday_nine(&world::contact("joao").to_string()),
        json!({ "windows": [{"weekdays": [7], "from_time": "09:00", "until_time": "09:30"}] }),
    );
    let entry = wait(&reception, sunday).await;
    settled(&app).await;
    let offers = offers_to(&reception, entry.id()).await;
    assert_eq!(offers[0]["starts_at"], "2027-03-14T13:00:00Z");
}

#[tokio::test]
async fn at_night_one_search_waits_for_the_morning_however_many_come() {
    let Some(app) = TestApp::start().await else { return };
    app.clock.set(world::at("2026-11-24T04:00:00Z"));
    let reception = app.actor("reception@aurora");
    for contact in ["joao", "ana", "maria"] {
        wait(&reception, tuesday_nine(&world::contact(contact).to_string())).await;
        settled(&app).await;
    }
    assert_eq!(
        count(&app, "SELECT count(*) FROM outbox WHERE kind = 'waitlist.match'").await,
        1
    );
}
