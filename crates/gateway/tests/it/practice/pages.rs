//! Every list of a clinic's practice and accounts goes on page by page, each row once, in order, however it is sorted.

use std::collections::HashSet;

use serde_json::{Value, json};
use test_support::{Actor, Answer, world};

use super::column;
use crate::accounts::{assert_fault, sql};
use crate::app::{TestApp, until};

/// How many rows each list gets: more than two pages of the usual size.
const ROWS: usize = 60;

/// The pages of `path`, which has a query already, until there is no next one.
async fn pages(actor: &Actor, path: &str) -> Vec<Answer> {
    let first = actor.get(path).await.expect_status(200);
    pages_from(actor, path, first).await
}

/// `first` and the pages after it.
async fn pages_from(actor: &Actor, path: &str, first: Answer) -> Vec<Answer> {
    let mut pages = vec![first];
    while let Some(cursor) = pages.last().unwrap().body["page"]["next_cursor"].as_str() {
        assert!(pages.len() <= 100, "{path} never ends");
        let next = format!("{path}&cursor={cursor}");
        pages.push(actor.get(&next).await.expect_status(200));
    }
    pages
}

/// Walks the list by its usual page and by a small one, and asserts that each of `expected` rows comes once.
async fn assert_pages(actor: &Actor, path: &str, expected: usize) {
    for limit in ["", "limit=7"] {
        let pages = pages(actor, &format!("{path}{limit}")).await;
        let (last, full) = pages.split_last().unwrap();
        let size = if limit.is_empty() { 25 } else { 7 };
        for page in full {
            assert_eq!(page.data().len(), size, "{path}{limit}");
            assert_eq!(page.body["page"]["has_more"], true);
            assert!(
                page.header("link").is_some_and(|link| link.ends_with("rel=\"next\"")),
                "{page}"
            );
        }
        assert_eq!(last.body["page"], json!({"next_cursor": null, "has_more": false}));
        assert_eq!(last.header("link"), None);
        let ids: Vec<&str> = pages.iter().flat_map(|page| column(page, "id")).collect();
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!((ids.len(), distinct.len()), (expected, expected), "{path}{limit}");
    }
}

/// Asserts that the pages of the list in one order are those of the other, from behind.
async fn assert_order_turns(actor: &Actor, path: &str, sort: &str) {
    let ids = |pages: &[Answer]| -> Vec<String> {
        pages
            .iter()
            .flat_map(|page| column(page, "id"))
            .map(str::to_owned)
            .collect()
    };
    let forward = ids(&pages(actor, &format!("{path}sort={sort}&limit=7")).await);
    let mut backward = ids(&pages(actor, &format!("{path}sort=-{sort}&limit=7")).await);
    backward.reverse();
    assert_eq!(forward, backward, "{path}{sort}");
}

