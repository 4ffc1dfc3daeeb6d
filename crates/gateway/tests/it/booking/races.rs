//! Many at once want one thing: one gets it, and all others are told that they did not.

use std::collections::BTreeMap;

use serde_json::json;
use test_support::world;

use crate::agenda::{
    RACERS, act, book, consulta, contested, count, exame, half_hours, new_practitioner, only_one, race, same, tally,
    tuesday, visit, with,
};

const APPOINTMENTS: &str = "/v1/appointments";

#[tokio::test]
async fn of_two_hundred_bookings_of_one_slot_one_is_made() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let answers = race(&reception, same(RACERS, APPOINTMENTS, &consulta(&tuesday("09:00")))).await;
    let made = only_one(&answers, 201, "appointment_conflict");
    let held = format!(
        "SELECT count(*) FROM occupancies WHERE appointment_id = '{}'",
        made.id()
    );
    assert_eq!(count(&app, &held).await, 1);
    let all = "SELECT count(*) FROM appointments WHERE starts_at = '2026-11-24T12:00:00Z'";
    assert_eq!(count(&app, all).await, 1);
}

#[tokio::test]
async fn of_two_hundred_bookings_of_one_room_by_many_practitioners_one_is_made() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let mut calls = Vec::new();
    for number in 0..20 {
        let practitioner = new_practitioner(&app, number, &[]).await;
        let room = json!({ "room_id": world::room("consultorio-1") });
        let body = with(visit(&practitioner, &tuesday("09:00"), &tuesday("09:30")), room);
        calls.extend(same(RACERS / 20, APPOINTMENTS, &body));
    }
    let answers = race(&reception, calls).await;
    only_one(&answers, 201, "appointment_conflict");
}

#[tokio::test]
async fn bookings_that_need_any_room_are_made_as_long_as_there_are_rooms() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let mut calls = Vec::new();
    for number in 0..20 {
        let practitioner = new_practitioner(&app, number, &["exame"]).await;
        let body = with(exame(&tuesday("09:00")), json!({ "practitioner_id": practitioner }));
        calls.extend(same(3, APPOINTMENTS, &body));
    }
    let answers = race(&reception, calls).await;
    assert_eq!(
        tally(&answers),
        BTreeMap::from([((201, ""), 2), ((409, "appointment_conflict"), 58)])
    );
    let rooms: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .map(|made| &made.body["room_id"])
        .collect();
    assert_ne!(rooms[0], rooms[1]);
}

#[tokio::test]
async fn of_two_hundred_appointments_rescheduled_into_one_slot_one_gets_it() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let crowd = with(consulta(&tuesday("08:00")), json!({ "overbook": true }));
    let crowd = race(&reception, same(RACERS, APPOINTMENTS, &crowd)).await;
    let target = json!({ "starts_at": tuesday("14:00") });
    let calls = crowd
        .iter()
        .map(|made| (format!("{APPOINTMENTS}/{}/reschedule", made.id()), target.clone()));
    let answers = race(&reception, calls.collect()).await;
    only_one(&answers, 200, "appointment_conflict");
    let there = "SELECT count(*) FROM occupancies WHERE busy_from = '2026-11-24T17:00:00Z'";
    assert_eq!(count(&app, there).await, 1);
}

#[tokio::test]
async fn of_twenty_check_ins_of_one_appointment_one_counts() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let path = format!("{APPOINTMENTS}/{}/check-in", booked.id());
    let answers = race(&reception, same(20, &path, &json!(null))).await;
    only_one(&answers, 200, "illegal_move");
    let moves = format!(
        "SELECT count(*) FROM appointment_moves WHERE appointment_id = '{}'",
        booked.id()
    );
    assert_eq!(count(&app, &moves).await, 2);
}

#[tokio::test]
async fn of_a_booking_and_a_hold_of_one_slot_one_is_made() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let booking = consulta(&tuesday("09:00"));
    let calls = (0..RACERS).map(|number| {
        let path = if number % 2 == 0 {
            APPOINTMENTS
        } else {
            "/v1/appointments/holds"
        };
        (path.to_owned(), booking.clone())
    });
    let answers = race(&reception, calls.collect()).await;
    only_one(&answers, 201, "appointment_conflict");
}

#[tokio::test]
async fn bookings_that_overlap_without_being_equal_never_stand_together() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let calls = (0..RACERS).map(|number| {
        let minute = number * 7 % 120;
        let start = tuesday(&format!("{:02}:{:02}", 9 + minute / 60, minute % 60));
        (APPOINTMENTS.to_owned(), consulta(&start))
    });
    let answers = race(&reception, calls.collect()).await;
    let told = tally(&answers);
    assert_eq!(
        told.values().sum::<usize>(),
        told[&(201, "")] + told[&(409, "appointment_conflict")],
        "{told:?}"
    );
    let overlapping = "SELECT count(*) FROM appointments a JOIN appointments b
        ON a.clinic_id = b.clinic_id AND a.practitioner_id = b.practitioner_id AND a.id < b.id
        AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at";
    assert_eq!(count(&app, overlapping).await, 0);
    // Two hours hold at most four, and no gap of an hour can be left between them.
    assert!((2..=4).contains(&told[&(201, "")]), "{told:?}");
}

#[tokio::test]
async fn swaps_of_each_others_time_never_end_in_an_error() {
    let Some(app) = contested().await else { return };
    let reception = app.actor("reception@aurora");
    let times: Vec<_> = half_hours().take(4).collect();
    let mut ids = Vec::new();
    for time in &times {
        ids.push(book(&reception, consulta(time)).await.id().to_owned());
    }
    let calls = (0..RACERS).map(|number| {
        let (who, to) = (number % ids.len(), (number / ids.len() + number) % (times.len() + 1));
        let target = times.get(to).cloned().unwrap_or_else(|| tuesday("16:00"));
        (
            format!("{APPOINTMENTS}/{}/reschedule", ids[who]),
            json!({ "starts_at": target }),
        )
    });
    let answers = race(&reception, calls.collect()).await;
    for (status, code) in tally(&answers).keys() {
        assert!(
            matches!((status, *code), (200, "") | (409, "appointment_conflict")),
            "{status} {code}"
        );
    }
    act(&reception, &ids[0], "confirm").await.assert_status(200);
}
