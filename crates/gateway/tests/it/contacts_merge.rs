//! People who are twice in the books: found with reasons, and merged into one over every domain.

use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};

use crate::app::TestApp;
use crate::contacts::{assert_faults, cpf, make, make_id};

fn path(id: &str) -> String {
    format!("/v1/contacts/{id}")
}

async fn merge(actor: &Actor, into: &str, from: &str, keep: Value) -> Answer {
    let body = json!({"from_id": from, "keep": keep});
    actor.post(&format!("{}/merge", path(into)), body).await
}

/// Name, score and reasons of each candidate.
fn candidates(answer: &Answer) -> Vec<(String, u64, Vec<String>)> {
    let texts = |list: &Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    let rows = answer.data().iter();
    rows.map(|row| {
        let name = row["contact"]["name"].as_str().unwrap().to_owned();
        (name, row["score"].as_u64().unwrap(), texts(&row["reasons"]))
    })
    .collect()
}

#[tokio::test]
async fn duplicates_come_with_reasons_and_scores_the_likeliest_first() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let people = [
        json!({"name": "Mariana Souza", "birth_date": "1990-05-01", "phone": "11 8888-7777", "email": "mariana@example.com"}),
        json!({"name": "Mariana de Sousa", "birth_date": "1990-05-01"}),
        json!({"name": "Outra Pessoa", "national_health_id": "898000000043208"}),
        json!({"name": "Irmã Souza", "phone": "11 98888-7777", "birth_date": "1995-01-01"}),
        json!({"name": "Ninguém Parecido", "birth_date": "1990-05-01"}),
    ];
    for person in people {
        let _ = make(&reception, person).await;
    }
    let asked = json!({
        "name": "Mariana Souza", "birth_date": "1990-05-01", "phone": "11 98888-7777", "email": "Mariana@example.com",
        "national_health_id": "898 0000 0004 3208",
    });
    let found = candidates(
        &reception
            .post("/v1/contacts/duplicate-check", asked)
            .await
            .expect_status(200),
    );
    let named: Vec<_> = found
        .iter()
        .map(|(name, _, reasons)| (name.as_str(), reasons.join(" ")))
        .collect();
    assert_eq!(
        named,
        [
            (
                "Mariana Souza",
                "same_email same_phone similar_name_same_birth_date".to_owned()
            ),
            ("Outra Pessoa", "same_national_health_id".to_owned()),
            ("Mariana de Sousa", "similar_name_same_birth_date".to_owned()),
            ("Irmã Souza", "same_phone different_birth_date".to_owned()),
        ]
    );
    for (name, score, _) in &found {
        assert!((30..=100).contains(score), "{name} {score}");
    }
}

#[tokio::test]
async fn a_contacts_duplicates_are_others_that_are_not_archived() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let person = json!({"name": "Mariana Souza", "birth_date": "1990-05-01"});
    let one = make_id(&reception, person.clone()).await;
    let other = make_id(&reception, person.clone()).await;
    let _ = make(&app.actor("reception@horizonte"), person.clone()).await;
    let away = make_id(&reception, person).await;
    reception.delete(&path(&away)).await.assert_status(204);
    let found = reception
        .get(&format!("{}/duplicates", path(&one)))
        .await
        .expect_status(200);
    let ids: Vec<_> = found
        .data()
        .iter()
        .map(|row| row["contact"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [other.as_str()]);
}

#[tokio::test]
async fn the_ninth_digit_hides_no_duplicate() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let _ = make(&reception, json!({"name": "Ana Lima", "phone": "71 8111-2233"})).await;
    for phone in ["71 98111-2233", "71 8111-2233", "+5571981112233", "071 8111 2233"] {
        let found = reception
            .post("/v1/contacts/duplicate-check", json!({"phone": phone}))
            .await
            .expect_status(200);
        assert_eq!(candidates(&found).len(), 1, "{phone}");
    }
    let landline = reception
        .post("/v1/contacts/duplicate-check", json!({"phone": "71 3111-2233"}))
        .await;
    assert!(candidates(&landline).is_empty());
}