/// Inserts [`ROWS`] rows into `table` of aurora, `columns` being computed from the number `n`.
async fn fill(app: &TestApp, table: &str, columns: &str, values: &str) {
    let statement = format!(
        "INSERT INTO {table} (clinic_id, id, {columns})
         SELECT '{}', ('01930000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, {values}
         FROM generate_series(1, {ROWS}) n",
        world::clinic("aurora")
    );
    assert_eq!(sql(app, &statement).await, u64::try_from(ROWS).unwrap());
}

#[tokio::test]
async fn rooms_are_paged() {
    let Some(app) = TestApp::start().await else { return };
    // Made at the same moment: what tells them apart in that order is the id alone.
    fill(&app, "rooms", "name, created_at", "'Sala ' || n, '2026-11-01'").await;
    let admin = app.actor("admin@aurora");
    assert_pages(&admin, "/v1/rooms?", ROWS + 2).await;
    for sort in ["name", "created_at"] {
        assert_order_turns(&admin, "/v1/rooms?", sort).await;
    }
}

#[tokio::test]
async fn services_are_paged() {
    let Some(app) = TestApp::start().await else { return };
    fill(
        &app,
        "services",
        "name, duration_minutes, price_cents",
        "'Serviço ' || n, 30, 100 * n",
    )
    .await;
    let admin = app.actor("admin@aurora");
    assert_pages(&admin, "/v1/services?", ROWS + 2).await;
    for sort in ["name", "created_at"] {
        assert_order_turns(&admin, "/v1/services?", sort).await;
    }
}

#[tokio::test]
async fn practitioners_of_one_name_are_paged() {
    let Some(app) = TestApp::start().await else { return };
    let columns = "name, council, council_number, council_state";
    fill(
        &app,
        "practitioners",
        columns,
        "'José da Silva', 'CRM', (1000 + n)::text, 'SP'",
    )
    .await;
    let admin = app.actor("admin@aurora");
    assert_pages(&admin, "/v1/practitioners?", ROWS + 2).await;
    for sort in ["name", "created_at"] {
        assert_order_turns(&admin, "/v1/practitioners?", sort).await;
    }
}

#[tokio::test]
async fn the_staff_is_paged() {
    let Some(app) = TestApp::start().await else { return };
    let users = format!(
        "INSERT INTO users (id, email, name)
         SELECT ('01930000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, 'm' || n || '@aurora.example',
                'Membro ' || (n % 9)
         FROM generate_series(1, {ROWS}) n"
    );
    sql(&app, &users).await;
    let user = "('01930000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, ARRAY['receptionist']";
    fill(&app, "memberships", "user_id, roles", user).await;
    let admin = app.actor("admin@aurora");
    assert_pages(&admin, "/v1/staff?", ROWS + 7).await;
    for sort in ["name", "created_at"] {
        assert_order_turns(&admin, "/v1/staff?", sort).await;
    }
}

#[tokio::test]
async fn opening_hours_are_paged() {
    let Some(app) = TestApp::start().await else { return };
    let values = "6 + n % 2, time '00:00' + n * interval '10 minutes', time '00:05' + n * interval '10 minutes'";
    fill(&app, "opening_hours", "weekday, opens_at, closes_at", values).await;
    assert_pages(&app.actor("admin@aurora"), "/v1/opening-hours?", ROWS + 10).await;
}

#[tokio::test]
async fn time_off_is_paged() {
    let Some(app) = TestApp::start().await else { return };
    let values = "timestamptz '2027-01-01' + (n % 5) * interval '1 day', timestamptz '2027-02-01', 'Motivo ' || n";
    fill(&app, "time_off", "starts_at, ends_at, reason", values).await;
    let admin = app.actor("admin@aurora");
    assert_pages(&admin, "/v1/time-off?", ROWS + 1).await;
    assert_order_turns(&admin, "/v1/time-off?", "starts_at").await;
}

#[tokio::test]
async fn holidays_are_paged() {
    let Some(app) = TestApp::start().await else { return };
    fill(
        &app,
        "holidays",
        "date, name, scope",
        "date '2027-01-01' + n, 'Dia ' || n, 'clinic'",
    )
    .await;
    let admin = app.actor("admin@aurora");
    assert_pages(&admin, "/v1/holidays?", ROWS + 1).await;
    assert_order_turns(&admin, "/v1/holidays?", "date").await;
}

#[tokio::test]
async fn sessions_are_paged() {
    let Some(app) = TestApp::start().await else { return };
    let values = format!(
        "'{}', '{}', '2027-11-20'",
        world::user("reception@aurora"),
        world::membership("reception@aurora")
    );
    fill(&app, "sessions", "user_id, membership_id, expires_at", &values).await;
    assert_pages(&app.actor("reception@aurora"), "/v1/sessions?", ROWS + 1).await;
}

#[tokio::test]
async fn invitations_are_paged() {
    let Some(app) = TestApp::start().await else { return };
    let values = "'m' || n || '@aurora.example', 'Membro', ARRAY['receptionist'], sha256(n::text::bytea), '2026-12-20'";
    fill(
        &app,
        "invitations",
        "email, name, roles, secret_hash, expires_at",
        values,
    )
    .await;
    assert_pages(&app.actor("admin@aurora"), "/v1/invitations?", ROWS).await;
}

#[tokio::test]
async fn api_keys_are_paged() {
    let Some(app) = TestApp::start().await else { return };
    let values = format!(
        "'Chave ' || n, sha256(n::text::bytea), 'abcd', ARRAY['contacts:read'], '{}'",
        world::membership("owner@aurora")
    );
    fill(
        &app,
        "api_keys",
        "name, secret_hash, secret_hint, permissions, created_by",
        &values,
    )
    .await;
    assert_pages(&app.actor("admin@aurora"), "/v1/api-keys?", ROWS).await;
}

#[tokio::test]
async fn a_filter_holds_on_every_page() {
    let Some(app) = TestApp::start().await else { return };
    let archived = "'Sala ' || n, CASE WHEN n % 2 = 0 THEN timestamptz '2026-11-19' END";
    fill(&app, "rooms", "name, archived_at", archived).await;
    let admin = app.actor("admin@aurora");
    assert_pages(&admin, "/v1/rooms?status=archived&", ROWS / 2).await;
    assert_pages(&admin, "/v1/rooms?status=any&", ROWS + 2).await;
}

#[tokio::test]
async fn a_row_made_while_paging_is_neither_skipped_nor_does_it_push_another_out() {
    let Some(app) = TestApp::start().await else { return };
    fill(&app, "rooms", "name", "'Sala ' || lpad(n::text, 3, '0')").await;
    let admin = app.actor("admin@aurora");
    let first = admin.get("/v1/rooms?limit=30").await.expect_status(200);
    admin.post("/v1/rooms", json!({"name": "AAA"})).await.assert_status(201);
    let pages = pages_from(&admin, "/v1/rooms?limit=30", first).await;
    let names: Vec<_> = pages.iter().flat_map(|page| column(page, "name")).collect();
    let distinct: HashSet<_> = names.iter().collect();
    assert_eq!((names.len(), distinct.len()), (ROWS + 2, ROWS + 2));
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let Some(app) = TestApp::start().await else { return };
    fill(&app, "rooms", "name", "'Sala ' || n").await;
    let admin = app.actor("admin@aurora");
    let first = admin.get("/v1/rooms").await.expect_status(200);
    let cursor = first.body["page"]["next_cursor"].as_str().unwrap();
    for elsewhere in [
        format!("/v1/services?cursor={cursor}"),
        format!("/v1/rooms?sort=-name&cursor={cursor}"),
        format!("/v1/rooms?status=any&cursor={cursor}"),
        format!("/v1/rooms?cursor={cursor}x"),
        format!("/v1/rooms?cursor=x{cursor}"),
        "/v1/rooms?cursor=".to_owned(),
    ] {
        let answer = admin.get(&elsewhere).await;
        answer.assert_status(422);
        let pointer = answer.body["errors"][0]["pointer"].clone();
        assert_eq!(pointer, Value::from("cursor"), "{elsewhere}: {answer}");
    }
    let neighbour = app
        .actor("admin@horizonte")
        .get(&format!("/v1/rooms?cursor={cursor}"))
        .await;
    neighbour.assert_status(422);
}

#[tokio::test]
async fn a_page_has_one_to_a_hundred_rows() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for limit in ["0", "101", "-1", "x"] {
        admin.get(&format!("/v1/rooms?limit={limit}")).await.assert_status(422);
    }
    admin.get("/v1/rooms?limit=").await.assert_status(200);
    assert_eq!(admin.get("/v1/rooms?limit=1").await.expect_status(200).data().len(), 1);
    assert_eq!(
        admin.get("/v1/rooms?limit=100").await.expect_status(200).data().len(),
        2
    );
}

#[tokio::test]
async fn an_order_that_a_list_does_not_offer_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for path in [
        "/v1/rooms",
        "/v1/staff",
        "/v1/opening-hours",
        "/v1/holidays",
        "/v1/sessions",
        "/v1/api-keys",
    ] {
        let answer = admin.get(&format!("{path}?sort=secret_hash")).await;
        assert_fault(&answer, "sort", "unknown_sort");
    }
}

#[tokio::test]
async fn what_was_changed_since_is_listed_alone() {
    let Some(app) = TestApp::start().await else { return };
    // The database writes the time of a change by its own clock, which runs on from today.
    sql(&app, "UPDATE rooms SET name = name || ' A'").await;
    let admin = app.actor("admin@aurora");
    // Rows are shown as soon as no older transaction is open; other tests have theirs in the same cluster.
    until("the changes are settled", async || {
        let changed = admin.get("/v1/rooms?updated_since=2000-01-01T00:00:00Z").await;
        changed.expect_status(200).data().len() == 2
    })
    .await;
    let none = admin
        .get("/v1/rooms?updated_since=2150-01-01T00:00:00Z")
        .await
        .expect_status(200);
    assert!(none.data().is_empty());
}
