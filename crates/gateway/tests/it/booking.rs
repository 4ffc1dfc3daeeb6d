//! Bookings: what they take, what stands in their way, how they are moved, found and kept apart.

mod histories;
mod listing;
mod merging;
mod moves;
mod overbooking;
mod races;
mod references;
mod rescheduling;

use serde_json::json;
use test_support::world;

use crate::agenda::{TUESDAY, act, book, consulta, exame, faults, new_practitioner, on, tuesday, visit, with};
use crate::app::TestApp;

const APPOINTMENTS: &str = "/v1/appointments";

#[tokio::test]
async fn a_booking_takes_length_and_price_from_its_service() {
    let Some(app) = TestApp::start().await else { return };
    let made = book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    assert_eq!(
        made.header("location"),
        Some(format!("/v1/appointments/{}", made.id()).as_str())
    );
    assert_eq!(made.body["starts_at"], "2026-11-24T12:00:00Z");
    assert_eq!(made.body["ends_at"], "2026-11-24T12:30:00Z");
    assert_eq!(made.body["status"], "scheduled");
    assert_eq!(made.body["price"], json!({ "amount_cents": 25_000, "currency": "BRL" }));
    assert_eq!(made.body["overbooked"], false);
    let seen = app
        .get("reception@aurora", &format!("/v1/appointments/{}", made.id()))
        .await
        .expect_status(200);
    assert_eq!(seen.body, made.body);
    assert_eq!(seen.etag(), made.etag());
}

#[tokio::test]
async fn an_end_that_is_given_counts() {
    let Some(app) = TestApp::start().await else { return };
    let body = with(consulta(&tuesday("09:00")), json!({ "ends_at": tuesday("10:15") }));
    let made = book(&app.actor("reception@aurora"), body).await;
    assert_eq!(made.body["ends_at"], "2026-11-24T13:15:00Z");
}

#[tokio::test]
async fn times_that_touch_do_not_overlap() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for time in ["09:30", "09:00", "10:00"] {
        book(&reception, consulta(&tuesday(time))).await;
    }
}

#[tokio::test]
async fn times_that_overlap_in_any_way_are_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let doctor = world::practitioner("dr-lima").to_string();
    book(&reception, consulta(&tuesday("09:00"))).await;
    for (from, until) in [
        ("09:00", "09:30"),
        ("08:31", "09:01"),
        ("09:29", "09:59"),
        ("09:10", "09:20"),
        ("08:00", "11:00"),
    ] {
        let refused = reception
            .post(APPOINTMENTS, visit(&doctor, &tuesday(from), &tuesday(until)))
            .await;
        refused.assert_problem(409, "appointment_conflict");
        assert_eq!(refused.body["taken"], "practitioner", "{from} {until}");
    }
}

#[tokio::test]
async fn buffers_keep_others_at_a_distance() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    // Taken from 08:55 to 09:55.
    book(&reception, exame(&tuesday("09:00"))).await;
    for time in ["08:30", "08:26", "09:45", "09:54"] {
        let refused = reception.post(APPOINTMENTS, consulta(&tuesday(time))).await;
        refused.assert_problem(409, "appointment_conflict");
    }
    for time in ["08:25", "09:55"] {
        book(&reception, consulta(&tuesday(time))).await;
    }
}

#[tokio::test]
async fn buffers_of_the_new_one_count_as_well() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta(&tuesday("09:00"))).await;
    let refused = reception.post(APPOINTMENTS, exame(&tuesday("09:30"))).await;
    refused.assert_problem(409, "appointment_conflict");
    book(&reception, exame(&tuesday("09:35"))).await;
}

#[tokio::test]
async fn a_free_room_is_chosen_until_there_is_none() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mut rooms = Vec::new();
    for number in 0..2 {
        let practitioner = new_practitioner(&app, number, &["exame"]).await;
        let body = with(exame(&tuesday("09:00")), json!({ "practitioner_id": practitioner }));
        rooms.push(book(&reception, body).await.body["room_id"].clone());
    }
    assert_eq!(
        rooms,
        [json!(world::room("consultorio-1")), json!(world::room("consultorio-2"))]
    );
    let refused = reception.post(APPOINTMENTS, exame(&tuesday("09:00"))).await;
    refused.assert_problem(409, "appointment_conflict");
    assert_eq!(refused.body["taken"], "room");
}

#[tokio::test]
async fn a_room_that_is_named_is_taken_for_others() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let room = json!({ "room_id": world::room("consultorio-2") });
    let made = book(&reception, with(consulta(&tuesday("09:00")), room.clone())).await;
    assert_eq!(made.body["room_id"], room["room_id"]);
    let other = with(
        consulta(&tuesday("09:15")),
        json!({ "practitioner_id": world::practitioner("dr-souza") }),
    );
    let refused = reception.post(APPOINTMENTS, with(other.clone(), room)).await;
    refused.assert_problem(409, "appointment_conflict");
    assert_eq!(refused.body["taken"], "room");
    book(&reception, other).await;
}

#[tokio::test]
async fn outside_hours_the_nearest_free_slots_are_told_and_can_be_booked() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    book(&reception, consulta(&tuesday("13:00"))).await;
    let refused = reception.post(APPOINTMENTS, consulta(&tuesday("12:15"))).await;
    refused.assert_problem(409, "outside_hours");
    assert_eq!(refused.body["reasons"][0]["code"], "outside_hours");
    let nearest = refused.body["nearest_slots"].as_array().unwrap();
    let starts: Vec<_> = nearest.iter().map(|slot| slot["starts_at"].as_str().unwrap()).collect();
    // 13:00 is taken, so 11:30 and then 13:30 are the next; each can be booked, as long as no other of them is.
    assert!(
        starts.contains(&"2026-11-24T14:30:00Z") && starts.contains(&"2026-11-24T16:30:00Z"),
        "{starts:?}"
    );
    for start in starts {
        let made = book(&reception, consulta(start)).await;
        act(&reception, made.id(), "cancel").await.assert_status(200);
    }
}

