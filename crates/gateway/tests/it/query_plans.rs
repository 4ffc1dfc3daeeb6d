//! The hot reads use their indexes at volume: asked for over HTTP, so as the server's role and under row-level security.
//!
//! What PostgreSQL did is read from its own counters, which also see what a plan of `EXPLAIN` hides: queries inside functions,
//! and plans that are made once for all values of a prepared statement.

use std::collections::BTreeMap;

use kernel::documents::Cns;
use serde_json::{Value, json};
use test_support::{Actor, Role, TestDatabase, world};

use crate::app::{TestApp, until};
use crate::contacts::cpf;

/// How often each case is asked for, each time with other values: often enough that a prepared statement gets its lasting plan.
const ROUNDS: usize = 8;

/// The tables that are never to be read from beginning to end.
const LARGE: [&str; 9] = [
    "contacts",
    "contact_phones",
    "contact_consents",
    "appointments",
    "appointment_moves",
    "occupancies",
    "audit_log_default",
    "conversations",
    "messages_2026_11",
];

/// What was read: sequential scans by table, and scans and entries by index.
#[derive(Debug, Default, Clone)]
struct Usage {
    sequential: BTreeMap<String, i64>,
    indexes: BTreeMap<String, (i64, i64)>,
}

impl Usage {
    async fn of(database: &TestDatabase) -> Self {
        let maintenance = database.connect(Role::Maintenance).await;
        let tables = maintenance
            .query("SELECT relname::text, seq_scan FROM pg_stat_user_tables", &[])
            .await
            .unwrap();
        let indexes = maintenance
            .query(
                "SELECT indexrelname::text, idx_scan, idx_tup_read FROM pg_stat_user_indexes",
                &[],
            )
            .await
            .unwrap();
        Self {
            sequential: tables.iter().map(|row| (row.get(0), row.get(1))).collect(),
            indexes: indexes
                .iter()
                .map(|row| (row.get(0), (row.get(1), row.get(2))))
                .collect(),
        }
    }

    /// What came since `before`.
    fn since(&self, before: &Self) -> Self {
        let tables = self.sequential.iter();
        let indexes = self.indexes.iter();
        Self {
            sequential: tables
                .map(|(name, scans)| (name.clone(), scans - before.sequential.get(name).unwrap_or(&0)))
                .filter(|(_, scans)| *scans > 0)
                .collect(),
            indexes: indexes
                .map(|(name, (scans, entries))| {
                    let (scans_before, entries_before) = before.indexes.get(name).copied().unwrap_or_default();
                    (name.clone(), (scans - scans_before, entries - entries_before))
                })
                .filter(|(_, (scans, _))| *scans > 0)
                .collect(),
        }
    }

    /// The entries read of all indexes of the large tables.
    fn entries(&self) -> i64 {
        let of_large = |name: &str| LARGE.iter().any(|table| name.starts_with(table));
        let indexes = self.indexes.iter();
        indexes
            .filter(|(name, _)| of_large(name))
            .map(|(_, (_, entries))| entries)
            .sum()
    }
}

/// Ends every other connection of `role`, and waits until they are gone: only then is all that they did counted.
async fn end_connections(database: &TestDatabase, role: Role) {
    database
        .connect(role)
        .await
        .execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
            &[],
        )
        .await
        .unwrap();
}

/// Has the planner learn what is there, which only the owner of the tables may, and ends the connections that made it.
async fn analyze(database: &TestDatabase) {
    database
        .connect(Role::Owner)
        .await
        .batch_execute("ANALYZE")
        .await
        .unwrap();
    end_connections(database, Role::Maintenance).await;
}

/// One hot read, and what it may cost.
struct Case {
    what: &'static str,
    /// The call of each round.
    call: Box<dyn Fn(usize) -> Call>,
    /// Indexes each of which must be used.
    uses: &'static [&'static str],
    /// The most entries of indexes that one call may read.
    most_entries: i64,
}

enum Call {
    Get(String),
    Post(&'static str, Value),
}

fn get(
    what: &'static str,
    uses: &'static [&'static str],
    most_entries: i64,
    path: impl Fn(usize) -> String + 'static,
) -> Case {
    Case {
        what,
        call: Box::new(move |round| Call::Get(path(round))),
        uses,
        most_entries,
    }
}

