//! The agenda: days, weeks, free times.

use serde_json::json;
use test_support::{Role, TestDatabase, world};

use super::people::people;
use super::usage::analyze;
use super::{faults_of, get, post};
use crate::app::TestApp;

/// The tables that are never to be read from beginning to end.
const LARGE: [&str; 5] = [
    "contacts",
    "appointments",
    "appointment_moves",
    "occupancies",
    "audit_log_default",
];

/// 20,000 appointments of ten practitioners in each clinic and of those there are already: from 2026-10-12 on, ten a day each.
async fn appointments(database: &TestDatabase) {
    let [aurora, horizonte] = ["aurora", "horizonte"].map(world::clinic);
    database
        .connect(Role::Maintenance)
        .await
        .batch_execute(&format!(
            "INSERT INTO practitioners (clinic_id, id, name, council, council_number, council_state)
             SELECT clinic, gen_random_uuid(), 'Doutora ' || n, 'CRM', (200000 + n)::text, 'SP'
             FROM unnest(ARRAY['{aurora}', '{horizonte}']::uuid[]) AS clinic, generate_series(1, 8) AS n;
             DELETE FROM occupancies;
             DELETE FROM appointment_moves;
             DELETE FROM appointments;
             CREATE TEMPORARY TABLE numbered AS
                 SELECT clinic_id, id, row_number() OVER (PARTITION BY clinic_id ORDER BY id) - 1 AS number FROM contacts;
             CREATE INDEX ON numbered (clinic_id, number);
             INSERT INTO appointments (clinic_id, id, contact_id, practitioner_id, starts_at, ends_at, status)
             SELECT p.clinic_id, gen_random_uuid(), c.id, p.id, at, at + interval '30 minutes',
                    CASE WHEN at < '2026-11-20' THEN 'completed' WHEN slot % 4 = 0 THEN 'scheduled'
                         WHEN slot % 4 = 1 THEN 'confirmed' ELSE 'no_show' END
             FROM (SELECT clinic_id, id, row_number() OVER (PARTITION BY clinic_id) AS number FROM practitioners) AS p,
                  generate_series(0, 99) AS day, generate_series(0, 9) AS slot,
                  LATERAL (SELECT timestamptz '2026-10-12 11:00Z' + make_interval(days => day, mins => slot * 30) AS at) AS t,
                  LATERAL (SELECT (p.number * 1000 + day * 10 + slot) % 9000 AS place) AS place
                  JOIN LATERAL (SELECT id FROM numbered WHERE clinic_id = p.clinic_id AND number = place.place) AS c ON true;
             INSERT INTO appointment_moves (clinic_id, id, appointment_id, appointment_version, action, to_status, to_starts_at, actor_kind)
             SELECT clinic_id, gen_random_uuid(), id, 1, 'book', 'scheduled', starts_at, 'system' FROM appointments;
             INSERT INTO occupancies (clinic_id, id, appointment_id, practitioner_id, busy_from, busy_until)
             SELECT clinic_id, gen_random_uuid(), id, practitioner_id, starts_at, ends_at FROM appointments"
        ))
        .await
        .unwrap();
    analyze(database).await;
}

#[tokio::test]
async fn the_agenda_uses_its_indexes() {
    let Some(app) = TestApp::start().await else { return };
    people(&app.database).await;
    appointments(&app.database).await;
    let reception = app.actor("reception@aurora");
    let lima = world::practitioner("dr-lima");
    let one = reception
        .get(&format!("/v1/appointments?practitioner_id={lima}&limit=8"))
        .await
        .expect_status(200);
    let patients: Vec<String> = one
        .data()
        .iter()
        .map(|row| row["contact_id"].as_str().unwrap().to_owned())
        .collect();
    let upcoming = "status=scheduled&status=confirmed";
    // Ten appointments a day, ten practitioners; of each appointment the names.
    let cases = vec![
        get(
            "a practitioner's day",
            &["appointments_by_practitioner"],
            20,
            move |round| {
                format!(
                    "/v1/appointments?practitioner_id={lima}&from=2026-11-{0}&to=2026-11-{0}",
                    21 + round
                )
            },
        ),
        get(
            "a practitioner's day with names",
            &["appointments_by_practitioner", "contacts_pkey"],
            40,
            move |round| {
                format!(
                    "/v1/appointments?practitioner_id={lima}&from=2026-11-{0}&to=2026-11-{0}&include=contact,service",
                    21 + round
                )
            },
        ),
        get("the clinic's day", &["appointments_by_day"], 130, |round| {
            format!("/v1/appointments?from=2026-11-{0}&to=2026-11-{0}&limit=100", 21 + round)
        }),
        get(
            "a practitioner's upcoming",
            &["appointments_upcoming"],
            60,
            move |round| {
                format!(
                    "/v1/appointments?practitioner_id={lima}&from=2026-11-2{}T12:00:00Z&{upcoming}",
                    1 + round
                )
            },
        ),
        get(
            "the clinic's upcoming",
            &["appointments_upcoming_by_day"],
            60,
            move |round| format!("/v1/appointments?from=2026-11-2{}T12:00:00Z&{upcoming}", 1 + round),
        ),
        get("a contact's", &["appointments_by_contact"], 20, move |round| {
            format!("/v1/appointments?contact_id={}&sort=-starts_at", patients[round])
        }),
        get("changed last", &["appointments_by_change"], 60, |round| {
            format!("/v1/appointments?sort=-updated_at&limit={}", 18 + round)
        }),
        get(
            "a practitioner's free times of a week",
            &["occupancies_by_practitioner"],
            150,
            move |round| {
                format!(
                    "/v1/availability/slots?practitioner_id={lima}&duration_minutes=30&from=2026-11-2{}&to=2026-12-0{}",
                    1 + round,
                    1 + round
                )
            },
        ),
        post("a booking", &[], 120, "/v1/appointments", move |round| {
            json!({
                "contact_id": world::contact("maria").to_string(), "practitioner_id": lima.to_string(),
                "service_id": world::service("consulta").to_string(),
                "starts_at": format!("2026-12-{:02}T17:00:00Z", [2, 3, 4, 7, 8, 9, 10, 11][round]),
            })
        }),
    ];
    let faults = faults_of(&app, &reception, &LARGE, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
