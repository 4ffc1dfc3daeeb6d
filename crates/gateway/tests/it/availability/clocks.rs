//! Days that are not twenty-four hours long, and nights that belong to two days.

use std::collections::BTreeSet;

use serde_json::json;
use test_support::Actor;

use super::{Question, quarters};
use crate::agenda::faults;
use crate::app::TestApp;

/// A gateway whose clinic `horizonte` is in `zone` and works on `weekday` from `opens_at` to `closes_at` and never else.
async fn clinic_in(zone: &str, weekday: i16, opens_at: &str, closes_at: &str) -> Option<(TestApp, Actor)> {
    let app = TestApp::start().await?;
    let director = app.actor("director@horizonte");
    director
        .patch("/v1/clinic", json!({ "zone": zone }))
        .await
        .assert_status(200);
    let week = json!({ "hours": [{ "weekday": weekday, "opens_at": opens_at, "closes_at": closes_at }] });
    director.put("/v1/opening-hours", week).await.assert_status(200);
    let reception = app.actor("reception@horizonte");
    Some((app, reception))
}

/// Asserts that on `day` exactly the quarters of an hour from `first` to `last` (UTC) are offered for an hour's `avaliacao`, that
/// each can be booked, and that none around them can.
async fn assert_offers(reception: &Actor, day: &'static str, first: &str, last: &str) {
    let question = Question::of("dr-alves", "avaliacao", day);
    let offered = question.offered(reception).await;
    let ends: Vec<_> = [offered.first(), offered.last()]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    assert_eq!(ends, [first, last], "{day}");
    let until = quarters(first, 100).take_while(|moment| moment.as_str() <= last);
    assert_eq!(offered, until.collect::<BTreeSet<_>>(), "{day}");
    let before = kernel_minus(first, 90);
    question
        .assert_agrees(reception, quarters(&before, 12 + i64::try_from(offered.len()).unwrap()))
        .await;
}

/// The moment `minutes` before `moment`.
fn kernel_minus(moment: &str, minutes: i64) -> String {
    test_support::world::at(moment)
        .saturating_add(-chrono::TimeDelta::minutes(minutes))
        .to_string()
}

#[tokio::test]
async fn new_york_loses_an_hour_in_spring() {
    let Some((_app, reception)) = clinic_in("America/New_York", 7, "00:00", "06:00").await else {
        return;
    };
    // From midnight at UTC-5 to six at UTC-4: five hours.
    assert_offers(&reception, "2027-03-14", "2027-03-14T05:00:00Z", "2027-03-14T09:00:00Z").await;
}

#[tokio::test]
async fn new_york_wins_an_hour_in_autumn() {
    let Some((_app, reception)) = clinic_in("America/New_York", 7, "00:00", "06:00").await else {
        return;
    };
    // From midnight at UTC-4 to six at UTC-5: seven hours.
    assert_offers(&reception, "2027-11-07", "2027-11-07T04:00:00Z", "2027-11-07T10:00:00Z").await;
}

#[tokio::test]
async fn lisbon_loses_an_hour_in_spring() {
    let Some((_app, reception)) = clinic_in("Europe/Lisbon", 7, "00:00", "06:00").await else {
        return;
    };
    assert_offers(&reception, "2027-03-28", "2027-03-28T00:00:00Z", "2027-03-28T04:00:00Z").await;
}

#[tokio::test]
async fn lisbon_wins_an_hour_in_autumn() {
    let Some((_app, reception)) = clinic_in("Europe/Lisbon", 7, "00:00", "06:00").await else {
        return;
    };
    assert_offers(&reception, "2027-10-31", "2027-10-30T23:00:00Z", "2027-10-31T05:00:00Z").await;
}

#[tokio::test]
async fn a_night_shift_goes_on_past_midnight() {
    let Some((_app, reception)) = clinic_in("America/Manaus", 2, "22:00", "02:00").await else {
        return;
    };
    // Tuesday the 24th shows the slots that start before midnight, Wednesday the 25th those after it.
    let tuesday = Question::of("dr-alves", "avaliacao", "2026-11-24")
        .offered(&reception)
        .await;
    assert_eq!(tuesday, quarters("2026-11-24T22:00:00-04:00", 8).collect());
    let wednesday = Question::of("dr-alves", "avaliacao", "2026-11-25");
    assert_eq!(
        wednesday.offered(&reception).await,
        quarters("2026-11-25T00:00:00-04:00", 5).collect()
    );
    wednesday
        .assert_agrees(&reception, quarters("2026-11-25T00:00:00-04:00", 12))
        .await;
}

#[tokio::test]
async fn a_slot_across_midnight_is_booked_and_keeps_both_days_apart() {
    let Some((_app, reception)) = clinic_in("America/Manaus", 2, "22:00", "02:00").await else {
        return;
    };
    let booking = |at: &str| {
        json!({
            "contact_id": test_support::world::contact("pedro"),
            "practitioner_id": test_support::world::practitioner("dr-alves"),
            "service_id": test_support::world::service("avaliacao"), "starts_at": at
        })
    };
    let made = reception
        .post("/v1/appointments", booking("2026-11-24T23:30:00-04:00"))
        .await
        .expect_status(201);
    let after = Question::of("dr-alves", "avaliacao", "2026-11-25")
        .offered(&reception)
        .await;
    assert_eq!(after.first().map(String::as_str), Some("2026-11-25T04:30:00Z"));
    let of_day = |day: &str| format!("/v1/appointments?from={day}&to={day}");
    assert_eq!(reception.get(&of_day("2026-11-24")).await.data(), [made.body]);
    assert!(reception.get(&of_day("2026-11-25")).await.data().is_empty());
}

#[tokio::test]
async fn a_night_before_a_holiday_ends_at_midnight() {
    let Some((_app, reception)) = clinic_in("America/Manaus", 4, "22:00", "02:00").await else {
        return;
    };
    // The shift of Thursday, Christmas Eve, does not go on into Christmas.
    let eve = Question::of("dr-alves", "avaliacao", "2026-12-24")
        .offered(&reception)
        .await;
    assert_eq!(eve, quarters("2026-12-24T22:00:00-04:00", 5).collect());
    let christmas = Question::of("dr-alves", "avaliacao", "2026-12-25");
    christmas
        .assert_agrees(&reception, quarters("2026-12-24T23:15:00-04:00", 12))
        .await;
    assert!(christmas.offered(&reception).await.is_empty());
}

#[tokio::test]
async fn a_zone_that_does_not_exist_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let refused = app
        .actor("director@aurora")
        .patch("/v1/clinic", json!({ "zone": "America/Vitoria" }))
        .await;
    assert_eq!(
        faults(&refused).iter().map(|fault| fault.0).collect::<Vec<_>>(),
        ["/zone"]
    );
}