fn post(
    what: &'static str,
    uses: &'static [&'static str],
    most_entries: i64,
    path: &'static str,
    body: impl Fn(usize) -> Value + 'static,
) -> Case {
    Case {
        what,
        call: Box::new(move |round| Call::Post(path, body(round))),
        uses,
        most_entries,
    }
}

/// Tries every case, and gives what is wrong with each.
async fn faults_of(app: &TestApp, actor: &Actor, cases: Vec<Case>) -> Vec<String> {
    let mut faults = Vec::new();
    for Case {
        what,
        call,
        uses,
        most_entries,
    } in cases
    {
        // The connections of the case before are gone, which the server notices in its own time.
        until("the server answers again", async || {
            actor.get("/v1/me").await.status == 200
        })
        .await;
        let before = Usage::of(&app.database).await;
        for round in 0..ROUNDS {
            let answer = match call(round) {
                Call::Get(path) => actor.get(&path).await,
                Call::Post(path, body) => actor.post(path, body).await,
            };
            assert!(answer.status.is_success(), "{what}: {answer}");
            let is_empty = answer.body["data"].as_array().is_some_and(Vec::is_empty);
            assert!(!is_empty, "{what}, round {round}, found nothing: {answer}");
        }
        end_connections(&app.database, Role::App).await;
        let used = Usage::of(&app.database).await.since(&before);
        for table in LARGE.iter().filter(|table| used.sequential.contains_key(**table)) {
            faults.push(format!("{what}: reads all of {table}"));
        }
        for index in uses.iter().filter(|index| !used.indexes.contains_key(**index)) {
            faults.push(format!("{what}: does not use {index}, but {:?}", used.indexes));
        }
        let rounds = i64::try_from(ROUNDS).unwrap();
        if used.entries() > most_entries * rounds {
            let each = used.entries() / rounds;
            faults.push(format!(
                "{what}: reads {each} entries, not at most {most_entries}: {:?}",
                used.indexes
            ));
        }
    }
    faults
}

