//! The queue through the front door: how it stands, and what was given up.

use serde_json::{Value, json};
use test_support::{Role, world};

use crate::app::{TestApp, until};

/// Work as it stands in the queue, made past everything that makes it.
struct Row<'r> {
    clinic: &'r str,
    class: &'r str,
    lane: i16,
    kind: &'r str,
    key: Option<&'r str>,
    /// When it is next to be looked at, from now.
    due: &'r str,
    held: bool,
    /// When it was given up, from now.
    failed: Option<&'r str>,
}

impl Default for Row<'_> {
    fn default() -> Self {
        Self {
            clinic: "aurora",
            class: "job",
            lane: 2,
            kind: "test.given_up",
            key: None,
            due: "1 hour",
            held: false,
            failed: Some("-1 hour"),
        }
    }
}

/// Puts `row` into the queue; gives its id. Times are by the clock of the application.
async fn put(app: &TestApp, row: Row<'_>) -> String {
    let Row {
        clinic,
        class,
        lane,
        kind,
        key,
        due,
        held,
        failed,
    } = row;
    let now = kernel::Clock::now(&*app.clock).as_datetime().to_rfc3339();
    let instant = |delta: &str| format!("timestamptz '{now}' + interval '{delta}'");
    let maintenance = app.database.connect(Role::Maintenance).await;
    let statement = format!(
        "INSERT INTO outbox (clinic_id, id, class, lane, kind, key, payload, available_at, attempts, locked_until, failed_at, last_error)
         VALUES ('{clinic}', gen_random_uuid(), '{class}', {lane}, '{kind}', {key}, '{{\"contact_id\": \"secret\"}}', {due}, 3,
             {held}, {failed}, 'the other side refused')
         RETURNING id::text",
        clinic = world::clinic(clinic),
        key = key.map_or("NULL".to_owned(), |key| format!("'{key}'")),
        due = instant(due),
        held = if held { instant("1 minute") } else { "NULL".to_owned() },
        failed = failed.map_or("NULL".to_owned(), instant),
    );
    maintenance.query_one(&statement, &[]).await.unwrap().get(0)
}

/// Something given up in each clinic, for those who want one of each kind of row.
pub(crate) async fn give_up_one_each(app: &TestApp) {
    for clinic in ["aurora", "horizonte"] {
        put(
            app,
            Row {
                clinic,
                ..Row::default()
            },
        )
        .await;
    }
}

/// The column of a row, as text; `None` when the row is gone.
async fn column(app: &TestApp, id: &str, column: &str) -> Option<Option<String>> {
    let maintenance = app.database.connect(Role::Maintenance).await;
    let query = format!("SELECT {column}::text FROM outbox WHERE id = '{id}'");
    let row = maintenance.query_opt(&query, &[]).await.unwrap();
    row.map(|row| row.get(0))
}

