//! What an answer costs in SQL statements, and that a long list costs as many as a short one.

use std::collections::BTreeMap;

use serde_json::json;
use test_support::{Role, world};

use crate::app::TestApp;

/// Statements of the first call, and of the same call again; of a write, BEGIN and COMMIT included. Whoever makes one of
/// these larger says why.
const KNOWN: [(&str, u32, u32); 33] = [
    ("GET /v1/appointment-series", 1, 0),
    ("GET /v1/appointments/{id}", 1, 0),
    ("GET /v1/appointments/{id}/history", 1, 0),
    ("GET /v1/appointments?practitioner_id&from&to", 1, 0),
    ("GET /v1/availability/slots?practitioner_id&service_id&from&to", 10, 10),
    ("GET /v1/clinic", 1, 0),
    ("GET /v1/contacts", 1, 0),
    ("GET /v1/contacts/{id}", 1, 0),
    ("GET /v1/contacts/{id}/consents", 2, 0),
    ("GET /v1/contacts?q", 2, 0),
    ("GET /v1/conversations", 1, 0),
    ("GET /v1/conversations/counts", 1, 0),
    ("GET /v1/conversations/{id}", 1, 0),
    ("GET /v1/conversations/{id}/messages?limit", 2, 0),
    ("GET /v1/conversations?q", 1, 0),
    ("GET /v1/events", 3, 3),
    ("GET /v1/holidays", 1, 0),
    ("GET /v1/imports", 1, 1),
    ("GET /v1/messages/search?q", 3, 0),
    ("GET /v1/monitoring/dead-letters", 1, 1),
    ("GET /v1/monitoring/queue", 4, 4),
    ("GET /v1/practitioners", 4, 0),
    ("GET /v1/rooms", 1, 0),
    ("GET /v1/services", 5, 0),
    ("GET /v1/staff", 1, 0),
    ("GET /v1/waitlist?status", 1, 0),
    ("GET /v1/webhook-endpoints/{id}/deliveries", 5, 5),
    ("PATCH /v1/contacts/{id}", 7, 7),
    ("POST /v1/appointments", 11, 11),
    ("POST /v1/appointments/{id}/confirm", 6, 6),
    ("POST /v1/contacts", 6, 6),
    ("POST /v1/conversations/{id}/messages", 12, 12),
    ("POST /v1/rooms", 4, 4),
];

/// An actor whose sign-in was just read, so that what is counted is the endpoint's own.
async fn warm(app: &TestApp, member: &str) -> test_support::Actor {
    let actor = app.actor(member);
    actor.get("/v1/me").await.assert_status(200);
    actor
}

/// Of the clinic's conversations, events and the rest that waits, a hundred each, with a talk of a hundred messages with files.
async fn crowd_of_what_moves(app: &TestApp) {
    let maintenance = app.database.connect(Role::Maintenance).await;
    let clinic = world::clinic("aurora");
    let statements = format!(
        "INSERT INTO inboxes (clinic_id, id, channel, name, token_hash) VALUES ('{clinic}', '{clinic}', 'whatsapp', 'WhatsApp', '\\x00');
         INSERT INTO conversations (clinic_id, id, inbox_id, contact_id, last_message_at, last_inbound_at, message_count)
         SELECT clinic_id, (substr(lowest_uuid_at('2026-11-20')::text, 1, 14) || substr(id::text, 15))::uuid, '{clinic}', id,
                '2026-11-20', '2026-11-20', 1 FROM contacts WHERE name LIKE 'Pessoa %';
         INSERT INTO messages (clinic_id, id, conversation_id, number, direction, kind, body, author_kind, sent_at)
         SELECT v.clinic_id, (substr(lowest_uuid_at('2026-11-20')::text, 1, 14) || substr(gen_random_uuid()::text, 15))::uuid, v.id, n,
                'inbound', 'text', 'Bom dia', 'contact', timestamptz '2026-11-20' + n * interval '1 minute'
         FROM (SELECT clinic_id, id FROM conversations WHERE clinic_id = '{clinic}' ORDER BY id LIMIT 1) v, generate_series(1, 101) n;
         INSERT INTO message_attachments (clinic_id, id, conversation_id, message_id, file_name, content_type, size_bytes, sha256)
         SELECT clinic_id, id, conversation_id, id, 'exame.pdf', 'application/pdf', 1, sha256('') FROM messages
         WHERE clinic_id = '{clinic}';
         INSERT INTO appointment_series (clinic_id, id, contact_id, practitioner_id, rule, zone, starts_at, ends_at)
         SELECT clinic_id, id, id, '{practitioner}', 'FREQ=WEEKLY;COUNT=4', 'America/Sao_Paulo', '2027-01-04 12:00Z', '2027-01-04 12:30Z'
         FROM contacts WHERE name LIKE 'Pessoa %';
         INSERT INTO waitlist_entries (clinic_id, id, contact_id, service_id, practitioner_id, waiting_since)
         SELECT clinic_id, id, id, '{service}', '{practitioner}', '2026-11-20' FROM contacts WHERE name LIKE 'Pessoa %';
         INSERT INTO imports (clinic_id, id, kind, filename, bytes, sha256, again, encoding, delimiter, headings, sample, settings, status,
                              work, rows_total, rows_done)
         SELECT '{clinic}', gen_random_uuid(), 'contacts', 'pessoas.csv', 1, sha256(n::text::bytea), false, 'utf-8', 'comma', '{{}}', '[]',
                '{{}}', 'completed', 'import', 1, 1
         FROM generate_series(1, 101) n;
         INSERT INTO outbox (clinic_id, id, kind, payload, created_at, changed_in, available_at, handled_at)
         SELECT '{clinic}', gen_random_uuid(), 'contact.created', '{{}}', '2026-11-20', n, '2026-11-20', '2026-11-20'
         FROM generate_series(1, 101) n;
         INSERT INTO outbox (clinic_id, id, class, kind, payload, available_at, failed_at, last_error)
         SELECT '{clinic}', gen_random_uuid(), 'job', 'test.given_up', '{{}}', '2026-11-20', '2026-11-20', 'refused'
         FROM generate_series(1, 101) n;
         INSERT INTO webhook_endpoints (clinic_id, id, url, events, permissions, secret)
         VALUES ('{clinic}', '{clinic}', 'https://example.com', '{{*}}', '{{contacts:read}}', '\\x00');
         INSERT INTO webhook_deliveries (clinic_id, id, endpoint_id, event_id, event_kind, occurred_at, payload, status, attempts,
                                         finished_at, created_at)
         SELECT clinic_id, id, '{clinic}', id, kind, created_at, payload, 'succeeded', 1, created_at, created_at FROM outbox
         WHERE clinic_id = '{clinic}' AND class = 'event' AND changed_in <= 101;
         INSERT INTO webhook_attempts (clinic_id, delivery_id, attempt, started_at, duration_milliseconds, http_status)
         SELECT clinic_id, id, 1, created_at, 10, 200 FROM webhook_deliveries;",
        practitioner = world::practitioner("dr-lima"),
        service = world::service("consulta"),
    );
    maintenance.batch_execute(&statements).await.unwrap();
}

