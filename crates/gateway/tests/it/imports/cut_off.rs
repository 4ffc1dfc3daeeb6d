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

/// Has every attempt at writing down what became of rows fail, or no more.
async fn refuse_rows(app: &TestApp, refuse: bool) {
    let owner = app.database.connect(Role::Owner).await;
    let statement = if refuse {
        "CREATE FUNCTION refuse_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
         CREATE TRIGGER refuse_rows BEFORE INSERT ON import_rows FOR EACH ROW EXECUTE FUNCTION refuse_rows()"
    } else {
        "DROP TRIGGER refuse_rows ON import_rows; DROP FUNCTION refuse_rows"
    };
    owner.batch_execute(statement).await.unwrap();
}

/// Lets time go by until the import stands so, through all attempts and their pauses.
async fn in_time(app: &TestApp, import: &str, status: &str) -> Value {
    let pauses = |now| {
        format!(
            "SELECT count(*) FROM outbox WHERE kind = 'import.run' AND failed_at IS NULL AND handled_at IS NULL
               AND locked_until IS NULL AND last_error IS NOT NULL AND available_at > '{now}'"
        )
    };
    let waiting = async {
        loop {
            // An hour, and no more, for each attempt: in a month files are forgotten.
            let now = kernel::Clock::now(&*app.clock);
            if count(app, &pauses(now)).await > 0 {
                app.clock.advance(TimeDelta::minutes(61));
                app.shared.wake().notify();
            }
            let shown = app.get("owner@aurora", import).await.expect_status(200);
            if shown.body["status"] == status {
                return shown.body;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), waiting).await;
    waited.unwrap_or_else(|_| panic!("in vain: {status}"))
}

#[tokio::test]
async fn one_whose_work_was_given_up_says_so_and_goes_on_when_it_is_started_again() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let (import, next) = (
        take(&owner, "contacts", people_file(450)).await,
        take(&owner, "contacts", "Nome\nOutra Pessoa\n").await,
    );
    act(&owner, &import, "start").await.assert_status(202);
    until(&owner, &import, "some rows are in", |body| {
        body["rows_done"].as_i64() >= Some(200)
    })
    .await;
    refuse_rows(&app, true).await;
    act(&owner, &next, "start").await.assert_status(202);
    let failed = in_time(&app, &import, "failed").await;
    assert!(failed["fault"].as_str().unwrap().contains("given up"), "{failed}");
    assert!(!failed["finished_at"].is_null());
    let at = failed["rows_done"].as_i64().unwrap();
    assert!((200..450).contains(&at), "{failed}");
    let listed = app
        .get("owner@aurora", "/v1/imports?status=failed")
        .await
        .expect_status(200);
    assert!(listed.data().iter().any(|shown| shown["id"] == failed["id"]));
    // Its turn was the next one's, which fared no better.
    in_time(&app, &next, "failed").await;
    refuse_rows(&app, false).await;
    let owner = app.actor("owner@aurora");
    act(&owner, &import, "start").await.assert_status(202);
    let ended = reached(&owner, &import, "completed").await;
    assert_eq!((counts(&ended), &ended["fault"]), ([450, 0, 0], &Value::Null));
    assert_each_once(&app, 450).await;
    let told = "SELECT count(*) FROM outbox WHERE kind = 'import.finished' AND payload->>'status' = 'failed'";
    assert_eq!(count(&app, told).await, 2);
}
