//! Series and the waiting list.

use test_support::{Role, TestDatabase, world};

use super::people::people;
use super::usage::analyze;
use super::{ROUNDS, faults_of, get};
use crate::app::TestApp;

/// The tables that are never to be read from beginning to end.
const LARGE: [&str; 4] = [
    "contacts",
    "appointment_series",
    "waitlist_entries",
    "audit_log_default",
];

/// A series of each person, of one practitioner in a hundred; and who waited: all but a few long since, the last ones still.
async fn series_and_waiting(database: &TestDatabase) {
    let lima = world::practitioner("dr-lima");
    let consulta = world::service("consulta");
    let [aurora, horizonte] = ["aurora", "horizonte"].map(world::clinic);
    database
        .connect(Role::Maintenance)
        .await
        .batch_execute(&format!(
            "INSERT INTO practitioners (clinic_id, id, name, council, council_number, council_state)
             SELECT clinic, gen_random_uuid(), 'Doutora ' || n, 'CRM', (200000 + n)::text, 'SP'
             FROM unnest(ARRAY['{aurora}', '{horizonte}']::uuid[]) AS clinic, generate_series(1, 100) AS n;
             INSERT INTO services (clinic_id, id, name, duration_minutes)
             SELECT '{horizonte}', gen_random_uuid(), 'Serviço de todos', 30;
             CREATE TEMPORARY TABLE numbered AS
                 SELECT clinic_id, id, row_number() OVER (PARTITION BY clinic_id ORDER BY id) AS n FROM contacts;
             CREATE TEMPORARY TABLE doctors AS
                 SELECT clinic_id, id, row_number() OVER (PARTITION BY clinic_id ORDER BY id <> '{lima}', id) AS n FROM practitioners;
             INSERT INTO appointment_series (clinic_id, id, contact_id, practitioner_id, rule, zone, starts_at, ends_at, status,
                                             created_at, updated_at)
             SELECT c.clinic_id, gen_random_uuid(), c.id, d.id, 'FREQ=WEEKLY;COUNT=4', 'America/Sao_Paulo', '2026-12-01 12:00Z',
                    '2026-12-01 12:30Z', CASE WHEN c.n % 10 = 0 THEN 'active' ELSE 'cancelled' END,
                    timestamptz '2026-01-01' + make_interval(mins => c.n::int), '2026-11-01'
             FROM numbered c JOIN doctors d ON d.clinic_id = c.clinic_id AND d.n = 1 + c.n % 100;
             INSERT INTO waitlist_entries (clinic_id, id, contact_id, service_id, practitioner_id, priority, status, waiting_since)
             SELECT c.clinic_id, gen_random_uuid(), c.id,
                    CASE WHEN c.clinic_id = '{aurora}' THEN '{consulta}'
                         ELSE (SELECT id FROM services WHERE name = 'Serviço de todos') END,
                    CASE WHEN c.n % 100 = 7 THEN d.id END, 1 + c.n % 5,
                    CASE WHEN c.n > 9800 THEN 'waiting' ELSE 'expired' END,
                    timestamptz '2026-01-01' + make_interval(mins => c.n::int)
             FROM numbered c JOIN doctors d ON d.clinic_id = c.clinic_id AND d.n = 1"
        ))
        .await
        .unwrap();
    analyze(database).await;
}

/// People of the clinic Aurora, one for each round.
async fn some_people(database: &TestDatabase) -> Vec<String> {
    let rows = database
        .connect(Role::Maintenance)
        .await
        .query(
            "SELECT contact_id::text FROM waitlist_entries WHERE clinic_id = $1 ORDER BY id LIMIT 8",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn series_and_who_waits_are_listed_by_their_indexes() {
    let Some(app) = TestApp::start().await else { return };
    people(&app.database).await;
    series_and_waiting(&app.database).await;
    let reception = app.actor("reception@aurora");
    let patients = some_people(&app.database).await;
    assert_eq!(patients.len(), ROUNDS);
    let who_waits = patients.clone();
    let lima = world::practitioner("dr-lima");
    let consulta = world::service("consulta");
    let cursor_of = async |path: &str| {
        let first = reception.get(path).await.expect_status(200);
        first.body["page"]["next_cursor"].as_str().unwrap().to_owned()
    };
    let series_on = cursor_of("/v1/appointment-series?limit=100").await;
    let waiting_on = cursor_of("/v1/waitlist?status=waiting&limit=100").await;
    let page = 26 + 20;
    let cases = vec![
        get("series", &["appointment_series_by_creation"], page, |round| {
            format!("/v1/appointment-series?limit={}", 18 + round)
        }),
        get(
            "series, on",
            &["appointment_series_by_creation"],
            page + 2,
            move |round| format!("/v1/appointment-series?limit={}&cursor={series_on}", 18 + round),
        ),
        get(
            "a contact's series",
            &["appointment_series_by_contact"],
            10,
            move |round| format!("/v1/appointment-series?contact_id={}", patients[round]),
        ),
        get(
            "a practitioner's series",
            &["appointment_series_by_practitioner"],
            page,
            move |round| format!("/v1/appointment-series?practitioner_id={lima}&limit={}", 18 + round),
        ),
        get("the waiting list", &["waitlist_entries_in_order"], page, |round| {
            format!("/v1/waitlist?limit={}", 18 + round)
        }),
        get("who waits still", &["waitlist_entries_waiting"], page, |round| {
            format!("/v1/waitlist?status=waiting&limit={}", 18 + round)
        }),
        get(
            "who waits still, on",
            &["waitlist_entries_waiting"],
            2 * page,
            move |round| format!("/v1/waitlist?status=waiting&limit={}&cursor={waiting_on}", 18 + round),
        ),
        get(
            "who waits for a service",
            &["waitlist_entries_waiting"],
            250,
            move |round| {
                format!(
                    "/v1/waitlist?status=waiting&status=offered&service_id={consulta}&limit={}",
                    18 + round
                )
            },
        ),
        get("who waits for a practitioner", &[], 250, move |round| {
            format!(
                "/v1/waitlist?status=waiting&practitioner_id={lima}&limit={}",
                18 + round
            )
        }),
        get(
            "where a contact waits",
            &["waitlist_entries_by_contact"],
            10,
            move |round| format!("/v1/waitlist?contact_id={}", who_waits[round]),
        ),
    ];
    let faults = faults_of(&app, &reception, &LARGE, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
