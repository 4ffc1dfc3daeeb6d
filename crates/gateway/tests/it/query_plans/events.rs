//! The feed of events, and webhooks: who is to be told, and what was told.

use std::sync::Arc;

use db::DbError;
use integrations::deliveries;
use kernel::{EventId, ManualClock, Permission, System, Timestamp};
use serde_json::json;
use test_support::{Role, TestDatabase, world};

use super::usage::{Bounds, analyze, watch};
use super::{ROUNDS, faults_of, get};
use crate::app::TestApp;

/// The tables that are never to be read from beginning to end.
const LARGE: [&str; 4] = ["outbox", "webhook_deliveries", "webhook_attempts", "audit_log_default"];

/// 10,000 events in each clinic, each of its own transaction long ago, of four kinds.
async fn events(database: &TestDatabase) {
    let [aurora, horizonte] = ["aurora", "horizonte"].map(world::clinic);
    database
        .connect(Role::Maintenance)
        .await
        .batch_execute(&format!(
            "INSERT INTO outbox (clinic_id, id, kind, payload, created_at, changed_in, available_at, attempts, handled_at)
             SELECT CASE WHEN n % 2 = 0 THEN '{aurora}'::uuid ELSE '{horizonte}'::uuid END, gen_random_uuid(),
                    (ARRAY['contact.created', 'contact.updated', 'appointment.booked', 'appointment.confirmed'])[1 + n / 2 % 4],
                    '{{}}', at, n, at, 1, at
             FROM generate_series(1, 20000) AS n, LATERAL (SELECT timestamptz '2026-11-10' + make_interval(secs => n) AS at) AS t"
        ))
        .await
        .unwrap();
    analyze(database).await;
}

