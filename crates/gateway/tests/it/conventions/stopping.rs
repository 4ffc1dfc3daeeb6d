//! Whether the server says that it can serve, and how it stops.

use std::time::Duration;

use serde_json::json;
use test_support::Role;

use super::{lock_rooms, until, until_waiting};
use crate::app::TestApp;

#[tokio::test]
async fn a_server_that_runs_says_so() {
    let Some(app) = TestApp::start().await else { return };
    for api in [&app.api, &app.admin] {
        api.nobody().get("/healthz").await.assert_status(200);
        api.nobody().get("/readyz").await.assert_status(200);
    }
    app.admin.nobody().get("/v1/me").await.assert_status(404);
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_finishes_what_it_began() {
    let drain = Duration::from_millis(300);
    let Some(mut app) = TestApp::start_with(|config| config.server.drain = drain).await else {
        return;
    };
    let owner = app.actor("owner@aurora");
    let probe = app.admin.nobody();
    let lock = lock_rooms(&app.database, "SHARE ROW EXCLUSIVE").await;
    let in_flight = tokio::spawn({
        let owner = owner.clone();
        async move { owner.post("/v1/rooms", json!({"name": "Sala nova"})).await }
    });
    until_waiting(&app.database, 1).await;
    // A read is still waiting for the audit log.
    owner.get("/v1/contacts").await.assert_status(200);
    app.begin_stop();
    until("the server says that it is leaving", async || {
        probe.get("/readyz").await.status == 503
    })
    .await;
    probe.get("/healthz").await.assert_status(200);
    drop(lock);
    in_flight.await.unwrap().assert_status(201);
    app.ended();
    let maintenance = app.database.connect(Role::Maintenance).await;
    let reads: i64 = maintenance
        .query_one("SELECT count(*) FROM audit_log WHERE action = 'contacts.search'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(reads, 1, "the read was not audited before the server was gone");
    let server = app.database.connect(Role::App).await;
    let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
                 AND pid <> pg_backend_pid()";
    until("every connection is closed", async || {
        server.query_one(query, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}