#[tokio::test]
async fn a_common_day_of_birth_hides_no_document() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    app.database
        .connect(Role::Maintenance)
        .await
        .execute(
            "INSERT INTO contacts (clinic_id, id, kind, name, birth_date)
             SELECT $1, gen_random_uuid(), 'patient', 'Sem Data ' || n, '1900-01-01' FROM generate_series(1, 500) AS n",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap();
    let _ = make(
        &reception,
        json!({"name": "Ana Lima", "tax_id": cpf(7), "birth_date": "1900-01-01"}),
    )
    .await;
    let _ = make(
        &reception,
        json!({"name": "Bia Reis", "phone": "71 98111-2233", "birth_date": "1900-01-01"}),
    )
    .await;
    for (asked, name) in [
        (json!({"birth_date": "1900-01-01", "tax_id": cpf(7)}), "Ana Lima"),
        (
            json!({"birth_date": "1900-01-01", "phone": "71 98111-2233", "name": "Bia Reis"}),
            "Bia Reis",
        ),
    ] {
        let found = candidates(
            &reception
                .post("/v1/contacts/duplicate-check", asked)
                .await
                .expect_status(200),
        );
        assert_eq!(found.first().map(|(name, ..)| name.as_str()), Some(name));
    }
}

#[tokio::test]
async fn a_duplicate_check_names_every_bad_value() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let wrong = json!({"tax_id": "1", "phones": ["11 98888-7777", "x"], "birth_date": "amanhã"});
    assert_faults(
        &reception.post("/v1/contacts/duplicate-check", wrong).await,
        &[
            "/tax_id invalid_length",
            "/phones/1 invalid_characters",
            "/birth_date invalid_date",
        ],
    );
    assert_faults(
        &reception.post("/v1/contacts/duplicate-check", json!({})).await,
        &[" nothing_to_look_for"],
    );
}

#[tokio::test]
async fn duplicates_of_many_cost_as_many_statements_as_of_one() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let cost = async |name: &str| {
        let asked = json!({"name": name, "birth_date": "1990-05-01", "phone": "71 98111-2233"});
        let _ = reception.post("/v1/contacts/duplicate-check", asked.clone()).await;
        let answer = reception
            .post("/v1/contacts/duplicate-check", asked)
            .await
            .expect_status(200);
        (answer.data().len(), answer.statements())
    };
    let person = |name: &str| json!({"name": name, "birth_date": "1990-05-01", "phone": "71 98111-2233"});
    let _ = make(&reception, person("Mariana Souza")).await;
    let (one, of_one) = cost("Mariana Souza").await;
    for number in 0..19 {
        let _ = make(&reception, person(&format!("Mariana Souza {number}"))).await;
    }
    let (many, of_many) = cost("Mariana Souza").await;
    assert_eq!((one, many), (1, 20));
    assert_eq!(of_one, of_many);
}

#[tokio::test]
async fn everything_of_the_one_that_goes_moves() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maria = world::contact("maria").to_string();
    let into = make_id(
        &reception,
        json!({"name": "Maria C. Silva", "phone": "11 98888-7777", "tags": ["vip"], "custom_fields": {"a": 1, "b": 1},
               "consents": [{"purpose": "marketing", "granted": true, "origin": "form"}]}),
    )
    .await;
    reception
        .patch(
            &path(&maria),
            json!({"tags": ["retorno", "vip"], "custom_fields": {"b": 2, "c": 2}, "insurer": "Unimed"}),
        )
        .await
        .assert_status(200);
    let consent = json!({"purpose": "reminders", "granted": true, "origin": "call"});
    reception
        .post(&format!("{}/consents", path(&maria)), consent)
        .await
        .assert_status(201);
    let child = make_id(
        &reception,
        json!({"name": "Léo Silva", "guardian": {"contact_id": maria}}),
    )
    .await;

    let merged = merge(&reception, &into, &maria, json!({})).await.expect_status(200);
    assert_eq!(merged.body["from_id"], maria.as_str());
    assert_eq!(
        merged.body["moved"],
        json!({
            "appointments": 2, "holds": 0, "appointment_series": 0, "waitlist_entries": 0, "conversations": 0,
            "channel_identities": 0, "conversations_resolved": 0, "consents": 1, "guarded": 1,
        })
    );
    let contact = &merged.body["contact"];
    for (field, value) in [
        ("id", json!(into)),
        ("name", json!("Maria C. Silva")),
        ("tax_id", json!("52998224725")),
        ("birth_date", json!("1984-03-12")),
        ("email", json!("maria.silva@example.com")),
        ("insurer", json!("Unimed")),
        ("tags", json!(["vip", "retorno"])),
        ("custom_fields", json!({"a": 1, "b": 1, "c": 2})),
        ("phone", json!("+5511988887777")),
        (
            "phones",
            json!([
                {"number": "+5511988887777", "kind": "mobile", "primary": true},
                {"number": "+5511987654321", "kind": "mobile", "primary": false},
            ]),
        ),
    ] {
        assert_eq!(contact[field], value, "{field} of {merged}");
    }
    let purposes: Vec<_> = contact["consents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|consent| &consent["purpose"])
        .collect();
    assert_eq!(purposes, ["marketing", "reminders"]);
    assert_eq!(reception.get(&path(&into)).await.body, *contact);
    assert_eq!(
        reception.get(&path(&child)).await.body["guardian"]["contact_id"],
        into.as_str()
    );
}

