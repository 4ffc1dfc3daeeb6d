//! People through the front door: made, read, changed, archived and brought back, with their phones and consents.

mod at_once;
mod identity;

use kernel::documents::Cpf;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};

use crate::app::TestApp;

/// A CPF of its own for each `number`.
pub(crate) fn cpf(number: u32) -> String {
    Cpf::complete(&format!("{number:09}")).unwrap().as_str().to_owned()
}

/// Makes a person, who must be accepted.
pub(crate) async fn make(actor: &Actor, body: Value) -> Answer {
    actor.post("/v1/contacts", body).await.expect_status(201)
}

/// Makes a person and gives their id.
pub(crate) async fn make_id(actor: &Actor, body: Value) -> String {
    make(actor, body).await.id().to_owned()
}

/// Pointer and code of everything that a problem names.
pub(crate) fn faults(answer: &Answer) -> Vec<String> {
    let text = |fault: &Value, member: &str| fault[member].as_str().unwrap_or_default().to_owned();
    let list = answer.body["errors"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|fault| format!("{} {}", text(fault, "pointer"), text(fault, "code")))
        .collect()
}

/// Asserts that the answer refuses values, and exactly these.
#[track_caller]
pub(crate) fn assert_faults(answer: &Answer, wanted: &[&str]) {
    assert_eq!(answer.status.as_u16(), 422, "{answer}");
    answer.assert_is_problem();
    let mut found = faults(answer);
    found.sort();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{answer}");
}

/// Everything a contact may have.
fn whole() -> Value {
    json!({
        "name": "Carolina Mendes", "social_name": "Carol", "kind": "lead", "status": "inactive",
        "email": "Carolina@Example.com", "phones": [
            {"number": "(11) 98888-7777", "kind": "work", "primary": false},
            {"number": "11 3333-4444", "primary": true},
        ],
        "birth_date": "1990-12-31", "sex": "female", "tax_id": "390.533.447-05", "national_health_id": "898 0000 0004 3208",
        "address": {"street": "Avenida Paulista", "number": "1578", "city": "São Paulo", "state": "SP", "postal_code": "01310-200"},
        "tags": ["vip", "retorno"], "custom_fields": {"prontuario": "A-17", "filhos": 2},
        "guardian": {"name": "Rosa Mendes"}, "insurer": "Unimed", "insurance_card_number": "0012", "source": "recommendation",
        "consents": [{"purpose": "marketing", "granted": false, "origin": "paper form"}],
    })
}

#[tokio::test]
async fn a_contact_is_read_as_it_was_made() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let made = make(&reception, whole()).await;
    assert_eq!(
        made.header("location"),
        Some(format!("/v1/contacts/{}", made.id()).as_str())
    );
    let contact = &made.body;
    for (field, value) in [
        ("name", json!("Carolina Mendes")),
        ("social_name", json!("Carol")),
        ("kind", json!("lead")),
        ("status", json!("inactive")),
        ("email", json!("carolina@example.com")),
        ("phone", json!("+551133334444")),
        (
            "phones",
            json!([
                {"number": "+5511988887777", "kind": "work", "primary": false},
                {"number": "+551133334444", "kind": "home", "primary": true},
            ]),
        ),
        ("birth_date", json!("1990-12-31")),
        ("sex", json!("female")),
        ("tax_id", json!("39053344705")),
        ("national_health_id", json!("898000000043208")),
        ("tags", json!(["vip", "retorno"])),
        ("custom_fields", json!({"prontuario": "A-17", "filhos": 2})),
        ("guardian", json!({"contact_id": null, "name": "Rosa Mendes"})),
        ("insurer", json!("Unimed")),
        ("insurance_card_number", json!("0012")),
        ("source", json!("recommendation")),
        ("archived_at", Value::Null),
        ("merged_into_id", Value::Null),
        ("version", json!(1)),
    ] {
        assert_eq!(contact[field], value, "{field} of {made}");
    }
    assert_eq!(contact["address"]["postal_code"], "01310200");
    assert_eq!(contact["consents"][0]["purpose"], "marketing");
    let read = reception
        .get(&format!("/v1/contacts/{}", made.id()))
        .await
        .expect_status(200);
    assert_eq!(read.body, made.body);
    assert_eq!(read.etag(), made.etag());
}

