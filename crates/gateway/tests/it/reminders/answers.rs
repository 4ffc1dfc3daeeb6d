//! What patients answer to reminders.

use appointments::outreach::Answered;
use chrono::TimeDelta;
use kernel::AppointmentId;
use test_support::{Actor, world};

use super::{maria, rows_of, sent, start};
use crate::agenda::{act, book, consulta, tuesday, with};
use crate::app::TestApp;
use crate::waitlist::{WAITLIST, reply, settled};

/// An appointment on Tuesday at `time` whose reminder of the day before was sent; its id.
async fn reminded(app: &TestApp, times: &[&str]) -> (Actor, Vec<AppointmentId>) {
    let reception = app.actor("reception@aurora");
    let mut ids = Vec::new();
    for time in times {
        ids.push(book(&reception, consulta(&tuesday(time))).await.id().to_owned());
    }
    settled(app).await;
    app.clock.set(world::at("2026-11-23T20:00:00Z"));
    settled(app).await;
    let reception = app.actor("reception@aurora");
    for id in &ids {
        assert_eq!(sent(&reception, id).await, 1);
    }
    app.clock.advance(TimeDelta::minutes(5));
    (reception, ids.iter().map(|id| id.parse().unwrap()).collect())
}

async fn status(actor: &Actor, id: AppointmentId) -> String {
    let shown = actor.get(&format!("/v1/appointments/{id}")).await.expect_status(200);
    shown.body["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_yes_confirms_once() {
    let Some((app, _carrier)) = start().await else { return };
    let (reception, ids) = reminded(&app, &["15:00"]).await;
    assert_eq!(reply(&app, maria(), "vou levar os exames").await, None);
    assert_eq!(
        reply(&app, world::contact("joao"), "sim").await,
        None,
        "it was not sent to him"
    );
    assert_eq!(
        reply(&app, maria(), "Sim, confirmo!").await,
        Some(Answered::Confirmed(ids[0]))
    );
    assert_eq!(status(&reception, ids[0]).await, "confirmed");
    assert_eq!(reply(&app, maria(), "2").await, None, "it was answered");
    assert_eq!(status(&reception, ids[0]).await, "confirmed");
    let row = rows_of(&reception, &ids[0].to_string()).await.remove(0);
    assert_eq!(
        (row["status"].as_str(), row["answer"].as_str()),
        (Some("answered"), Some("confirm"))
    );
}

#[tokio::test]
async fn a_no_calls_off_and_the_time_goes_to_who_waits() {
    let Some((app, _carrier)) = start().await else { return };
    let (reception, ids) = reminded(&app, &["15:00"]).await;
    let entry = serde_json::json!({
        "contact_id": world::contact("joao"), "service_id": world::service("consulta"), "practitioner_id": world::practitioner("dr-lima"),
        "windows": [{"from_date": "2026-11-24", "until_date": "2026-11-24", "from_time": "15:00", "until_time": "15:30"}],
    });
    let entry = reception.post(WAITLIST, entry).await.expect_status(201);
    settled(&app).await;
    assert_eq!(
        reply(&app, maria(), "não posso").await,
        Some(Answered::Cancelled(ids[0]))
    );
    let shown = reception.get(&format!("/v1/appointments/{}", ids[0])).await;
    assert_eq!(shown.body["status"], "cancelled");
    assert_eq!(shown.body["cancelled_by"], "patient");
    assert_eq!(shown.body["cancellation_reason"], "replied to the reminder");
    settled(&app).await;
    let shown = reception.get(&format!("{WAITLIST}/{}", entry.id())).await;
    assert_eq!(shown.body["status"], "offered");
}

#[tokio::test]
async fn a_wish_for_another_time_is_told_and_left_to_a_person() {
    let Some((app, _carrier)) = start().await else { return };
    let (reception, ids) = reminded(&app, &["15:00"]).await;
    assert_eq!(
        reply(&app, maria(), "remarcar").await,
        Some(Answered::WantsAnotherTime(ids[0]))
    );
    assert_eq!(status(&reception, ids[0]).await, "scheduled");
}

#[tokio::test]
async fn where_two_appointments_were_reminded_of_a_person_reads_the_answer() {
    let Some((app, _carrier)) = start().await else { return };
    let (reception, ids) = reminded(&app, &["15:00", "16:00"]).await;
    assert_eq!(reply(&app, maria(), "sim").await, None);
    act(&reception, &ids[1].to_string(), "cancel").await.assert_status(200);
    assert_eq!(reply(&app, maria(), "sim").await, Some(Answered::Confirmed(ids[0])));
}

#[tokio::test]
async fn what_comes_too_late_or_after_the_appointment_moved_is_no_answer() {
    let Some((app, _carrier)) = start().await else { return };
    let (reception, ids) = reminded(&app, &["15:00"]).await;
    let moved = reception
        .post(
            &format!("/v1/appointments/{}/reschedule", ids[0]),
            serde_json::json!({ "starts_at": tuesday("17:00") }),
        )
        .await;
    moved.assert_status(200);
    assert_eq!(
        reply(&app, maria(), "2").await,
        None,
        "the reminder spoke of another time"
    );
    assert_eq!(status(&reception, ids[0]).await, "scheduled");
    app.clock.set(world::at("2026-11-24T21:00:00Z"));
    assert_eq!(reply(&app, maria(), "1").await, None);
}

#[tokio::test]
async fn of_a_reminder_and_an_offer_the_one_that_was_sent_last_is_answered() {
    let Some((app, _carrier)) = start().await else { return };
    let (reception, ids) = reminded(&app, &["15:00"]).await;
    let entry = with(
        serde_json::json!({
            "contact_id": maria(), "service_id": world::service("consulta"), "practitioner_id": world::practitioner("dr-souza"),
        }),
        serde_json::json!({ "windows": [{"from_date": "2026-11-25", "until_date": "2026-11-25"}] }),
    );
    let entry = reception.post(WAITLIST, entry).await.expect_status(201);
    settled(&app).await;
    let offers = reception
        .get(&format!("{WAITLIST}/{}/offers", entry.id()))
        .await
        .expect_status(200);
    let offer = offers.data()[0]["id"].as_str().unwrap().parse().unwrap();
    crate::waitlist::in_aurora(&app, async |tx| {
        assert!(appointments::waitlist::mark_sent(tx, offer, uuid::Uuid::max()).await?);
        Ok(())
    })
    .await;
    app.clock.advance(TimeDelta::minutes(1));
    let answered = reply(&app, maria(), "1").await.unwrap();
    assert!(matches!(answered, Answered::OfferAccepted(..)), "{answered:?}");
    assert_eq!(status(&reception, ids[0]).await, "scheduled");
    assert_eq!(reply(&app, maria(), "1").await, Some(Answered::Confirmed(ids[0])));
}
