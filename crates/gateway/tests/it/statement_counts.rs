//! What an answer costs in SQL statements, and that a long list costs as many as a short one.

use std::collections::BTreeMap;

use serde_json::json;
use test_support::{Role, world};

use crate::app::TestApp;

/// Statements of the first call, and of the same call again; of a write, BEGIN and COMMIT included. Whoever makes one of
/// these larger says why.
const KNOWN: [(&str, u32, u32); 19] = [
    ("GET /v1/appointments/{id}", 1, 0),
    ("GET /v1/appointments/{id}/history", 1, 0),
    ("GET /v1/appointments?practitioner_id&from&to", 1, 0),
    ("GET /v1/availability/slots?practitioner_id&service_id&from&to", 10, 10),
    ("GET /v1/clinic", 1, 0),
    ("GET /v1/contacts", 1, 0),
    ("GET /v1/contacts/{id}", 1, 0),
    ("GET /v1/contacts/{id}/consents", 2, 0),
    ("GET /v1/contacts?q", 2, 0),
    ("GET /v1/holidays", 1, 0),
    ("GET /v1/practitioners", 4, 0),
    ("GET /v1/rooms", 1, 0),
    ("GET /v1/services", 5, 0),
    ("GET /v1/staff", 1, 0),
    ("PATCH /v1/contacts/{id}", 7, 7),
    ("POST /v1/appointments", 11, 11),
    ("POST /v1/appointments/{id}/confirm", 6, 6),
    ("POST /v1/contacts", 6, 6),
    ("POST /v1/rooms", 4, 4),
];

/// An actor whose sign-in was just read, so that what is counted is the endpoint's own.
async fn warm(app: &TestApp, member: &str) -> test_support::Actor {
    let actor = app.actor(member);
    actor.get("/v1/me").await.assert_status(200);
    actor
}

/// A hundred more people, bookings, rooms and services in one clinic.
async fn crowd(app: &TestApp) {
    let maintenance = app.database.connect(Role::Maintenance).await;
    let clinic = world::clinic("aurora");
    let statements = format!(
        "INSERT INTO contacts (clinic_id, id, kind, name, created_at, updated_at)
         SELECT '{clinic}', gen_random_uuid(), 'patient', 'Pessoa ' || n, '2026-11-20', '2026-11-20' FROM generate_series(1, 101) n;
         INSERT INTO contact_phones (clinic_id, contact_id, position, number, match_key, kind, is_primary)
         SELECT clinic_id, id, 0, '+5511987650000', '+551187650000', 'mobile', true FROM contacts WHERE name LIKE 'Pessoa %';
         INSERT INTO contact_consents (clinic_id, contact_id, id, purpose, granted, origin, recorded_at)
         SELECT clinic_id, id, gen_random_uuid(), 'reminders', true, 'form', '2026-11-20' FROM contacts WHERE name LIKE 'Pessoa %';
         INSERT INTO rooms (clinic_id, id, name) SELECT '{clinic}', gen_random_uuid(), 'Sala ' || n FROM generate_series(1, 100) n;
         INSERT INTO services (clinic_id, id, name, duration_minutes)
         SELECT '{clinic}', gen_random_uuid(), 'Serviço ' || n, 30 FROM generate_series(1, 100) n;
         INSERT INTO practitioner_services (clinic_id, practitioner_id, service_id)
         SELECT '{clinic}', '{practitioner}', id FROM services WHERE name LIKE 'Serviço %';
         INSERT INTO practitioners (clinic_id, id, name, council, council_number, council_state)
         SELECT '{clinic}', gen_random_uuid(), 'Doutora ' || n, 'CRM', (200000 + n)::text, 'SP' FROM generate_series(1, 100) n;
         INSERT INTO practitioner_services (clinic_id, practitioner_id, service_id)
         SELECT '{clinic}', id, '{service}' FROM practitioners WHERE name LIKE 'Doutora %';
         INSERT INTO appointments (clinic_id, id, contact_id, practitioner_id, service_id, starts_at, ends_at)
         SELECT '{clinic}', gen_random_uuid(), c.id, '{practitioner}', '{service}',
                timestamptz '2027-01-04 12:00:00Z' + n * interval '1 hour', timestamptz '2027-01-04 12:30:00Z' + n * interval '1 hour'
         FROM (SELECT id, row_number() OVER () AS n FROM contacts WHERE name LIKE 'Pessoa %') c;
         INSERT INTO appointment_moves (clinic_id, id, appointment_id, appointment_version, action, to_status, to_starts_at, actor_kind)
         SELECT clinic_id, gen_random_uuid(), id, 1, 'book', 'scheduled', starts_at, 'system' FROM appointments
         WHERE starts_at > '2027-01-01';",
        practitioner = world::practitioner("dr-lima"),
        service = world::service("consulta"),
    );
    maintenance.batch_execute(&statements).await.unwrap();
}

