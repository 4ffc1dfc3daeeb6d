//! People: searched, listed, compared.

use kernel::documents::Cns;
use serde_json::json;
use test_support::{Role, TestDatabase, world};

use super::usage::analyze;
use super::{faults_of, get, post};
use crate::app::TestApp;
use crate::contacts::cpf;

/// The tables that are never to be read from beginning to end.
const LARGE: [&str; 4] = ["contacts", "contact_phones", "contact_consents", "audit_log_default"];

/// 20,000 people in two clinics, with phones, and the maintenance connections that made them gone.
pub(super) async fn people(database: &TestDatabase) {
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
    let faults = faults_of(&app, &reception, &LARGE, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
