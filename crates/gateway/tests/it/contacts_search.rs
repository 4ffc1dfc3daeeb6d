//! Finding people through the front door: search, filters, orders, pages, and what has changed since.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, TestDatabase, world};
use uuid::Uuid;

use crate::app::TestApp;
use crate::contacts::{assert_faults, cpf, make, make_id};

const SORTS: [&str; 6] = [
    "name",
    "-name",
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
];

/// `text` as it stands in a query string.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn search_path(q: &str) -> String {
    format!("/v1/contacts?q={}", encoded(q))
}

fn names(answer: &Answer) -> Vec<String> {
    answer
        .data()
        .iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn search(actor: &Actor, q: &str) -> Vec<String> {
    names(&actor.get(&search_path(q)).await.expect_status(200))
}

/// An application with these people in `aurora`, besides those of the world.
async fn with_people(people: &[Value]) -> Option<(TestApp, Actor)> {
    let app = TestApp::start().await?;
    let reception = app.actor("reception@aurora");
    for person in people {
        let _ = make(&reception, person.clone()).await;
    }
    Some((app, reception))
}

/// Puts `count` people called `name` and a number into `aurora`, past the server: four share each name and each time.
async fn fill(database: &TestDatabase, name: &str, count: i32) {
    database
        .connect(Role::Maintenance)
        .await
        .execute(
            "INSERT INTO contacts (clinic_id, id, kind, name, created_at, updated_at)
             SELECT $1, gen_random_uuid(), 'patient', $2 || ' ' || lpad((n / 4)::text, 3, '0'),
                    timestamptz '2026-01-01' + make_interval(mins => n / 4), timestamptz '2026-02-01' + make_interval(mins => n / 4)
             FROM generate_series(1, $3) AS n",
            &[world::clinic("aurora").as_uuid(), &name, &count],
        )
        .await
        .unwrap();
}

fn cursor(answer: &Answer) -> Option<String> {
    answer.body["page"]["next_cursor"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_search_is_blind_to_accents_and_case() {
    let Some((_app, reception)) = with_people(&[json!({"name": "Conceição Araújo"})]).await else {
        return;
    };
    for q in ["conceicao", "CONCEIÇÃO", "Conceiçao araujo", "  conceição   araújo "] {
        assert!(
            search(&reception, q).await.contains(&"Conceição Araújo".to_owned()),
            "{q}"
        );
    }
}

#[tokio::test]
async fn a_name_is_found_by_any_part_of_it() {
    let Some((_app, reception)) =
        with_people(&[json!({"name": "Fernando Vasconcelos", "social_name": "Nanda Luz"})]).await
    else {
        return;
    };
    for q in [
        "fern",
        "nando",
        "concel",
        "vasconcelos fernando",
        "fer vasc",
        "nanda",
        "luz",
        "fernando luz",
    ] {
        assert_eq!(search(&reception, q).await, ["Fernando Vasconcelos"], "{q}");
    }
    for q in ["fernanda vasconcelos", "ferx"] {
        assert!(search(&reception, q).await.is_empty(), "{q}");
    }
}

#[tokio::test]
async fn a_word_of_one_or_two_letters_is_the_beginning_of_a_word() {
    let Some((_app, reception)) =
        with_people(&[json!({"name": "Zeno Ximenes"}), json!({"name": "Bruno Reis Xavier"})]).await
    else {
        return;
    };
    assert_eq!(search(&reception, "x").await, ["Bruno Reis Xavier", "Zeno Ximenes"]);
    assert_eq!(search(&reception, "xi").await, ["Zeno Ximenes"]);
    assert_eq!(search(&reception, "no").await, Vec::<String>::new());
}

#[tokio::test]
async fn those_whose_name_begins_so_come_first() {
    let people =
        ["Aline Mariano", "Mariana Zanetti", "Mariano Alves", "Zeca Mariano"].map(|name| json!({"name": name}));
    let Some((_app, reception)) = with_people(&people).await else {
        return;
    };
    assert_eq!(
        search(&reception, "marian").await,
        ["Mariana Zanetti", "Mariano Alves", "Aline Mariano", "Zeca Mariano"]
    );
}

#[tokio::test]
async fn a_phone_is_found_by_any_of_its_digits_in_either_spelling() {
    let Some((_app, reception)) = with_people(&[json!({"name": "Ana Lima", "phone": "(71) 98111-2233"})]).await else {
        return;
    };
    for q in [
        "98111",
        "2233",
        "81112233",
        "8111-2233",
        "(71) 8111-2233",
        "71 98111-2233",
        "+55 71 98111-2233",
        "071981112233",
    ] {
        assert_eq!(search(&reception, q).await, ["Ana Lima"], "{q}");
    }
    let filtered = reception.get("/v1/contacts?phone=7181112233").await.expect_status(200);
    assert_eq!(names(&filtered), ["Ana Lima"]);
}

#[tokio::test]
async fn a_landline_is_not_found_as_a_mobile() {
    let Some((_app, reception)) = with_people(&[json!({"name": "Ana Lima", "phone": "(71) 3211-2233"})]).await else {
        return;
    };
    assert_eq!(search(&reception, "71 3211-2233").await, ["Ana Lima"]);
    assert!(search(&reception, "71 93211-2233").await.is_empty());
}

#[tokio::test]
async fn an_e_mail_address_is_found_by_its_beginning() {
    let Some((_app, reception)) = with_people(&[json!({"name": "Ana Lima", "email": "quem.sabe@example.com"})]).await
    else {
        return;
    };
    for q in ["quem", "Quem.Sabe", "quem.sabe@", "QUEM.SABE@EXAMPLE.COM"] {
        assert_eq!(search(&reception, q).await, ["Ana Lima"], "{q}");
    }
    assert!(search(&reception, "sabe@").await.is_empty());
    let filtered = reception
        .get("/v1/contacts?email=Quem.Sabe@example.com")
        .await
        .expect_status(200);
    assert_eq!(names(&filtered), ["Ana Lima"]);
}

#[tokio::test]
async fn a_document_is_found_with_and_without_punctuation() {
    let person = json!({"name": "Ana Lima", "tax_id": "390.533.447-05", "national_health_id": "898000000043208"});
    let Some((_app, reception)) = with_people(&[person]).await else {
        return;
    };
    for q in ["39053344705", "390.533.447-05", "390.533", "898 0000 0004 3208"] {
        assert_eq!(search(&reception, q).await, ["Ana Lima"], "{q}");
    }
    let filtered = reception
        .get("/v1/contacts?tax_id=390.533.447-05")
        .await
        .expect_status(200);
    assert_eq!(names(&filtered), ["Ana Lima"]);
}

#[tokio::test]
async fn what_like_takes_for_a_pattern_means_itself() {
    let people = [
        "Ana 100% Lima",
        "Ana 1000 Lima",
        "Bia A_B",
        "Bia AXB",
        r"Caio C\D",
        "Caio CD",
    ]
    .map(|name| json!({"name": name}));
    let Some((_app, reception)) = with_people(&people).await else {
        return;
    };
    for (q, found) in [
        ("100%", vec!["Ana 100% Lima"]),
        ("lima 0%", vec![]),
        ("bia a_b", vec!["Bia A_B"]),
        ("a_b", vec!["Bia A_B"]),
        (r"c\d", vec![r"Caio C\D"]),
        ("%", vec![]),
        ("_", vec![]),
        ("%%%", vec![]),
        ("'", vec![]),
        ("';--", vec![]),
    ] {
        assert_eq!(search(&reception, q).await, found, "{q}");
    }
}

#[tokio::test]
async fn what_would_find_everybody_finds_nobody() {
    let Some((_app, reception)) = with_people(&[]).await else {
        return;
    };
    for q in ["", " ", "1", "12"] {
        assert_eq!(reception.get(&search_path(q)).await.status, 422, "{q:?}");
    }
    // Marks that are nothing without a letter, and signs.
    for q in ["\u{301}", "\u{200b}", "-", ".", "\u{10ffff}"] {
        let answer = reception.get(&search_path(q)).await;
        assert!(answer.status == 422 || answer.data().is_empty(), "{q:?}: {answer}");
    }
}

#[tokio::test]
async fn the_archived_are_found_only_by_those_who_ask_for_them() {
    let Some((_app, reception)) = with_people(&[json!({"name": "Ana Presente"})]).await else {
        return;
    };
    let away = make_id(
        &reception,
        json!({"name": "Ana Ausente", "phone": "71 98111-2233", "email": "ausente@example.com", "tax_id": cpf(7)}),
    )
    .await;
    reception
        .delete(&format!("/v1/contacts/{away}"))
        .await
        .assert_status(204);
    for q in ["ausente", "ana ausente", "98111", "ausente@example.com", &cpf(7)] {
        assert!(search(&reception, q).await.is_empty(), "{q}");
    }
    assert!(!names(&reception.get("/v1/contacts").await).contains(&"Ana Ausente".to_owned()));
    let archived = |query: &str| format!("/v1/contacts?status=archived{query}");
    for query in ["", "&q=ausente", "&q=ana", "&q=98111"] {
        assert_eq!(
            names(&reception.get(&archived(query)).await),
            ["Ana Ausente"],
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_clinic_finds_its_own_people_alone() {
    let Some(app) = TestApp::start().await else { return };
    let (aurora, horizonte) = (app.actor("reception@aurora"), app.actor("reception@horizonte"));
    // The same CPF in both clinics.
    assert_eq!(search(&aurora, "529.982.247-25").await, ["Maria da Conceição Silva"]);
    assert_eq!(search(&horizonte, "529.982.247-25").await, ["Pedro Henrique Farias"]);
    for q in ["farias", "pedro", "pedro.farias@", "99123"] {
        assert!(search(&aurora, q).await.is_empty(), "{q}");
        assert_eq!(search(&horizonte, q).await, ["Pedro Henrique Farias"], "{q}");
    }
}

#[tokio::test]
async fn filters_narrow_the_list_together() {
    let people = [
        json!({"name": "Ana Um", "kind": "lead", "tags": ["vip"], "birth_date": "1990-01-02"}),
        json!({"name": "Ana Dois", "kind": "patient", "tags": ["vip", "novo"], "birth_date": "1990-01-02"}),
        json!({"name": "Ana Tres", "kind": "patient", "status": "inactive", "tags": ["novo"]}),
    ];
    let Some((_app, reception)) = with_people(&people).await else {
        return;
    };
    for (query, found) in [
        ("tag=vip", vec!["Ana Dois", "Ana Um"]),
        ("tag=vip&kind=lead", vec!["Ana Um"]),
        ("birth_date=1990-01-02&kind=patient", vec!["Ana Dois"]),
        ("status=inactive", vec!["Ana Tres"]),
        ("q=ana&tag=novo", vec!["Ana Dois", "Ana Tres"]),
        ("q=dois&tag=novo&sort=-name", vec!["Ana Dois"]),
        ("tag=nenhuma", vec![]),
    ] {
        let answer = reception.get(&format!("/v1/contacts?{query}")).await.expect_status(200);
        assert_eq!(names(&answer), found, "{query}");
    }
}

#[tokio::test]
async fn all_bad_parameters_of_a_kind_are_told_at_once() {
    let Some((_app, reception)) = with_people(&[]).await else {
        return;
    };
    let answer = reception
        .get("/v1/contacts?kind=friend&status=gone&phone=1&email=x&tax_id=1&birth_date=yesterday&q=1")
        .await;
    assert_faults(
        &answer,
        &[
            "kind unknown_kind",
            "status unknown_status",
            "phone invalid_length",
            "email invalid_email",
            "tax_id invalid_length",
            "birth_date invalid_date",
            "q too_short",
        ],
    );
    for query in [
        "colour=red",
        "limit=0",
        "limit=101",
        "sort=birth_date",
        "include=appointments",
        "cursor=abc",
        "fields=name,secret",
    ] {
        let answer = reception.get(&format!("/v1/contacts?{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {answer}");
        answer.assert_is_problem();
    }
}

#[tokio::test]
async fn a_list_shows_only_the_fields_asked_for() {
    let Some((_app, reception)) = with_people(&[]).await else {
        return;
    };
    let answer = reception
        .get("/v1/contacts?q=maria&fields=name,phone")
        .await
        .expect_status(200);
    assert_eq!(
        answer.body["data"],
        json!([{"name": "Maria da Conceição Silva", "phone": "+5511987654321"}])
    );
}

/// Pages through the list at `path`, and lets `between` act before each page but the first; gives the ids in order.
async fn page_through(reader: &Actor, path: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = path.to_owned();
    for page in 1.. {
        let answer = reader.get(&next).await.expect_status(200);
        ids.extend(answer.data().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = cursor(&answer) else {
            assert_eq!(answer.body["page"]["has_more"], false);
            break;
        };
        assert!(
            answer
                .header("link")
                .is_some_and(|link| link.contains(&cursor) && link.ends_with("rel=\"next\""))
        );
        assert!(page < 50, "the list does not end");
        between(page).await;
        next = format!("{path}&cursor={cursor}");
    }
    ids
}

async fn ids_named(database: &TestDatabase, pattern: &str) -> BTreeSet<String> {
    let rows = database
        .connect(Role::Maintenance)
        .await
        .query(
            "SELECT id FROM contacts WHERE clinic_id = $1 AND name LIKE $2",
            &[world::clinic("aurora").as_uuid(), &pattern],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get::<_, Uuid>(0).to_string()).collect()
}

/// Asserts that paging through every order of the list with `query` shows each of those there from the beginning once, and
/// nobody twice, while others come in before, between and behind them.
async fn assert_pages_whole(query: &str) {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    fill(&app.database, "Meio Silva", 35).await;
    fill(&app.database, "Silva Meio", 35).await;
    let there = ids_named(&app.database, "%Meio%").await;
    for sort in SORTS {
        let path = format!("/v1/contacts?limit=9&sort={sort}{query}");
        let seen = page_through(&reception, &path, async |page| {
            let names = ["Aa Silva", "Meio Silva 004", "Silva Meio 004", "Silva Zz", "Zz Silva"];
            let name = format!("{} novo {page}", names[page % names.len()]);
            let _ = make(&reception, json!({"name": name})).await;
        })
        .await;
        let distinct: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(seen.len(), distinct.len(), "{sort}: somebody came twice");
        let lost: Vec<_> = there.difference(&distinct).collect();
        assert!(lost.is_empty(), "{sort}: {lost:?} did not come");
    }
}

#[tokio::test]
async fn pages_of_every_order_neither_repeat_nor_skip_while_people_are_added() {
    assert_pages_whole("").await;
}

#[tokio::test]
async fn pages_of_a_search_neither_repeat_nor_skip_while_people_are_added() {
    assert_pages_whole("&q=silva").await;
}

#[tokio::test]
async fn pages_of_a_filtered_search_neither_repeat_nor_skip_while_people_are_added() {
    assert_pages_whole("&q=silva&kind=patient").await;
}

#[tokio::test]
async fn each_order_is_kept_over_all_pages() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    fill(&app.database, "Meio Silva", 70).await;
    for query in ["", "&q=meio"] {
        for sort in SORTS {
            let mut keys: Vec<(String, String)> = Vec::new();
            let mut path = format!("/v1/contacts?limit=9&sort={sort}{query}");
            loop {
                let answer = reception.get(&path).await.expect_status(200);
                keys.extend(answer.data().iter().map(|row| {
                    let field = row[sort.trim_start_matches('-')].as_str().unwrap();
                    let accentless = field.to_lowercase().replace('ã', "a").replace('ç', "c");
                    (accentless, row["id"].as_str().unwrap().to_owned())
                }));
                let Some(cursor) = cursor(&answer) else { break };
                path = format!("/v1/contacts?limit=9&sort={sort}{query}&cursor={cursor}");
            }
            if sort.starts_with('-') {
                keys.reverse();
            }
            assert!(keys.len() >= 70, "{sort}{query}");
            assert!(keys.is_sorted(), "{sort}{query}: {keys:#?}");
        }
    }
}

#[tokio::test]
async fn a_cursor_goes_on_only_where_it_came_from() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    fill(&app.database, "Meio Silva", 12).await;
    let first = reception.get("/v1/contacts?limit=5").await;
    let cursor = cursor(&first).unwrap();
    reception
        .get(&format!("/v1/contacts?limit=7&cursor={cursor}"))
        .await
        .assert_status(200);
    for query in ["sort=-name", "q=meio", "kind=patient", "status=archived"] {
        let answer = reception.get(&format!("/v1/contacts?{query}&cursor={cursor}")).await;
        assert_eq!(answer.status, 422, "{query}: {answer}");
    }
    let foreign = app
        .get("reception@horizonte", &format!("/v1/contacts?limit=5&cursor={cursor}"))
        .await;
    assert_eq!(foreign.status, 422, "{foreign}");
    let mut forged = cursor.into_bytes();
    let last = forged.len() - 1;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let answer = reception
        .get(&format!(
            "/v1/contacts?limit=5&cursor={}",
            String::from_utf8(forged).unwrap()
        ))
        .await;
    assert_eq!(answer.status, 422, "{answer}");
}

/// Asks for `path` until `enough` of its rows are there. What was just written is shown only once no older transaction is open,
/// on the whole server of the tests: so it may be asked for several times.
async fn list_when(reader: &Actor, path: &str, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
    let asking = async {
        loop {
            let found = names(&reader.get(path).await.expect_status(200));
            if enough(&found) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking)
        .await
        .expect("what was written is shown at last")
}

/// The time of the last write of the contact.
async fn updated_at(reader: &Actor, id: &str) -> String {
    let contact = reader.get(&format!("/v1/contacts/{id}")).await.expect_status(200);
    contact.body["updated_at"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_changed_since_is_listed_archived_or_not() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let before = make_id(&reception, json!({"name": "Antes"})).await;
    let id = make_id(&reception, json!({"name": "Depois"})).await;
    // The list reaches back by a minute, for what commits late.
    let since = DateTime::parse_from_rfc3339(&updated_at(&reception, &id).await).unwrap() + TimeDelta::minutes(1);
    let since = since.to_rfc3339();
    let away = make_id(&reception, json!({"name": "Fora"})).await;
    reception
        .delete(&format!("/v1/contacts/{away}"))
        .await
        .assert_status(204);
    let path = format!("/v1/contacts?sort=updated_at&updated_since={}", encoded(&since));
    let found = list_when(&reception, &path, |found| found.len() >= 2).await;
    assert_eq!(found, ["Depois", "Fora"]);
    reception
        .patch(&format!("/v1/contacts/{before}"), json!({"insurer": "Unimed"}))
        .await
        .assert_status(200);
    let found = list_when(&reception, &path, |found| found.len() >= 3).await;
    assert_eq!(found, ["Depois", "Fora", "Antes"]);
}

#[tokio::test]
async fn a_change_that_commits_late_is_not_passed_over() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let since = updated_at(&reception, &make_id(&reception, json!({"name": "Antes"})).await).await;
    let slow = app.database.connect(Role::Maintenance).await;
    slow.batch_execute("BEGIN").await.unwrap();
    slow.execute(
        "UPDATE contacts SET insurer = 'Unimed' WHERE id = $1",
        &[world::contact("joao").as_uuid()],
    )
    .await
    .unwrap();
    let _ = make(&reception, json!({"name": "Rápida"})).await;
    // The one that was committed waits for the one that began before it, so that who goes on from it loses nothing.
    let path = format!("/v1/contacts?sort=updated_at&updated_since={}", encoded(&since));
    assert!(!names(&reception.get(&path).await).contains(&"Rápida".to_owned()));
    slow.batch_execute("COMMIT").await.unwrap();
    let found = list_when(&reception, &path, |found| found.contains(&"Rápida".to_owned())).await;
    assert_eq!(found, ["Antes", "João Pereira", "Rápida"]);
}

#[tokio::test]
async fn a_list_of_a_hundred_costs_as_many_statements_as_a_list_of_one() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    fill(&app.database, "Meio Silva", 110).await;
    let maintenance = app.database.connect(Role::Maintenance).await;
    maintenance
        .batch_execute(
            "INSERT INTO contact_phones (clinic_id, contact_id, position, number, match_key, kind, is_primary)
             SELECT clinic_id, id, 0, '+5511987650000', '+5511987650000', 'mobile', true FROM contacts WHERE name LIKE 'Meio%';
             INSERT INTO contact_consents (clinic_id, contact_id, id, purpose, granted, origin, recorded_at)
             SELECT clinic_id, id, gen_random_uuid(), 'marketing', true, 'form', now() FROM contacts WHERE name LIKE 'Meio%'",
        )
        .await
        .unwrap();
    // Each connection tells the database once who asks; so the second of two requests is counted.
    for query in [
        "",
        "q=meio",
        "q=silva",
        "q=98765",
        "q=meio&sort=-name",
        "sort=-created_at",
        "kind=patient",
        "phone=11987650000",
    ] {
        let cost = async |limit: u32| {
            let _ = reception
                .get(&format!("/v1/contacts?limit={}&{query}", limit + 1))
                .await;
            let answer = reception
                .get(&format!("/v1/contacts?limit={limit}&{query}"))
                .await
                .expect_status(200);
            (answer.data().len(), answer.statements())
        };
        let (one, of_one) = cost(1).await;
        let (many, of_many) = cost(99).await;
        assert_eq!((one, many), (1, 99), "{query}");
        assert_eq!(of_one, of_many, "{query}");
    }
}

#[tokio::test]
async fn a_day_of_birth_that_no_calendar_of_ours_has_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    for date in ["-9999-01-01", "%2B99999-01-01", "0000-01-01"] {
        let answer = app
            .get("reception@aurora", &format!("/v1/contacts?birth_date={date}"))
            .await;
        assert_faults(&answer, &["birth_date invalid_date"]);
    }
}
