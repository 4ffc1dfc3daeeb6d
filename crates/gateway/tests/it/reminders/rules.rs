//! The rules by which reminders are planned, and the settings beside them.

use serde_json::json;
use test_support::world;

use super::reminders_of;
use crate::agenda::{book, column, consulta, faults, tuesday};
use crate::app::TestApp;
use crate::waitlist::settled;

const RULES: &str = "/v1/reminder-rules";

#[tokio::test]
async fn every_clinic_begins_with_a_day_and_two_hours_and_changes_them() {
    let Some(app) = TestApp::start().await else { return };
    let director = app.actor("director@aurora");
    let rules = director.get(RULES).await.expect_status(200);
    let leads: Vec<_> = rules
        .data()
        .iter()
        .map(|rule| rule["lead_minutes"].as_i64().unwrap())
        .collect();
    assert_eq!(leads, [120, 1440]);
    let ids = column(&rules, "id");
    let taken = json!({ "lead_minutes": 120 });
    director
        .post(RULES, taken)
        .await
        .assert_problem(409, "reminder_rule_exists");
    director
        .patch(&format!("{RULES}/{}", ids[0]), json!({ "enabled": false }))
        .await
        .assert_status(200);
    director.delete(&format!("{RULES}/{}", ids[1])).await.assert_status(204);
    director.delete(&format!("{RULES}/{}", ids[1])).await.assert_status(204);
    director
        .patch(&format!("{RULES}/{}", ids[1]), json!({ "enabled": true }))
        .await
        .assert_problem(409, "archived");
    let made = director
        .post(RULES, json!({ "lead_minutes": 1440, "channel": "whatsapp" }))
        .await
        .expect_status(201);
    assert_eq!(director.get(made.header("location").unwrap()).await.body, made.body);
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("15:00"))).await;
    settled(&app).await;
    let rows = reminders_of(&reception, booked.id()).await;
    assert_eq!(rows.iter().map(|(lead, ..)| *lead).collect::<Vec<_>>(), [1440]);
    assert_eq!(
        faults(&director.post(RULES, json!({ "lead_minutes": 5 })).await),
        [("/lead_minutes", "out_of_range")].into()
    );
    reception
        .post(RULES, json!({ "lead_minutes": 60 }))
        .await
        .assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn a_service_may_have_rules_of_its_own() {
    let Some(app) = TestApp::start().await else { return };
    let director = app.actor("director@aurora");
    let own = json!({ "lead_minutes": 180, "service_id": world::service("consulta") });
    director.post(RULES, own).await.assert_status(201);
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("15:00"))).await;
    let other = book(&reception, crate::agenda::exame(&tuesday("10:00"))).await;
    settled(&app).await;
    let leads = async |id: &str| -> Vec<i64> {
        let rows = reminders_of(&reception, id).await;
        rows.into_iter().map(|(lead, ..)| lead).collect()
    };
    assert_eq!(leads(booked.id()).await, [180]);
    assert_eq!(leads(other.id()).await, [1440, 120]);
}

#[tokio::test]
async fn the_hours_in_which_patients_are_written_to_are_the_clinics_own() {
    let Some(app) = TestApp::start().await else { return };
    let director = app.actor("director@aurora");
    const SETTINGS: &str = "/v1/outreach-settings";
    let before = director.get(SETTINGS).await.expect_status(200);
    assert_eq!(before.body["awake_from"], "08:00");
    assert_eq!(before.body["offer_minutes"], 30);
    assert_eq!(
        faults(
            &director
                .patch(SETTINGS, json!({ "offer_minutes": 1, "reply_hours": 0 }))
                .await
        ),
        [("/offer_minutes", "out_of_range"), ("/reply_hours", "out_of_range")].into()
    );
    assert_eq!(
        faults(&director.patch(SETTINGS, json!({ "awake_until": "07:00" })).await),
        [("/awake_until", "not_after_awake_from")].into()
    );
    let after = director
        .patch(SETTINGS, json!({ "awake_from": "09:00", "awake_until": "18:00" }))
        .await
        .expect_status(200);
    assert_eq!(director.get(SETTINGS).await.body, after.body);
    let stale = director
        .call(reqwest::Method::PATCH, SETTINGS)
        .header("if-match", before.etag())
        .json(&json!({ "offer_minutes": 60 }))
        .send()
        .await;
    stale.assert_status(412);
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("08:30"))).await;
    settled(&app).await;
    let due: Vec<_> = reminders_of(&reception, booked.id())
        .await
        .into_iter()
        .map(|(_, _, due)| due)
        .collect();
    // Half past eight the day before, and half past six, are both outside: the evenings before take them.
    assert_eq!(due, ["2026-11-22T21:00:00Z", "2026-11-23T21:00:00Z"]);
    assert_eq!(
        app.actor("director@horizonte").get(SETTINGS).await.body["awake_from"],
        "08:00"
    );
}
