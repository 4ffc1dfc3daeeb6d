//! Many at once for one freed slot: the database gives it to one.

use chrono::TimeDelta;
use serde_json::json;
use test_support::world;

use super::{booking, call_off, last_offer, post, settled, standing, status_of, taken, tuesday_nine, wait};
use crate::agenda::{contested, count, race, same, tally};
use crate::app::TestApp;

#[tokio::test]
async fn of_fifty_who_accept_or_book_one_freed_slot_one_gets_it() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    call_off(&reception, &appointment).await;
    settled(&app).await;
    let accept = format!("{}/accept", last_offer(&reception, entry.id()).await);
    let mut calls = same(25, &accept, &json!({}));
    calls.extend(same(
        25,
        "/v1/appointments",
        &booking(&world::contact("ana").to_string()),
    ));
    // One of each kind after the other, so that they meet.
    calls.sort_by_key(|(path, body)| (body.to_string().len() + path.len()) % 2);
    let answers = race(&reception, calls).await;
    let tally = tally(&answers);
    assert_eq!(tally.get(&(200, "")), Some(&1), "{tally:?}");
    assert_eq!(tally.get(&(409, "offer_closed")), Some(&24), "{tally:?}");
    assert_eq!(tally.get(&(409, "appointment_conflict")), Some(&25), "{tally:?}");
    let there = "SELECT count(*) FROM occupancies WHERE busy_from = '2026-11-24T12:00:00Z'";
    assert_eq!(count(&app, there).await, 1);
    assert_eq!(status_of(&reception, entry.id()).await, "booked");
}

#[tokio::test]
async fn who_accepts_as_others_take_the_entry_off_gets_all_or_nothing() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    call_off(&reception, &appointment).await;
    settled(&app).await;
    let offer = last_offer(&reception, entry.id()).await;
    let mut calls = Vec::new();
    for action in ["accept", "decline", "withdraw", "accept"] {
        calls.extend(same(10, &format!("{offer}/{action}"), &json!({})));
    }
    let answers = race(&reception, calls).await;
    let tally = tally(&answers);
    assert_eq!(tally.get(&(200, "")), Some(&1), "{tally:?}");
    assert_eq!(tally.get(&(409, "offer_closed")), Some(&39), "{tally:?}");
    settled(&app).await;
    let booked = status_of(&reception, entry.id()).await == "booked";
    let live = "SELECT count(*) FROM appointments WHERE starts_at = '2026-11-24T12:00:00Z' AND status = 'scheduled'";
    assert_eq!(count(&app, live).await, i64::from(booked));
    assert_eq!(count(&app, "SELECT count(*) FROM holds").await, 0);
}

#[tokio::test]
async fn an_offer_that_is_answered_as_it_lapses_is_one_or_the_other() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let appointment = taken(&reception).await;
    let entry = wait(&reception, tuesday_nine(&world::contact("joao").to_string())).await;
    call_off(&reception, &appointment).await;
    settled(&app).await;
    let accept = format!("{}/accept", last_offer(&reception, entry.id()).await);
    app.clock.advance(TimeDelta::minutes(30));
    let reception = app.actor("reception@aurora");
    // Nobody has noted yet that it lapsed, or somebody just does.
    let late = post(&reception, &accept).await;
    late.assert_problem(409, "offer_closed");
    assert_eq!(late.body["offer_status"], "lapsed");
    settled(&app).await;
    assert_eq!(standing(&reception, entry.id()).await, ["lapsed"]);
    assert_eq!(count(&app, "SELECT count(*) FROM holds").await, 0);
}

#[tokio::test]
async fn many_searches_at_once_offer_each_entry_and_each_time_once() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let mut entries = Vec::new();
    for (number, contact) in ["maria", "joao", "ana"].into_iter().enumerate() {
        let body = crate::agenda::with(
            tuesday_nine(&world::contact(contact).to_string()),
            json!({ "windows": [{"from_date": "2026-11-24", "until_date": "2026-11-24"}], "priority": number + 1 }),
        );
        entries.push(wait(&reception, body).await.id().to_owned());
    }
    let (db, system) = super::system(&app);
    let searches = (0..6).map(|_| {
        db.write(&system, async |tx: &mut db::TenantTx<'_>| {
            appointments::waitlist::fill(tx, appointments::waitlist::Scope::Everything).await
        })
    });
    for done in futures_util::future::join_all(searches).await {
        done.unwrap();
    }
    settled(&app).await;
    for entry in &entries {
        assert_eq!(standing(&reception, entry).await, ["offered"]);
    }
    assert_eq!(
        count(&app, "SELECT count(DISTINCT starts_at) FROM waitlist_offers").await,
        3
    );
}