#[tokio::test]
async fn a_name_is_all_a_contact_needs() {
    let Some(app) = TestApp::start().await else { return };
    let made = make(&app.actor("reception@aurora"), json!({"name": "  Ana   Lima "})).await;
    assert_eq!(made.body["name"], "Ana Lima");
    assert_eq!(
        (&made.body["kind"], &made.body["status"]),
        (&json!("patient"), &json!("active"))
    );
    assert_eq!((&made.body["phone"], &made.body["phones"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn what_a_patch_does_not_name_stays() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let made = make(&reception, whole()).await;
    let path = format!("/v1/contacts/{}", made.id());
    let changed = reception
        .patch(&path, json!({"insurer": "Bradesco"}))
        .await
        .expect_status(200);
    let mut expected = made.body.clone();
    for field in ["insurer", "version", "updated_at"] {
        expected[field] = changed.body[field].clone();
    }
    assert_eq!(changed.body, expected);
    assert_eq!(
        (&changed.body["insurer"], &changed.body["version"]),
        (&json!("Bradesco"), &json!(2))
    );
    assert_eq!(reception.get(&path).await.body, changed.body);
}

#[tokio::test]
async fn null_in_a_patch_clears() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}", make_id(&reception, whole()).await);
    let clearable = [
        "social_name",
        "email",
        "phone",
        "birth_date",
        "sex",
        "tax_id",
        "national_health_id",
        "address",
        "guardian",
        "insurer",
        "insurance_card_number",
        "source",
    ];
    let patch: Value = clearable
        .iter()
        .map(|field| ((*field).to_owned(), Value::Null))
        .collect();
    let cleared = reception.patch(&path, patch).await.expect_status(200);
    for field in clearable.iter().filter(|field| **field != "phone") {
        assert_eq!(cleared.body[field], Value::Null, "{field} of {cleared}");
    }
    // The primary phone is gone, and the other one is primary now.
    assert_eq!(
        cleared.body["phones"],
        json!([{"number": "+5511988887777", "kind": "work", "primary": true}])
    );
    let emptied = reception
        .patch(&path, json!({"phones": null, "tags": null, "custom_fields": null}))
        .await
        .expect_status(200);
    for (field, value) in [
        ("phones", json!([])),
        ("phone", Value::Null),
        ("tags", json!([])),
        ("custom_fields", json!({})),
    ] {
        assert_eq!(emptied.body[field], value, "{field} of {emptied}");
    }
}

#[tokio::test]
async fn what_a_contact_must_have_cannot_be_cleared() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let refused = app
        .actor("reception@aurora")
        .patch(&path, json!({"name": null, "kind": null, "status": null}))
        .await;
    assert_faults(
        &refused,
        &["/name not_nullable", "/kind not_nullable", "/status not_nullable"],
    );
}

#[tokio::test]
async fn a_patch_to_what_is_there_already_changes_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let made = make(&reception, whole()).await;
    let same = json!({"email": "CAROLINA@example.com", "phone": "11 3333-4444", "tags": ["vip", "retorno"], "status": "inactive"});
    let unchanged = reception
        .patch(&format!("/v1/contacts/{}", made.id()), same)
        .await
        .expect_status(200);
    assert_eq!(unchanged.body, made.body);
}

#[tokio::test]
async fn archiving_sets_status_and_time_together_and_bringing_back_clears_both() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!(
        "/v1/contacts/{}",
        make_id(&reception, json!({"name": "Ana Lima"})).await
    );
    reception.delete(&path).await.assert_status(204);
    let archived = reception.get(&path).await.expect_status(200);
    assert_eq!(archived.body["status"], "archived");
    assert_eq!(archived.body["archived_at"], "2026-11-20T12:00:00Z");
    let back = reception
        .patch(&path, json!({"status": "inactive"}))
        .await
        .expect_status(200);
    assert_eq!(
        (&back.body["status"], &back.body["archived_at"]),
        (&json!("inactive"), &Value::Null)
    );
    let again = reception
        .patch(&path, json!({"status": "archived"}))
        .await
        .expect_status(200);
    assert_eq!(again.body["status"], "archived");
    assert_eq!(again.body["archived_at"], "2026-11-20T12:00:00Z");
}

#[tokio::test]
async fn archiving_twice_is_archiving_once() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!(
        "/v1/contacts/{}",
        make_id(&reception, json!({"name": "Ana Lima"})).await
    );
    reception.delete(&path).await.assert_status(204);
    let first = reception.get(&path).await;
    app.clock.advance(chrono::TimeDelta::hours(1));
    let reception = app.actor("reception@aurora");
    reception.delete(&path).await.assert_status(204);
    assert_eq!(reception.get(&path).await.body, first.body);
}

