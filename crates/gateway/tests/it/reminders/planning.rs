//! When reminders are planned and become due.

use chrono::TimeDelta;
use kernel::{AppointmentId, ReminderId};
use serde_json::json;
use test_support::world;

use super::{reminders_of, rows_of, sent, start};
use crate::agenda::{act, book, consulta, count, on, tuesday};
use crate::app::TestApp;
use crate::waitlist::{in_aurora, settled};

/// The reminders that are to be sent, as lead and due time.
fn planned(rows: &[(i64, String, String)]) -> Vec<(i64, &str)> {
    rows.iter()
        .filter(|(_, status, _)| status == "planned")
        .map(|(lead, _, due)| (*lead, due.as_str()))
        .collect()
}

#[tokio::test]
async fn a_booking_is_reminded_of_a_day_and_two_hours_before_each_once() {
    let Some((app, carrier)) = start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("15:00"))).await;
    settled(&app).await;
    let rows = reminders_of(&reception, booked.id()).await;
    assert_eq!(
        planned(&rows),
        [(1440, "2026-11-23T18:00:00Z"), (120, "2026-11-24T16:00:00Z")]
    );
    app.clock.set(world::at("2026-11-23T18:00:00Z"));
    settled(&app).await;
    let reception = app.actor("reception@aurora");
    let told = "SELECT count(*) FROM outbox WHERE kind = 'appointment.reminder_due'";
    assert_eq!(count(&app, told).await, 1);
    assert_eq!(sent(&reception, booked.id()).await, 1);
    // Whatever is run again, nothing comes twice.
    let id: AppointmentId = booked.id().parse().unwrap();
    let first: ReminderId = rows_of(&reception, booked.id()).await[0]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    for _ in 0..3 {
        in_aurora(&app, async |tx| {
            appointments::reminders::plan_reminders(tx, id).await?;
            assert!(!appointments::reminders::become_due(tx, first).await?);
            Ok(())
        })
        .await;
    }
    settled(&app).await;
    assert_eq!(count(&app, told).await, 1);
    assert_eq!(rows_of(&reception, booked.id()).await.len(), 2);
    app.clock.set(world::at("2026-11-24T16:00:00Z"));
    settled(&app).await;
    assert_eq!(count(&app, told).await, 2);
    let words = "appointment_reminder(Maria, terça-feira, 24/11/2026, às 15:00, Beatriz Lima)";
    let once = ("5511987654321".to_owned(), words.to_owned());
    assert_eq!(carrier.sent(), [once.clone(), once]);
}

#[tokio::test]
async fn a_lead_that_has_passed_is_skipped_and_the_night_is_left_alone() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let soon = book(&reception, consulta(&on("2026-11-20", "10:00"))).await;
    let early = book(&reception, consulta(&tuesday("08:00"))).await;
    settled(&app).await;
    let rows = rows_of(&reception, soon.id()).await;
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(
            (row["status"].as_str(), row["reason"].as_str()),
            (Some("skipped"), Some("too_late"))
        );
    }
    assert_eq!(
        planned(&reminders_of(&reception, early.id()).await),
        [(1440, "2026-11-23T11:00:00Z"), (120, "2026-11-24T00:00:00Z")]
    );
}

#[tokio::test]
async fn what_moves_takes_its_reminders_along_and_what_is_called_off_has_none() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("15:00"))).await;
    settled(&app).await;
    let reschedule = format!("/v1/appointments/{}/reschedule", booked.id());
    let to = |time: &str| json!({ "starts_at": tuesday(time) });
    reception.post(&reschedule, to("16:00")).await.assert_status(200);
    settled(&app).await;
    let rows = reminders_of(&reception, booked.id()).await;
    assert_eq!(
        planned(&rows),
        [(1440, "2026-11-23T19:00:00Z"), (120, "2026-11-24T17:00:00Z")]
    );
    assert_eq!(rows.iter().filter(|(_, status, _)| status == "cancelled").count(), 2);
    // Back again: those of the first time are taken up, not made anew.
    reception.post(&reschedule, to("15:00")).await.assert_status(200);
    settled(&app).await;
    let rows = reminders_of(&reception, booked.id()).await;
    assert_eq!(rows.len(), 4);
    assert_eq!(
        planned(&rows),
        [(1440, "2026-11-23T18:00:00Z"), (120, "2026-11-24T16:00:00Z")]
    );
    act(&reception, booked.id(), "cancel").await.assert_status(200);
    settled(&app).await;
    assert!(planned(&reminders_of(&reception, booked.id()).await).is_empty());
    act(&reception, booked.id(), "reopen").await.assert_status(200);
    settled(&app).await;
    assert_eq!(planned(&reminders_of(&reception, booked.id()).await).len(), 2);
    app.clock.set(world::at("2026-11-24T16:30:00Z"));
    settled(&app).await;
    let told = "SELECT count(*) FROM outbox WHERE kind = 'appointment.reminder_due'";
    assert_eq!(count(&app, told).await, 2);
}

#[tokio::test]
async fn what_was_called_off_before_the_worker_came_is_not_reminded_of() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("15:00"))).await;
    settled(&app).await;
    let maintenance = app.database.connect(test_support::Role::Maintenance).await;
    // As if the event of the cancellation had not been handled yet.
    let cancel = format!(
        "UPDATE appointments SET status = 'cancelled', cancelled_by = 'clinic' WHERE id = '{}'",
        booked.id()
    );
    maintenance.batch_execute(&cancel).await.unwrap();
    app.clock.set(world::at("2026-11-23T18:00:00Z"));
    settled(&app).await;
    let reception = app.actor("reception@aurora");
    let rows = reminders_of(&reception, booked.id()).await;
    assert_eq!((rows[0].0, rows[0].1.as_str()), (1440, "cancelled"));
    assert_eq!(
        count(
            &app,
            "SELECT count(*) FROM outbox WHERE kind = 'appointment.reminder_due'"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn a_worker_that_comes_after_the_start_sends_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("15:00"))).await;
    settled(&app).await;
    app.clock
        .set(world::at("2026-11-24T18:00:00Z").saturating_add(TimeDelta::minutes(1)));
    settled(&app).await;
    let reception = app.actor("reception@aurora");
    for (_, status, _) in reminders_of(&reception, booked.id()).await {
        assert_eq!(status, "skipped");
    }
}

#[tokio::test]
async fn a_reminder_of_another_clinic_is_nobodys_here() {
    let Some(app) = TestApp::start().await else { return };
    let booked = book(&app.actor("reception@aurora"), consulta(&tuesday("15:00"))).await;
    settled(&app).await;
    app.actor("reception@horizonte")
        .get(&format!("/v1/appointments/{}/reminders", booked.id()))
        .await
        .assert_problem(404, "appointment_not_found");
}