#[tokio::test]
async fn appointments_follow_their_contact() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (maria, joao) = (world::contact("maria").to_string(), world::contact("joao").to_string());
    let agenda = |contact: &str| format!("/v1/appointments?contact_id={contact}&from=2026-11-01&to=2026-11-30");
    // Asked before, so that answers are kept that the merge must make stale.
    assert_eq!(reception.get(&agenda(&maria)).await.data().len(), 2);
    assert_eq!(reception.get(&agenda(&joao)).await.data().len(), 1);
    let one = format!("/v1/appointments/{}", world::appointment("maria-monday"));
    assert_eq!(reception.get(&one).await.body["contact_id"], maria.as_str());
    merge(&reception, &joao, &maria, json!({"tax_id": "into"}))
        .await
        .assert_status(200);
    assert!(reception.get(&agenda(&maria)).await.data().is_empty());
    assert_eq!(reception.get(&agenda(&joao)).await.data().len(), 3);
    assert_eq!(reception.get(&one).await.body["contact_id"], joao.as_str());
    let day = reception
        .get("/v1/appointments?from=2026-11-23&to=2026-11-23&include=contact")
        .await
        .expect_status(200);
    for row in day.data() {
        assert_eq!(row["contact_id"], joao.as_str(), "{row}");
        assert!(row.to_string().contains("João Pereira"), "{row}");
    }
}

#[tokio::test]
async fn every_reference_in_the_schema_is_moved() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maintenance = app.database.connect(Role::Maintenance).await;
    let maria = world::contact("maria");
    maintenance
        .execute(
            "INSERT INTO holds (clinic_id, id, practitioner_id, contact_id, starts_at, ends_at, expires_at)
             VALUES ($1, gen_random_uuid(), $2, $3, '2026-11-24T13:00Z', '2026-11-24T13:30Z', '2026-11-20T12:10Z')",
            &[
                world::clinic("aurora").as_uuid(),
                world::practitioner("dr-lima").as_uuid(),
                maria.as_uuid(),
            ],
        )
        .await
        .unwrap();
    let series = json!({
        "contact_id": maria, "practitioner_id": world::practitioner("dr-lima"), "rule": "FREQ=DAILY;COUNT=2",
        "starts_at": "2026-11-24T14:00:00Z", "ends_at": "2026-11-24T14:30:00Z"
    });
    reception
        .post("/v1/appointment-series", series)
        .await
        .assert_status(201);
    let _ = make(
        &reception,
        json!({"name": "Léo", "guardian": {"contact_id": maria.to_string()}}),
    )
    .await;
    let consent = json!({"purpose": "reminders", "granted": true, "origin": "call"});
    reception
        .post(&format!("{}/consents", path(&maria.to_string())), consent)
        .await
        .assert_status(201);
    let earlier = make_id(&reception, json!({"name": "Maria Antiga"})).await;
    merge(&reception, &maria.to_string(), &earlier, json!({}))
        .await
        .assert_status(200);
    let into = make_id(&reception, json!({"name": "Maria Nova"})).await;
    merge(&reception, &into, &maria.to_string(), json!({}))
        .await
        .assert_status(200);

    // Every column that refers to a contact, found in the catalogue, so that a table that is added cannot be forgotten. What a
    // contact was merged from and its own phones stay, for the merge can be undone.
    let columns = maintenance
        .query(
            "SELECT c.conrelid::regclass::text, a.attname::text
             FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[2]
             WHERE c.contype = 'f' AND c.confrelid = 'contacts'::regclass AND c.conparentid = 0
               AND c.conrelid NOT IN ('contact_merges'::regclass, 'contact_phones'::regclass)",
            &[],
        )
        .await
        .unwrap();
    assert!(columns.len() >= 5);
    for column in &columns {
        let (table, name): (String, String) = (column.get(0), column.get(1));
        let row = maintenance
            .query_one(
                &format!("SELECT count(*) FROM {table} WHERE {name} = $1"),
                &[maria.as_uuid()],
            )
            .await
            .unwrap();
        assert_eq!(
            row.get::<_, i64>(0),
            0,
            "{table}.{name} still refers to the contact that is gone"
        );
    }
}

