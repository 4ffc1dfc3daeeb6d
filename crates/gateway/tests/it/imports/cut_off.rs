//! Work that is cut off: nothing is lost, nothing is done twice.

use chrono::TimeDelta;
use test_support::Role;

use super::*;

/// Asserts that each of the people of a file, and each line, is there once.
async fn assert_each_once(app: &TestApp, people: i64) {
    let made = "SELECT count(*) FROM contacts WHERE name LIKE 'Pessoa Número %'";
    let apart = "SELECT count(DISTINCT name) FROM contacts WHERE name LIKE 'Pessoa Número %'";
    let lines = "SELECT count(DISTINCT made_id) FROM import_rows r JOIN contacts c ON c.id = r.made_id";
    assert_eq!(
        (count(app, made).await, count(app, apart).await, count(app, lines).await),
        (people, people, people)
    );
}

#[tokio::test]
async fn another_gateway_goes_on_where_one_was_stopped() {
    let Some(mut app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "contacts", people_file(1250)).await;
    act(&owner, &import, "start").await.assert_status(202);
    until(&owner, &import, "some rows are in", |body| {
        body["rows_done"].as_i64() >= Some(200)
    })
    .await;
    app.start_again().await;
    let owner = app.actor("owner@aurora");
    let at = owner.get(&import).await.expect_status(200).body["rows_done"].as_i64();
    let ended = reached(&owner, &import, "completed").await;
    assert_eq!(counts(&ended), [1250, 0, 0], "went on from {at:?}");
    assert_each_once(&app, 1250).await;
}

#[tokio::test]
async fn connections_that_are_killed_again_and_again_double_and_lose_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let server = app.database.connect(Role::App).await;
    let import = take(&owner, "contacts", people_file(650)).await;
    act(&owner, &import, "start").await.assert_status(202);
    // What failed is due again after a pause, so time goes on while we look.
    let time_goes_on = || app.clock.advance(TimeDelta::milliseconds(100));
    for rows in [1, 201, 401] {
        until(&owner, &import, "more rows are in", |body| {
            time_goes_on();
            body["rows_done"].as_i64() >= Some(rows)
        })
        .await;
        server
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'taskmed_app' AND pid <> pg_backend_pid()",
                &[],
            )
            .await
            .unwrap();
    }
    let ended = until(&owner, &import, "all rows are in", |body| {
        time_goes_on();
        body["status"] == "completed"
    })
    .await;
    assert_eq!(counts(&ended), [650, 0, 0]);
    assert_each_once(&app, 650).await;
}

#[tokio::test]
async fn undoing_goes_on_where_it_was_stopped() {
    let Some(mut app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "contacts", people_file(620)).await;
    done(&owner, &import, "start", "completed").await;
    act(&owner, &import, "undo").await.assert_status(202);
    until(&owner, &import, "some are taken back", |body| {
        body["removed"].as_i64() >= Some(100)
    })
    .await;
    app.start_again().await;
    let owner = app.actor("owner@aurora");
    let ended = reached(&owner, &import, "undone").await;
    assert_eq!(
        (ended["removed"].as_i64(), ended["stayed"].as_i64()),
        (Some(620), Some(0))
    );
    let left = "SELECT count(*) FROM contacts WHERE name LIKE 'Pessoa Número %' AND archived_at IS NULL";
    assert_eq!(count(&app, left).await, 0);
}