/// 20,000 people in two clinics, with phones, and the maintenance connections that made them gone.
async fn people(database: &TestDatabase) {
    let [aurora, horizonte] = ["aurora", "horizonte"].map(world::clinic);
    let maintenance = database.connect(Role::Maintenance).await;
    let tax_ids: Vec<String> = (1..=20_000).map(|number| cpf(100_000_000 + number)).collect();
    let health_ids: Vec<String> = (1..=20_000)
        .map(|number| Cns::complete(&format!("1{number:010}")).unwrap().as_str().to_owned())
        .collect();
    maintenance
        .batch_execute("CREATE TEMPORARY TABLE documents (cpf text, cns text, n integer)")
        .await
        .unwrap();
    maintenance
        .execute(
            "INSERT INTO documents SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY",
            &[&tax_ids, &health_ids],
        )
        .await
        .unwrap();
    maintenance
        .batch_execute(&format!(
            "CREATE TEMPORARY TABLE words AS SELECT
                 ARRAY['Abigail','Benedita','Cândida','Débora','Eugênia','Flávio','Gérson','Hélio','Ítalo','Jandira','Kátia','Laís',
                       'Márcio','Nádia','Otília','Péricles','Quitéria','Rogério','Sílvia','Tarcísio'] AS first,
                 ARRAY['Abrantes','Barbosa','Cavalcanti','Dantas','Esteves','Fagundes','Guimarães','Holanda','Inácio','Jardim',
                       'Lacerda','Meireles','Negrão','Oliva','Pacheco','Quaresma','Rezende','Sampaio','Tavares','Vasconcelos']
                     AS last;
             INSERT INTO contacts (clinic_id, id, kind, name, birth_date, cpf, cns, email, created_at, updated_at)
             SELECT CASE WHEN n % 2 = 0 THEN '{aurora}'::uuid ELSE '{horizonte}'::uuid END, gen_random_uuid(), 'patient',
                    first[1 + n / 2 % 20] || ' ' || last[1 + n / 40 % 20] || ' ' || last[1 + n / 800 % 20],
                    date '1940-01-01' + (n * 7 % 30000), cpf, cns, 'pessoa' || n || '@example.com',
                    timestamptz '2025-01-01' + make_interval(mins => n), timestamptz '2025-02-01' + make_interval(mins => n)
             FROM documents, words;
             INSERT INTO contact_phones (clinic_id, contact_id, position, number, match_key, kind, is_primary)
             SELECT clinic_id, id, 0, number, number, 'mobile', true
             FROM (SELECT c.clinic_id, c.id, '+551198' || lpad(n::text, 7, '0') AS number
                   FROM contacts c JOIN documents d ON d.cpf = c.cpf) AS made;
             INSERT INTO contact_consents (clinic_id, contact_id, id, purpose, granted, origin, recorded_at)
             SELECT clinic_id, id, gen_random_uuid(), 'reminders', true, 'form', created_at FROM contacts"
        ))
        .await
        .unwrap();
    analyze(database).await;
}

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
async fn searches_and_lists_of_people_use_their_indexes() {
    let Some(app) = TestApp::start().await else { return };
    people(&app.database).await;
    let reception = app.actor("reception@aurora");
    let first_page = reception.get("/v1/contacts?limit=100").await.expect_status(200);
    let cursor = first_page.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    let last_names = [
        "cavalcanti",
        "dantas",
        "esteves",
        "fagundes",
        "guimaraes",
        "holanda",
        "vasconcelos",
        "meireles",
    ];
    // A page of 25 reads 26 people, and of each the phone and the consent.
    let page = 26 * 3 + 30;
    let cases = vec![
        get("by name", &["contacts_by_name"], page, |round| {
            format!("/v1/contacts?limit={}", 18 + round)
        }),
        get("by name, on", &["contacts_by_name"], page + 100, move |round| {
            format!("/v1/contacts?limit={}&cursor={cursor}", 18 + round)
        }),
        get("by name, backwards", &["contacts_by_name"], page, |round| {
            format!("/v1/contacts?sort=-name&limit={}", 18 + round)
        }),
        get("newest", &["contacts_by_creation"], page, |round| {
            format!("/v1/contacts?sort=-created_at&limit={}", 18 + round)
        }),
        get("changed last", &["contacts_by_change"], page, |round| {
            format!("/v1/contacts?sort=-updated_at&limit={}", 18 + round)
        }),
        get("changed since", &["contacts_by_change"], page, |round| {
            format!(
                "/v1/contacts?sort=updated_at&updated_since=2025-02-0{}T00:00:00Z",
                2 + round % 7
            )
        }),
        get(
            "beginning of a name",
            &["contacts_by_name"],
            page + 2500,
            move |round| format!("/v1/contacts?q=roger&limit={}", 18 + round),
        ),
        get(
            "part of a name",
            &["contacts_by_part_of_name"],
            page + 2500,
            move |round| format!("/v1/contacts?q={}", last_names[round]),
        ),
        get(
            "two words of a name",
            &["contacts_by_part_of_name"],
            page + 2500,
            move |round| format!("/v1/contacts?q={}%20silvia", last_names[round]),
        ),
        get("digits of a phone", &["contact_phones_by_part"], 200, |round| {
            format!("/v1/contacts?q=80{:05}", 1100 + 2 * round)
        }),
        get("beginning of an e-mail address", &["contacts_by_email"], 200, |round| {
            format!("/v1/contacts?q=pessoa{}@", 1100 + 2 * round)
        }),
        get("an e-mail address", &["contacts_by_email"], 50, |round| {
            format!("/v1/contacts?email=pessoa{}@example.com", 1100 + 2 * round)
        }),
        get("a phone", &["contact_phones_by_match_key"], 50, |round| {
            format!("/v1/contacts?phone=%2B551198{:07}", 1100 + 2 * round)
        }),
        get("a day of birth", &["contacts_by_birth_date"], 50, |round| {
            // The person number 2n is born seven days after 2n - 1.
            let born = chrono::NaiveDate::from_ymd_opt(1940, 1, 1).unwrap()
                + chrono::TimeDelta::weeks(i64::try_from(1100 + 2 * round).unwrap());
            format!("/v1/contacts?birth_date={born}")
        }),
        get("one", &["contacts_pkey"], 10, |round| {
            format!(
                "/v1/contacts/{}?fields={}",
                world::contact("maria"),
                ["id", "name", "kind", "tags", "email", "phone", "sex", "version"][round]
            )
        }),
        post(
            "duplicates",
            &[
                "contacts_by_cns",
                "contacts_cpf_once",
                "contacts_by_email",
                "contact_phones_by_match_key",
            ],
            400,
            "/v1/contacts/duplicate-check",
            |round| {
                let number = 1100 + 2 * round;
                json!({
                    "name": "Rogério Dantas Lacerda", "birth_date": "1950-01-01", "tax_id": cpf(100_000_000 + u32::try_from(number).unwrap()),
                    "national_health_id": "898000000043208", "email": format!("pessoa{number}@example.com"),
                    "phone": format!("+551198{number:07}"),
                })
            },
        ),
        post("making one", &[], 50, "/v1/contacts", |round| {
            let number = u32::try_from(round).unwrap();
            json!({"name": "Nova Pessoa", "tax_id": cpf(500 + number), "phone": "11 98888-7777"})
        }),
    ];
    let faults = faults_of(&app, &reception, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
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
    let faults = faults_of(&app, &reception, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A conversation of each person of 20,000, with three messages, a fifth of them open; and the one with 300 messages.
async fn conversations(database: &TestDatabase) -> String {
    let maintenance = database.connect(Role::Maintenance).await;
    // Ids of November, as the server would have made them.
    let of_november =
        "(substr(lowest_uuid_at('2026-11-10')::text, 1, 14) || substr(gen_random_uuid()::text, 15))::uuid";
    maintenance
        .batch_execute(&format!(
            "INSERT INTO inboxes (clinic_id, id, channel, name, token_hash)
             SELECT id, id, 'whatsapp', 'WhatsApp', uuid_send(id) FROM clinics;
             INSERT INTO conversations (clinic_id, id, inbox_id, contact_id, status, resolved_at, unread_count, waiting_since,
                                        last_message_at, last_message_preview, last_message_direction, last_inbound_at, message_count)
             SELECT clinic_id, {of_november}, clinic_id, id, CASE WHEN n % 5 = 0 THEN 'open' ELSE 'resolved' END,
                    CASE WHEN n % 5 <> 0 THEN timestamptz '2026-11-12' END, CASE WHEN n % 50 = 0 THEN 1 ELSE 0 END,
                    CASE WHEN n % 10 = 0 THEN timestamptz '2026-11-11' + make_interval(mins => n::int) END,
                    timestamptz '2026-11-11' + make_interval(mins => n::int), 'Oi', 'inbound', timestamptz '2026-11-11', 3
             FROM (SELECT clinic_id, id, row_number() OVER (ORDER BY id) AS n FROM contacts) AS c;
             INSERT INTO messages (clinic_id, id, conversation_id, number, direction, kind, body, author_kind, sent_at)
             SELECT c.clinic_id, {of_november}, c.id, n, 'inbound', 'text',
                    'Queria remarcar o retorno ' || substr(md5(c.id::text || n), 1, 12), 'contact',
                    timestamptz '2026-11-11' + make_interval(mins => n)
             FROM conversations c, generate_series(1, 3) AS n"
        ))
        .await
        .unwrap();
    let one: uuid::Uuid = maintenance
        .query_one(
            "SELECT id FROM conversations WHERE clinic_id = $1 ORDER BY id LIMIT 1",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap()
        .get(0);
    maintenance
        .batch_execute(&format!(
            "INSERT INTO messages (clinic_id, id, conversation_id, number, direction, kind, body, author_kind, sent_at)
             SELECT clinic_id, {of_november}, id, n, 'inbound', 'text', 'Mensagem ' || n, 'contact',
                    timestamptz '2026-11-12' + make_interval(mins => n)
             FROM conversations, generate_series(4, 300) AS n WHERE id = '{one}'"
        ))
        .await
        .unwrap();
    analyze(database).await;
    one.to_string()
}

#[tokio::test]
async fn the_inbox_and_its_conversations_use_their_indexes() {
    let Some(app) = TestApp::start().await else { return };
    people(&app.database).await;
    let one = conversations(&app.database).await;
    let reception = app.actor("reception@aurora");
    // A page of 25 reads 26 conversations, and of each the name and the inbox.
    let page = 26 * 4 + 40;
    let cases = vec![
        get("the inbox", &["conversations_by_last_message"], page, |round| {
            format!("/v1/conversations?limit={}", 18 + round)
        }),
        get("the longest waiting", &["conversations_waiting"], page, |round| {
            format!("/v1/conversations?sort=waiting_since&limit={}", 18 + round)
        }),
        get("the unread", &["conversations_unread"], page, |round| {
            format!("/v1/conversations?unread=true&limit={}", 18 + round)
        }),
        // Of 301 messages: a talk that is thought to be short may be read whole, and no other one is.
        get("the last fifty messages", &[], 301 + 60, move |round| {
            format!("/v1/conversations/{one}/messages?limit={}", 43 + round)
        }),
    ];
    let faults = faults_of(&app, &reception, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