#[tokio::test]
async fn a_new_contact_is_not_archived() {
    let Some(app) = TestApp::start().await else { return };
    let refused = app
        .actor("reception@aurora")
        .post("/v1/contacts", json!({"name": "Ana", "status": "archived"}))
        .await;
    assert_faults(&refused, &["/status not_on_create"]);
}

#[tokio::test]
async fn all_bad_values_are_told_at_once_with_their_places() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({
        "name": " ", "social_name": "a\u{7}b", "kind": "friend", "status": "gone", "email": "x", "phone": "1",
        "phones": [{"number": "(11) 98888-7777"}, {"number": "abc", "kind": "pager"}], "birth_date": "2030-01-01", "sex": "f",
        "tax_id": "52998224726", "national_health_id": "1", "address": {"postal_code": "1", "state": "XX"},
        "tags": ["a", " "], "guardian": {}, "insurer": "x".repeat(121), "insurance_card_number": "x".repeat(41),
        "source": " ", "consents": [{"purpose": "X", "granted": true, "origin": ""}],
    });
    let refused = app.actor("reception@aurora").post("/v1/contacts", body).await;
    refused.assert_is_problem();
    assert_eq!(refused.status, 422, "{refused}");
    let mut pointers: Vec<String> = faults(&refused)
        .iter()
        .map(|fault| fault.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    pointers.sort();
    let mut wanted = [
        "/name",
        "/social_name",
        "/kind",
        "/status",
        "/email",
        "/phone",
        "/phones/1/number",
        "/phones/1/kind",
        "/birth_date",
        "/sex",
        "/tax_id",
        "/national_health_id",
        "/address/postal_code",
        "/address/state",
        "/tags/1",
        "/guardian",
        "/insurer",
        "/insurance_card_number",
        "/source",
        "/consents/0/purpose",
        "/consents/0/origin",
    ];
    wanted.sort_unstable();
    assert_eq!(pointers, wanted, "{refused}");
}

#[tokio::test]
async fn all_bad_values_of_a_patch_are_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let body =
        json!({"name": "", "email": "@", "birth_date": "1879-12-31", "tax_id": "1", "phones": [{"number": "9"}]});
    let refused = app.actor("reception@aurora").patch(&path, body).await;
    assert_faults(
        &refused,
        &[
            "/name blank",
            "/email invalid_email",
            "/birth_date too_early",
            "/tax_id invalid_length",
            "/phones/0/number invalid_length",
        ],
    );
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_told_with_its_place() {
    let Some(app) = TestApp::start().await else { return };
    let refused = app
        .actor("reception@aurora")
        .post(
            "/v1/contacts",
            json!({"name": "Ana", "phones": [{"number": 11_988_887_777_u64}]}),
        )
        .await;
    assert_eq!(refused.status, 422, "{refused}");
    assert!(faults(&refused)[0].starts_with("/phones/0/number "), "{refused}");
}

#[tokio::test]
async fn a_field_that_does_not_exist_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for answer in [
        reception
            .post("/v1/contacts", json!({"name": "Ana", "nickname": "Aninha"}))
            .await,
        reception
            .patch(
                &format!("/v1/contacts/{}", world::contact("maria")),
                json!({"nickname": "Aninha"}),
            )
            .await,
    ] {
        assert_eq!(answer.status, 422, "{answer}");
        answer.assert_is_problem();
    }
}

#[tokio::test]
async fn an_id_of_the_clients_own_is_kept() {
    let Some(app) = TestApp::start().await else { return };
    let id = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5";
    let made = make(&app.actor("reception@aurora"), json!({"id": id, "name": "Ana"})).await;
    assert_eq!(made.id(), id);
    // Another clinic's ids are none of ours, so they are neither taken nor shown.
    let there = make(&app.actor("reception@horizonte"), json!({"id": id, "name": "Bia"})).await;
    assert_eq!(there.body["name"], "Bia");
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maria = world::contact("maria").to_string();
    let refused = reception
        .post("/v1/contacts", json!({"id": maria, "name": "Ana"}))
        .await;
    refused.assert_problem(409, "id_taken");
    let unchanged = reception.get(&format!("/v1/contacts/{maria}")).await;
    assert_eq!(unchanged.body["name"], "Maria da Conceição Silva");
}