#[tokio::test]
async fn the_old_address_leads_to_the_one_that_stays_through_any_number_of_merges() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mut ids = Vec::new();
    for name in ["Ana Um", "Ana Dois", "Ana Tres"] {
        ids.push(make_id(&reception, json!({"name": name})).await);
    }
    // Shown once, so that an answer is kept.
    reception.get(&path(&ids[0])).await.assert_status(200);
    merge(&reception, &ids[1], &ids[0], json!({})).await.assert_status(200);
    let redirect = reception.get(&path(&ids[0])).await.expect_status(308);
    assert_eq!(redirect.header("location"), Some(path(&ids[1]).as_str()));
    merge(&reception, &ids[2], &ids[1], json!({})).await.assert_status(200);
    for gone in &ids[..2] {
        let gone = path(gone);
        let answers = join_all((0..8).map(|_| reception.get(&gone))).await;
        for redirect in answers {
            redirect.assert_status(308);
            assert_eq!(redirect.header("location"), Some(path(&ids[2]).as_str()));
        }
    }
    assert_eq!(
        reception.get("/v1/contacts?q=ana").await.data().len(),
        2,
        "Ana Beatriz Costa and Ana Tres"
    );
}

#[tokio::test]
async fn what_was_merged_away_takes_no_more_writes() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let gone = make_id(&reception, json!({"name": "Ana Um"})).await;
    let stays = make_id(&reception, json!({"name": "Ana Dois"})).await;
    merge(&reception, &stays, &gone, json!({})).await.assert_status(200);
    let consent = json!({"purpose": "marketing", "granted": true, "origin": "form"});
    for answer in [
        reception.patch(&path(&gone), json!({"status": "active"})).await,
        reception.delete(&path(&gone)).await,
        reception.post(&format!("{}/consents", path(&gone)), consent).await,
        merge(&reception, &stays, &gone, json!({})).await,
        merge(&reception, &gone, &stays, json!({})).await,
    ] {
        answer.assert_problem(409, "contact_merged");
        assert_eq!(answer.body["contact_id"], stays.as_str(), "{answer}");
    }
}

#[tokio::test]
async fn two_cpfs_need_a_choice() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (choice, kept) in [("into", cpf(1)), ("from", cpf(2))] {
        let into = make_id(&reception, json!({"name": "Ana", "tax_id": cpf(1)})).await;
        let from = make_id(&reception, json!({"name": "Ana", "tax_id": cpf(2)})).await;
        merge(&reception, &into, &from, json!({}))
            .await
            .assert_problem(409, "different_tax_ids");
        assert_eq!(reception.get(&path(&from)).await.body["status"], "active");
        let merged = merge(&reception, &into, &from, json!({"tax_id": choice}))
            .await
            .expect_status(200);
        assert_eq!(merged.body["contact"]["tax_id"], kept.as_str());
        reception.delete(&path(&into)).await.assert_status(204);
    }
}

#[tokio::test]
async fn the_caller_chooses_field_by_field_whose_value_is_kept() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = json!({"name": "Ana Velha", "email": "velha@example.com", "phone": "11 98888-7777", "insurer": "Unimed", "sex": "female"});
    let from = json!({"name": "Ana Nova", "email": "nova@example.com", "phone": "11 99999-1111", "insurer": "Amil", "source": "site"});
    let (into, from) = (make_id(&reception, into).await, make_id(&reception, from).await);
    let keep = json!({"name": "from", "email": "from", "phone": "from", "insurer": "into", "sex": "from"});
    let merged = merge(&reception, &into, &from, keep).await.expect_status(200);
    let contact = &merged.body["contact"];
    for (field, value) in [
        ("name", "Ana Nova"),
        ("email", "nova@example.com"),
        ("phone", "+5511999991111"),
        ("insurer", "Unimed"),
        ("source", "site"),
        ("sex", "female"),
    ] {
        assert_eq!(contact[field], value, "{field} of {merged}");
    }
    assert_eq!(contact["phones"].as_array().map(Vec::len), Some(2));
    let unknown = merge(&reception, &into, &from, json!({"name": "both"})).await;
    assert_eq!(unknown.status, 422, "{unknown}");
}