async fn audited(app: &TestApp, action: &str, id: &str) -> i64 {
    let maintenance = app.database.connect(Role::Maintenance).await;
    let query = format!("SELECT count(*) FROM audit_log WHERE action = '{action}' AND resource_id = '{id}'");
    maintenance.query_one(&query, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn what_was_given_up_is_listed_the_latest_first_without_what_it_says() {
    let Some(app) = TestApp::start().await else { return };
    let older = put(
        &app,
        Row {
            failed: Some("-2 hours"),
            ..Row::default()
        },
    )
    .await;
    let other = put(
        &app,
        Row {
            kind: "test.other",
            class: "event",
            lane: 0,
            ..Row::default()
        },
    )
    .await;
    let latest = put(
        &app,
        Row {
            failed: Some("-1 minute"),
            ..Row::default()
        },
    )
    .await;
    put(
        &app,
        Row {
            failed: None,
            ..Row::default()
        },
    )
    .await;
    put(
        &app,
        Row {
            clinic: "horizonte",
            ..Row::default()
        },
    )
    .await;
    let owner = app.actor("owner@aurora");
    let ids =
        |rows: &[Value]| -> Vec<String> { rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect() };

    let all = owner.get("/v1/monitoring/dead-letters").await.expect_status(200);
    assert_eq!(ids(all.data()), [latest.clone(), other.clone(), older.clone()]);
    let shown = &all.data()[1];
    assert_eq!(
        [
            &shown["kind"],
            &shown["class"],
            &shown["lane"],
            &shown["attempts"],
            &shown["error"]
        ],
        [
            &json!("test.other"),
            &json!("event"),
            &json!("urgent"),
            &json!(3),
            &json!("the other side refused")
        ]
    );
    assert!(
        shown["created_at"].is_string() && shown["failed_at"].is_string(),
        "{shown}"
    );
    assert!(!all.body.to_string().contains("secret"), "{all}");

    let of_kind = owner
        .get("/v1/monitoring/dead-letters?kind=test.given_up")
        .await
        .expect_status(200);
    assert_eq!(ids(of_kind.data()), [latest.clone(), older.clone()]);

    let mut seen = Vec::new();
    let mut path = "/v1/monitoring/dead-letters?limit=1".to_owned();
    loop {
        let page = owner.get(&path).await.expect_status(200);
        seen.extend(ids(page.data()));
        let Some(cursor) = page.body["page"]["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/monitoring/dead-letters?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, [latest, other, older]);
}

#[tokio::test]
async fn what_is_retried_is_done_again_from_the_beginning() {
    let Some(app) = TestApp::start().await else { return };
    let id = put(
        &app,
        Row {
            class: "event",
            ..Row::default()
        },
    )
    .await;
    let path = format!("/v1/monitoring/dead-letters/{id}/retry");
    app.actor("owner@aurora")
        .post(&path, json!(null))
        .await
        .assert_status(204);
    // Nobody handles an event of this kind: it is passed over, by the first attempt at it.
    until("the event is handled", async || {
        column(&app, &id, "handled_at").await.flatten().is_some()
    })
    .await;
    assert_eq!(column(&app, &id, "attempts").await.flatten().as_deref(), Some("1"));
    assert_eq!(column(&app, &id, "failed_at").await, Some(None));
    assert_eq!(audited(&app, "dead_letters.retry", &id).await, 1);
    app.actor("owner@aurora")
        .post(&path, json!(null))
        .await
        .assert_problem(404, "dead_letter_not_found");
}

#[tokio::test]
async fn what_was_queued_anew_is_not_retried_beside_it() {
    let Some(app) = TestApp::start().await else { return };
    let id = put(
        &app,
        Row {
            key: Some("one"),
            ..Row::default()
        },
    )
    .await;
    put(
        &app,
        Row {
            key: Some("one"),
            failed: None,
            ..Row::default()
        },
    )
    .await;
    let owner = app.actor("owner@aurora");
    let retried = owner
        .post(&format!("/v1/monitoring/dead-letters/{id}/retry"), json!(null))
        .await;
    retried.assert_problem(409, "already_queued");
    owner
        .delete(&format!("/v1/monitoring/dead-letters/{id}"))
        .await
        .assert_status(204);
}

#[tokio::test]
async fn a_discarded_job_goes_and_a_discarded_event_stays_told() {
    let Some(app) = TestApp::start().await else { return };
    let job = put(&app, Row::default()).await;
    let event = put(
        &app,
        Row {
            class: "event",
            ..Row::default()
        },
    )
    .await;
    let owner = app.actor("owner@aurora");
    for id in [&job, &event] {
        let path = format!("/v1/monitoring/dead-letters/{id}");
        owner.delete(&path).await.assert_status(204);
        owner.delete(&path).await.assert_problem(404, "dead_letter_not_found");
        assert_eq!(audited(&app, "dead_letters.discard", id).await, 1);
    }
    assert_eq!(column(&app, &job, "id").await, None);
    assert!(column(&app, &event, "handled_at").await.unwrap().is_some());
    let listed = owner.get("/v1/monitoring/dead-letters").await.expect_status(200);
    assert!(listed.data().is_empty(), "{listed}");
}

#[tokio::test]
async fn what_was_not_given_up_or_is_anothers_is_not_to_be_put_right() {
    let Some(app) = TestApp::start().await else { return };
    let waiting = put(
        &app,
        Row {
            failed: None,
            ..Row::default()
        },
    )
    .await;
    let foreign = put(
        &app,
        Row {
            clinic: "horizonte",
            ..Row::default()
        },
    )
    .await;
    let owner = app.actor("owner@aurora");
    for id in [&waiting, &foreign] {
        let path = format!("/v1/monitoring/dead-letters/{id}");
        owner.delete(&path).await.assert_problem(404, "dead_letter_not_found");
        let retried = owner.post(&format!("{path}/retry"), json!(null)).await;
        retried.assert_problem(404, "dead_letter_not_found");
        assert!(column(&app, id, "id").await.is_some());
    }
    assert!(column(&app, &foreign, "failed_at").await.unwrap().is_some());
}

#[tokio::test]
async fn who_may_look_may_not_put_right() {
    let Some(app) = TestApp::start().await else { return };
    let id = put(&app, Row::default()).await;
    let monitor = app
        .integration(
            "aurora",
            kernel::PermissionSet::of(&[kernel::Permission::MonitoringRead]),
        )
        .await;
    monitor.get("/v1/monitoring/dead-letters").await.assert_status(200);
    monitor.get("/v1/monitoring/queue").await.assert_status(200);
    let path = format!("/v1/monitoring/dead-letters/{id}");
    monitor.delete(&path).await.assert_problem(403, "permission_denied");
    let retried = monitor.post(&format!("{path}/retry"), json!(null)).await;
    retried.assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn the_queue_stands_as_it_stands_for_this_clinic_alone() {
    let Some(app) = TestApp::start().await else { return };
    // What comes by itself when a worker starts is not what is counted here.
    let maintenance = app.database.connect(Role::Maintenance).await;
    until("the work of the start is queued", async || {
        let by_itself = "DELETE FROM outbox WHERE kind = 'inbox.watch_mailboxes'";
        maintenance.execute(by_itself, &[]).await.unwrap() > 0
    })
    .await;
    put(&app, Row::default()).await;
    put(
        &app,
        Row {
            failed: None,
            lane: 3,
            ..Row::default()
        },
    )
    .await;
    put(
        &app,
        Row {
            failed: None,
            held: true,
            due: "1 minute",
            ..Row::default()
        },
    )
    .await;
    put(
        &app,
        Row {
            clinic: "horizonte",
            lane: 1,
            ..Row::default()
        },
    )
    .await;
    let queue = app.get("owner@aurora", "/v1/monitoring/queue").await.expect_status(200);
    let lanes = queue.body["lanes"].as_array().unwrap();
    let standing: Vec<_> = lanes
        .iter()
        .map(|lane| {
            let number = |name: &str| lane[name].as_i64().unwrap();
            (
                lane["lane"].as_str().unwrap(),
                number("waiting"),
                number("due"),
                number("in_work"),
                number("failed"),
            )
        })
        .collect();
    assert_eq!(
        standing,
        [
            ("urgent", 0, 0, 0, 0),
            ("clinical", 0, 0, 0, 0),
            ("routine", 0, 0, 1, 1),
            ("bulk", 1, 0, 0, 0)
        ]
    );
    assert!(lanes.iter().all(|lane| lane["oldest_due_seconds"].is_null()), "{queue}");
}

#[tokio::test]
async fn what_is_due_and_nobody_takes_shows_its_age() {
    let Some(mut app) = TestApp::start().await else { return };
    // Nobody works any more.
    app.ended();
    let id = put(
        &app,
        Row {
            failed: None,
            due: "-90 seconds",
            lane: 1,
            ..Row::default()
        },
    )
    .await;
    assert!(column(&app, &id, "id").await.is_some());
    let db = app.database.db(app.clock.clone(), 1);
    let system = kernel::System::acting_for(world::clinic("aurora"), "test");
    let standing = db
        .read(&system, async |tx| jobs::dead_letters::standing(tx).await)
        .await
        .unwrap();
    let clinical = standing[1];
    assert_eq!((clinical.due, clinical.waiting, clinical.in_work), (1, 0, 0));
    let since = clinical.due_since.unwrap();
    assert_eq!(
        kernel::Clock::now(&*app.clock).since(since),
        chrono::TimeDelta::seconds(90)
    );
}