#[tokio::test]
async fn a_guardian_is_a_contact_of_the_same_clinic() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maria = world::contact("maria").to_string();
    let child = make(
        &reception,
        json!({"name": "Léo Silva", "guardian": {"contact_id": maria}}),
    )
    .await;
    assert_eq!(child.body["guardian"], json!({"contact_id": maria, "name": null}));
    let foreign = json!({"name": "Léo", "guardian": {"contact_id": world::contact("pedro").to_string()}});
    assert_faults(
        &reception.post("/v1/contacts", foreign.clone()).await,
        &["/guardian/contact_id unknown_contact"],
    );
    let path = format!("/v1/contacts/{}", child.id());
    assert_faults(
        &reception.patch(&path, json!({"guardian": foreign["guardian"]})).await,
        &["/guardian/contact_id unknown_contact"],
    );
    assert_faults(
        &reception
            .patch(&path, json!({"guardian": {"contact_id": child.id()}}))
            .await,
        &["/guardian/contact_id own_guardian"],
    );
}

#[tokio::test]
async fn another_clinics_contact_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}", world::contact("pedro"));
    let consent = json!({"purpose": "marketing", "granted": true, "origin": "form"});
    for answer in [
        reception.get(&path).await,
        reception.patch(&path, json!({"name": "X"})).await,
        reception.delete(&path).await,
        reception.get(&format!("{path}/consents")).await,
        reception.post(&format!("{path}/consents"), consent.clone()).await,
        reception.put(&format!("{path}/consents"), consent).await,
        reception.get(&format!("{path}/duplicates")).await,
    ] {
        answer.assert_problem(404, "contact_not_found");
    }
    let theirs = app.get("reception@horizonte", &path).await.expect_status(200);
    assert_eq!(
        (&theirs.body["name"], &theirs.body["version"]),
        (&json!("Pedro Henrique Farias"), &json!(1))
    );
}

#[tokio::test]
async fn who_may_only_read_writes_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let billing = app.actor("billing@aurora");
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    billing.get(&path).await.assert_status(200);
    for answer in [
        billing.post("/v1/contacts", json!({"name": "Ana"})).await,
        billing.patch(&path, json!({"name": "Ana"})).await,
        billing.delete(&path).await,
    ] {
        assert_eq!(answer.status, 403, "{answer}");
        answer.assert_is_problem();
    }
    let auditor = app.get("auditor@aurora", &path).await;
    assert_eq!(auditor.status, 403, "{auditor}");
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let read = reception.get(&path).await.expect_status(200);
    let again = |etag: String| reception.call(Method::GET, &path).header("if-none-match", etag).send();
    let unchanged = again(read.etag().to_owned()).await.expect_status(304);
    assert!(unchanged.bytes.is_empty());
    reception
        .patch(&path, json!({"insurer": "Unimed"}))
        .await
        .assert_status(200);
    let changed = again(read.etag().to_owned()).await.expect_status(200);
    assert_eq!(changed.body["insurer"], "Unimed");
}

#[tokio::test]
async fn a_kept_answer_never_outlives_a_write() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}", make_id(&reception, json!({"name": "Ana"})).await);
    for round in 0..10 {
        let name = format!("Ana da Rodada {round}");
        reception.patch(&path, json!({"name": name})).await.assert_status(200);
        assert_eq!(reception.get(&path).await.body["name"], name.as_str());
        let found = reception.get("/v1/contacts?q=ana da rodada").await;
        assert_eq!(found.data().len(), 1, "{found}");
        assert_eq!(found.data()[0]["name"], name.as_str());
    }
}

#[tokio::test]
async fn only_the_fields_asked_for_are_shown() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let cut = reception
        .get(&format!("{path}?fields=id,name"))
        .await
        .expect_status(200);
    assert_eq!(
        cut.body,
        json!({"id": world::contact("maria").to_string(), "name": "Maria da Conceição Silva"})
    );
    let unknown = reception.get(&format!("{path}?fields=id,secret")).await;
    assert_faults(&unknown, &["fields unknown_field"]);
    let whole = reception.get(&path).await;
    assert!(whole.body.get("birth_date").is_some());
}