#[tokio::test]
async fn a_list_of_a_hundred_costs_as_many_as_a_list_of_one() {
    let Some(app) = TestApp::start().await else { return };
    crowd(&app).await;
    let director = warm(&app, "director@aurora").await;
    let period = "from=2026-11-01T00:00:00Z&to=2027-06-30T00:00:00Z";
    let lists = [
        "/v1/contacts?".to_owned(),
        "/v1/contacts?q=pessoa&".to_owned(),
        format!("/v1/appointments?{period}&"),
        format!("/v1/appointments?{period}&include=contact,practitioner,service,room&"),
        "/v1/practitioners?".to_owned(),
        "/v1/rooms?".to_owned(),
        "/v1/services?".to_owned(),
        "/v1/staff?".to_owned(),
        "/v1/opening-hours?".to_owned(),
    ];
    let mut faults = Vec::new();
    for list in &lists {
        let short = director.get(&format!("{list}limit=1")).await.expect_status(200);
        let long = director.get(&format!("{list}limit=100")).await.expect_status(200);
        assert_eq!(short.data().len(), 1, "{list}");
        let (few, many) = (short.statements(), long.statements());
        // Roles, hours and staff are few in any clinic; all else is a hundred.
        let rows = long.data().len();
        assert!(
            rows == 100 || list.contains("staff") || list.contains("hours"),
            "{list} has {rows} rows"
        );
        if few != many || few == 0 {
            faults.push(format!("{list}: {few} statements for one row, {many} for {rows}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn each_endpoint_costs_what_it_is_known_to_cost() {
    let Some(app) = TestApp::start().await else { return };
    let director = warm(&app, "director@aurora").await;
    let contact = world::contact("maria");
    let appointment = world::appointment("maria-monday");
    let reads = [
        format!("/v1/contacts/{contact}"),
        "/v1/contacts".to_owned(),
        "/v1/contacts?q=maria".to_owned(),
        format!("/v1/contacts/{contact}/consents"),
        format!("/v1/appointments/{appointment}"),
        format!("/v1/appointments/{appointment}/history"),
        format!(
            "/v1/appointments?practitioner_id={}&from=2026-11-23T03:00:00Z&to=2026-11-24T03:00:00Z",
            world::practitioner("dr-lima")
        ),
        format!(
            "/v1/availability/slots?practitioner_id={}&service_id={}&from=2026-11-23T03:00:00Z&to=2026-11-24T03:00:00Z",
            world::practitioner("dr-lima"),
            world::service("consulta")
        ),
        "/v1/clinic".to_owned(),
        "/v1/staff".to_owned(),
        "/v1/rooms".to_owned(),
        "/v1/services".to_owned(),
        "/v1/practitioners".to_owned(),
        "/v1/holidays".to_owned(),
    ];
    let mut costs = BTreeMap::new();
    for path in reads {
        let first = director.get(&path).await.expect_status(200);
        let again = director.get(&path).await.expect_status(200);
        costs.insert(
            format!("GET {}", template(&path)),
            (first.statements(), again.statements()),
        );
    }
    for (name, answer) in writes(&director).await {
        costs.insert(name, (answer.statements(), answer.statements()));
    }
    let known: BTreeMap<_, _> = KNOWN
        .iter()
        .map(|(name, first, again)| ((*name).to_owned(), (*first, *again)))
        .collect();
    assert_eq!(costs, known);
}

async fn writes(director: &test_support::Actor) -> Vec<(String, test_support::Answer)> {
    let room = director
        .post("/v1/rooms", json!({"name": "Sala nova"}))
        .await
        .expect_status(201);
    let contact = director
        .post("/v1/contacts", json!({"name": "Rosa Nova", "phone": "+5511912345678"}))
        .await
        .expect_status(201);
    let booking = json!({
        "contact_id": contact.id(), "practitioner_id": world::practitioner("dr-lima"), "service_id": world::service("consulta"),
        "starts_at": "2026-11-24T17:00:00Z",
    });
    let booked = director.post("/v1/appointments", booking).await.expect_status(201);
    let confirmed = director
        .call(
            reqwest::Method::POST,
            &format!("/v1/appointments/{}/confirm", booked.id()),
        )
        .send()
        .await;
    let renamed = director
        .patch(&format!("/v1/contacts/{}", contact.id()), json!({"name": "Rosa Velha"}))
        .await;
    vec![
        ("POST /v1/rooms".to_owned(), room),
        ("POST /v1/contacts".to_owned(), contact),
        ("POST /v1/appointments".to_owned(), booked),
        (
            "POST /v1/appointments/{id}/confirm".to_owned(),
            confirmed.expect_status(200),
        ),
        ("PATCH /v1/contacts/{id}".to_owned(), renamed.expect_status(200)),
    ]
}

/// `path` with `{id}` where an id is, and without what filters say.
fn template(path: &str) -> String {
    let (address, query) = path.split_once('?').unwrap_or((path, ""));
    let address: Vec<&str> = address
        .split('/')
        .map(|part| {
            if uuid::Uuid::try_parse(part).is_ok() {
                "{id}"
            } else {
                part
            }
        })
        .collect();
    let filters: Vec<&str> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, _)| name)
        .collect();
    let separator = if filters.is_empty() { "" } else { "?" };
    format!("{}{separator}{}", address.join("/"), filters.join("&"))
}