#[tokio::test]
async fn an_appointment_that_runs_past_closing_time_is_outside_hours() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    reception
        .post(APPOINTMENTS, consulta(&tuesday("11:45")))
        .await
        .assert_problem(409, "outside_hours");
    book(&reception, consulta(&tuesday("11:30"))).await;
}

#[tokio::test]
async fn buffers_may_stick_out_of_hours() {
    let Some(app) = TestApp::start().await else { return };
    book(&app.actor("reception@aurora"), exame(&tuesday("08:00"))).await;
}

#[tokio::test]
async fn nobody_is_booked_in_their_time_off() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let away = with(
        consulta(&on("2026-12-01", "09:00")),
        json!({ "practitioner_id": world::practitioner("dr-souza") }),
    );
    let refused = reception.post(APPOINTMENTS, away).await;
    refused.assert_problem(409, "outside_hours");
    assert_eq!(refused.body["reasons"][0]["code"], "time_off");
    book(&reception, consulta(&on("2026-12-01", "09:00"))).await;
}

#[tokio::test]
async fn nobody_is_booked_on_a_holiday() {
    let Some(app) = TestApp::start().await else { return };
    let refused = app
        .actor("reception@aurora")
        .post(APPOINTMENTS, consulta(&on("2026-12-25", "09:00")))
        .await;
    refused.assert_problem(409, "outside_hours");
    assert_eq!(refused.body["reasons"][0]["code"], "holiday");
}

#[tokio::test]
async fn time_off_that_is_new_closes_the_agenda_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let pause = json!({ "starts_at": tuesday("09:00"), "ends_at": tuesday("10:00") });
    app.actor("director@aurora")
        .post("/v1/time-off", pause)
        .await
        .assert_status(201);
    let reception = app.actor("reception@aurora");
    reception
        .post(APPOINTMENTS, consulta(&tuesday("09:30")))
        .await
        .assert_problem(409, "outside_hours");
    book(&reception, consulta(&tuesday("10:00"))).await;
}

#[tokio::test]
async fn the_past_and_the_far_future_are_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let at = |day| consulta(&on(day, "09:00"));
    let past = reception.post(APPOINTMENTS, at("2026-11-18")).await;
    assert_eq!(faults(&past), [("/starts_at", "in_past")].into());
    let far = reception.post(APPOINTMENTS, at("2030-01-08")).await;
    assert_eq!(faults(&far), [("/starts_at", "too_far_ahead")].into());
    // A walk-in is entered when there is time for it.
    book(&reception, at("2026-11-20")).await;
}

#[tokio::test]
async fn without_a_service_the_end_must_be_told() {
    let Some(app) = TestApp::start().await else { return };
    let body = with(consulta(&tuesday("09:00")), json!({ "service_id": null }));
    let refused = app.actor("reception@aurora").post(APPOINTMENTS, body).await;
    assert_eq!(faults(&refused), [("/ends_at", "required")].into());
}

#[tokio::test]
async fn an_end_before_the_start_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for end in [tuesday("08:30"), tuesday("09:00"), on("2026-11-26", "09:00")] {
        let refused = reception
            .post(
                APPOINTMENTS,
                with(consulta(&tuesday("09:00")), json!({ "ends_at": end })),
            )
            .await;
        assert_eq!(faults(&refused), [("/ends_at", "invalid_slot")].into());
    }
}

#[tokio::test]
async fn an_id_of_the_clients_own_is_kept_and_taken_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let own = json!({ "id": "0193567a-0000-7000-8000-000000000001" });
    let made = book(&reception, with(consulta(&tuesday("09:00")), own.clone())).await;
    assert_eq!(made.id(), own["id"]);
    let again = reception
        .post(APPOINTMENTS, with(consulta(&tuesday("10:00")), own))
        .await;
    again.assert_problem(409, "id_taken");
}

#[tokio::test]
async fn a_follow_up_of_a_paid_appointment_is_free_for_so_many_days() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("/v1/services/{}", world::service("consulta"));
    app.actor("director@aurora")
        .patch(&path, json!({ "follow_up_days": 20 }))
        .await
        .assert_status(200);
    let reception = app.actor("reception@aurora");
    // Maria completed one on the 19th of November, João none.
    let free = book(&reception, consulta(&on("2026-12-09", "09:00"))).await;
    assert_eq!(free.body["price"]["amount_cents"], 0);
    assert_eq!(free.body["follow_up_of_id"], json!(world::appointment("maria-done")));
    let too_late = book(&reception, consulta(&on("2026-12-10", "09:00"))).await;
    assert_eq!(
        (
            &too_late.body["price"]["amount_cents"],
            &too_late.body["follow_up_of_id"]
        ),
        (&json!(25_000), &json!(null))
    );
    let joao = with(
        consulta(&tuesday("11:00")),
        json!({ "contact_id": world::contact("joao") }),
    );
    assert_eq!(book(&reception, joao).await.body["price"]["amount_cents"], 25_000);
}

#[tokio::test]
async fn a_booking_is_seen_in_the_agenda_of_its_day_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let day = format!("/v1/appointments?from={TUESDAY}&to={TUESDAY}");
    assert!(reception.get(&day).await.data().is_empty());
    let made = book(&reception, consulta(&tuesday("09:00"))).await;
    assert_eq!(reception.get(&day).await.data(), std::slice::from_ref(&made.body));
    act(&reception, made.id(), "confirm").await.assert_status(200);
    assert_eq!(reception.get(&day).await.data()[0]["status"], "confirmed");
}