/// The conversation that has messages.
async fn talk(app: &TestApp) -> String {
    app.database
        .connect(Role::Maintenance)
        .await
        .query_one("SELECT conversation_id::text FROM messages LIMIT 1", &[])
        .await
        .unwrap()
        .get(0)
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
    crowd_of_what_moves(&app).await;
    let (talk, endpoint) = (talk(&app).await, world::clinic("aurora"));
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
        "/v1/conversations?".to_owned(),
        "/v1/conversations?status=any&q=pessoa&".to_owned(),
        format!("/v1/conversations/{talk}/messages?"),
        format!("/v1/conversations/{talk}/attachments?"),
        "/v1/messages/search?q=bom%20dia&".to_owned(),
        "/v1/appointment-series?".to_owned(),
        "/v1/waitlist?".to_owned(),
        "/v1/waitlist?status=waiting&".to_owned(),
        "/v1/imports?".to_owned(),
        "/v1/events?types=contact.created&".to_owned(),
        "/v1/monitoring/dead-letters?".to_owned(),
        format!("/v1/webhook-endpoints/{endpoint}/deliveries?"),
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
    crowd(&app).await;
    crowd_of_what_moves(&app).await;
    let talk = talk(&app).await;
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
        "/v1/conversations".to_owned(),
        "/v1/conversations?q=pessoa".to_owned(),
        "/v1/conversations/counts".to_owned(),
        format!("/v1/conversations/{talk}"),
        format!("/v1/conversations/{talk}/messages?limit=50"),
        "/v1/messages/search?q=bom%20dia".to_owned(),
        "/v1/appointment-series".to_owned(),
        "/v1/waitlist?status=waiting".to_owned(),
        "/v1/imports".to_owned(),
        "/v1/events".to_owned(),
        "/v1/monitoring/dead-letters".to_owned(),
        "/v1/monitoring/queue".to_owned(),
        format!("/v1/webhook-endpoints/{}/deliveries", world::clinic("aurora")),
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
    for (name, answer) in writes(&director, &talk).await {
        costs.insert(name, (answer.statements(), answer.statements()));
    }
    let known: BTreeMap<_, _> = KNOWN
        .iter()
        .map(|(name, first, again)| ((*name).to_owned(), (*first, *again)))
        .collect();
    assert_eq!(costs, known);
}

async fn writes(director: &test_support::Actor, talk: &str) -> Vec<(String, test_support::Answer)> {
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
    let noted = director
        .post(
            &format!("/v1/conversations/{talk}/messages"),
            json!({"kind": "note", "body": "Liga amanhã"}),
        )
        .await
        .expect_status(201);
    vec![
        ("POST /v1/conversations/{id}/messages".to_owned(), noted),
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
