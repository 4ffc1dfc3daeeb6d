//! Pages, cursors, links, and lists of what has changed.

use serde_json::{Value, json};
use test_support::{Actor, Role, world};

use crate::app::TestApp;
use crate::app::until;

/// Follows `Link: …; rel="next"` from `path` on; the rows of every page.
async fn follow(actor: &Actor, path: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = actor.get(&path).await.expect_status(200);
        pages.push(page.data().to_vec());
        let link = page.header("link").map(str::to_owned);
        assert_eq!(link.is_some(), page.body["page"]["has_more"] == true, "{page}");
        assert_eq!(link.is_some(), page.body["page"]["next_cursor"].is_string(), "{page}");
        next = link.map(|link| {
            let (address, relation) = link.split_once('>').unwrap();
            assert_eq!(relation, "; rel=\"next\"");
            address.trim_start_matches('<').to_owned()
        });
        assert!(pages.len() < 100, "the pages never end");
    }
    pages
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let Some(app) = TestApp::start().await else { return };
    let director = app.actor("director@aurora");
    for list in [
        "/v1/contacts?",
        "/v1/contacts?sort=-created_at&",
        "/v1/contacts?sort=-name&",
        "/v1/staff?",
        "/v1/rooms?",
        "/v1/services?",
        "/v1/practitioners?",
        "/v1/opening-hours?",
        "/v1/appointments?from=2026-11-01T00:00:00Z&to=2026-11-30T00:00:00Z&",
    ] {
        let whole: Vec<Value> = follow(&director, &format!("{list}limit=100")).await.concat();
        assert!(whole.len() > 1, "{list}");
        let pages = follow(&director, &format!("{list}limit=1")).await;
        assert!(pages.iter().all(|page| page.len() == 1), "{list}");
        assert_eq!(pages.concat(), whole, "{list}");
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_clinic_list_order_and_filter() {
    let Some(app) = TestApp::start().await else { return };
    let director = app.actor("director@aurora");
    let first = director
        .get("/v1/contacts?limit=1&sort=name&kind=patient")
        .await
        .expect_status(200);
    let cursor = first.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    director
        .get(&format!("/v1/contacts?limit=1&sort=name&kind=patient&cursor={cursor}"))
        .await
        .assert_status(200);
    // How many rows, and which of their fields, is free to change.
    director
        .get(&format!(
            "/v1/contacts?limit=2&fields=id&sort=name&kind=patient&cursor={cursor}"
        ))
        .await
        .assert_status(200);
    let mut tampered = cursor.clone().into_bytes();
    let last = tampered.len() - 2;
    tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    let misuses = [
        (
            "director@aurora",
            format!("/v1/contacts?sort=-name&kind=patient&cursor={cursor}"),
        ),
        (
            "director@aurora",
            format!("/v1/contacts?sort=name&kind=lead&cursor={cursor}"),
        ),
        ("director@aurora", format!("/v1/contacts?sort=name&cursor={cursor}")),
        ("director@aurora", format!("/v1/staff?cursor={cursor}")),
        (
            "director@horizonte",
            format!("/v1/contacts?sort=name&kind=patient&cursor={cursor}"),
        ),
        (
            "director@aurora",
            format!("/v1/contacts?sort=name&kind=patient&cursor={tampered}"),
        ),
    ];
    for (member, path) in misuses {
        let answer = app.get(member, &path).await;
        answer.assert_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["code"], "invalid_cursor", "{path}: {answer}");
    }
}

#[tokio::test]
async fn what_commits_late_is_not_skipped() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let changed_since = async |path: &str| -> Vec<String> {
        let page = reception.get(path).await.expect_status(200);
        page.data()
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let slow = app.database.connect(Role::Maintenance).await;
    let quick = app.database.connect(Role::Maintenance).await;
    let rename = |key: &str, name: &str| {
        format!(
            "UPDATE contacts SET name = '{name}' WHERE id = '{}'",
            world::contact(key)
        )
    };
    let start = slow
        .query_one(
            "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            &[],
        )
        .await
        .unwrap();
    let path = format!("/v1/contacts?updated_since={}", start.get::<_, String>(0));
    slow.batch_execute("BEGIN").await.unwrap();
    slow.batch_execute(&rename("maria", "Maria Tardia")).await.unwrap();
    quick.batch_execute(&rename("joao", "João Ligeiro")).await.unwrap();
    // João's change is later than Maria's, so whoever has seen it would ask for nothing as early as hers again.
    assert_eq!(changed_since(&path).await, Vec::<String>::new());
    slow.batch_execute("COMMIT").await.unwrap();
    until("both changes are shown", async || {
        let names = changed_since(&path).await;
        assert!(names.len() != 1, "one without the other: {names:?}");
        names.len() == 2
    })
    .await;
}

#[tokio::test]
async fn what_has_changed_waits_for_transactions_that_are_open_so_that_none_is_passed_over() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let slow = app.database.connect(Role::Maintenance).await;
    slow.batch_execute("BEGIN; SELECT pg_current_xact_id();").await.unwrap();
    let person = async || {
        let made = owner.post("/v1/contacts", json!({"name": "Ana Lima"})).await;
        made.expect_status(201).id().to_owned()
    };
    let (into, from) = (person().await, person().await);
    let entry = json!({"contact_id": world::contact("ana"), "service_id": world::service("consulta")});
    owner.post("/v1/waitlist", entry).await.assert_status(201);
    crate::imports::upload(&owner, "contacts", "Nome\nAna\n")
        .await
        .assert_status(201);
    let merge = json!({"from_id": from, "keep": {}});
    owner
        .post(&format!("/v1/contacts/{into}/merge"), merge)
        .await
        .assert_status(200);
    let lists = [
        "/v1/waitlist".to_owned(),
        "/v1/imports".to_owned(),
        format!("/v1/contacts/{into}/merges"),
    ];
    for list in &lists {
        let all = owner.get(list).await.expect_status(200);
        assert_eq!(all.data().len(), 1, "{list}");
        let path = format!("{list}?updated_since=2020-01-01T00:00:00Z");
        let changed = owner.get(&path).await.expect_status(200);
        assert!(
            changed.data().is_empty(),
            "{list}: an older transaction may still write behind it"
        );
    }
    slow.batch_execute("COMMIT").await.unwrap();
    for list in &lists {
        let path = format!("{list}?updated_since=2020-01-01T00:00:00Z");
        until("it is listed", async || !owner.get(&path).await.data().is_empty()).await;
    }
}