#[tokio::test]
async fn a_contact_is_not_merged_into_itself() {
    let Some(app) = TestApp::start().await else { return };
    let maria = world::contact("maria").to_string();
    let refused = merge(&app.actor("reception@aurora"), &maria, &maria, json!({})).await;
    assert_faults(&refused, &["/from_id same_contact"]);
}

#[tokio::test]
async fn another_clinics_contact_is_not_merged() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (maria, pedro) = (world::contact("maria").to_string(), world::contact("pedro").to_string());
    assert_faults(
        &merge(&reception, &maria, &pedro, json!({})).await,
        &["/from_id unknown_contact"],
    );
    merge(&reception, &pedro, &maria, json!({}))
        .await
        .assert_problem(404, "contact_not_found");
    app.get("reception@horizonte", &path(&pedro)).await.assert_status(200);
}

#[tokio::test]
async fn an_archived_contact_is_not_merged() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (away, here) = (
        make_id(&reception, json!({"name": "Ana Um"})).await,
        make_id(&reception, json!({"name": "Ana Dois"})).await,
    );
    reception.delete(&path(&away)).await.assert_status(204);
    for (into, from, side) in [(&here, &away, "from"), (&away, &here, "into")] {
        let refused = merge(&reception, into, from, json!({})).await;
        refused.assert_problem(409, "contact_archived");
        assert_eq!(refused.body["side"], side, "{refused}");
    }
}

#[tokio::test]
async fn nobody_becomes_their_own_guardian_by_a_merge() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mother = make_id(&reception, json!({"name": "Mãe"})).await;
    let child = make_id(&reception, json!({"name": "Filha", "guardian": {"contact_id": mother}})).await;
    let merged = merge(&reception, &child, &mother, json!({})).await.expect_status(200);
    assert_eq!(merged.body["contact"]["guardian"], Value::Null);
    let mother = make_id(&reception, json!({"name": "Mãe"})).await;
    let child = make_id(&reception, json!({"name": "Filha", "guardian": {"contact_id": mother}})).await;
    let merged = merge(&reception, &mother, &child, json!({})).await.expect_status(200);
    assert_eq!(merged.body["contact"]["guardian"], Value::Null);
}

#[tokio::test]
async fn only_who_may_merge_merges() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make_id(&reception, json!({"name": "Ana"})).await;
    let from = make_id(&reception, json!({"name": "Ana"})).await;
    for member in ["practitioner@aurora", "billing@aurora", "auditor@aurora"] {
        let refused = merge(&app.actor(member), &into, &from, json!({})).await;
        assert_eq!(refused.status, 403, "{member}: {refused}");
    }
    merge(&reception, &into, &from, json!({})).await.assert_status(200);
}

#[tokio::test]
async fn a_merge_minds_the_version_that_the_caller_read() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let into = make(&reception, json!({"name": "Ana"})).await;
    let from = make_id(&reception, json!({"name": "Ana"})).await;
    reception
        .patch(&path(into.id()), json!({"insurer": "Amil"}))
        .await
        .assert_status(200);
    let call = reception.call(reqwest::Method::POST, &format!("{}/merge", path(into.id())));
    let refused = call
        .header("if-match", into.etag())
        .json(&json!({"from_id": from}))
        .send()
        .await;
    assert_eq!(refused.status, 412, "{refused}");
    reception.get(&path(&from)).await.assert_status(200);
}