/// The ids of events of the clinic Aurora from the one numbered `first` on, as many as there are rounds.
async fn ids_from(database: &TestDatabase, first: i64) -> Vec<String> {
    let rows = database
        .connect(Role::Maintenance)
        .await
        .query(
            "SELECT id::text FROM outbox WHERE clinic_id = $1 AND changed_in >= $2 ORDER BY changed_in LIMIT 8",
            &[world::clinic("aurora").as_uuid(), &first],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_feed_goes_on_from_where_it_was_read() {
    let Some(app) = TestApp::start().await else { return };
    events(&app.database).await;
    let (midst, last) = (
        ids_from(&app.database, 9_000).await,
        ids_from(&app.database, 19_960).await,
    );
    let of_kind = midst.clone();
    let director = app.actor("director@aurora");
    // A page of 25 reads 26 events, and where the last of them stands.
    let page = 26 + 20;
    let cases = vec![
        get("the feed from its beginning", &["outbox_events"], page, |round| {
            format!("/v1/events?limit={}", 18 + round)
        }),
        get(
            "the feed from an event on",
            &["outbox_events", "outbox_pkey"],
            page,
            move |round| format!("/v1/events?limit={}&after={}", 18 + round, midst[round]),
        ),
        get("the end of the feed", &["outbox_events"], page, move |round| {
            format!("/v1/events?after={}", last[round])
        }),
        // Half of the events are of these kinds.
        get("events of some kinds", &["outbox_events"], 2 * page, move |round| {
            format!(
                "/v1/events?types=appointment.*&limit={}&after={}",
                18 + round,
                of_kind[round]
            )
        }),
    ];
    let faults = faults_of(&app, &director, &LARGE, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Three endpoints of the clinic Aurora that are open and a thousand that are archived; what they were told, 20,000 times, of
/// which the first heard a hundredth.
async fn endpoints(database: &TestDatabase) {
    let aurora = world::clinic("aurora");
    database
        .connect(Role::Maintenance)
        .await
        .batch_execute(&format!(
            "INSERT INTO webhook_endpoints (clinic_id, id, url, events, permissions, status, archived_at)
             SELECT '{aurora}', gen_random_uuid(), 'https://example.com/' || n, '{{*}}', '{{contacts:read}}', 'archived', '2026-11-01'
             FROM generate_series(1, 1000) AS n;
             INSERT INTO webhook_endpoints (clinic_id, id, url, events, permissions, secret)
             SELECT '{aurora}', ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'https://example.com/open/' || n, '{{*}}',
                    '{{contacts:read}}', '\\x00'
             FROM generate_series(1, 3) AS n;
             INSERT INTO webhook_deliveries (clinic_id, id, endpoint_id, event_id, event_kind, occurred_at, payload, status, attempts,
                                             finished_at, created_at)
             SELECT '{aurora}', gen_random_uuid(), CASE WHEN n % 100 = 0 THEN '{FIRST}'::uuid ELSE '{SECOND}'::uuid END,
                    gen_random_uuid(), 'contact.created', at, '{{}}', 'succeeded', 1, at, at
             FROM generate_series(1, 20000) AS n, LATERAL (SELECT timestamptz '2026-11-01' + make_interval(secs => n) AS at) AS t;
             INSERT INTO webhook_attempts (clinic_id, delivery_id, attempt, started_at, duration_milliseconds, http_status)
             SELECT clinic_id, id, 1, created_at, 10, 200 FROM webhook_deliveries"
        ))
        .await
        .unwrap();
    analyze(database).await;
}

/// Two of the open endpoints.
const FIRST: &str = "00000000-0000-7000-8000-000000000001";
const SECOND: &str = "00000000-0000-7000-8000-000000000002";

#[tokio::test]
async fn an_event_finds_its_endpoints_among_the_open_ones() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    endpoints(&database).await;
    let clock = Arc::new(ManualClock::at(world::now()));
    let db = database.db(clock, 1);
    let system = System::acting_for(world::clinic("aurora"), "test");
    let large = [&LARGE[..], &["webhook_endpoints"]].concat();
    let look_up = Bounds {
        what: "who is to be told",
        uses: &["webhook_endpoints_open"],
        most_entries: 10,
        rounds: ROUNDS,
    };
    let look_ups = async || {
        for _ in 0..ROUNDS {
            let found = db
                .read(&system, async |tx| {
                    deliveries::listeners(tx, "contact.created", Permission::ContactsRead).await
                })
                .await
                .unwrap();
            assert_eq!(found.len(), 3);
        }
    };
    let mut faults = watch(&database, Role::App, &large, look_up, look_ups).await;
    let note = Bounds {
        what: "noting what is to be told",
        uses: &["webhook_deliveries_by_age"],
        // Of each of three deliveries the row is looked for, and what it refers to.
        most_entries: 30,
        rounds: ROUNDS,
    };
    let listeners = db
        .read(&system, async |tx| {
            deliveries::listeners(tx, "contact.created", Permission::ContactsRead).await
        })
        .await;
    // That connection was ended with the others; the next one is new.
    let listeners = match listeners {
        Ok(listeners) => listeners,
        Err(_ended) => db
            .read(&system, async |tx| {
                deliveries::listeners(tx, "contact.created", Permission::ContactsRead).await
            })
            .await
            .unwrap(),
    };
    let notes = async || {
        for round in 0..ROUNDS {
            let happened: Timestamp = world::now();
            let id = EventId::new_at(
                happened.saturating_add(chrono::TimeDelta::milliseconds(i64::try_from(round).unwrap())),
            );
            db.write(&system, async |tx| {
                deliveries::fan_out(tx, id, "contact.created", happened, json!({}), &listeners).await?;
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        }
    };
    faults.extend(watch(&database, Role::App, &large, note, notes).await);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn what_an_endpoint_was_told_is_listed_from_its_own_log() {
    let Some(app) = TestApp::start().await else { return };
    endpoints(&app.database).await;
    let director = app.actor("director@aurora");
    // Of each delivery its attempts as well.
    let cases = vec![
        get(
            "the log of an endpoint",
            &["webhook_deliveries_by_endpoint"],
            26 * 2 + 10,
            |round| format!("/v1/webhook-endpoints/{FIRST}/deliveries?limit={}", 18 + round),
        ),
        get("endpoints", &[], 40, |round| {
            format!("/v1/webhook-endpoints?limit={}", 18 + round)
        }),
    ];
    let faults = faults_of(&app, &director, &LARGE, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