#[tokio::test]
async fn every_answer_about_a_purpose_is_kept_and_the_newest_counts() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let contact = format!("/v1/contacts/{}", make_id(&reception, json!({"name": "Ana"})).await);
    let consents = format!("{contact}/consents");
    for (granted, origin) in [
        (json!(true), "paper form"),
        (json!(false), "phone call"),
        (Value::Null, "letter"),
    ] {
        app.clock.advance(chrono::TimeDelta::seconds(1));
        let body = json!({"purpose": "marketing", "granted": granted, "origin": origin});
        let kept = reception.post(&consents, body).await.expect_status(201);
        assert_eq!(
            (&kept.body["granted"], &kept.body["origin"]),
            (&granted, &json!(origin))
        );
        let newest = &reception.get(&contact).await.body["consents"];
        assert_eq!(newest.as_array().map(Vec::len), Some(1));
        assert_eq!(
            (&newest[0]["granted"], &newest[0]["origin"]),
            (&granted, &json!(origin))
        );
    }
    let history = reception.get(&consents).await.expect_status(200);
    let origins: Vec<_> = history
        .data()
        .iter()
        .map(|consent| consent["origin"].as_str().unwrap())
        .collect();
    assert_eq!(origins, ["letter", "phone call", "paper form"]);
    let first = reception.get(&format!("{consents}?limit=2")).await;
    let cursor = first.body["page"]["next_cursor"].as_str().unwrap();
    let second = reception.get(&format!("{consents}?limit=2&cursor={cursor}")).await;
    assert_eq!([first.data(), second.data()].concat(), history.data());
    let other = format!(
        "/v1/contacts/{}/consents?limit=2&cursor={cursor}",
        world::contact("maria")
    );
    reception.get(&other).await.assert_status(422);
}

#[tokio::test]
async fn settling_what_is_settled_writes_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let consents = format!("/v1/contacts/{}/consents", world::contact("maria"));
    let yes = json!({"purpose": "reminders", "granted": true, "origin": "paper form"});
    let first = reception.put(&consents, yes.clone()).await.expect_status(200);
    let again = reception.put(&consents, yes).await.expect_status(200);
    assert_eq!(first.body, again.body);
    let no = json!({"purpose": "reminders", "granted": false, "origin": "paper form"});
    reception.put(&consents, no).await.assert_status(200);
    assert_eq!(reception.get(&consents).await.data().len(), 2);
}

#[tokio::test]
async fn a_write_is_in_the_audit_log_by_the_names_of_fields_alone() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let id = make_id(&reception, json!({"name": "Sigilosa Pessoa"})).await;
    let path = format!("/v1/contacts/{id}");
    let secret = json!({"name": "Outra Pessoa", "tax_id": cpf(7), "phone": "11 98888-7777"});
    app.clock.advance(chrono::TimeDelta::seconds(1));
    reception.patch(&path, secret).await.assert_status(200);
    app.clock.advance(chrono::TimeDelta::seconds(1));
    reception.delete(&path).await.assert_status(204);
    let maintenance = app.database.connect(Role::Maintenance).await;
    let rows = maintenance
        .query(
            "SELECT action, detail, actor_id FROM audit_log WHERE resource = 'contact' AND resource_id = $1::text::uuid ORDER BY id",
            &[&id],
        )
        .await
        .unwrap();
    let actions: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(actions, ["contacts.create", "contacts.update", "contacts.archive"]);
    let detail: Value = rows[1].get(1);
    assert_eq!(detail, json!({"changed": ["name", "tax_id", "phones"]}));
    for row in &rows {
        assert_eq!(
            row.get::<_, Option<uuid::Uuid>>(2),
            Some(world::user("reception@aurora").into())
        );
    }
}

#[tokio::test]
async fn a_refused_write_leaves_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let maintenance = app.database.connect(Role::Maintenance).await;
    let count = async || -> Vec<i64> {
        let row = maintenance
            .query_one(
                "SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM contact_phones), (SELECT count(*) FROM audit_log),
                        (SELECT count(*) FROM outbox WHERE class = 'event')",
                &[],
            )
            .await
            .unwrap();
        (0..4).map(|column| row.get(column)).collect()
    };
    let before = count().await;
    let taken = json!({"name": "Ana", "phone": "11 98888-7777", "tax_id": "52998224725"});
    reception
        .post("/v1/contacts", taken)
        .await
        .assert_problem(409, "contact_exists");
    let unknown = json!({"name": "Ana", "phone": "11 98888-7777", "guardian": {"contact_id": world::contact("pedro").to_string()}});
    reception.post("/v1/contacts", unknown).await.assert_status(422);
    assert_eq!(count().await, before);
}

#[tokio::test]
async fn a_change_of_nothing_shows_the_person_and_is_noted() {
    let Some(app) = TestApp::start().await else { return };
    let maria = world::contact("maria");
    app.actor("reception@aurora")
        .patch(&format!("/v1/contacts/{maria}"), json!({}))
        .await
        .assert_status(200);
    let noted = "SELECT count(*) FROM audit_log WHERE action = 'contacts.read' AND resource_id = $1";
    let maintenance = app.database.connect(Role::Maintenance).await;
    let rows = maintenance.query_one(noted, &[maria.as_uuid()]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 1);
}