#[tokio::test]
async fn a_merge_is_in_the_audit_log_and_kept_row_by_row() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let (maria, joao) = (world::contact("maria"), world::contact("joao"));
    let merged = merge(
        &reception,
        &joao.to_string(),
        &maria.to_string(),
        json!({"tax_id": "from"}),
    )
    .await
    .expect_status(200);
    let maintenance = app.database.connect(Role::Maintenance).await;
    let audited = maintenance
        .query_one(
            "SELECT detail FROM audit_log WHERE action = 'contacts.merge' AND resource = 'contact' AND resource_id = $1",
            &[joao.as_uuid()],
        )
        .await
        .unwrap();
    let detail: Value = audited.get(0);
    assert_eq!(
        (&detail["from_id"], &detail["merge_id"]),
        (&json!(maria.to_string()), &merged.body["id"])
    );
    assert!(!detail.to_string().contains("52998224725"), "{detail}");
    let kept = maintenance
        .query_one(
            "SELECT moved FROM contact_merges WHERE id = $1::text::uuid AND from_id = $2 AND into_id = $3 AND merged_by = $4",
            &[
                &merged.id(),
                maria.as_uuid(),
                joao.as_uuid(),
                world::user("reception@aurora").as_uuid(),
            ],
        )
        .await
        .unwrap();
    let moved: Value = kept.get(0);
    assert_eq!(moved["appointments"].as_array().map(Vec::len), Some(2), "{moved}");
    assert_eq!(moved["fields_before"]["cpf"], "11144477735", "{moved}");
}

#[tokio::test]
async fn of_two_opposite_merges_at_once_one_is_made() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for round in 0..10 {
        let one = make_id(
            &reception,
            json!({"name": format!("Ana {round}"), "phone": "11 98888-7777"}),
        )
        .await;
        let other = make_id(
            &reception,
            json!({"name": format!("Ana {round}"), "email": format!("ana{round}@example.com")}),
        )
        .await;
        let answers = join_all([
            merge(&reception, &one, &other, json!({})),
            merge(&reception, &other, &one, json!({})),
            merge(&reception, &one, &other, json!({})),
            merge(&reception, &other, &one, json!({})),
        ])
        .await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(made.len(), 1, "{answers:?}");
        for answer in refused {
            answer.assert_problem(409, "contact_merged");
        }
        let stays = made[0].body["contact"]["id"].as_str().unwrap();
        let gone = made[0].body["from_id"].as_str().unwrap();
        reception.get(&path(stays)).await.assert_status(200);
        reception.get(&path(gone)).await.assert_status(308);
    }
}

#[tokio::test]
async fn merges_in_a_ring_at_once_leave_one_chain_and_no_failure() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mut ids = Vec::new();
    for number in 0..5 {
        let guardian = ids.last().map(|id| json!({"contact_id": id}));
        ids.push(
            make_id(
                &reception,
                json!({"name": format!("Ana {number}"), "guardian": guardian}),
            )
            .await,
        );
    }
    let ring = (0..5).map(|place| merge(&reception, &ids[(place + 1) % 5], &ids[place], json!({})));
    let answers = join_all(ring).await;
    for answer in &answers {
        if answer.status != 200 {
            answer.assert_problem(409, "contact_merged");
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 200));
    // Whatever order they came in: an address leads to somebody who is there.
    for id in &ids {
        let answer = reception.get(&path(id)).await;
        if let Some(location) = answer.header("location") {
            reception.get(location).await.assert_status(200);
        } else {
            answer.assert_status(200);
        }
    }
}

#[tokio::test]
async fn a_booking_and_a_merge_at_once_lose_no_appointment() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for round in 0..5 {
        let from = make_id(&reception, json!({"name": "Ana Um"})).await;
        let into = make_id(&reception, json!({"name": "Ana Dois"})).await;
        let starts_at = format!("2026-11-2{}T13:00:00-03:00", 4 + round % 4);
        let starts_at = if round == 4 {
            "2026-11-30T13:00:00-03:00".to_owned()
        } else {
            starts_at
        };
        let booking = json!({
            "contact_id": from, "practitioner_id": world::practitioner("dr-lima").to_string(),
            "service_id": world::service("consulta").to_string(), "starts_at": starts_at,
        });
        let (booked, merged) = futures_util::join!(
            reception.post("/v1/appointments", booking),
            merge(&reception, &into, &from, json!({}))
        );
        merged.assert_status(200);
        let agenda = |contact: &str| format!("/v1/appointments?contact_id={contact}&from=2026-11-01&to=2026-12-31");
        let wanted = usize::from(booked.status == 201);
        assert!(wanted == 1 || booked.status == 409 || booked.status == 422, "{booked}");
        assert_eq!(reception.get(&agenda(&into)).await.data().len(), wanted, "{booked}");
        assert!(reception.get(&agenda(&from)).await.data().is_empty(), "{booked}");
    }
}
